"""The way of the data from files to reports.

It stands alone because whoever wants to know in which order things happen reads this file.
"""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import polars as pl

from convkit import askers, deciding, documents, lists, matching, questions, reading, sensitivity, sessions, sorting, sources, splits, traffic
from convkit.analysis import Run
from convkit.collecting import collected
from convkit.definitions import BOTS
from convkit.errors import UsageError, did_you_mean
from convkit.goals import load_goals
from convkit.intake import take_in
from convkit.periods import parse_period
from convkit.progress import UNWATCHED
from convkit.schema import FATES, RECORDS
from convkit.tables import Period
from convkit.tallying import prepare, split_by, tally

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from convkit.analysis import Analysis
    from convkit.definitions import Goals
    from convkit.intake import Intake
    from convkit.periods import Wanted
    from convkit.progress import Progress
    from convkit.questions import Question
    from convkit.sensitivity import Variant
    from convkit.tables import Document, Note

_MOST_AGENTS = 5
"""How many agents of bots are told."""


def read_records(paths: Iterable[str | Path], log_format: str = "auto") -> pl.LazyFrame:
    """Return what logs say, nothing decided (RECORDS): of every line that is one, assets included. Raises InputError, UsageError."""
    logs = reading.open_files(paths, log_format)
    return reading.records(reading.cells(logs)).filter(pl.col("problem").is_null()).select(*RECORDS)


def read_hits(paths: Iterable[str | Path], goals: Goals | None = None, log_format: str = "auto") -> pl.LazyFrame:
    """Return the hits of logs (HITS) that people sent, sorted by visitor and ORDER, with `names:<goal>`. Raises InputError, UsageError."""
    goals = goals or load_goals()
    with ExitStack() as stack:
        cells = take(reading.open_logs(paths, log_format, stack, traffic.asked(goals)), goals)[0].cells
    settled, _ = deciding.settled(cells, deciding.visitors(cells, goals, "drop"), goals, "drop")
    is_person = pl.col("reason").is_null() & ~pl.col("fate").is_in(["asset", "excluded"])
    return settled.lazy().filter(is_person).drop("user_agent", "reason")


def analyze(  # noqa: PLR0913 (every filter of a run is one keyword)
    paths: Iterable[str | Path],
    goals: Goals | None = None,
    *,
    log_format: str = "auto",
    since: str | None = None,
    until: str | None = None,
    last: str | None = None,
    bots: str = "drop",
    where: Iterable[str] = (),
    by: str | None = None,
    rejects: bool = False,
    choices: bool = False,
    progress: Progress = UNWATCHED,
) -> Run:
    """Read logs and return their analysis; `goals` are the built-in ones by default.

    `bots` are left out (`drop`), counted like people (`keep`), or looked at alone (`only`); `where` are questions like `landing=/blog/**`: only
    sessions that hold all of them are kept. `by` is a key of `splits.KEYS`: then `split` of the run is split by it. With `choices` it is told how far
    the funnels get under other ones, at an analysis more each.

    Raises InputError, UsageError.
    """
    if bots not in BOTS:
        raise UsageError(f"bots={bots!r} is unknown{did_you_mean(bots, BOTS)}; known are {', '.join(BOTS)}")
    goals, by = goals or load_goals(), splits.parse(by)
    wanted, asked = parse_period(since, until, last, goals.site.timezone), questions.parse(where, goals)
    copies: list[str] = []
    with ExitStack() as stack:
        logs = reading.open_logs(paths, goals.site.log_format if log_format == "auto" else log_format, stack, traffic.asked(goals), copies)
        taken_in, names = take(logs, goals, rejects=rejects, progress=progress)
    done = analyze_cells(taken_in, goals, wanted, bots, asked, by)
    if choices and goals.funnels:
        done = replace(
            done,
            sensitivity=_under_other_choices(
                done.analysis, bots, lambda other: analyze_cells(taken_in, other.goals, wanted, other.bots, asked, None)
            ),
        )
    read, has_local_times = tuple(log.source.name for log in logs), any(log.has_local_times for log in logs)
    return replace(done, logs=read, sources=names, copies=tuple(copies), has_local_times=has_local_times)


