"""The cells of all lines -> the analysis that reports are made of.

It stands alone because the same cells may be analyzed more than once: under other goals, with other bots, for other sessions.
"""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import polars as pl

from convkit.analysis import splits
from convkit.analysis.analysis import Run
from convkit.analysis.scopes import Matched, within
from convkit.analysis.tallying import prepare, split_by
from convkit.core import facts, lists
from convkit.core.collecting import collected
from convkit.core.progress import UNWATCHED
from convkit.core.schema import FATES
from convkit.core.tables import Period
from convkit.engine import deciding
from convkit.formats.parsers.assets import Assets
from convkit.goals import matching, variants
from convkit.ingest import reading
from convkit.ingest import sources as ingest_sources
from convkit.ingest.identified import as_users
from convkit.ingest.intake import Intake, take_in
from convkit.ingest.whole import Taken
from convkit.reports.asides import sensitivity
from convkit.sessions import arrivals, sessions
from convkit.traffic import askers, bot_lines, traffic
from convkit.traffic.proxies import clients

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from convkit.analysis.analysis import Analysis
    from convkit.analysis.scopes import Scope
    from convkit.core.definitions import Goals
    from convkit.core.progress import Progress
    from convkit.ingest.reading import Paths


def take(
    logs: Sequence[reading.Log], goals: Goals, *, rejects: bool = False, assets: bool = False, progress: Progress = UNWATCHED
) -> tuple[Intake, tuple[reading.Log, ...]]:
    """Read what the lines of the logs say, and return the logs by their number, which does not depend on the command line.

    Of assets those are read that a goal may name, or all.
    """
    lines = take_in(logs, assets_of(goals, is_all=assets), traffic.narrow, rejects=rejects, progress=progress)
    cells = collected(lines.cells, 0)
    if len(logs) > 1:
        ranks = collected(ingest_sources.ranks(cells.lazy(), [log.source.name for log in logs]), cells.height)
        cells, logs = collected(ingest_sources.ranked(cells.lazy(), ranks.lazy()), cells.height), [logs[number] for number in ranks["source"]]
    if goals.site.trusted_proxy:
        cells = collected(clients(cells.lazy(), goals.site.trusted_proxy), cells.height)
    cells = collected(as_users(collected(ingest_sources.without_duplicates(cells), cells.height)), cells.height)
    return Intake(cells, lines.losses, lines.rejects), tuple(logs)


def assets_of(goals: Goals, *, is_all: bool = False) -> Assets:
    """Return the assets that are read: those that a goal may name, or all."""
    known = tuple(lists.words("assets"))
    return Assets(known if is_all else traffic.kept_assets(goals, known))


def one_asset_each(intake: Intake) -> Intake:
    """Return the same with one asset of every asker: most lines of a log tell nothing new."""
    cells, more = askers.each_once(intake.cells)
    return replace(intake, cells=cells, more=more)


def once(taken: Taken) -> Taken:
    """Return the same for whoever asks for no single line: a third of the cells."""
    intake = one_asset_each(taken.intake)
    return replace(taken, intake=intake, cells=intake.cells.lazy(), size=intake.cells.height)


@dataclass(frozen=True)
class Opened:
    """Logs that were not read yet, in the order of the command line, and sentences of those that were left out."""

    logs: list[reading.Log]
    copies: tuple[str, ...]

    def taken(self, intake: Intake, numbered: Sequence[reading.Log], cells: pl.LazyFrame, size: int) -> Taken:
        """Return what they hold."""
        names, has_local_times = tuple(log.source.name for log in self.logs), any(log.has_local_times for log in self.logs)
        return Taken(intake, cells, size, names, tuple(numbered), self.copies, has_local_times)

    def read(self, goals: Goals, *, rejects: bool = False, assets: bool = False, progress: Progress = UNWATCHED) -> Taken:
        """Read them into memory. Raises InputError."""
        intake, numbered = take(self.logs, goals, rejects=rejects, assets=assets, progress=progress)
        return self.taken(intake, numbered, intake.cells.lazy(), intake.cells.height)


