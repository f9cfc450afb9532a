"""The way of the data from files to reports.

It stands alone because whoever wants to know in which order things happen reads this file.
"""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from convkit import analyzing, compare_rows, comparing, deciding, documents, facts, loading, questions, reading, sides, sorting, splits, traffic
from convkit.analyzing import look_at, match, take, under_other_choices
from convkit.bot_sessions import added_by_bots
from convkit.definitions import BOTS
from convkit.errors import UsageError, did_you_mean
from convkit.goals import load_goals
from convkit.inspecting import inspected
from convkit.periods import parse_period
from convkit.progress import UNWATCHED
from convkit.schema import RECORDS
from convkit.scopes import Scope
from convkit.tallying import tally

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from convkit.analysis import Run
    from convkit.definitions import Goals
    from convkit.progress import Progress
    from convkit.reading import Paths
    from convkit.tables import Document


def read_records(paths: Paths, log_format: str = "auto") -> pl.LazyFrame:
    """Return what logs say, nothing decided (RECORDS): of every line that is one, assets included. Raises InputError, UsageError."""
    with ExitStack() as stack:
        cells = loading.cells(reading.open_logs(paths, log_format, stack))
    return reading.records(cells).filter(pl.col("problem").is_null()).select(*RECORDS)


def read_hits(paths: Paths, goals: Goals | None = None, log_format: str = "auto") -> pl.LazyFrame:
    """Return the hits of logs (HITS) that people sent, sorted by visitor and ORDER, with `names:<goal>`. Raises InputError, UsageError."""
    goals = goals or load_goals()
    with ExitStack() as stack:
        cells = take(reading.open_logs(paths, log_format, stack, traffic.asked(goals)), goals)[0].cells
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
    progress: Progress = UNWATCHED,
) -> Run:
    """Read logs and return their analysis; `goals` are the built-in ones by default.

    `bots` are left out (`drop`), counted like people (`keep`), or looked at alone (`only`); `where` are questions like `landing=/blog/**`: only
    sessions that hold all of them are kept. `by` is a key of `splits.KEYS`: then `split` of the run is split by it. `facts` of sessions are known
    beside those that the rest asks for: `device`, `channel`. With `choices` it is told how far the funnels get under other ones, at an analysis more
    each; with `bots_beside` what bots would add if they were kept, which is told in any case where one of them reached a macro goal.

    Raises InputError, UsageError.
    """
    _check_bots(bots)
    goals = goals or load_goals()
    by = splits.parse(by, goals)
    wanted, asked = parse_period(since, until, last, goals.site.timezone), questions.parse(where, goals)
    scope = Scope(wanted, bots, asked, by, frozenset(facts))
    taken = analyzing.read(paths, goals, log_format, needed=scope.needed(goals), rejects=rejects, progress=progress)
    matched = match(taken.intake, goals, scope.bots, scope.needed(goals))
    done = look_at(matched, taken.intake, goals, scope)
    bot_sessions = added_by_bots(done, matched, taken.intake, scope, is_asked=bots_beside)
    done = replace(done, quality=inspected(taken, goals.site.timezone, replace(done.quality, bot_sessions=bot_sessions)))
    if choices and goals.funnels:
        done = replace(done, sensitivity=under_other_choices(taken.intake, done.analysis, scope))
    return replace(done, logs=taken.names, sources=taken.sources, copies=taken.copies, has_local_times=taken.has_local_times)


def _loaded(goals: str | Path | Goals | None) -> Goals:
    """Return the goals of a file, or those that were loaded."""
    return load_goals(goals) if goals is None or isinstance(goals, (str, Path)) else goals


def _check_bots(mode: str) -> None:
    """Raise UsageError where there is no such mode."""
    if mode not in BOTS:
        raise UsageError(f"bots={mode!r} is unknown{did_you_mean(mode, BOTS)}; known are {', '.join(BOTS)}")


def _with_options(done: Run, options: Mapping[str, str]) -> Run:
    """Return a run whose reports know what was asked of them."""
    split = None if done.split is None else replace(done.split, options=options)
    return replace(done, analysis=replace(done.analysis, options=options), split=split)


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
    progress: Progress = UNWATCHED,
) -> Document:
    """Read logs and return reports, those of `convkit report` by default; `goals` is a goals file, or goals that were loaded.

    `bots`, `where`, `choices` and `bots_beside` are as in `analyze`; `by` splits the reports by a key: day, week, month, landing, exit, host, device,
    source, medium, campaign, channel or goal; `sort` is a column, its largest values first, or `COLUMN:asc`; `options` are those that a single report
    has, like `{"to": "cart"}` of `paths`.

    Raises InputError, UsageError.
    """
    loaded, paths, names = _loaded(goals), reading.listed(paths), list(reports or documents.whole_report())
    documents.refuse_split(names, splits.parse(by, loaded))
    own = {name: str(value) for name, value in (options or {}).items()}
    documents.check_options(names, own, loaded)
    order = sorting.parse(sort, documents.columns_of(names, by)) if sort is not None else None
    rest: dict[str, Any] = {"since": since, "until": until, "last": last, "rejects": rejects, "choices": choices, "bots_beside": bots_beside}
    scope: dict[str, Any] = {"bots": bots, "where": [where] if isinstance(where, str) else list(where), "by": by, "facts": documents.facts_of(names)}
    done = _with_options(analyze(paths, loaded, log_format=log_format, **rest, **scope, progress=progress), own)
    command = documents.command_of("explain", paths, loaded.file, scope["where"], log_format)
    split = None if by is None or done.split is None else (by, tally(done.split, names))
    return documents.finish(done, tally(done.analysis, names), split, is_whole=reports is None, command=command, sort=order)


def compare(  # noqa: PLR0913 (every filter of a run is one keyword)
    paths: Paths,
    goals: str | Path | Goals | None = None,
    *,
    against: str | None = None,
    at: str | None = None,
    variant: str | None = None,
    log_format: str = "auto",
    since: str | None = None,
    until: str | None = None,
    last: str | None = None,
    bots: str = "drop",
    where: Iterable[str] = (),
    sort: str | None = None,
    rejects: bool = False,
    progress: Progress = UNWATCHED,
) -> Document:
    """Read logs and return the report `compare`: a period beside the one before it, or a group of sessions beside another.

    `against` is what `--with` takes: `last-year`, a period like `2026-09-01..2026-09-30`, or a question like `device=mobile`, which takes the place
    of the one in `where` about the same field; `at` is a day on which something changed; `variant` is one of `site.variants`, of which two were seen.
    All else is as in `run`.

    Raises InputError, UsageError.
    """
    _check_bots(bots)
    loaded = _loaded(goals)
    wanted = parse_period(since, until, last, loaded.site.timezone)
    asked = sides.parse(wanted, [where] if isinstance(where, str) else list(where), against, at, loaded)
    asked = asked if variant is None else sides.of_variant(asked, variant, against, at, loaded)
    order = None if sort is None else sorting.parse(sort, {comparing.NAME: compare_rows.COLUMNS})
    needed = questions.needed((*asked.where, *(asked.group or ())), loaded)
    scope = Scope(wanted, bots, facts=needed | facts.of([f"{facts.VARIANT}{variant}"] if variant else []))
    taken = analyzing.read(paths, loaded, log_format, needed=scope.facts, rejects=rejects, progress=progress)
    return comparing.compare(taken, loaded, asked, scope, order)