def take(
    logs: Sequence[reading.Log], goals: Goals, *, rejects: bool = False, assets: bool = False, progress: Progress = UNWATCHED
) -> tuple[Intake, tuple[str, ...]]:
    """Read what the lines of the logs say, and return the logs' names by their number, which does not depend on the command line.

    Of assets those are read that a goal may name, or all.
    """
    known = tuple(lists.words("assets"))
    taken_in = take_in(logs, known if assets else traffic.kept_assets(goals, known), rejects=rejects, progress=progress)
    cells, names = taken_in.cells, [log.source.name for log in logs]
    if len(logs) > 1:
        ranks = collected(sources.ranks(cells.lazy(), names), cells.height)
        cells, names = collected(sources.ranked(cells.lazy(), ranks.lazy()), cells.height), [names[number] for number in ranks["source"]]
    return replace(taken_in, cells=sources.without_duplicates(cells)), tuple(names)


def analyze_cells(  # noqa: PLR0913, PLR0917
    taken_in: Intake, goals: Goals, wanted: Wanted, mode: str, asked: Sequence[Question], by: str | None
) -> Run:
    """Go from the cells of all lines to the analysis."""
    cells = taken_in.cells
    visitors = deciding.visitors(cells, goals, mode, with_device=questions.DEVICE in {by, *(question.field for question in asked)})
    settled, met = deciding.settled(cells, visitors, goals, mode)
    begins, ends = _span(cells)
    begin, end = wanted.limits(ends, goals.site.timezone)
    looked_at = settled.filter(traffic.is_looked_at(mode)).drop("user_agent", "reason")
    hits = collected(deciding.sessionized(looked_at, goals).with_columns(inside=_is_inside(begin, end)), looked_at.height)
    hits = collected(matching.match(hits.lazy(), goals).with_row_index("row"), hits.height)
    macros, columns = [goal.column for goal in goals.macros], [goal.column for goal in goals.goals]
    table = collected(sessions.table(hits.lazy(), macros, columns).filter(_is_inside(begin, end, "started")), hits.height)
    knows_macro = bool(goals.macros) and (goals.file is not None or bool(table["converted"].any()))
    hits, table, where = _kept(hits, table, goals, asked)
    fates, reasons = _fates(cells, met, hits)
    period = _period(begin or begins, end - timedelta(seconds=1) if end else ends, goals.site.timezone)
    analysis = prepare(hits, table, goals, ends, askers.identities(visitors.lazy(), goals.site))
    divided = None if by is None else split_by(analysis, collected(splits.values(by, analysis.sessions, analysis.hits, goals), hits.height))
    run = Run(analysis, fates, reasons, period, knows_macro, where=where, losses=taken_in.losses, rejects=taken_in.rejects)
    return replace(run, bots=mode, bot_agents=_bot_agents(met), split=divided)


def _under_other_choices(analysis: Analysis, bots: str, analyze_again: Callable[[Variant], Run]) -> pl.DataFrame:
    """Return how far the funnels get as it was asked, and under every other choice."""
    rows = [sensitivity.asked(analysis, bots)]
    rows += [
        sensitivity.otherwise(analyze_again(other).analysis, other) for other in sensitivity.variants(analysis.goals, bots) if other.goals.funnels
    ]
    return pl.concat(collected(row, analysis.size) for row in rows)


def _kept(hits: pl.DataFrame, table: pl.DataFrame, goals: Goals, asked: Sequence[Question]) -> tuple[pl.DataFrame, pl.DataFrame, Note | None]:
    """Return hits and sessions, of which only those that the questions keep are inside, and what is said of that."""
    if not asked:
        return hits, table, None
    kept = collected(questions.kept(table.lazy(), hits.lazy().filter("inside"), goals, asked), hits.height)
    return collected(questions.only(hits.lazy(), kept), hits.height), kept, questions.note(asked, kept.height, table.height)


