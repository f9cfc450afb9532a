"""The goals of a run without a goals file: those that `convkit init` would write for the same logs."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace
from typing import TYPE_CHECKING, TypeVar

from convkit.core.options import Options
from convkit.core.progress import NO_PROGRESS
from convkit.engine.plan import max_unpacked_of, read_goals
from convkit.errors import InputError
from convkit.files.paths import hold
from convkit.goals.loader import parse_goals

if TYPE_CHECKING:
    from collections.abc import Iterator

    from convkit.authoring.goals_file import YamlValue
    from convkit.authoring.propose import Draft
    from convkit.authoring.survey import SurveyedLogs
    from convkit.core.progress import Progress
    from convkit.files.paths import Paths

AnyOptions = TypeVar("AnyOptions", bound=Options)


@contextmanager
def with_goals(paths: Paths, options: AnyOptions, progress: Progress = NO_PROGRESS) -> Iterator[tuple[Paths, AnyOptions]]:
    """Return logs and options to run with: options without goals get those that the logs suggest, unless they suggest none.

    All lines of the logs decide, whatever the period and the filters of the run are.
    """
    with ExitStack() as stack:
        if options.goals is None:
            # If a log cannot be read, the run says so, but first what is wrong with its options.
            with suppress(InputError):
                paths = hold(paths, stack, max_unpacked_of(options))
                options = _with_suggested(paths, options, progress)
        yield paths, options


def _with_suggested(paths: Paths, options: AnyOptions, progress: Progress) -> AnyOptions:
    """Return the options with the goals that the logs suggest, if they suggest any. Raises InputError, OutputError, UsageError."""
    from convkit.authoring import propose  # noqa: PLC0415 (imported only by runs without a goals file)

    fields = ("log_format", "timezone", "settings", "memory", "max_unpacked")
    reading = Options(**{name: getattr(options, name) for name in fields})
    with surveyed(paths, reading, progress) as (draft, _):
        if draft is None:
            return options
        goals = parse_goals(propose.draft_text(draft), None)
    return replace(options, goals=replace(goals, is_suggested=True), settings=())


@contextmanager
def surveyed(paths: Paths, options: Options, progress: Progress = NO_PROGRESS) -> Iterator[tuple[Draft | None, SurveyedLogs]]:
    """Read logs and return the goals file that they suggest, if they suggest goals, with the logs as surveyed.

    Raises GoalsFileError, InputError, OutputError, UsageError.
    """
    from convkit.authoring import propose, site_settings, survey  # noqa: PLC0415 (as above)

    settings: dict[str, YamlValue] = site_settings.site_settings(None if options.goals is None else str(options.goals), options.settings)
    settings |= {} if options.timezone is None else {"timezone": options.timezone}
    settings |= {} if options.log_format == "auto" else {"log_format": options.log_format}
    with survey.read_logs(paths, options, read_goals(options), properties=propose.properties_to_read(), progress=progress) as logs:
        yield propose.propose_draft(logs, settings), logs
