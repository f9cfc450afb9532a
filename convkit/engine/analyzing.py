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

from convkit.analysis import breakdown
from convkit.analysis.analysis import Run
from convkit.analysis.segment import Matched, select_segment
from convkit.analysis.tallies import break_down, build_analysis
from convkit.core import datafiles, schema
from convkit.core.collect import collect_frame
from convkit.core.document import Period
from convkit.core.progress import NO_PROGRESS
from convkit.core.schema import FATES
from convkit.engine import deciding
from convkit.formats.parsers.base import Assets
from convkit.goals import matching, variants
from convkit.ingest.load import LogData, load_logs
from convkit.ingest.log_data import Taken
from convkit.ingest.logs import Log, open_logs
from convkit.ingest.merge import identify_users, mark_duplicates, rank_sources, source_ranks
from convkit.reports.asides import sensitivity
from convkit.sessions import channels, sessionize
from convkit.traffic import bots as traffic_bots
from convkit.traffic import hits as traffic_hits
from convkit.traffic import visitors as traffic_visitors
from convkit.traffic.proxies import resolve_proxies

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from convkit.analysis.analysis import Analysis
    from convkit.analysis.segment import Segment
    from convkit.core.model import Goals
    from convkit.core.progress import Progress
    from convkit.files.paths import Paths


def take(
    logs: Sequence[Log], goals: Goals, *, rejects: bool = False, assets: bool = False, progress: Progress = NO_PROGRESS
) -> tuple[LogData, tuple[Log, ...]]:
    """Read what the lines of the logs say, and return the logs by their number, which does not depend on the command line.

    Of assets those are read that a goal may name, or all.
    """
    lines = load_logs(logs, assets_of(goals, is_all=assets), traffic_hits.select_needed, rejects=rejects, progress=progress)
    cells = collect_frame(lines.cells, 0)
    if len(logs) > 1:
        ranks = collect_frame(source_ranks(cells.lazy(), [log.source.name for log in logs]), cells.height)
        cells, logs = collect_frame(rank_sources(cells.lazy(), ranks.lazy()), cells.height), [logs[number] for number in ranks["source"]]
    if goals.site.trusted_proxy:
        cells = collect_frame(resolve_proxies(cells.lazy(), goals.site.trusted_proxy), cells.height)
    cells = collect_frame(identify_users(collect_frame(mark_duplicates(cells), cells.height)), cells.height)
    return LogData(cells, lines.losses, lines.rejects), tuple(logs)


def assets_of(goals: Goals, *, is_all: bool = False) -> Assets:
    """Return the assets that are read: those that a goal may name, or all."""
    known = tuple(datafiles.words("assets"))
    return Assets(known if is_all else traffic_hits.goal_asset_extensions(goals, known))


def one_asset_each(intake: LogData) -> LogData:
    """Return the same with one asset of every asker: most lines of a log tell nothing new."""
    cells, more = traffic_visitors.deduplicate_assets(intake.cells)
    return replace(intake, cells=cells, more=more)


def once(taken: Taken) -> Taken:
    """Return the same for whoever asks for no single line: a third of the cells."""
    intake = one_asset_each(taken.intake)
    return replace(taken, intake=intake, cells=intake.cells.lazy(), size=intake.cells.height)


@dataclass(frozen=True)
class Opened:
    """Logs that were not read yet, in the order of the command line, and sentences of those that were left out."""

    logs: list[Log]
    copies: tuple[str, ...]

    def taken(self, intake: LogData, numbered: Sequence[Log], cells: pl.LazyFrame, size: int) -> Taken:
        """Return what they hold."""
        names, has_local_times = tuple(log.source.name for log in self.logs), any(log.has_local_times for log in self.logs)
        return Taken(intake, cells, size, names, tuple(numbered), self.copies, has_local_times)

    def read(self, goals: Goals, *, rejects: bool = False, assets: bool = False, progress: Progress = NO_PROGRESS) -> Taken:
        """Read them into memory. Raises InputError."""
        intake, numbered = take(self.logs, goals, rejects=rejects, assets=assets, progress=progress)
        return self.taken(intake, numbered, intake.cells.lazy(), intake.cells.height)


def opened(paths: Paths, goals: Goals, log_format: str, stack: ExitStack, needed: Collection[str] = ()) -> Opened:
    """Open logs in a format, `auto` for what the goals file or the logs say; `needed` are facts of sessions. Raises InputError, UsageError."""
    copies: list[str] = []
    logs = open_logs(paths, goals.site.log_format if log_format == "auto" else log_format, stack, traffic_hits.parser_needs(goals, needed), copies)
    return Opened(logs, tuple(copies))


def read(  # noqa: PLR0913 (whoever reads says what of the logs is wanted)
    paths: Paths,
    goals: Goals,
    log_format: str,
    *,
    needed: Collection[str] = (),
    rejects: bool = False,
    assets: bool = False,
    progress: Progress = NO_PROGRESS,
) -> Taken:
    """Open and read logs, as these do."""
    with ExitStack() as stack:
        return opened(paths, goals, log_format, stack, needed).read(goals, rejects=rejects, assets=assets, progress=progress)


def analyze_cells(taken_in: LogData, goals: Goals, scope: Segment) -> Run:
    """Go from the cells of all lines to the analysis."""
    return look_at(match(taken_in, goals, scope.bots, scope.needed(goals)), taken_in, goals, scope)


