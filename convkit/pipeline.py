"""The way of the data from files to reports, and the only place that collects.

It stands alone because whoever wants to know in which order things happen reads this file.
"""

from __future__ import annotations

import shlex
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import polars as pl

from convkit import funnels, lists, matching, plugins, reading, sessions, traffic
from convkit.analysis import Analysis, View
from convkit.departures import departures
from convkit.errors import InputError
from convkit.figures import plural
from convkit.findings import find
from convkit.goals import load_goals
from convkit.periods import parse_period
from convkit.schema import FATES
from convkit.tables import Document, Period, add
from convkit.version import __version__

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence


    from convkit.definitions import Goals
    from convkit.periods import Wanted
    from convkit.tables import Report

_MOST_LOGS = 3
"""How many logs a suggested command names."""
Tallies = dict[str, dict[str, pl.DataFrame]]
"""By report, by name: what `add` merges and `present` takes."""


@dataclass(frozen=True)
class Run:
    """An analysis, and what is said of its input."""

    analysis: Analysis
    input: Mapping[str, int | Mapping[str, int]]
    period: Period
    logs: tuple[str, ...]
    knows_macro: bool


def analyze(
    paths: Iterable[str | Path],
    goals: Goals | None = None,
    *,
    log_format: str = "auto",
    since: str | None = None,
    until: str | None = None,
    last: str | None = None,
) -> Run:
    """Read logs and return their analysis; `goals` are the built-in ones by default.

    Raises InputError, UsageError.
    """
    goals = goals or load_goals()
    wanted = parse_period(since, until, last, goals.site.timezone)
    with ExitStack() as stack:
        logs = reading.open_logs(paths, goals.site.log_format if log_format == "auto" else log_format, stack)
        extensions = traffic.kept_assets(goals, lists.words("assets"))
        records, assets = _read(traffic.narrow(reading.records(logs, extensions)), reading.asset_visitors(logs, extensions))
    names = [log.source.name for log in logs]
    if len(names) > 1:
        records = traffic.rank_sources(records.lazy(), names).collect()
    return _analyze(records, assets, goals, wanted, tuple(names))


def _read(*queries: pl.LazyFrame) -> list[pl.DataFrame]:
    """Collect what reads the logs; InputError where one of them is damaged."""
    try:
        return [query.collect(engine="streaming") for query in queries]
    except (pl.exceptions.ComputeError, pl.exceptions.SchemaError, OSError) as error:
        reason = str(error).strip().partition("\n")[0]
        raise InputError(f"a log is damaged, or holds bytes that no log holds ({reason}); read it without that file, or repair it") from None


def _analyze(records: pl.DataFrame, assets: pl.DataFrame, goals: Goals, wanted: Wanted, logs: tuple[str, ...]) -> Run:
    """Go from records in memory to the analysis."""
    decided = traffic.decide(records.lazy(), goals).collect()
    settled = traffic.settle(traffic.name_kinds(decided.lazy().filter(pl.col("fate").is_null() | pl.col("asset")), goals)).collect()
    begins, ends = _span(records)
    begin, end = wanted.limits(ends, goals.site.timezone)
    with_assets = traffic.visitors(assets.lazy(), goals.site).collect()
    looked_at = settled.filter(traffic.is_looked_at()).with_columns(has_assets=_has_assets(with_assets))
    hits = _sessionized(looked_at, goals).with_columns(inside=_is_inside(begin, end)).collect()
    early = decided.filter(pl.col("fate").is_not_null() & ~pl.col("asset"))
    fates = _fates(records, assets, pl.concat([early.select("fate", "reason"), settled.select("fate", "reason")]), hits)
    hits = matching.match(hits.lazy(), goals).with_row_index("row").collect()
    columns = [goal.column for goal in goals.goals]
    table = sessions.table(hits.lazy(), [goal.column for goal in goals.macros], columns).filter(_is_inside(begin, end, "started")).collect()
    period = _period(begin or begins, end - timedelta(microseconds=1) if end else ends, goals.site.timezone)
    knows_macro = bool(goals.macros) and (goals.file is not None or bool(table["converted"].any()))
    return Run(prepare(hits, table, goals, ends), fates, period, logs, knows_macro)


def _period(begin: datetime | None, end: datetime | None, timezone: str) -> Period:
    """Return a period, both ends inside, in the site's time zone."""
    if begin is None or end is None:
        return Period(None, None, timezone)
    zone = ZoneInfo(timezone)
    return Period(begin.astimezone(zone), max(begin, end).astimezone(zone), timezone)


def _has_assets(with_assets: pl.DataFrame) -> pl.Expr:
    """Tell visitors who fetched assets; null where nobody did, as behind a content delivery network."""
    if with_assets.is_empty():
        return pl.lit(None, dtype=pl.Boolean)
    return pl.col("visitor").is_in(with_assets["visitor"].implode())


def _span(records: pl.DataFrame) -> tuple[datetime | None, datetime | None]:
    """Return the times of the first and the last record."""
    return records.select(first=pl.col("time").min(), last=pl.col("time").max()).row(0)


def _sessionized(looked_at: pl.DataFrame, goals: Goals) -> pl.LazyFrame:
    """Cut sessions; where users are known, once by address and browser to find whose they are, then by the users."""
    hits = looked_at.lazy()
    if looked_at["user_visitor"].null_count() < looked_at.height:
        handed = sessions.hand_to_users(sessions.cut(hits, goals.site.session_timeout)).drop("session", "started")
        hits = traffic.name_kinds(handed, goals).collect().lazy()
    return sessions.set_aside(sessions.cut(hits, goals.site.session_timeout))


