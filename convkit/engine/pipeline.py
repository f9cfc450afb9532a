"""The way of the data from files to reports.

It stands alone because whoever wants to know in which order things happen reads this file.
"""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from convkit.analysis import breakdown, sorting
from convkit.analysis.periods import parse_period
from convkit.analysis.segment import Segment
from convkit.core.model import BOT_MODES
from convkit.core.progress import NO_PROGRESS
from convkit.core.schema import RECORDS
from convkit.engine import analyzing, deciding, documents, parts, pieces
from convkit.engine.analyzing import take
from convkit.engine.budget import Budget
from convkit.engine.pieces import Wanted
from convkit.errors import UsageError, did_you_mean
from convkit.files.paths import path_names
from convkit.goals import filters
from convkit.goals.loader import load_goals
from convkit.ingest import load
from convkit.ingest.logs import open_logs
from convkit.traffic import hits

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from convkit.analysis.analysis import Run
    from convkit.core.document import Document
    from convkit.core.model import Goals
    from convkit.core.progress import Progress
    from convkit.engine.pieces import Piece
    from convkit.files.paths import Paths


def read_records(paths: Paths, log_format: str = "auto") -> pl.LazyFrame:
    """Return what logs say, nothing decided (RECORDS): of every line that is one, assets included. Raises InputError, UsageError."""
    with ExitStack() as stack:
        cells = load.read_parsed(open_logs(paths, log_format, stack))
    return load.to_records(cells).filter(pl.col("problem").is_null()).select(*RECORDS)


def read_hits(paths: Paths, goals: Goals | None = None, log_format: str = "auto") -> pl.LazyFrame:
    """Return the hits of logs (HITS) that people sent, sorted by visitor and ORDER, with `names:<goal>`. Raises InputError, UsageError."""
    goals = goals or load_goals()
    with ExitStack() as stack:
        cells = take(open_logs(paths, log_format, stack, hits.parser_needs(goals)), goals)[0].cells
    settled, _ = deciding.settled(cells, deciding.visitors(cells, goals, "drop"), goals, "drop")
    is_person = pl.col("reason").is_null() & ~pl.col("fate").is_in(["asset", "excluded"])
    return settled.lazy().filter(is_person).drop("user_agent", "reason")


def analyze(  # noqa: PLR0913 (every filter of a run is one keyword)
    paths: Paths,
    goals: Goals | None = None,
    *,
    log_format: str = "auto",
    since: str | None = None,
    until: str | None = None,
    last: str | None = None,
    bots: str = "drop",
    where: Iterable[str] = (),
    by: str | None = None,
    facts: Iterable[str] = (),
    rejects: bool = False,
    choices: bool = False,
    bots_beside: bool = False,
    progress: Progress = NO_PROGRESS,
) -> Run:
    """Read logs and return their analysis; `goals` are the built-in ones by default.

    `bots` are left out (`drop`), counted like people (`keep`), or looked at alone (`only`); `where` are questions like `landing=/blog/**`: only
    sessions that hold all of them are kept. `by` is a key of `breakdown.KEYS`: then `split` of the run is split by it. `facts` of sessions are known
    beside those that the rest asks for: `device`, `channel`. With `choices` it is told how far the funnels get under other ones, at an analysis more
    each; with `bots_beside` what bots would add if they were kept, which is told in any case where one of them reached a macro goal.

    Raises InputError, UsageError.
    """
    goals = goals or load_goals()
    scope = _scope(goals, (since, until, last), bots, where, by, facts)
    taken = analyzing.once(analyzing.read(paths, goals, log_format, needed=scope.needed(goals), rejects=rejects, progress=progress))
    return pieces.about(pieces.run_of(taken.intake, Wanted(goals, scope, choices=choices, bots_beside=bots_beside)), taken, goals)


