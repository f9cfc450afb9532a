"""What every command does that makes a document of logs: read, deliver, and say what was lost.

It stands alone because reports and comparisons are asked for with the same options and end in the same way.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from convkit.cli import progress, quality_lines, talk
from convkit.cli.destinations import destination, refuse_inputs
from convkit.cli.options import GOALS_FILE, goals_file, load_goals
from convkit.core import writing
from convkit.errors import ExitCode, UsageError, gravest

if TYPE_CHECKING:
    from collections.abc import Callable

    from convkit.core.tables import Document


def produce(make: Callable[..., Document], logs: tuple[str, ...], goals: str | None, *, quiet: bool, verbose: bool, **options: Any) -> ExitCode:  # noqa: ANN401 (as Click hands them over)
    """Write the document that `make` returns of logs and goals, with `rejects` and `progress` and the options that are not of its delivery."""
    if not logs:
        raise UsageError("name a log: a file, a pattern, a directory, or - for standard input")
    place, rejects = destination(options.pop("path"), options.pop("output")), options.pop("rejects")
    for path in (place.path, rejects):
        refuse_inputs(path, [*logs, goals or GOALS_FILE])
    if rejects is not None:
        writing.check_file(rejects)
    from convkit.cli.delivery import deliver, deliver_rejects  # noqa: PLC0415 (Polars loads when a report runs, not when help is shown)

    limit, timezone, _ = options.pop("limit"), options.pop("timezone"), options.pop("debug")
    settings, strict = options.pop("settings"), options.pop("strict")
    loaded = load_goals(goals_file(goals), timezone, settings)
    with progress.shown(is_wanted=not quiet) as watching:
        document = make(logs, loaded, rejects=rejects is not None, progress=watching, **options)
    deliver(document, place, limit)
    if rejects is not None:
        deliver_rejects(document, rejects)
    lost = talk.lost(document.losses, document.reasons["unparsed_by_reason"]) if strict else ""
    if not quiet:
        talk.tell(document.warnings, quality_lines.told(document.quality, document.input, len(document.logs)) if verbose else [])
    if lost:
        talk.say(lost)
    return gravest([ExitCode.LOST] if lost else [])