def _period(begin: datetime | None, end: datetime | None, timezone: str) -> Period:
    """Return a period, both ends inside, in the site's time zone."""
    if begin is None or end is None:
        return Period(None, None, timezone)
    zone = ZoneInfo(timezone)
    return Period(begin.astimezone(zone), max(begin, end).astimezone(zone), timezone)


def _span(records: pl.DataFrame) -> tuple[datetime | None, datetime | None]:
    """Return the times of the first and the last record."""
    return records.select(first=pl.col("time").min(), last=pl.col("time").max()).row(0)


def _is_inside(begin: datetime | None, end: datetime | None, column: str | None = None) -> pl.Expr:
    """Tell what lies in the period: a session, whole, by its start; a hit of no session by its own time."""
    when = pl.col(column) if column else pl.coalesce("started", "time")
    limits = [] if begin is None else [when >= begin.astimezone(UTC)]
    limits += [] if end is None else [when < end.astimezone(UTC)]
    return pl.all_horizontal(when.is_not_null(), *limits)


def _bot_agents(met: pl.DataFrame) -> tuple[tuple[str, int, str], ...]:
    """Return agent, lines and reason of the bots that sent most; what they sent to hosts that are not ours, say, does not count."""
    sent = met.filter(pl.col("reason").is_not_null() & ~pl.col("fate").is_in(["asset", "excluded"]))
    counts = sent.group_by("user_agent", "reason").len().cast({"user_agent": pl.String, "reason": pl.String})
    most = counts.sort("len", "user_agent", "reason", descending=[True, False, False]).head(_MOST_AGENTS)
    return tuple((agent or "", lines, reason) for agent, reason, lines in most.rows())


def _fates(cells: pl.DataFrame, met: pl.DataFrame, hits: pl.DataFrame) -> tuple[dict[str, int], dict[str, dict[str, int]]]:
    """Return what became of every line, `lines` and each of FATES, which add up to it; and the reasons of two of them."""
    problems = dict(cells.filter(pl.col("problem").is_not_null()).group_by("problem").len().rows())
    found = dict(met.group_by("fate").len().rows())
    counts = {fate: int(found.get(fate, 0)) + int(problems.pop(fate, 0)) for fate in FATES}
    counts["unparsed"] = sum(problems.values())
    outside = hits.filter((pl.col("fate") == "kept") & ~pl.col("inside")).height
    counts |= {"outside": counts["outside"] + outside, "kept": counts["kept"] - outside}
    bots = dict(met.filter(pl.col("fate") == "bot").group_by("reason").len().rows())
    by_reason = {"unparsed_by_reason": dict(sorted(problems.items())), "bot_by_reason": dict(sorted(bots.items()))}
    return {"lines": cells.height, **counts}, by_reason


def run(  # noqa: PLR0913 (every filter of a run is one keyword)
    paths: Iterable[str | Path],
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
    rejects: bool = False,
    choices: bool = False,
    progress: Progress = UNWATCHED,
) -> Document:
    """Read logs and return reports, those of `convkit report` by default; `goals` is a goals file, or goals that were loaded.

    `bots`, `where` and `choices` are as in `analyze`; `by` splits the reports by a key: day, week, month, landing, exit, host, device or goal; `sort`
    is a column, its largest values first, or `COLUMN:asc`. Raises InputError, UsageError.
    """
    loaded = load_goals(goals) if goals is None or isinstance(goals, (str, Path)) else goals
    paths, names, where = list(paths), list(reports or documents.whole_report()), [where] if isinstance(where, str) else list(where)
    documents.refuse_split(names, splits.parse(by))
    order = sorting.parse(sort, documents.columns_of(names, by)) if sort is not None else None
    when = {"since": since, "until": until, "last": last}
    done = analyze(paths, loaded, log_format=log_format, **when, bots=bots, where=where, by=by, rejects=rejects, choices=choices, progress=progress)
    command = documents.command_of("drop-off", [str(path) for path in paths], loaded.file, where)
    split = None if by is None or done.split is None else (by, tally(done.split, names))
    return documents.finish(done, tally(done.analysis, names), split, is_whole=reports is None, command=command, sort=order)