def _scope(  # noqa: PLR0913, PLR0917 (each filter of a run is one)
    goals: Goals, period: tuple[str | None, str | None, str | None], bots: str, where: Iterable[str], by: str | None, facts: Iterable[str]
) -> Segment:
    """Return what of logs is looked at: `since`, `until` and `last` say the period. Raises UsageError."""
    check_bots(bots)
    wanted = parse_period(*period, goals.site.timezone)
    return Segment(wanted, bots, filters.parse_filters(where, goals), breakdown.parse_key(by, goals), frozenset(facts))


def loaded_goals(goals: str | Path | Goals | None) -> Goals:
    """Return the goals of a file, or those that were loaded."""
    return load_goals(goals) if goals is None or isinstance(goals, (str, Path)) else goals


def check_bots(mode: str) -> None:
    """Raise UsageError where there is no such mode."""
    if mode not in BOT_MODES:
        raise UsageError(f"bots={mode!r} is unknown{did_you_mean(mode, BOT_MODES)}; known are {', '.join(BOT_MODES)}")


def run(  # noqa: PLR0913 (every filter of a run is one keyword)
    paths: Paths,
    reports: Sequence[str] | None = None,
    goals: str | Path | Goals | None = None,
    *,
    log_format: str = "auto",
    since: str | None = None,
    until: str | None = None,
    last: str | None = None,
    bots: str = "drop",
    where: Iterable[str] = (),
    by: str | None = None,
    sort: str | None = None,
    options: Mapping[str, str | int] | None = None,
    rejects: bool = False,
    choices: bool = False,
    bots_beside: bool = False,
    memory: str | None = None,
    progress: Progress = NO_PROGRESS,
) -> Document:
    """Read logs and return reports, those of `convkit report` by default; `goals` is a goals file, or goals that were loaded.

    `bots`, `where`, `choices` and `bots_beside` are as in `analyze`; `by` splits the reports by a key: day, week, month, landing, exit, host, device,
    source, medium, campaign, channel or goal; `sort` is a column, its largest values first, or `COLUMN:asc`; `options` are those that a single report
    has, like `{"to": "cart"}` of `paths`. `memory`, like `1GiB`, is what the run may take, 3GiB by default, or half of what there is: logs for which
    that is too little wait on disk (TMPDIR), and their visitors are analyzed part by part, with the same outcome.

    Raises InputError, UsageError.
    """
    loaded, paths, names = loaded_goals(goals), path_names(paths), list(reports or documents.whole_report())
    documents.refuse_split(names, breakdown.parse_key(by, loaded))
    documents.check_options(names, own := {name: str(value) for name, value in (options or {}).items()}, loaded)
    order = None if sort is None else sorting.parse_sorting(sort, documents.columns_of(names, by))
    asked = [where] if isinstance(where, str) else list(where)
    scope = _scope(loaded, (since, until, last), bots, asked, by, documents.facts_of(names))
    wanted = Wanted(loaded, scope, tuple(names), own, choices=choices, bots_beside=bots_beside)
    done = _piece(paths, wanted, log_format, Budget.of(memory), rejects=rejects, progress=progress)
    command, is_whole = documents.command_of("explain", paths, loaded.file, asked, log_format), reports is None
    return documents.finish(done.run, done.tallies, (by or "", done.split) if done.split else None, is_whole=is_whole, command=command, sort=order)


def _piece(paths: list[str], wanted: Wanted, log_format: str, budget: Budget, **options: Any) -> Piece:  # noqa: ANN401 (as the readers take them)
    """Read logs and analyze them, in one piece where that fits into memory."""
    goals = wanted.goals
    with ExitStack() as stack:
        opened = analyzing.opened(paths, goals, log_format, stack, wanted.scope.needed(goals))
        if budget.holds(log.source for log in opened.logs):
            return pieces.in_one_piece(analyzing.once(opened.read(goals, **options)), wanted)
        return pieces.in_parts(parts.deal(opened, goals, budget, stack, **options), wanted)
