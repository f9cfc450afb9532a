"""Find mistakes in goals.yaml, and goals that never match."""

from __future__ import annotations

from typing import TYPE_CHECKING

from convkit.cli import messages, next_command, options, progress, terminal
from convkit.core.options import Options
from convkit.core.text import safe
from convkit.errors import UsageError

if TYPE_CHECKING:
    from convkit.authoring.check import Remark
    from convkit.core.model import Goals

PLACE = 120


def check_goals(logs: tuple[str, ...], **values: object) -> None:
    """Check a goals file, by itself or against logs, and print what is wrong. Raises GoalsFileError, InputError, OutputError, UsageError."""
    parsed, delivery = options.parse_options(values, Options)
    if parsed.goals is None:
        raise UsageError(f"there is no {options.GOALS_FILE} in this directory; name a goals file with -g, or write one with `convkit init`")
    from convkit.authoring import check, survey  # noqa: PLC0415 (Polars is imported when the command runs, not for its help)
    from convkit.cli import overwriting  # noqa: PLC0415 (as above)
    from convkit.engine.plan import read_goals  # noqa: PLC0415

    file, goals = str(parsed.goals), read_goals(parsed)
    overwriting.refuse_standard_output(logs, parsed.goals)
    surveyed, warnings = survey.without_logs(goals), tuple[str, ...]()
    if logs:
        with progress.display(is_wanted=not delivery.quiet) as display:
            surveyed, warnings = survey.survey_once(logs, parsed, goals, display)
    remarks = check.remarks_on(surveyed, has_logs=bool(logs))
    if not delivery.quiet:
        messages.warn(warnings, ())
        lines = [*(_line(file, remark) for remark in remarks), _summary(file, goals, remarks, surveyed.sessions.height if logs else None)]
        terminal.write_stream(terminal.encoded("".join(f"{_shown(line)}\n" for line in lines), to_screen=True))
        next_command.write(next_command.command("report" if logs else "check", logs, file, parsed))


def _shown(line: str) -> str:
    """Return a line as it is printed: wrapped on a terminal, and always safe to print."""
    text = safe(line, None)
    return terminal.wrapped(text, terminal.width(to_screen=True), indent=2) if terminal.is_screen() else text


def _line(file: str, remark: Remark) -> str:
    """Return a remark in the format that editors and scripts understand."""
    return f"{file}:{remark.line or ''}{':' if remark.line else ''} {remark.code}: {remark.text}."


def _summary(file: str, goals: Goals, remarks: list[Remark], sessions: int | None) -> str:
    """Return what the file defines, how many warnings there are, and how many sessions it was checked against."""
    from convkit.core.formatting import plural  # noqa: PLC0415
    from convkit.engine.document import summary  # noqa: PLC0415

    warnings = sum(remark.is_warning for remark in remarks)
    basis = "" if sessions is None else f" (checked against {plural(sessions, 'session')})"
    return f"{file}: {summary(goals)}; {plural(warnings, 'warning') if warnings else 'no mistakes'}{basis}."


COMMAND = options.add_options(
    options.command_of("check", __doc__, check_goals, "convkit check", "convkit check access.log"), only=(*options.READING, "goals", "settings")
)
