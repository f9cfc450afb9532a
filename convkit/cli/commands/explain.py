"""Show individual sessions: what matched, what stopped the funnel."""

from __future__ import annotations

from convkit.cli import messages, options, progress
from convkit.cli.deliver import write_blocks
from convkit.core.options import ExplainOptions
from convkit.errors import UsageError

PLACE = 130


def explain_sessions(logs: tuple[str, ...], **values: object) -> None:
    """Print the selected sessions, hit by hit. Raises GoalsFileError, InputError, OutputError, UsageError."""
    if not logs:
        raise UsageError("name a log: a file, a pattern, a directory, or - for standard input")
    from convkit.authoring import suggest  # noqa: PLC0415 (Polars is imported when the command runs, not for its help)
    from convkit.cli import overwriting  # noqa: PLC0415 (as above)
    from convkit.diagnosis import screen, sessions  # noqa: PLC0415 (as above)

    parsed, delivery = options.parse_options(values, ExplainOptions)
    overwriting.refuse_standard_output(logs, parsed.goals)
    with progress.display(is_wanted=not delivery.quiet) as display, suggest.with_goals(logs, parsed, display) as (paths, with_goals):
        explanation = sessions.explain(paths, with_goals, display)
    write_blocks(lambda terminal_screen: screen.draw(explanation, terminal_screen))
    if not delivery.quiet:
        messages.warn(explanation.warnings, ())


_EXAMPLES = ("convkit explain access.log --dropped-at checkout", "convkit explain access.log --line access.log:1200")
COMMAND = options.add_options(
    options.command_of("explain", __doc__, explain_sessions, *_EXAMPLES),
    ExplainOptions,
    only=(*options.READING, "goals", "settings", "bots", "where", "limit"),
)
