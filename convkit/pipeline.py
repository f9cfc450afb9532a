"""The way of the data from files to reports, and the only place that collects but for `loading` and `intake`, which read.

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

from convkit import behaviour, documents, events, funnels, lists, matching, plugins, reading, sessions, traffic
from convkit.analysis import Analysis, Run
from convkit.definitions import BOTS
from convkit.departures import behind, departures, looked_at
from convkit.errors import UsageError, did_you_mean
from convkit.goals import load_goals
from convkit.intake import take_in
from convkit.periods import parse_period
from convkit.progress import UNWATCHED
from convkit.schema import FATES, RECORDS
from convkit.tables import Period

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from convkit.definitions import Goals
    from convkit.documents import Tallies
    from convkit.intake import Intake
    from convkit.periods import Wanted
    from convkit.progress import Progress
    from convkit.tables import Document

_MOST_AGENTS = 5
"""How many agents of bots are told."""


def read_records(paths: Iterable[str | Path], log_format: str = "auto") -> pl.LazyFrame:
    """Return what logs say, nothing decided (RECORDS): of every line that is one, assets included. Raises InputError, UsageError."""
    logs = reading.open_files(paths, log_format)
    return reading.records(reading.cells(logs, all_assets=True)).filter(pl.col("problem").is_null()).select(*RECORDS)


def read_hits(paths: Iterable[str | Path], goals: Goals | None = None, log_format: str = "auto") -> pl.LazyFrame:
    """Return the hits of logs (HITS) that people sent, sorted by visitor and ORDER, with `names:<goal>`. Raises InputError, UsageError."""
    goals = goals or load_goals()
    with ExitStack() as stack:
        cells = _read(reading.open_logs(paths, log_format, stack, traffic.asked(goals)), goals).cells
    is_person = pl.col("reason").is_null() & ~pl.col("fate").is_in(["asset", "excluded"])
    return _settled(_decided(cells, goals, "drop"), goals, "drop").lazy().filter(is_person).drop("user_agent", "reason")


def analyze(  # noqa: PLR0913 (every filter of a run is one keyword)
    paths: Iterable[str | Path],
    goals: Goals | None = None,
    *,
    log_format: str = "auto",
    since: str | None = None,
    until: str | None = None,
    last: str | None = None,
    bots: str = "drop",
    rejects: bool = False,
    progress: Progress = UNWATCHED,
) -> Run:
    """Read logs and return their analysis; `goals` are the built-in ones by default.

    `bots` are left out (`drop`), counted like people (`keep`), or looked at alone (`only`). Raises InputError, UsageError.
    """
    if bots not in BOTS:
        raise UsageError(f"bots={bots!r} is unknown{did_you_mean(bots, BOTS)}; known are {', '.join(BOTS)}")
    goals = goals or load_goals()
    wanted = parse_period(since, until, last, goals.site.timezone)
    with ExitStack() as stack:
        asked, copies = traffic.asked(goals), list[str]()
        logs = reading.open_logs(paths, goals.site.log_format if log_format == "auto" else log_format, stack, asked, copies)
        taken_in = _read(logs, goals, rejects=rejects, progress=progress)
    done = _analyze(taken_in, tuple(log.source.name for log in logs), goals, wanted, bots)
    return replace(done, copies=tuple(copies), has_local_times=any(log.has_local_times for log in logs))


def _read(logs: Sequence[reading.Log], goals: Goals, *, rejects: bool = False, progress: Progress = UNWATCHED) -> Intake:
    """Read what the lines of the logs say, sources numbered without regard to the command line."""
    taken_in = take_in(logs, traffic.kept_assets(goals, lists.words("assets")), rejects=rejects, progress=progress)
    cells = taken_in.cells
    if len(logs) > 1:
        cells = traffic.rank_sources(cells.lazy(), [log.source.name for log in logs]).collect()
    return replace(taken_in, cells=traffic.without_duplicates(cells))


def _analyze(taken_in: Intake, names: tuple[str, ...], goals: Goals, wanted: Wanted, mode: str) -> Run:
    """Go from the cells of all lines to the analysis."""
    cells = taken_in.cells
    decided = _decided(cells, goals, mode)
    settled = _settled(decided, goals, mode)
    begins, ends = _span(cells)
    begin, end = wanted.limits(ends, goals.site.timezone)
    looked_at = settled.filter(traffic.is_looked_at(mode)).drop("user_agent", "reason")
    hits = _sessionized(looked_at, goals).with_columns(inside=_is_inside(begin, end)).collect()
    met = pl.concat([traffic.told(decided.lazy(), mode), settled.lazy().select("fate", "reason", "user_agent")]).collect()
    fates, reasons = _fates(cells, met, hits)
    hits = matching.match(hits.lazy(), goals).with_row_index("row").collect()
    columns = [goal.column for goal in goals.goals]
    table = sessions.table(hits.lazy(), [goal.column for goal in goals.macros], columns).filter(_is_inside(begin, end, "started")).collect()
    period = _period(begin or begins, end - timedelta(seconds=1) if end else ends, goals.site.timezone)
    knows_macro = bool(goals.macros) and (goals.file is not None or bool(table["converted"].any()))
    analysis = prepare(hits, table, goals, ends)
    run = Run(analysis, fates, reasons, period, names, knows_macro, losses=taken_in.losses, rejects=taken_in.rejects)
    return replace(run, bots=mode, bot_agents=_bot_agents(met))


def _settled(decided: pl.DataFrame, goals: Goals, mode: str) -> pl.DataFrame:
    """Settle the hits that agents alone do not: by all that visitors sent, whatever the period, they are bots or people."""
    kinds = traffic.name_kinds(decided.lazy().filter(~traffic.is_told(mode)), goals).collect()
    is_of_log = pl.col("event").is_null()
    open_cases = kinds.lazy().filter(is_of_log & pl.col("bot").is_null() & ~pl.col("spared") & ~traffic.is_plain_asset())
    behaviours = behaviour.reasons(open_cases).collect()
    return traffic.settle(behaviour.judge(kinds.lazy(), behaviours.lazy()), mode).collect()


def _decided(cells: pl.DataFrame, goals: Goals, mode: str) -> pl.DataFrame:
    """Decide on the lines that are records; what several queries ask of is collected first, or each would compute it again."""
    askers = traffic.askers(cells.lazy()).collect()
    visitors = traffic.visitors(askers.lazy(), goals.site, mode).collect()
    records = cells.filter(pl.col("problem").is_null())
    told = events.tell(records, goals, traffic.tested_columns(goals))
    return traffic.decide(records.lazy(), visitors.lazy(), traffic.targets(records.lazy(), goals), told, goals).collect()


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
    known = looked_at.filter(pl.col("user_visitor").is_not_null() & (pl.col("user_visitor") != pl.col("visitor")))
    hits = looked_at.lazy()
    if known.height:
        has_user = pl.col("visitor").is_in(pl.concat([known["visitor"], known["user_visitor"]]).unique().implode())
        handed = sessions.hand_to_users(sessions.cut(hits.filter(has_user), timeout)).drop("session", "started")
        hits = pl.concat([hits.filter(~has_user), traffic.name_kinds(handed, goals).select(looked_at.columns)]).collect().lazy()
    return sessions.set_aside(sessions.cut(hits, timeout))


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


def prepare(hits: pl.DataFrame, table: pl.DataFrame, goals: Goals, ends: datetime | None) -> Analysis:
    """Return the analysis of some visitors' matched hits and sessions, their chains found."""
    frame, names = hits.lazy(), [funnel.name for funnel in goals.funnels]
    chains = dict(zip(names, _collected(funnels.chains(frame, funnel).filter("inside") for funnel in goals.funnels), strict=True))
    seen = _collected(looked_at(frame, funnel) for funnel in goals.funnels)
    at = list(zip(seen, chains.values(), goals.funnels, strict=True))
    later = _collected(behind(pages, found, funnel) for pages, found, funnel in at)
    went = _collected(departures(pages, rows, found, funnel) for rows, (pages, found, funnel) in zip(later, at, strict=True))
    return Analysis(frame, table.lazy(), chains, dict(zip(names, went, strict=True)), goals, ends)


