"""Mistakes in goals.yaml, and goals that never match."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from convkit.cli import messages, options, progress, terminal
from convkit.core.text import safe
from convkit.errors import UsageError

if TYPE_CHECKING:
    from convkit.authoring.check import Remark
    from convkit.core.model import Goals


def check_goals(logs: tuple[str, ...], goals: str | None, timezone: str | None, settings: tuple[str, ...], *, quiet: bool, **asked: Any) -> None:  # noqa: ANN401 (as Click hands them over)
    """Say what is amiss with a goals file, by itself and beside logs. Raises GoalsFileError, InputError, UsageError."""
    file = options.goals_file(goals)
    if file is None:
        raise UsageError(f"there is no {options.GOALS_FILE} here; name one with -g, or write one with `convkit init`")
    from convkit.authoring import check, survey  # noqa: PLC0415 (Polars loads when the command runs, not when help is shown)
    from convkit.core import schema  # noqa: PLC0415

    asked.pop("debug")
    loaded = options.load_goals(file, timezone, settings)
    surveyed = survey.without_logs(loaded)
    if logs:
        with progress.display(is_wanted=not quiet) as watching:
            read = survey.read_logs(logs, loaded, needed=frozenset({schema.CHANNEL_FIELD}), progress=watching, **asked)
            surveyed = survey.survey_logs(read, loaded)
    remarks = check.remarks_on(surveyed, has_logs=bool(logs))
    if not quiet:
        messages.warn(read.warnings if logs else (), ())
        lines = [*(_line(file, remark) for remark in remarks), _summary(file, loaded, remarks, surveyed.sessions.height if logs else None)]
        terminal.write_stream(terminal.encoded("".join(f"{safe(line, None)}\n" for line in lines), of_screen=True))


def _line(file: str, remark: Remark) -> str:
    """Return a finding as editors and scripts read it."""
    return f"{file}:{remark.line or ''}{':' if remark.line else ''} {remark.code}: {remark.text}."


def _summary(file: str, goals: Goals, remarks: list[Remark], sessions: int | None) -> str:
    """Return what the file holds, and how many warnings there are."""
    from convkit.core.formatting import plural  # noqa: PLC0415
    from convkit.engine.documents import summary  # noqa: PLC0415

    warnings = sum(remark.is_warning for remark in remarks)
    beside = "" if sessions is None else f" beside {plural(sessions, 'session')}"
    return f"{file}: {summary(goals)}; {plural(warnings, 'warning') if warnings else 'no mistakes'}{beside}."


COMMAND = options.add_log_options(options.command_of("check", __doc__, check_goals, "convkit check", "convkit check access.log"), "goals", "settings")
