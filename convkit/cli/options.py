"""The command-line options that commands share, and the goals file that they name."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from convkit.cli import topics
from convkit.core import plugins
from convkit.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable

GOALS_FILE = "goals.yaml"
_REPORT_OPTION = "own_"
"""Before the names of options that a single report has: no other option is called so."""

_OUTPUT_HELP = "The file to write, its ending says how; or a directory/."
_BOTS_HELP = "drop bots (the default), keep them, or look at them only."
_GOALS_HELP = "Else $CONVKIT_GOALS, ./goals.yaml, or built-in goals."
_READING_OPTIONS = ("log_format", "timezone", "since", "until", "last", "quiet", "debug")


def command_of(name: str, document: str, run: Callable[..., object], *examples: str) -> click.Command:
    """Return a command without options, whose help is examples, the first line of a `document`, and at the end the topic to read on."""
    headline = document.partition("\n")[0]
    shown, more = "\n".join(examples), f"More: convkit help {topics.of_command(name)}"
    return click.Command(name, callback=run, help=f"\b\n{shown}\n\n{headline}", short_help=headline, epilog=more)


def add_shared_options(command: click.Command) -> click.Command:
    """Add the logs and the options of every report to a command."""
    command.params += [
        click.Argument(["logs"], nargs=-1, metavar="LOG...", type=click.Path(path_type=str)),
        click.Option(["-g", "--goals"], metavar="FILE", envvar="CONVKIT_GOALS", help=_GOALS_HELP),
        click.Option(["--log-format"], metavar="TEXT", default="auto", help="A name, or a string as in nginx or Apache; else told."),
        click.Option(["--tz", "timezone"], metavar="ZONE", help="The time zone of days and reports, like Europe/Berlin."),
        click.Option(["--since"], metavar="DATE", help="From this day or time on: 2026-10-01T14:00, yesterday."),
        click.Option(["--until"], metavar="DATE", help="To this day or time, its end included."),
        click.Option(["--last"], metavar="7d", help="Whole days back from the last line of the log."),
        click.Option(["--bots"], metavar="MODE", type=_bot_modes(), default="drop", help=_BOTS_HELP),
        click.Option(["--where"], metavar="TEST", multiple=True, help="Only sessions with FIELD=PATTERN, like landing=/blog/**."),
        click.Option(["--by"], metavar="KEY", help="day, week, month, landing, device, channel, goal, ..."),
        click.Option(["--sort"], metavar="COLUMN", help="Rows by a column, largest first, or smallest with :asc."),
        click.Option(
            ["-f", "--format", "output"],
            metavar="NAME",
            type=click.Choice(plugins.names("outputs")),
            help=f"One of: {', '.join(plugins.names('outputs'))}.",
        ),
        click.Option(["-o", "--output", "path"], metavar="PATH", help=_OUTPUT_HELP),
        click.Option(["--set", "settings"], metavar="KEY=VALUE", multiple=True, help="Set a key of `site:` once, like session_timeout=10m."),
        click.Option(["--strict"], is_flag=True, help="End with exit code 4 where a line of the input was lost."),
        click.Option(["--rejects"], metavar="FILE", help="Write the lines that were not read, and why, as NDJSON."),
        click.Option(["-n", "--limit"], type=click.IntRange(min=0), metavar="N", help="Rows a report shows on screen; 0 is all."),
        *_running_options(),
    ]
    return command


def _running_options() -> list[click.Option]:
    """Return the options that no figure depends on."""
    return [
        click.Option(["--memory"], metavar="SIZE", help="What a run may take, like 1GiB; larger logs wait on disk."),
        click.Option(["-q", "--quiet"], is_flag=True, help="Say errors only, no warnings."),
        click.Option(["-v", "--verbose"], is_flag=True, help="Say what became of the lines, and which bots sent most."),
        # Whoever needs it is told by the message of the mistake; the others need its line for a report's own options.
        click.Option(["--debug"], is_flag=True, hidden=True, help="Show the traceback of a mistake in convkit."),
    ]


def _bot_modes() -> click.Choice[str]:
    from convkit.core.model import BOT_MODES  # noqa: PLC0415 (the list of commands needs no options)

    return click.Choice(BOT_MODES)


def add_report_options(command: click.Command, report: str) -> click.Command:
    """Add the options of every report to a command, and before them those that the report alone has."""
    own = [
        click.Option([f"--{name}", f"{_REPORT_OPTION}{name}"], metavar=metavar, help=words)
        for name, (metavar, words) in plugins.options("reports", report).items()
    ]
    shared = add_shared_options(command).params
    command.params = [shared[0], *own, *shared[1:]]
    return command


def with_report_options(options: dict[str, Any]) -> dict[str, Any]:
    """Return what Click hands over, the options that a single report has together as `options`."""
    given = {name.removeprefix(_REPORT_OPTION): value for name, value in options.items() if name.startswith(_REPORT_OPTION) and value is not None}
    return {**{name: value for name, value in options.items() if not name.startswith(_REPORT_OPTION)}, "options": given}


def add_log_options(command: click.Command, *more: str) -> click.Command:
    """Add logs, which may be missing, and of the options of reports those that say what is read, and some `more`, to a command."""
    of_all = add_shared_options(click.Command(None)).params
    command.params += [click.Argument(["logs"], nargs=-1, metavar="[LOG...]", type=click.Path(path_type=str))]
    command.params += [option for option in of_all if option.name in {*_READING_OPTIONS, *more}]
    return command


def goals_file(path: str | None) -> str | None:
    """Return the goals file that was named, else ./goals.yaml where there is one."""
    return path or (GOALS_FILE if Path(GOALS_FILE).is_file() else None)


def load_goals(path: str | None, timezone: str | None, settings: tuple[str, ...]) -> Any:  # noqa: ANN401 (Goals, whose module loads Polars)
    """Return the goals of a file, the built-in ones where there is none, with the facts and the time zone asked for. Raises UsageError."""
    from dataclasses import replace  # noqa: PLC0415

    from convkit.goals.loader import load_goals as load  # noqa: PLC0415
    from convkit.goals.site import is_timezone, timezone_hint  # noqa: PLC0415

    goals = load(path, settings)
    if timezone is None:
        return goals
    if not is_timezone(timezone):
        raise UsageError(f"--tz: {timezone_hint(timezone)}")
    return replace(goals, site=replace(goals.site, timezone=timezone))