def _collected(queries: Iterable[pl.LazyFrame]) -> list[pl.LazyFrame]:
    """Collect frames that several queries are built on."""
    return [frame.lazy() for frame in pl.collect_all(list(queries))]


def tally(analysis: Analysis, reports: Sequence[str]) -> Tallies:
    """Return the tallies of some reports."""
    wanted = [(report, name, frame) for report in reports for name, frame in plugins.load("reports", report).tally(analysis).items()]
    tallies: Tallies = {report: {} for report in reports}
    for (report, name, _), frame in zip(wanted, pl.collect_all([frame for _, _, frame in wanted]), strict=True):
        tallies[report][name] = frame
    return tallies


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
    rejects: bool = False,
    progress: Progress = UNWATCHED,
) -> Document:
    """Read logs and return reports, all of them by default; `goals` is a goals file, or goals that were loaded."""
    loaded = load_goals(goals) if goals is None or isinstance(goals, (str, Path)) else goals
    paths = list(paths)
    done = analyze(paths, loaded, log_format=log_format, since=since, until=until, last=last, bots=bots, rejects=rejects, progress=progress)
    names = list(reports or documents.whole_report())
    read = [str(path) for path in paths]
    return documents.finish(done, tally(done.analysis, names), is_whole=reports is None, command=documents.command_of("drop-off", read, loaded.file))