def opened(paths: Paths, goals: Goals, log_format: str, stack: ExitStack, needed: Collection[str] = ()) -> Opened:
    """Open logs in a format, `auto` for what the goals file or the logs say; `needed` are facts of sessions. Raises InputError, UsageError."""
    copies: list[str] = []
    logs = reading.open_logs(paths, goals.site.log_format if log_format == "auto" else log_format, stack, traffic.asked(goals, needed), copies)
    return Opened(logs, tuple(copies))


def read(  # noqa: PLR0913 (whoever reads says what of the logs is wanted)
    paths: Paths,
    goals: Goals,
    log_format: str,
    *,
    needed: Collection[str] = (),
    rejects: bool = False,
    assets: bool = False,
    progress: Progress = UNWATCHED,
) -> Taken:
    """Open and read logs, as these do."""
    with ExitStack() as stack:
        return opened(paths, goals, log_format, stack, needed).read(goals, rejects=rejects, assets=assets, progress=progress)


def analyze_cells(taken_in: Intake, goals: Goals, scope: Scope) -> Run:
    """Go from the cells of all lines to the analysis."""
    return look_at(match(taken_in, goals, scope.bots, scope.needed(goals)), taken_in, goals, scope)


def match(taken_in: Intake, goals: Goals, mode: str, needed: frozenset[str]) -> Matched:
    """Go from the cells of all lines to sessions and what they reached; `mode` is one of BOTS, `needed` are facts of sessions."""
    visitors = deciding.visitors(taken_in.cells, goals, mode, needed, taken_in.whole)
    hits, met = _sessionized(taken_in, visitors, goals, mode, needed)
    hits = collected(matching.match(hits.lazy(), goals).with_row_index("row"), hits.height)
    own = taken_in.whole.own_hosts
    if own is None:
        own = arrivals.own_hosts(_hosts(hits)) if asks_for_hosts(goals, needed) else ()
    table = _sessions(hits, goals, needed, own)
    return Matched(hits.drop("referrer", "sent_query", strict=False), table, visitors, met, needed, own)


def _sessionized(taken_in: Intake, visitors: pl.DataFrame, goals: Goals, mode: str, needed: Collection[str]) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return the hits that are looked at, cut into sessions, and what became of all."""
    settled, met = deciding.settled(taken_in.cells, visitors, goals, mode, needed, taken_in.whole)
    looked_at = settled.filter(traffic.is_looked_at(mode)).drop("user_agent", "reason")
    del settled  # Of all hits at once, every frame counts.
    return collected(deciding.sessionized(looked_at, goals), looked_at.height), met


def hosts(taken_in: Intake, goals: Goals, mode: str, needed: Collection[str]) -> pl.DataFrame:
    """Return the tally of hosts (`arrivals.hosts`)."""
    visitors = deciding.visitors(taken_in.cells, goals, mode, needed, taken_in.whole)
    return _hosts(_sessionized(taken_in, visitors, goals, mode, needed)[0])


def look_at(matched: Matched, taken_in: Intake, goals: Goals, scope: Scope) -> Run:
    """Go from what is matched to the analysis of a scope."""
    cells, by, met = taken_in.cells, scope.by, matched.met
    begins, ends = taken_in.whole.span or span(cells)
    begin, end = scope.wanted.limits(ends, goals.site.timezone)
    found = within(matched, goals, scope.asked, begin, end)
    knows_macro = bool(goals.macros) and (goals.file is not None or found.converts)
    fates, reasons = _fates(taken_in, met, found.hits)
    period = _period(begin or begins, end - timedelta(seconds=1) if end else ends, goals.site.timezone)
    analysis = prepare(found.hits, found.sessions, goals, ends, askers.identities(matched.visitors.lazy(), cells.lazy(), goals.site))
    divided = None if by is None else split_by(analysis, collected(splits.values(by, analysis.sessions, analysis.hits, goals), found.hits.height))
    sent = bot_lines.tally(met)
    run = Run(analysis, fates, reasons, period, knows_macro, where=found.where, losses=taken_in.losses, rejects=taken_in.rejects, bot_lines=sent)
    quality = bot_lines.of_bots(sent)
    return replace(run, of_variants=found.of_variants, own_hosts=matched.own_hosts, bots=scope.bots, quality=quality, split=divided)


def under_other_choices(taken_in: Intake, analysis: Analysis, scope: Scope) -> pl.DataFrame:
    """Return how far the funnels of an analysis get, and how far they get under every other choice."""
    rows = [collected(sensitivity.asked(analysis, scope.bots), analysis.size)]
    for other in sensitivity.variants(analysis.goals, scope.bots):
        if other.goals.funnels:
            again = analyze_cells(taken_in, other.goals, replace(scope, bots=other.bots, by=None)).analysis
            rows.append(collected(sensitivity.otherwise(again, other), again.size))
    return pl.concat(rows)


def asks_for_hosts(goals: Goals, needed: Collection[str]) -> bool:
    """Tell whether it must be found out which hosts are the site's own."""
    return facts.CHANNEL in needed and not goals.site.hosts


