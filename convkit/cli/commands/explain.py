"""Single sessions: what matched, what stopped the funnel."""

from __future__ import annotations

from convkit.cli import messages, options, progress
from convkit.cli.deliver import write_blocks
from convkit.core.options import ExplainOptions
from convkit.errors import UsageError


def explain_sessions(logs: tuple[str, ...], **given: object) -> None:
    """Show some sessions, hit by hit. Raises GoalsFileError, InputError, OutputError, UsageError."""
    if not logs:
        raise UsageError("name a log: a file, a pattern, a directory, or - for standard input")
    from convkit.diagnosis import screen, sessions  # noqa: PLC0415 (Polars loads when the command runs, not when help is shown)

    asked, delivery = options.parse_options(given, ExplainOptions)
    with progress.display(is_wanted=not delivery.quiet) as watching:
        explanation = sessions.explain(logs, asked, watching)
    write_blocks(lambda room: screen.draw(explanation, room))
    if not delivery.quiet:
        messages.warn(explanation.warnings, ())


_EXAMPLES = ("convkit explain access.log --dropped-at checkout", "convkit explain access.log --line access.log:1200")
COMMAND = options.add_options(
    options.command_of("explain", __doc__, explain_sessions, *_EXAMPLES),
    ExplainOptions,
    only=(*options.READING, "goals", "settings", "bots", "where", "limit"),
)