def _is_inside(begin: datetime | None, end: datetime | None, column: str | None = None) -> pl.Expr:
    """Tell what lies in the period: a session, whole, by its start; a hit of no session by its own time."""
    when = pl.col(column) if column else pl.coalesce("started", "time")
    after = pl.lit(value=True) if begin is None else when >= begin.astimezone(UTC)
    before = pl.lit(value=True) if end is None else when < end.astimezone(UTC)
    return (after & before).fill_null(value=False)


def _fates(records: pl.DataFrame, assets: pl.DataFrame, decided: pl.DataFrame, hits: pl.DataFrame) -> dict[str, int | dict[str, int]]:
    """Return what became of every line: `lines`, each of FATES, which add up to it, and the reasons of two of them."""
    problems = dict(records.filter(pl.col("problem").is_not_null()).group_by(pl.col("problem").cast(pl.String)).len().rows())
    found = dict(decided.group_by(pl.col("fate").cast(pl.String)).len().rows())
    counts = {fate: int(found.get(fate, 0)) + int(problems.pop(fate, 0)) for fate in FATES}
    plain = int(assets["n"].sum())
    counts["asset"] += plain
    counts["unparsed"] = sum(problems.values())
    counts["outside"] = hits.filter((pl.col("fate") == "kept") & ~pl.col("inside")).height
    counts["kept"] -= counts["outside"]
    bots = dict(decided.filter(pl.col("reason").is_not_null()).group_by("reason").len().rows())
    by_reason = {"unparsed_by_reason": dict(sorted(problems.items())), "bot_by_reason": dict(sorted(bots.items()))}
    return {"lines": records.height + plain, **counts, **by_reason}


def prepare(hits: pl.DataFrame, table: pl.DataFrame, goals: Goals, ends: datetime | None) -> Analysis:
    """Return the analysis of some visitors' matched hits and sessions, their chains found."""
    frame = hits.lazy()
    chains = {
        funnel.name: found.lazy()
        for funnel, found in zip(
            goals.funnels, pl.collect_all([funnels.chains(frame, funnel).filter("inside") for funnel in goals.funnels]), strict=True
        )
    }
    went = {
        funnel.name: found.lazy()
        for funnel, found in zip(
            goals.funnels, pl.collect_all([departures(frame, chains[funnel.name], funnel) for funnel in goals.funnels]), strict=True
        )
    }
    return Analysis(frame, table.lazy(), chains, went, goals, ends)


def tally(analysis: Analysis, reports: Sequence[str]) -> Tallies:
    """Return the tallies of some reports."""
    wanted = [(report, name, frame) for report in reports for name, frame in plugins.load("reports", report).tally(analysis).items()]
    tallies: Tallies = {report: {} for report in reports}
    for (report, name, _), frame in zip(wanted, pl.collect_all([frame for _, _, frame in wanted]), strict=True):
        tallies[report][name] = frame
    return tallies


def add_tallies(parts: Sequence[Tallies]) -> Tallies:
    """Add the tallies of parts of the visitors."""
    return {report: {name: add([part[report][name] for part in parts]) for name in tallies} for report, tallies in parts[0].items()}


def present(tallies: Tallies, view: View) -> dict[str, Report]:
    """Return the finished reports."""
    return {report: plugins.load("reports", report).present(tallies[report], view) for report in tallies}


def run(
    paths: Iterable[str | Path],
    reports: Sequence[str] | None = None,
    goals: str | Path | Goals | None = None,
    *,
    log_format: str = "auto",
    since: str | None = None,
    until: str | None = None,
    last: str | None = None,
) -> Document:
    """Read logs and return reports, all of them by default; `goals` is a goals file, or goals that were loaded."""
    loaded = load_goals(goals) if goals is None or isinstance(goals, (str, Path)) else goals
    paths = list(paths)
    done = analyze(paths, loaded, log_format=log_format, since=since, until=until, last=last)
    names = list(reports or whole_report())
    read = [str(path) for path in paths]
    return document(done, tally(done.analysis, names), is_whole=reports is None, command=_command("drop-off", read, loaded.file))


def whole_report() -> list[str]:
    """Return the reports that `convkit report` is made of, in the order of its screen."""
    modules = plugins.load_all("reports")
    return sorted(modules, key=lambda name: int(modules[name].IN_REPORT))


def _command(report: str, paths: list[str], goals_file: str | None) -> str:
    """Return the command of another report on the same logs, empty where it would be too long or cannot be run again."""
    if len(paths) > _MOST_LOGS or reading.STANDARD_INPUT in paths:
        return ""
    return shlex.join(["convkit", report, *paths, *(["-g", goals_file] if goals_file not in {None, "goals.yaml"} else [])])


def document(done: Run, tallies: Tallies, *, is_whole: bool, command: str = "") -> Document:
    """Return what outputs take: the reports, and what is said of their input; `command` shows more of the first finding."""
    goals = done.analysis.goals
    view = View(goals, done.period, done.input, done.knows_macro)
    reports = present(tallies, view)
    return Document(
        version=__version__,
        logs=done.logs,
        goals_file=goals.file,
        goals_summary=_summary(goals),
        input=done.input,
        period=done.period,
        reports=reports,
        findings=find(reports, view, command) if is_whole else (),
        is_whole=is_whole,
    )


def _summary(goals: Goals) -> str:
    """Return what a goals file holds, in words."""
    number = f"{plural(len(goals.goals), 'goal')}, {len(goals.macros)} of them macro"
    return f"{number}; {plural(len(goals.funnels), 'funnel')}" if goals.funnels else number
