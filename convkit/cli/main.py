"""The command line: its commands, and the one place where an error becomes a sentence and an exit code.

Whatever costs an import waits until a command runs.
"""

from __future__ import annotations

import signal
import sys
from typing import TYPE_CHECKING

import click

from convkit.cli import messages, process, terminal
from convkit.cli.options import add_options, add_report_options, command_of, parse_options, report_options
from convkit.core import filesystem, plugins
from convkit.core.options import Options
from convkit.errors import ConvkitError, ExitCode, did_you_mean
from convkit.version import __version__

if TYPE_CHECKING:
    from collections.abc import Callable

    from convkit.core.document import Document
    from convkit.core.progress import Progress

_WHOLE, _COMPARE = "report", "compare"
_ORDER = (
    "overview",
    "goals",
    "funnel",
    "drop-off",
    "pages",
    "channels",
    "compare",
    "paths",
    "sessions",
    "hits",
    "init",
    "check",
    "explain",
    "formats",
    "import",
)
"""The known reports, then the other commands, as people need them; others follow, each among its own."""
_WHOLE_HEADLINE = "All of it on one screen; start here."
_SETTINGS = {"help_option_names": ["-h", "--help"], "max_content_width": 100}
_CODES = f"Exit codes: {', '.join(f'{code} {code.name.lower()}' for code in ExitCode)}."
_MORE = "More: convkit help"


class _Commands(click.Group):
    """The commands in the order in which people need them: `report`, the reports on its screen, then what is about goals and logs."""

    def list_commands(self, _: click.Context) -> list[str]:
        """Return the names, without importing a report."""
        reports, commands = [*plugins.names("reports"), _COMPARE], [name for name in plugins.names("cli.commands") if name != _COMPARE]
        return [_WHOLE, *sorted(reports, key=_place), *sorted(commands, key=_place)]

    def get_command(self, context: click.Context, name: str) -> click.Command | None:
        """Return a command, made when it is asked for."""
        if name == _WHOLE:
            return _report_command(_WHOLE, _headline(name), None)
        if name in plugins.names("reports"):
            return _report_command(name, _headline(name), [name])
        if name in plugins.names("cli.commands"):
            command: click.Command = plugins.load("cli.commands", name).COMMAND
            return command
        return super().get_command(context, name)

    def format_commands(self, context: click.Context, formatter: click.HelpFormatter) -> None:
        """Say of each command what it does, without making it."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, _headline(name)) for name in self.list_commands(context)])


def _headline(name: str) -> str:
    """Return what a command does."""
    return _WHOLE_HEADLINE if name == _WHOLE else plugins.headline("reports" if name in plugins.names("reports") else "cli.commands", name)


def _place(command: str) -> int:
    """Return where a command stands in the list of commands."""
    return _ORDER.index(command) if command in _ORDER else len(_ORDER)


@click.group(cls=_Commands, context_settings=_SETTINGS, epilog=f"{_CODES}\n\n{_MORE}")
@click.version_option(__version__, "-V", "--version", message="convkit %(version)s")
def cli() -> None:
    """Goals, funnels, drop-off, bounces and exits, straight from the access log.

    \b
    convkit report access.log
    convkit funnel /var/log/nginx/access.log* --last 7d
    """  # noqa: D301 (the \\b is for Click, which must not fold the examples)


def _report_command(name: str, headline: str, reports: list[str] | None) -> click.Command:
    """Return the command of a report."""
    examples = f"convkit {name} access.log", f"convkit {name} access.log* --last 7d -f csv"
    command = command_of(name, headline, _run_report(reports), *examples)
    return add_options(command) if reports is None else add_report_options(command, name)


def _run_report(reports: list[str] | None) -> Callable[..., ExitCode]:
    """Return what a report's command does."""

    def run_report(logs: tuple[str, ...], **given: object) -> ExitCode:
        from convkit.cli.deliver import produce  # noqa: PLC0415 (what reads logs loads when a report runs, not when help is shown)

        options, delivery = parse_options(given, Options)

        def make(progress: Progress) -> Document:
            from convkit.engine import plan, run  # noqa: PLC0415 (as above, once the command line is known to be right)

            return run.report(logs, plan.plan_reports(options, reports, report_options(given), progress))

        return produce(make, logs, options.goals, delivery, verbose=options.verbose)

    return run_report


def main() -> None:
    """Run the command line as a program: its streams, its signals, its exit code."""
    process.set_environment()
    terminal.escape_unencodable()
    with process.answered_signals():
        code = _code()
    sys.exit(code)


def _code() -> ExitCode:
    """Run the command line; every error becomes one sentence and an exit code here."""
    try:
        return ExitCode(cli.main(prog_name="convkit", standalone_mode=False) or 0)
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.ctx.get_help() if error.ctx else "", err=True)
        return ExitCode.USAGE
    except click.ClickException as error:
        messages.write_error(_sentence(error))
        return ExitCode.USAGE
    except ConvkitError as error:
        messages.write_error(*error.lines)
        return error.exit_code
    except (KeyboardInterrupt, click.Abort):
        process.print_stopped(signal.SIGINT)
        return ExitCode.INTERRUPTED
    except BaseException as error:  # noqa: BLE001 (Polars' panics are no Exception)
        return _unexpected(error)


def _unexpected(error: BaseException) -> ExitCode:
    """Return the code of what no part of convkit raises, and say it; with --debug it goes on, as a traceback."""
    if isinstance(error, SystemExit):
        return ExitCode.OK  # Click ends so where the reader of a help text went away, and behind the completion of a command.
    full = filesystem.disk_full_error(error) if isinstance(error, OSError) else None
    if full is not None:
        terminal.abandon_stream()
        messages.write_error(str(full))
        return full.exit_code
    if "--debug" in sys.argv:
        raise error
    first_line = str(error).partition("\n")[0]
    messages.write_error(f"a bug in convkit: {type(error).__name__}: {first_line}; run it again with --debug and report it")
    return ExitCode.BUG


def _sentence(error: click.ClickException) -> str:
    """Return what Click found wrong, in one sentence with the fix."""
    said = error.format_message().strip().replace("\n", " ").rstrip(".")
    context = getattr(error, "ctx", None)
    known = cli.list_commands(context) if context is not None and context.command is cli else []
    wrong = getattr(error, "command_name", None) or (said.partition("'")[2].partition("'")[0] if known else "")
    hint = "" if "ean" in said else did_you_mean(wrong, known)
    return f"{said}{hint}; see {context.command_path if context else 'convkit'} --help"
