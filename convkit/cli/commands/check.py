"""Mistakes in goals.yaml, and goals that never match."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from convkit.cli import options, progress, talk, terminal
from convkit.core import writing
from convkit.core.text import safe
from convkit.errors import UsageError

if TYPE_CHECKING:
    from convkit.authoring.checks import Remark
    from convkit.core.definitions import Goals


def check(logs: tuple[str, ...], goals: str | None, timezone: str | None, settings: tuple[str, ...], *, quiet: bool, **asked: Any) -> None:  # noqa: ANN401 (as Click hands them over)
    """Say what is amiss with a goals file, by itself and beside logs. Raises GoalsFileError, InputError, UsageError."""
    file = options.goals_file(goals)
    if file is None:
        raise UsageError(f"there is no {options.GOALS_FILE} here; name one with -g, or write one with `convkit init`")
    from convkit.authoring import checks, surveying, surveys  # noqa: PLC0415 (Polars loads when the command runs, not when help is shown)
    from convkit.core import facts  # noqa: PLC0415

    asked.pop("debug")
    loaded = options.load_goals(file, timezone, settings)
    survey = surveys.without_logs(loaded)
    if logs:
        with progress.shown(is_wanted=not quiet) as watching:
            read = surveying.read(logs, loaded, needed=frozenset({facts.CHANNEL}), progress=watching, **asked)
            survey = surveying.survey(read, loaded)
    remarks = checks.check(survey, has_logs=bool(logs))
    if not quiet:
        talk.tell(read.warnings if logs else (), ())
        lines = [*(_line(file, remark) for remark in remarks), _summary(file, loaded, remarks, survey.sessions.height if logs else None)]
        writing.write_stream(terminal.encoded("".join(f"{safe(line, None)}\n" for line in lines), of_screen=True))


def _line(file: str, remark: Remark) -> str:
    """Return a finding as editors and scripts read it."""
    return f"{file}:{remark.line or ''}{':' if remark.line else ''} {remark.code}: {remark.text}."


def _summary(file: str, goals: Goals, remarks: list[Remark], sessions: int | None) -> str:
    """Return what the file holds, and how many warnings there are."""
    from convkit.core.figures import plural  # noqa: PLC0415
    from convkit.engine.documents import summary  # noqa: PLC0415

    warnings = sum(remark.is_warning for remark in remarks)
    beside = "" if sessions is None else f" beside {plural(sessions, 'session')}"
    return f"{file}: {summary(goals)}; {plural(warnings, 'warning') if warnings else 'no mistakes'}{beside}."


COMMAND = options.of_logs(options.command_of("check", __doc__, check, "convkit check", "convkit check access.log"), "goals", "settings")
