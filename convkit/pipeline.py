"""The way of the data from files to reports, and the only place that collects but for `intake`, which reads.

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

from convkit import documents, funnels, lists, matching, plugins, questions, reading, sessions, sorting, traffic, visitor_ids
from convkit.analysis import Analysis, Run
from convkit.departures import behind, departures, looked_at
from convkit.goals import load_goals
from convkit.intake import take_in
from convkit.periods import parse_period
from convkit.schema import FATES, RECORDS
from convkit.tables import Period

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from convkit.definitions import Goals
    from convkit.documents import Tallies
    from convkit.intake import Intake
    from convkit.periods import Wanted
    from convkit.questions import Question
    from convkit.tables import Document, Note


def read_records(paths: Iterable[str | Path], log_format: str = "auto") -> pl.LazyFrame:
    """Return what logs say, nothing decided (RECORDS): of every line that is one, assets included. Raises InputError, UsageError."""
    logs = reading.open_files(paths, log_format)
    return reading.records(reading.cells(logs, all_assets=True)).filter(pl.col("problem").is_null()).select(*RECORDS)


def read_hits(paths: Iterable[str | Path], goals: Goals | None = None, log_format: str = "auto") -> pl.LazyFrame:
    """Return the hits of logs (HITS) that people sent, sorted by visitor and ORDER, with `names:<goal>`. Raises InputError, UsageError."""
    goals = goals or load_goals()
    with ExitStack() as stack:
        cells = _read(reading.open_logs(paths, log_format, stack), goals)[0].cells
    decided = _decided(cells, _visitors(cells, goals), goals).lazy().filter(pl.col("fate").is_null())
    return traffic.settle(traffic.name_kinds(decided, goals)).filter(pl.col("fate") != "asset")


def analyze(  # noqa: PLR0913 (every filter of a run is one keyword)
    paths: Iterable[str | Path],
    goals: Goals | None = None,
    *,
    log_format: str = "auto",
    since: str | None = None,
    until: str | None = None,
    last: str | None = None,
    where: Iterable[str] = (),
    rejects: bool = False,
) -> Run:
    """Read logs and return their analysis; `goals` are the built-in ones by default.

    `where` are questions like `landing=/blog/**`: only sessions that hold all of them are kept.

    Raises InputError, UsageError.
    """
    goals = goals or load_goals()
    wanted, asked = parse_period(since, until, last, goals.site.timezone), questions.parse(where, goals)
    with ExitStack() as stack:
        copies: list[str] = []
        logs = reading.open_logs(paths, goals.site.log_format if log_format == "auto" else log_format, stack, copies)
        taken_in, sources = _read(logs, goals, rejects=rejects)
    run = _analyze(taken_in, tuple(log.source.name for log in logs), goals, wanted, asked)
    return replace(run, copies=tuple(copies), sources=sources)


def _read(logs: Sequence[reading.Log], goals: Goals, *, rejects: bool = False) -> tuple[Intake, tuple[str, ...]]:
    """Read what the lines of the logs say, and return the logs' names by their number, which does not depend on the command line."""
    taken_in = take_in(logs, traffic.kept_assets(goals, lists.words("assets")), rejects=rejects)
    names = [log.source.name for log in logs]
    if len(logs) == 1:
        return taken_in, tuple(names)
    cells = taken_in.cells.lazy()
    ranks = traffic.source_ranks(cells, names).collect()
    ranked = traffic.rank_sources(cells, ranks.lazy()).collect()
    return replace(taken_in, cells=ranked), tuple(names[number] for number in ranks["source"])


