"""The options of commands: made from the fields of `core.options`, and those that only the command line has."""

from __future__ import annotations

import os
from dataclasses import MISSING, dataclass, fields, replace
from functools import wraps
from typing import TYPE_CHECKING, Any, TypeVar

import click

from convkit.cli import process, topics
from convkit.core import plugins
from convkit.core.options import REPEATED, Options, joined_option, option
from convkit.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping
    from dataclasses import Field

    Kind = TypeVar("Kind", bound=Options)

GOALS_FILE = "goals.yaml"
READING = ("log_format", "timezone", "since", "until", "last", "memory", "max_unpacked", "quiet", "debug")
"""The options of every command that reads logs."""
_REPORT_OPTION = "own_"
"""The prefix of the names of options that belong to a single report; no other option name begins with it."""
_OUTPUTS = plugins.names("outputs")


@dataclass(frozen=True, kw_only=True)
class Delivery:
    """Where a document goes and which messages are shown: the options that only the command line has."""

    output: str | None = option("-f", "--format", metavar="NAME", choices=_OUTPUTS, help=f"One of: {', '.join(_OUTPUTS)}.")
    path: str | None = option("-o", "--output", metavar="PATH", help="Output file (format by extension), or a directory/.")
    strict: bool = option("--strict", default=False, help="Exit with code 4 if any input was lost.")
    allow_empty: bool = option("--allow-empty", default=False, help="Exit with code 0 even if the period has no session.")
    limit: int | None = option("-n", "--limit", metavar="N", help="Rows per report on the screen; 0 for all.")
    quiet: bool = option("-q", "--quiet", default=False, help="Show errors only.")
    # Hidden, to leave room in the help for a report's own options; the message that reports a bug mentions it.
    debug: bool = option("--debug", default=False, is_hidden=True, help="Show the traceback of a bug in convkit.")
    rejects: str | None = None
    """The file for rejected lines."""


_AFTER = {"sort": ("output", "path"), "settings": ("strict", "allow_empty"), "rejects": ("limit",), "max_unpacked": ("quiet",), "verbose": ("debug",)}
"""The options of Delivery, by the option of Options after which the help lists them."""


def command_of(name: str, document: str, run: Callable[..., object], *examples: str) -> click.Command:
    """Return a command without options; its help shows examples, the first line of `document` as the headline, and a topic to read."""

    @wraps(run)
    def checked(*arguments: object, **values: object) -> object:
        process.check_resources()
        return run(*arguments, **values)

    headline = document.partition("\n")[0]
    lines, more = "\n".join(examples), f"More: convkit help {topics.topic_of_command(name)}"
    return click.Command(name, callback=checked, help=f"\b\n{lines}\n\n{headline}", short_help=headline, epilog=more)


def add_options(command: click.Command, kind: type[Options] = Options, *, only: Collection[str] = ()) -> click.Command:
    """Add the logs, the options that only `kind` has, and the shared options to a command; `only` limits the shared ones and makes logs optional."""
    shared = {name: _click_option(name, one) for name, one in _in_order(kind) if not only or name in only or not _is_shared(name)}
    own = [shared.pop(name) for name in [*shared] if not _is_shared(name)]
    logs = click.Argument(["logs"], nargs=-1, metavar="[LOG...]" if only else "LOG...", type=click.Path(readable=False, path_type=str))
    command.params += [logs, *shared.values(), *own] if only else [logs, *own, *shared.values()]
    return command


def add_report_options(command: click.Command, report: str) -> click.Command:
    """Add the report's own options to a command, followed by those that every report has."""
    own = [
        click.Option(
            [flag_of(name), f"{_REPORT_OPTION}{name}"], metavar=metavar.removesuffix(REPEATED), help=text, multiple=metavar.endswith(REPEATED)
        )
        for name, (metavar, text) in plugins.options("reports", report).items()
    ]
    logs, *shared = add_options(command).params
    command.params = [logs, *own, *shared]
    return command


def flag_of(name: str) -> str:
    """Return the flag of a report's own option."""
    return f"--{name.replace('_', '-')}"


def parse_options(values: Mapping[str, Any], kind: type[Kind]) -> tuple[Kind, Delivery]:
    """Return the options and the delivery from Click's values; the default goals file is ./goals.yaml, if it exists."""
    options: dict[str, Any] = {one.name: values[one.name] for one in fields(kind) if one.name in values}
    if "goals" in options:
        options["goals"] = goals_file(options["goals"])
    rejects = options.pop("rejects", None)
    delivery: dict[str, Any] = {one.name: values[one.name] for one in fields(Delivery) if one.name in values and one.name not in options}
    return kind(**options, rejects=rejects is not None), replace(Delivery(**delivery), rejects=rejects)


def report_options(values: Mapping[str, Any]) -> dict[str, str]:
    """Return the options of a single report from Click's values."""
    given = {name.removeprefix(_REPORT_OPTION): value for name, value in values.items() if name.startswith(_REPORT_OPTION)}
    return {name: joined_option(value) for name, value in given.items() if value not in {None, ()}}


def goals_file(path: str | None) -> str | None:
    """Return the goals file that was given, or else ./goals.yaml if it exists."""
    if path == "":
        raise UsageError("-g is empty, perhaps from an unset shell variable; name a goals file, or leave out -g")
    return path or (GOALS_FILE if os.path.isfile(GOALS_FILE) else None)  # noqa: PTH113 (unlike the method of paths, it never raises)


def _in_order(kind: type[Options]) -> Iterator[tuple[str, Field[Any]]]:
    """Yield the fields of `kind` and of Delivery in the order in which the help lists them."""
    options = {one.name: one for one in fields(kind)}
    delivery = {one.name: one for one in fields(Delivery) if one.metadata and one.name not in options}
    for name, one in options.items():
        yield name, one
        yield from ((following, delivery[following]) for following in _AFTER.get(name, ()) if following in delivery)


def _is_shared(name: str) -> bool:
    """Return whether an option is one that every report has."""
    return name in {one.name for one in (*fields(Options), *fields(Delivery))}


def _click_option(name: str, one: Field[Any]) -> click.Option:
    """Return the Click option of a field."""
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
