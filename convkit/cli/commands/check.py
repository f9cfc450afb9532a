"""Mistakes in goals.yaml, and goals that never match."""

from __future__ import annotations

from typing import TYPE_CHECKING

from convkit.cli import messages, options, progress, terminal
from convkit.core.options import Options
from convkit.core.text import safe
from convkit.errors import UsageError

if TYPE_CHECKING:
    from convkit.authoring.check import Remark
    from convkit.core.model import Goals


def check_goals(logs: tuple[str, ...], **given: object) -> None:
    """Say what is wrong with a goals file, by itself and compared with logs. Raises GoalsFileError, InputError, OutputError, UsageError."""
    asked, delivery = options.parse_options(given, Options)
    if asked.goals is None:
        raise UsageError(f"there is no {options.GOALS_FILE} here; name one with -g, or write one with `convkit init`")
    from convkit.authoring import check, survey  # noqa: PLC0415 (Polars loads when the command runs, not when help is shown)
    from convkit.engine.plan import read_goals  # noqa: PLC0415

    file, goals = str(asked.goals), read_goals(asked)
    surveyed, warnings = survey.without_logs(goals), tuple[str, ...]()
    if logs:
        with progress.display(is_wanted=not delivery.quiet) as watching:
            surveyed, warnings = survey.survey_once(logs, asked, goals, watching)
    remarks = check.remarks_on(surveyed, has_logs=bool(logs))
    if not delivery.quiet:
        messages.warn(warnings, ())
        lines = [*(_line(file, remark) for remark in remarks), _summary(file, goals, remarks, surveyed.sessions.height if logs else None)]
        terminal.write_stream(terminal.encoded("".join(f"{safe(line, None)}\n" for line in lines), of_screen=True))


def _line(file: str, remark: Remark) -> str:
    """Return a finding as editors and scripts read it."""
    return f"{file}:{remark.line or ''}{':' if remark.line else ''} {remark.code}: {remark.text}."


def _summary(file: str, goals: Goals, remarks: list[Remark], sessions: int | None) -> str:
    """Return what the file holds, and how many warnings there are."""
    from convkit.core.formatting import plural  # noqa: PLC0415
    from convkit.engine.document import summary  # noqa: PLC0415

    warnings = sum(remark.is_warning for remark in remarks)
    beside = "" if sessions is None else f" beside {plural(sessions, 'session')}"
    return f"{file}: {summary(goals)}; {plural(warnings, 'warning') if warnings else 'no mistakes'}{beside}."


COMMAND = options.add_options(
    options.command_of("check", __doc__, check_goals, "convkit check", "convkit check access.log"), only=(*options.READING, "goals", "settings")
)