def _analyze(taken_in: Intake, names: tuple[str, ...], goals: Goals, wanted: Wanted, asked: Sequence[Question]) -> Run:
    """Go from the cells of all lines to the analysis."""
    cells = taken_in.cells
    visitors = _visitors(cells, goals)
    decided = _decided(cells, visitors, goals)
    settled = traffic.settle(traffic.name_kinds(decided.lazy().filter(pl.col("fate").is_null() | pl.col("asset")), goals)).collect()
    begins, ends = _span(cells)
    begin, end = wanted.limits(ends, goals.site.timezone)
    hits = _sessionized(settled.filter(traffic.is_looked_at()), goals).with_columns(inside=_is_inside(begin, end)).collect()
    early = decided.select("fate", "reason", "asset").filter(pl.col("fate").is_not_null() & ~pl.col("asset"))
    decided = pl.concat([early.drop("asset"), settled.select("fate", "reason")])
    hits = matching.match(hits.lazy(), goals).with_row_index("row").collect()
    columns = [goal.column for goal in goals.goals]
    table = sessions.table(hits.lazy(), [goal.column for goal in goals.macros], columns).filter(_is_inside(begin, end, "started")).collect()
    knows_macro = bool(goals.macros) and (goals.file is not None or bool(table["converted"].any()))
    hits, table, where = _kept(hits, table, goals, asked)
    fates, reasons = _fates(cells, decided, hits)
    period = _period(begin or begins, end - timedelta(seconds=1) if end else ends, goals.site.timezone)
    analysis = prepare(hits, table, goals, ends, traffic.identities(visitors.lazy(), goals.site))
    return Run(analysis, fates, reasons, period, names, knows_macro, where=where, losses=taken_in.losses, rejects=taken_in.rejects)


def _kept(hits: pl.DataFrame, table: pl.DataFrame, goals: Goals, asked: Sequence[Question]) -> tuple[pl.DataFrame, pl.DataFrame, Note | None]:
    """Return hits and sessions, of which only those that the questions keep are inside, and what is said of that."""
    if not asked:
        return hits, table, None
    kept = questions.kept(table.lazy(), hits.lazy().filter("inside"), goals, asked).collect()
    return questions.only(hits.lazy(), kept).collect(), kept, questions.note(asked, kept.height, table.height)


def _visitors(cells: pl.DataFrame, goals: Goals) -> pl.DataFrame:
    """Tell visitors; what several queries ask of is collected first, or each would compute it again."""
    askers = traffic.askers(cells.lazy()).collect()
    return traffic.visitors(askers.lazy(), goals.site).collect()


def _decided(cells: pl.DataFrame, visitors: pl.DataFrame, goals: Goals) -> pl.DataFrame:
    """Decide on the lines that are records."""
    records = cells.filter(pl.col("problem").is_null())
    return traffic.decide(records.lazy(), visitors.lazy(), traffic.targets(records.lazy(), goals), goals).collect()


def _period(begin: datetime | None, end: datetime | None, timezone: str) -> Period:
    """Return a period, both ends inside, in the site's time zone."""
    if begin is None or end is None:
        return Period(None, None, timezone)
    zone = ZoneInfo(timezone)
    return Period(begin.astimezone(zone), max(begin, end).astimezone(zone), timezone)


def _span(records: pl.DataFrame) -> tuple[datetime | None, datetime | None]:
    """Return the times of the first and the last record."""
    return records.select(first=pl.col("time").min(), last=pl.col("time").max()).row(0)


def _sessionized(looked_at: pl.DataFrame, goals: Goals) -> pl.LazyFrame:
    """Cut sessions; where users are known, once by address and browser to find whose they are, then by the users."""
    timeout = goals.site.session_timeout
    with_user = looked_at.filter(pl.col("user_visitor").is_not_null())["visitor"].unique()
    hits = looked_at.lazy()
    if len(with_user):
        has_user = pl.col("visitor").is_in(with_user.implode())
        handed = sessions.hand_to_users(sessions.cut(hits.filter(has_user), timeout)).drop("session", "started")
        hits = pl.concat([hits.filter(~has_user), traffic.name_kinds(handed, goals).select(looked_at.columns)]).collect().lazy()
    return sessions.set_aside(sessions.cut(hits, timeout))


def _is_inside(begin: datetime | None, end: datetime | None, column: str | None = None) -> pl.Expr:
    """Tell what lies in the period: a session, whole, by its start; a hit of no session by its own time."""
    when = pl.col(column) if column else pl.coalesce("started", "time")
    limits = [] if begin is None else [when >= begin.astimezone(UTC)]
    limits += [] if end is None else [when < end.astimezone(UTC)]
    return pl.all_horizontal(when.is_not_null(), *limits)


