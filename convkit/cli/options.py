"""The options of commands, made from the fields of `core.options`, and those that only a command line has."""

from __future__ import annotations

from dataclasses import MISSING, dataclass, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from convkit.cli import topics
from convkit.core import plugins
from convkit.core.options import Options, option

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping
    from dataclasses import Field

    Kind = TypeVar("Kind", bound=Options)

GOALS_FILE = "goals.yaml"
READING = ("log_format", "timezone", "since", "until", "last", "memory", "quiet", "debug")
"""The options of every command that reads logs."""
_REPORT_OPTION = "own_"
"""Before the names of options that a single report has: no other option is called so."""
_OUTPUTS = plugins.names("outputs")


@dataclass(frozen=True, kw_only=True)
class Delivery:
    """Where a document goes and what is said on standard error: what only a command line has."""

    output: str | None = option("-f", "--format", metavar="NAME", choices=_OUTPUTS, help=f"One of: {', '.join(_OUTPUTS)}.")
    path: str | None = option("-o", "--output", metavar="PATH", help="The file to write, its ending says how; or a directory/.")
    strict: bool = option("--strict", default=False, help="End with exit code 4 where a line of the input was lost.")
    limit: int | None = option("-n", "--limit", metavar="N", help="Rows a report shows on screen; 0 is all.")
    quiet: bool = option("-q", "--quiet", default=False, help="Say errors only, no warnings.")
    # Whoever needs it learns of it from the message of a bug; the others need its line for a report's own options.
    debug: bool = option("--debug", default=False, is_hidden=True, help="Show the traceback of a mistake in convkit.")
    rejects: str | None = None
    """The file of rejected lines."""


_AFTER = {"sort": ("output", "path"), "settings": ("strict",), "rejects": ("limit",), "memory": ("quiet",), "verbose": ("debug",)}
"""Where the help lists the options of delivery: after these of a report."""


def command_of(name: str, document: str, run: Callable[..., object], *examples: str) -> click.Command:
    """Return a command without options, whose help is examples, the first line of a `document`, and at the end the topic to read on."""
    headline = document.partition("\n")[0]
    shown, more = "\n".join(examples), f"More: convkit help {topics.of_command(name)}"
    return click.Command(name, callback=run, help=f"\b\n{shown}\n\n{headline}", short_help=headline, epilog=more)


def add_options(command: click.Command, kind: type[Options] = Options, *, only: Collection[str] = ()) -> click.Command:
    """Add the logs and options to a command: those of reports and, before them, what `kind` has beyond; or `only` some, which need no log."""
    made = {name: _click_option(name, one) for name, one in _in_order(kind) if not only or name in only or not _is_shared(name)}
    own = [made.pop(name) for name in [*made] if not _is_shared(name)]
    logs = click.Argument(["logs"], nargs=-1, metavar="[LOG...]" if only else "LOG...", type=click.Path(path_type=str))
    command.params += [logs, *made.values(), *own] if only else [logs, *own, *made.values()]
    return command


def add_report_options(command: click.Command, report: str) -> click.Command:
    """Add the options of every report to a command, and before them those that the report alone has."""
    own = [
        click.Option([f"--{name}", f"{_REPORT_OPTION}{name}"], metavar=metavar, help=words)
        for name, (metavar, words) in plugins.options("reports", report).items()
    ]
    logs, *shared = add_options(command).params
    command.params = [logs, *own, *shared]
    return command


def parse_options(given: Mapping[str, Any], kind: type[Kind]) -> tuple[Kind, Delivery]:
    """Return what Click hands over as options and their delivery; the goals file is ./goals.yaml if none is named and there is one."""
    options: dict[str, Any] = {one.name: given[one.name] for one in fields(kind) if one.name in given}
    if "goals" in options:
        options["goals"] = goals_file(options["goals"])
    rejects = options.pop("rejects", None)
    delivery: dict[str, Any] = {one.name: given[one.name] for one in fields(Delivery) if one.name in given and one.name not in options}
    return kind(**options, rejects=rejects is not None), replace(Delivery(**delivery), rejects=rejects)


def report_options(given: Mapping[str, Any]) -> dict[str, str]:
    """Return the options that a single report has, of what Click hands over."""
    return {name.removeprefix(_REPORT_OPTION): value for name, value in given.items() if name.startswith(_REPORT_OPTION) and value is not None}


def goals_file(path: str | None) -> str | None:
    """Return the goals file that was named, else ./goals.yaml if there is one."""
    return path or (GOALS_FILE if Path(GOALS_FILE).is_file() else None)


def _in_order(kind: type[Options]) -> Iterator[tuple[str, Field[Any]]]:
    """Yield the fields of options and of their delivery in the order of the help."""
    mine = {one.name: one for one in fields(kind)}
    theirs = {one.name: one for one in fields(Delivery) if one.metadata and one.name not in mine}
    for name, one in mine.items():
        yield name, one
        yield from ((other, theirs[other]) for other in _AFTER.get(name, ()) if other in theirs)


def _is_shared(name: str) -> bool:
    """Tell whether every report has an option."""
    return name in {one.name for one in (*fields(Options), *fields(Delivery))}


def _click_option(name: str, one: Field[Any]) -> click.Option:
    """Return the option of a field."""
    flag = one.metadata["flag"]
    default = None if one.default is MISSING or one.default == () else one.default
    is_switch, is_number = default is False and not flag.metavar, name == "limit"
    return click.Option(
        [*flag.names, name],
        metavar=flag.metavar or None,
        default=None if default is False and flag.metavar else default,
        is_flag=is_switch,
        multiple=one.default == (),
        type=click.Choice(flag.choices) if flag.choices else click.IntRange(min=0) if is_number else None,
        show_default=is_number and default is not None,
        envvar=flag.variable or None,
        hidden=flag.is_hidden,
        help=flag.help,
    )