def match(taken_in: LogData, goals: Goals, mode: str, needed: frozenset[str]) -> Matched:
    """Go from the cells of all lines to sessions and what they reached; `mode` is one of BOT_MODES, `needed` are facts of sessions."""
    visitors = deciding.visitors(taken_in.cells, goals, mode, needed, taken_in.whole)
    hits, met = _sessionized(taken_in, visitors, goals, mode, needed)
    hits = collect_frame(matching.match_goals(hits.lazy(), goals).with_row_index("row"), hits.height)
    own = taken_in.whole.own_hosts
    if own is None:
        own = channels.own_hosts(_hosts(hits)) if asks_for_hosts(goals, needed) else ()
    table = _sessions(hits, goals, needed, own)
    return Matched(hits.drop("referrer", "sent_query", strict=False), table, visitors, met, needed, own)


def _sessionized(taken_in: LogData, visitors: pl.DataFrame, goals: Goals, mode: str, needed: Collection[str]) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return the hits that are looked at, cut into sessions, and what became of all."""
    settled, met = deciding.settled(taken_in.cells, visitors, goals, mode, needed, taken_in.whole)
    looked_at = settled.filter(traffic_hits.is_analyzed(mode)).drop("user_agent", "reason")
    del settled  # Of all hits at once, every frame counts.
    return collect_frame(deciding.sessionized(looked_at, goals), looked_at.height), met


def hosts(taken_in: LogData, goals: Goals, mode: str, needed: Collection[str]) -> pl.DataFrame:
    """Return the tally of hosts (`channels.tally_hosts`)."""
    visitors = deciding.visitors(taken_in.cells, goals, mode, needed, taken_in.whole)
    return _hosts(_sessionized(taken_in, visitors, goals, mode, needed)[0])


def look_at(matched: Matched, taken_in: LogData, goals: Goals, scope: Segment) -> Run:
    """Go from what is matched to the analysis of a scope."""
    cells, by, met = taken_in.cells, scope.by, matched.met
    begins, ends = taken_in.whole.span or span(cells)
    begin, end = scope.wanted.limits(ends, goals.site.timezone)
    found = select_segment(matched, goals, scope.asked, begin, end)
    knows_macro = bool(goals.macros) and (goals.file is not None or found.converts)
    fates, reasons = _fates(taken_in, met, found.hits)
    period = _period(begin or begins, end - timedelta(seconds=1) if end else ends, goals.site.timezone)
    analysis = build_analysis(found.hits, found.sessions, goals, ends, traffic_visitors.identities(matched.visitors.lazy(), cells.lazy(), goals.site))
    divided = (
        None
        if by is None
        else break_down(analysis, collect_frame(breakdown.session_values(by, analysis.sessions, analysis.hits, goals), found.hits.height))
    )
    sent = traffic_bots.tally_bot_lines(met)
    run = Run(analysis, fates, reasons, period, knows_macro, where=found.where, losses=taken_in.losses, rejects=taken_in.rejects, bot_lines=sent)
    quality = traffic_bots.quality_of_bots(sent)
    return replace(run, of_variants=found.of_variants, own_hosts=matched.own_hosts, bots=scope.bots, quality=quality, split=divided)


def under_other_choices(taken_in: LogData, analysis: Analysis, scope: Segment) -> pl.DataFrame:
    """Return how far the funnels of an analysis get, and how far they get under every other choice."""
    rows = [collect_frame(sensitivity.chosen_rows(analysis, scope.bots), analysis.size)]
    for other in sensitivity.alternatives(analysis.goals, scope.bots):
        if other.goals.funnels:
            again = analyze_cells(taken_in, other.goals, replace(scope, bots=other.bots, by=None)).analysis
            rows.append(collect_frame(sensitivity.alternative_rows(again, other), again.size))
    return pl.concat(rows)


def asks_for_hosts(goals: Goals, needed: Collection[str]) -> bool:
    """Tell whether it must be found out which hosts are the site's own."""
    return schema.CHANNEL_FIELD in needed and not goals.site.hosts


def _hosts(hits: pl.DataFrame) -> pl.DataFrame:
    """Return the tally of hosts of sessionized hits."""
    return collect_frame(channels.tally_hosts(hits.lazy()), hits.height)


def _sessions(hits: pl.DataFrame, goals: Goals, needed: Collection[str], own: tuple[str, ...]) -> pl.DataFrame:
    """Return the table of all sessions that were read; `own` are the site's own hosts where nobody named them."""
    macros, columns = [goal.column for goal in goals.macros], [goal.column for goal in goals.goals]
    table = collect_frame(sessionize.session_table(hits.lazy(), macros, columns, needed), hits.height)
    for name in variants.variant_names(needed):
        seen = collect_frame(variants.visitors_shown(hits.lazy(), name, goals.site.variants[name]), hits.height)
        table = collect_frame(variants.add_variant(table.lazy(), seen.lazy(), name), table.height)
    if schema.CHANNEL_FIELD not in needed:
        return table
    return collect_frame(channels.add_acquisition(table.lazy(), goals.site, own), table.height)


def _period(begin: datetime | None, end: datetime | None, timezone: str) -> Period:
    """Return a period, both ends inside, in the site's time zone."""
    if begin is None or end is None:
        return Period(None, None, timezone)
    zone = ZoneInfo(timezone)
    return Period(begin.astimezone(zone), max(begin, end).astimezone(zone), timezone)


def span(records: pl.DataFrame) -> tuple[datetime | None, datetime | None]:
    """Return the times of the first and the last record."""
    return records.select(first=pl.col("time").min(), last=pl.col("time").max()).row(0)


def _fates(taken_in: LogData, met: pl.DataFrame, hits: pl.DataFrame) -> tuple[dict[str, int], dict[str, dict[str, int]]]:
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
