"""Single sessions: what matched, what stopped the funnel."""

from __future__ import annotations

from typing import Any

import click

from convkit.cli import messages, options, progress
from convkit.cli.deliver import write_blocks
from convkit.errors import UsageError


def explain_sessions(logs: tuple[str, ...], goals: str | None, timezone: str | None, settings: tuple[str, ...], *, quiet: bool, **asked: Any) -> None:  # noqa: ANN401 (as Click hands them over)
    """Show some sessions, hit by hit. Raises GoalsFileError, InputError, UsageError."""
    if not logs:
        raise UsageError("name a log: a file, a pattern, a directory, or - for standard input")
    wishes = {name: asked.pop(name) for name in ("dropped_at", "reached", "line", "visitor")}
    if sum(wish is not None for wish in wishes.values()) > 1:
        raise UsageError("give one of --dropped-at, --reached, --line and --visitor")
    from convkit.analysis.periods import parse_period  # noqa: PLC0415 (Polars loads when the command runs, not when help is shown)
    from convkit.analysis.segment import Segment  # noqa: PLC0415
    from convkit.core import schema  # noqa: PLC0415
    from convkit.diagnosis import screen, sessions  # noqa: PLC0415
    from convkit.goals import filters  # noqa: PLC0415

    loaded = options.load_goals(options.goals_file(goals), timezone, settings)
    period = parse_period(asked["since"], asked["until"], asked["last"], loaded.site.timezone)
    scope = Segment(period, asked["bots"], filters.parse_filters(asked["where"], loaded), facts=frozenset({schema.CHANNEL_FIELD}))
    with progress.display(is_wanted=not quiet) as watching:
        wish = sessions.SessionQuery(**wishes)
        found = sessions.explain(logs, loaded, wish, scope, asked["limit"], log_format=asked["log_format"], progress=watching)
    write_blocks(lambda room: screen.draw(found, room))
    if not quiet:
        messages.warn(found.warnings, ())


_EXAMPLES = ("convkit explain access.log --dropped-at checkout", "convkit explain access.log --line access.log:1200")
COMMAND = options.add_log_options(options.command_of("explain", __doc__, explain_sessions, *_EXAMPLES), "goals", "settings", "bots", "where")
COMMAND.params += [
    click.Option(["--dropped-at"], metavar="STEP", help="Sessions that reached this step of a funnel and not the next."),
    click.Option(["--reached"], metavar="GOAL", help="Sessions that reached this goal."),
    click.Option(["--line"], metavar="FILE:N", help="What became of a line, and its session."),
    click.Option(["--visitor"], metavar="ID", help="All sessions of a visitor, by an id of `convkit sessions`."),
    click.Option(["-n", "--limit"], type=click.IntRange(min=0), metavar="N", default=3, show_default=True, help="How many, the last ones; 0 is all."),
]