def _hosts(hits: pl.DataFrame) -> pl.DataFrame:
    """Return the tally of hosts of sessionized hits."""
    return collected(arrivals.hosts(hits.lazy()), hits.height)


def _sessions(hits: pl.DataFrame, goals: Goals, needed: Collection[str], own: tuple[str, ...]) -> pl.DataFrame:
    """Return the table of all sessions that were read; `own` are the site's own hosts where nobody named them."""
    macros, columns = [goal.column for goal in goals.macros], [goal.column for goal in goals.goals]
    table = collected(sessions.table(hits.lazy(), macros, columns, needed), hits.height)
    for name in variants.names(needed):
        seen = collected(variants.seen(hits.lazy(), name, goals.site.variants[name]), hits.height)
        table = collected(variants.add(table.lazy(), seen.lazy(), name), table.height)
    if facts.CHANNEL not in needed:
        return table
    return collected(arrivals.add(table.lazy(), goals.site, own), table.height)


def _period(begin: datetime | None, end: datetime | None, timezone: str) -> Period:
    """Return a period, both ends inside, in the site's time zone."""
    if begin is None or end is None:
        return Period(None, None, timezone)
    zone = ZoneInfo(timezone)
    return Period(begin.astimezone(zone), max(begin, end).astimezone(zone), timezone)


def span(records: pl.DataFrame) -> tuple[datetime | None, datetime | None]:
    """Return the times of the first and the last record."""
    return records.select(first=pl.col("time").min(), last=pl.col("time").max()).row(0)


def _fates(taken_in: Intake, met: pl.DataFrame, hits: pl.DataFrame) -> tuple[dict[str, int], dict[str, dict[str, int]]]:
    """Return what became of every line, `lines` and each of FATES, which add up to it; and the reasons of two of them."""
    cells, more = taken_in.cells, sum(taken_in.more.values())
    problems = dict(cells.select("problem").drop_nulls().group_by("problem").len().rows())
    found = dict(met.group_by("fate").len().rows())
    counts = {fate: int(found.get(fate, 0)) + int(problems.pop(fate, 0)) for fate in FATES}
    counts["asset"] += more
    counts["unparsed"] = sum(problems.values())
    outside = hits.filter((pl.col("fate") == "kept") & ~pl.col("inside")).height
    counts |= {"outside": counts["outside"] + outside, "kept": counts["kept"] - outside}
    bots = dict(met.filter(pl.col("fate") == "bot").group_by("reason").len().rows())
    by_reason = {"unparsed_by_reason": dict(sorted(problems.items())), "bot_by_reason": dict(sorted(bots.items()))}
    return {"lines": cells.height + more, **counts}, by_reason
