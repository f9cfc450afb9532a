"""The command line: its commands, and the only place where errors become messages and exit codes.

Anything that is slow to import is imported only when a command runs.
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

_WHOLE = "report"
_WHOLE_HEADLINE = "Everything on one screen; start here."
_SETTINGS = {"help_option_names": ["-h", "--help"], "max_content_width": 100}
_CODES = f"Exit codes: {', '.join(f'{code} {code.name.lower()}' for code in ExitCode)}."
_MORE = "More: convkit help"


class _Commands(click.Group):
    """The commands in the order in which people need them: `report`, the individual reports, then commands for goals and logs."""

    def list_commands(self, _: click.Context) -> list[str]:
        """Return the names without importing a report."""
        return [_WHOLE, *sorted((*plugins.names("reports"), *plugins.names("cli.commands")), key=lambda name: plugins.place(_folder(name), name))]

    def get_command(self, context: click.Context, name: str) -> click.Command | None:
        """Return a command, which is created on demand."""
        if name == _WHOLE:
            return _report_command(_WHOLE, _headline(name), None)
        if name in plugins.names("reports"):
            return _report_command(name, _headline(name), [name])
        if name in plugins.names("cli.commands"):
            command: click.Command = plugins.load("cli.commands", name).COMMAND
            return command
        return super().get_command(context, name)

    def format_commands(self, context: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands with their headlines, without creating them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, _headline(name)) for name in self.list_commands(context)])


def _headline(name: str) -> str:
    """Return the headline of a command."""
    return _WHOLE_HEADLINE if name == _WHOLE else plugins.headline(_folder(name), name)


def _folder(name: str) -> str:
    """Return the plug-in folder that contains a command."""
    return "reports" if name in plugins.names("reports") else "cli.commands"


@click.group(cls=_Commands, context_settings=_SETTINGS, epilog=f"{_CODES}\n\n{_MORE}")
@click.version_option(__version__, "-V", "--version", message="convkit %(version)s")
def cli() -> None:
    """Goals, funnels, drop-off, bounces and exits, straight from the access log.

    \b
    convkit report access.log
    convkit funnel /var/log/nginx/access.log* --last 7d
    """  # noqa: D301 (the \\b keeps Click from rewrapping the examples)


def _report_command(name: str, headline: str, reports: list[str] | None) -> click.Command:
    """Return the command for a report."""
    examples = f"convkit {name} access.log", f"convkit {name} access.log* --last 7d -f csv"
    command = command_of(name, headline, _run_report(reports), *examples)
    return add_options(command) if reports is None else add_report_options(command, name)


def _run_report(reports: list[str] | None) -> Callable[..., ExitCode]:
    """Return the function that the command of a report calls."""

    def run_report(logs: tuple[str, ...], **values: object) -> ExitCode:
        from convkit.cli.deliver import produce, refuse_streams  # noqa: PLC0415 (code that reads logs is imported when a report runs, not for its help)
        from convkit.reports import names_in_report  # noqa: PLC0415 (as above)

        options, delivery = parse_options(values, Options)
        refuse_streams(delivery, reports or (), report_options(values))

        def make(progress: Progress) -> Document:
            from convkit.authoring import suggest  # noqa: PLC0415 (as above, and only if the command line is valid)
            from convkit.engine import plan, run  # noqa: PLC0415 (as above)

            with suggest.with_goals(logs, options, progress) as (paths, with_goals):
                return run.report(paths, plan.plan_reports(with_goals, reports, report_options(values), progress))

        return produce(make, logs, options, delivery, reports or names_in_report())

    return run_report


def main() -> None:
    """Run the command line as a program, with its streams, signals and exit code."""
    process.set_environment()
    terminal.escape_unencodable()
    with process.answered_signals():
        code = _code()
    sys.exit(code)


def _code() -> ExitCode:
    """Run the command line and return its exit code; every error becomes a message here."""
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
    except BaseException as error:  # noqa: BLE001 (a panic in Polars is not an Exception)
        return _unexpected(error)


def _unexpected(error: BaseException) -> ExitCode:
    """Report an unexpected error and return its exit code; with --debug, raise it again to show its traceback."""
    if isinstance(error, SystemExit):
        return ExitCode.OK  # Click exits this way if its help is piped to a reader that stops early, and after shell completion.
    if process.is_shortage(error):
        messages.write_error("not enough memory or threads; raise the limit (ulimit -v or -u, or the container's), or use --memory 256MiB")
        return ExitCode.OUTPUT
    disk_full = filesystem.disk_full_error(error) if isinstance(error, OSError) else None
    if disk_full is not None:
        terminal.abandon_stream()
        messages.write_error(str(disk_full))
        return disk_full.exit_code
    if "--debug" in sys.argv:
        raise error
    first_line = str(error).partition("\n")[0]
    messages.write_error(f"a bug in convkit: {type(error).__name__}: {first_line}; run it again with --debug and report it")
    return ExitCode.BUG


def _sentence(error: click.ClickException) -> str:
    """Return Click's message as one sentence, with a suggestion and the command that shows the help."""
    message = error.format_message().strip().replace("\n", " ").rstrip(".")
    message = message[:1].lower() + message[1:]
    context = getattr(error, "ctx", None)
    commands = cli.list_commands(context) if context is not None and context.command is cli else []
    unknown = getattr(error, "command_name", None) or (message.partition("'")[2].partition("'")[0] if commands else "")
    hint = "" if "id you mean" in message else did_you_mean(unknown, commands)
    is_question = f"{message}{hint}".endswith("?")
    return f"{message}{hint}{' See' if is_question else '; see'} {context.command_path if context else 'convkit'} --help"