def _fates(cells: pl.DataFrame, decided: pl.DataFrame, hits: pl.DataFrame) -> tuple[dict[str, int], dict[str, dict[str, int]]]:
    """Return what became of every line, `lines` and each of FATES, which add up to it; and the reasons of two of them."""
    problems = dict(cells.filter(pl.col("problem").is_not_null()).group_by("problem").len().rows())
    found = dict(decided.group_by("fate").len().rows())
    counts = {fate: int(found.get(fate, 0)) + int(problems.pop(fate, 0)) for fate in FATES}
    counts["unparsed"] = sum(problems.values())
    counts["outside"] = hits.filter((pl.col("fate") == "kept") & ~pl.col("inside")).height
    counts["kept"] -= counts["outside"]
    bots = dict(decided.filter(pl.col("reason").is_not_null()).group_by("reason").len().rows())
    by_reason = {"unparsed_by_reason": dict(sorted(problems.items())), "bot_by_reason": dict(sorted(bots.items()))}
    return {"lines": cells.height, **counts}, by_reason


def prepare(hits: pl.DataFrame, table: pl.DataFrame, goals: Goals, ends: datetime | None, identities: pl.LazyFrame) -> Analysis:
    """Return the analysis of some visitors' matched hits and sessions, their chains found; `identities` may know of more visitors."""
    frame, names = hits.lazy(), [funnel.name for funnel in goals.funnels]
    chains = dict(zip(names, _collected(funnels.chains(frame, funnel).filter("inside") for funnel in goals.funnels), strict=True))
    seen = _collected(looked_at(frame, funnel) for funnel in goals.funnels)
    at = list(zip(seen, chains.values(), goals.funnels, strict=True))
    later = _collected(behind(pages, found, funnel) for pages, found, funnel in at)
    went = _collected(departures(pages, rows, found, funnel) for rows, (pages, found, funnel) in zip(later, at, strict=True))
    return Analysis(frame, table.lazy(), chains, dict(zip(names, went, strict=True)), goals, ends, identities)


def _collected(queries: Iterable[pl.LazyFrame]) -> list[pl.LazyFrame]:
    """Collect frames that several queries are built on."""
    return [frame.lazy() for frame in pl.collect_all(list(queries))]


def tally(analysis: Analysis, reports: Sequence[str]) -> Tallies:
    """Return the tallies of some reports, in which a column `visitor` holds ids that may be shown."""
    wanted = [(report, name, frame) for report in reports for name, frame in plugins.load("reports", report).tally(analysis).items()]
    tallies: Tallies = {report: {} for report in reports}
    for (report, name, _), frame in zip(wanted, pl.collect_all([frame for _, _, frame in wanted]), strict=True):
        tallies[report][name] = _with_ids(frame, analysis.identities) if "visitor" in frame.columns else frame
    return tallies


def _with_ids(tally: pl.DataFrame, identities: pl.LazyFrame) -> pl.DataFrame:
    """Put an id in the place of every visitor's number: ids are made of visitors that are shown, and of no others."""
    shown = identities.join(tally.lazy().select("visitor").unique(), on="visitor", how="semi").collect()
    ids = pl.DataFrame({"visitor": shown["visitor"], "id": pl.Series(visitor_ids.of(shown["identity"]), dtype=pl.String)})
    return tally.join(ids, on="visitor", how="left", maintain_order="left").with_columns(visitor="id").drop("id")


def run(  # noqa: PLR0913 (every filter of a run is one keyword)
    paths: Iterable[str | Path],
    reports: Sequence[str] | None = None,
    goals: str | Path | Goals | None = None,
    *,
    log_format: str = "auto",
    since: str | None = None,
    until: str | None = None,
    last: str | None = None,
    where: Iterable[str] = (),
    sort: str | None = None,
    rejects: bool = False,
) -> Document:
    """Read logs and return reports, those of `convkit report` by default; `goals` is a goals file, or goals that were loaded.

    `where` is as in `analyze`; `sort` is a column, its largest values first, or `COLUMN:asc`. Raises InputError, UsageError.
    """
    loaded = load_goals(goals) if goals is None or isinstance(goals, (str, Path)) else goals
    paths, names, where = list(paths), list(reports or documents.whole_report()), [where] if isinstance(where, str) else list(where)
    order = sorting.parse(sort, documents.columns_of(names)) if sort is not None else None
    done = analyze(paths, loaded, log_format=log_format, since=since, until=until, last=last, where=where, rejects=rejects)
    command = documents.command_of("drop-off", [str(path) for path in paths], loaded.file, where)
    return documents.finish(done, tally(done.analysis, names), is_whole=reports is None, command=command, sort=order)
