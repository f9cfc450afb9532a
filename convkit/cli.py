"""The command line: commands, shared options, and the one place where an error becomes text.

It stands alone because nothing else may know of terminals, exit codes and streams. Whatever costs an import waits until a command runs.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from convkit import plugins
from convkit.errors import ConvkitError, ExitCode, OutputError, UsageError, did_you_mean
from convkit.options import of_reports
from convkit.text import safe
from convkit.version import __version__

if TYPE_CHECKING:
    from collections.abc import Callable

_WHOLE = "report"
_ORDER = ("overview", "goals", "funnel", "drop-off", "pages")
"""The known reports as people need them; others follow."""
_SETTINGS = {"help_option_names": ["-h", "--help"], "max_content_width": 100}
_LONGEST_MESSAGE = 4_000


class _Commands(click.Group):
    """The commands in the order in which people need them: `report`, the reports on its screen, then what is about goals."""

    def list_commands(self, _: click.Context) -> list[str]:
        """Return the names, without importing a report."""
        return [_WHOLE, *sorted(plugins.names("reports"), key=_place), "init"]

    def get_command(self, context: click.Context, name: str) -> click.Command | None:
        """Return a command, made when it is asked for."""
        if name == _WHOLE:
            return _report_command(_WHOLE, "All of it on one screen; start here.", None)
        if name in plugins.names("reports"):
            return _report_command(name, plugins.headline("reports", name), [name])
        return super().get_command(context, name)


def _place(report: str) -> int:
    """Return where a report stands in the list of commands."""
    return _ORDER.index(report) if report in _ORDER else len(_ORDER)


@click.group(cls=_Commands, context_settings=_SETTINGS)
@click.version_option(__version__, "-V", "--version", message="convkit %(version)s")
def cli() -> None:
    """Goals, funnels, drop-off, bounces and exits, straight from the access log.

    \b
    convkit report access.log
    convkit funnel /var/log/nginx/access.log* --last 7d
    """  # noqa: D301 (the \\b is for Click, which must not fold the examples)


def _report_command(name: str, headline: str, reports: list[str] | None) -> click.Command:
    """Return the command of a report."""
    examples = f"\b\nconvkit {name} access.log\nconvkit {name} access.log* --last 7d -f csv"
    return of_reports(click.Command(name, callback=_run_report(reports), help=f"{examples}\n\n{headline}", short_help=headline))


def _run_report(reports: list[str] | None) -> Callable[..., None]:
    """Return what a report's command does."""

    def run_report(logs: tuple[str, ...], goals: str | None, **options: Any) -> None:  # noqa: ANN401 (as Click hands them over)
        from convkit.pipeline import run  # noqa: PLC0415 (Polars loads when a report runs, not when help is shown)
        from convkit.rendering import render  # noqa: PLC0415

        if not logs:
            raise UsageError("name a log: a file, a pattern, a directory, or - for standard input")
        output, limit, timezone = options.pop("output"), options.pop("limit"), options.pop("timezone")
        options.pop("debug")
        document = run(logs, reports, _goals(goals, timezone), **options)
        _write(render(document, output, width=_width(), limit=limit, colour=_has_colour()))

    return run_report


def _goals(path: str | None, timezone: str | None) -> Any:  # noqa: ANN401 (Goals, whose module loads Polars)
    """Return the goals of the file that was named, of ./goals.yaml, or the built-in ones, in the time zone asked for."""
    from dataclasses import replace  # noqa: PLC0415

    from convkit.goals import load_goals  # noqa: PLC0415
    from convkit.site import is_timezone, timezone_hint  # noqa: PLC0415

    goals = load_goals(path or ("goals.yaml" if Path("goals.yaml").is_file() else None))
    if timezone is None:
        return goals
    if not is_timezone(timezone):
        raise UsageError(f"--tz: {timezone_hint(timezone)}")
    return replace(goals, site=replace(goals.site, timezone=timezone))


@cli.command(short_help="Write a goals.yaml to start from, explained line by line.")
@click.option("-o", "--output", "path", default="goals.yaml", show_default=True, help="The file to write.")
@click.option("--force", is_flag=True, help="Write over a file that is there.")
def init(path: str, *, force: bool) -> None:
    """\b
    convkit init
    convkit init -o shop.yaml

    Write a goals.yaml to start from, explained line by line.
    """  # noqa: D205, D301, D400, D415 (the examples come first; \\b is for Click)
    from importlib.resources import files  # noqa: PLC0415

    if Path(path).exists() and not force:
        raise UsageError(f"{path} is there already; name another file with -o, or write over it with --force")
    text = (files("convkit") / "data" / "builtin_goals.yaml").read_text(encoding="utf-8")
    try:
        Path(path).write_text(text, encoding="utf-8")
    except OSError as error:
        raise OutputError(f"{path} cannot be written: {error.strerror}") from None
    click.echo(f"{safe(path)} is written. Put what your site is for under `macro:`, then run `convkit report access.log`.", err=True)


def _width() -> int:
    """Return the columns to fill: COLUMNS, else the terminal's, else the wide form."""
    if os.environ.get("COLUMNS", "").isdigit():
        return max(int(os.environ["COLUMNS"]), 1)
    return os.get_terminal_size(sys.stdout.fileno()).columns if sys.stdout.isatty() else 120


def _has_colour() -> bool:
    """Tell whether the screen takes colours: https://no-color.org."""
    return sys.stdout.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def _write(text: str) -> None:
    """Write a report to standard output."""
    try:
        sys.stdout.buffer.write(text.encode("utf-8", "backslashreplace"))
        sys.stdout.buffer.flush()
    except BrokenPipeError:
        # Whoever reads has enough, as `head` does; Python must not complain of it when it closes the stream.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except OSError as error:
        raise OutputError(f"the report cannot be written: {error.strerror}") from None


def main() -> None:
    """Run the command line; every error becomes one sentence and an exit code here."""
    debug = "--debug" in sys.argv
    try:
        cli.main(prog_name="convkit", standalone_mode=False)
        code = ExitCode.OK
    except click.exceptions.Exit as finished:
        code = ExitCode(finished.exit_code)
    except click.ClickException as error:
        _explain(_sentence(error))
        code = ExitCode.USAGE
    except ConvkitError as error:
        _explain(str(error))
        code = error.exit_code
    except (KeyboardInterrupt, click.Abort):
        code = ExitCode.INTERRUPTED
    except Exception as error:
        if debug:
            raise
        _explain(f"a mistake in convkit: {type(error).__name__}: {str(error).partition(chr(10))[0]}; run it again with --debug and report it")
        code = ExitCode.BUG
    sys.exit(code)


def _sentence(error: click.ClickException) -> str:
    """Return what Click found wrong, in one sentence with the fix."""
    said = error.format_message().strip().replace("\n", " ").rstrip(".")
    context = getattr(error, "ctx", None)
    known = cli.list_commands(context) if context is not None and context.command is cli else []
    wrong = getattr(error, "command_name", None) or (said.partition("'")[2].partition("'")[0] if known else "")
    hint = "" if "ean" in said else did_you_mean(wrong, known)
    return f"{said}{hint}; see {context.command_path if context else 'convkit'} --help"


def _explain(message: str) -> None:
    """Say what went wrong on standard error; names in it are made harmless."""
    for line in message.splitlines():
        click.echo(f"convkit: {safe(line, _LONGEST_MESSAGE)}", err=True)
