"""The stages of a run: from the lines of a part to hits, sessions, reached goals, and the analysis that reports are based on.

Each stage needs the previous stage's result for all hits in memory, so frames are collected between stages and dropped as soon as they are no longer
needed. The same part may be analyzed more than once, with different goals, bots or sessions.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import polars as pl

from convkit.analysis import breakdown
from convkit.analysis.segment import Matched, select_segment
from convkit.analysis.tallies import break_down, build_analysis, tally
from convkit.core import schema
from convkit.core.collect import collect_frame, collect_unshared
from convkit.core.conditions import any_of
from convkit.core.document import Period, sum_tallies
from convkit.core.quality import BotSessions, is_third
from convkit.core.schema import FATES, SESSION_KEY, UNFINISHED, is_interaction
from convkit.engine import thresholds
from convkit.engine.partial_result import Counts, PartialResult
from convkit.funnels import obstacles
from convkit.goals import matching, variants
from convkit.goals.money import settle
from convkit.goals.values import value_number
from convkit.ingest.merge import LINE_KEY
from convkit.reports.asides import sensitivity
from convkit.sessions import channels, sessionize
from convkit.traffic import attributes, bots, crowds, events
from convkit.traffic import hits as traffic_hits
from convkit.traffic import visitors as traffic_visitors

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from convkit.analysis.analysis import Analysis
    from convkit.analysis.segment import Segment, Selected
    from convkit.core.crowd import Crowd
    from convkit.core.model import Goals, Site
    from convkit.engine.partition import Partition
    from convkit.engine.plan import Plan
    from convkit.ingest.log_data import Part

_NEVER_LOST = (*schema.NEVER_COUNTED, "duplicate", UNFINISHED)
"""The problems of lines that could not count, that are no loss, or that count once."""
_MOST_WAYS = 20_000
"""The number of referrers and queries from which sessions are given their channels some at a time, and the number of these sessions."""


@dataclass(frozen=True, kw_only=True)
class Run(Counts):
    """The analysis of a part, and the fates of its lines."""

    analysis: Analysis
    broken_down: Analysis | None = None
    """The same analysis, broken down by a key."""

    def tallied(self, plan: Plan) -> PartialResult:
        """Return the tallies of the plan's reports and all counts, without references to frames of visitors."""
        analysis = replace(self.analysis, options=plan.report_options)
        broken_down = None if self.broken_down is None else replace(self.broken_down, options=plan.report_options)
        return PartialResult(
            tallies={**tally(analysis, plan.tallied), **thresholds.tally(analysis, plan.thresholds)},
            broken_down=None if broken_down is None else tally(broken_down, plan.reports),
            ends=analysis.ends,
            **{field.name: getattr(self, field.name) for field in fields(Counts)},
        )


def analyze(part: Part, plan: Plan, *, count_bots: bool = False) -> Run:
    """Analyze a part; `count_bots` counts the sessions that bots would add, whether or not that is worth a note."""
    goals, segment = plan.goals, plan.segment
    # The facts must not depend on whose lines are analyzed.
    part = with_event_facts(part, goals)
    matched = match(part, goals, segment.bots, plan.session_fields)
    run = analyze_segment(matched, part, goals, segment)
    # All other counts must use the same own hosts as the run, because the run shows them.
    part = replace(part, facts=replace(part.facts, own_hosts=run.own_hosts))
    if count_bots or _are_bots_worth_counting(run, goals, is_requested=plan.bot_sessions):
        run = replace(run, bot_sessions=_bot_sessions(run, matched, part, segment))
    if plan.alternatives and goals.funnels:
        run = replace(run, sensitivity=_under_other_settings(part, run.analysis, segment))
    return run


def match(part: Part, goals: Goals, mode: str, session_fields: frozenset[str]) -> Matched:
    """Match the hits of a part with goals and cut them into sessions; `mode` is one of BOT_MODES."""
    visitors, crowd = _identified(part, goals, mode, session_fields)
    hits, fates = _sessionized(part, visitors, goals, mode, session_fields)
    hits = collect_unshared(matching.match_goals(hits.lazy(), goals).with_row_index("row"))
    if schema.OBSTACLES_FIELD in session_fields:
        hits = collect_unshared(obstacles.add_obstacles(hits.lazy()))
    own = part.facts.own_hosts
    if own is None:
        own = channels.own_hosts(_hosts(hits)) if _needs_hosts(goals, session_fields) else ()
    sessions = _sessions(hits, goals, session_fields, own)
    if schema.DEAD_LINKS_FIELD in session_fields:
        hits = collect_unshared(obstacles.add_dead_links(hits.lazy(), goals.site, own))
    used = {"referrer", "sent_query", schema.NO_ORIGIN, schema.TARGET_NUMBER, schema.SEARCH_NUMBER}
    # A column with `~` is a test of a goal, like `path~/cart`.
    used |= {name for name in hits.columns if "~" in name or name.startswith(schema.VISIT_PREFIX)}
    return Matched(hits.drop(used, strict=False), sessions, visitors, fates, session_fields, own, crowd)


def analyze_segment(matched: Matched, part: Part, goals: Goals, segment: Segment) -> Run:
    """Return the analysis of a segment of the matched hits and sessions."""
    goals = settle(goals, part.facts.money)
    first, last = part.facts.span or span(part.lines)
    begin, end = segment.date_range.limits(last, goals.site.timezone)
    limits = _without_stray(part, begin, end)
    first, last = part.facts.stray.span(*limits) if part.facts.stray else (first, last)
    selected = select_segment(matched, goals, segment, *limits)
    fates, reasons = _fates(part, matched.fates, selected.hits)
    identities = traffic_visitors.identities(matched.visitors.lazy(), part.lines.lazy(), goals.site)
    analysis = build_analysis(selected.hits, selected.sessions, goals, last, identities)
    return Run(
        analysis=analysis,
        broken_down=None if segment.by is None else _broken_down(analysis, segment.by, goals),
        input=fates,
        reasons=reasons,
        period=_period(begin or first, end - timedelta(seconds=1) if end else last, goals.site.timezone),
        knows_macro=bool(goals.macros) and (not goals.is_builtin or selected.converts),
        bot_lines=bots.tally_bot_lines(matched.fates),
        of_period=(selected.in_period, matched.sessions.height),
        log_span=(first, last),
        unmatched=selected.values,
        macros_lost=_macros_lost(part, goals),
        of_pageless=_of_pageless(selected.hits),
        unviewed=int(matched.fates[schema.UNVIEWED].sum()),
        event_pages=part.facts.event_pages,
        hash_routes=part.facts.hash_routes,
        own_hosts=matched.own_hosts,
        crowd=matched.crowd,
        by_address=_by_address(selected.sessions, goals),
        of_variants=selected.of_variants,
        filtered=selected.where,
    )


def limits_of(part: Part, segment: Segment, goals: Goals) -> tuple[datetime | None, datetime | None]:
    """Return the limits of the segment's period; if it has none, they leave out stray lines."""
    last = (part.facts.span or span(part.lines))[1]
    return _without_stray(part, *segment.date_range.limits(last, goals.site.timezone))


def _without_stray(part: Part, begin: datetime | None, end: datetime | None) -> tuple[datetime | None, datetime | None]:
    """Return the limits of a period, set so that they leave out stray lines unless the given limits ask for them."""
    return (begin, end) if part.facts.stray is None else part.facts.stray.limits(begin, end)


def with_own_hosts(partition: Partition, goals: Goals, mode: str, session_fields: frozenset[str]) -> Partition:
    """Add the site's own hosts to a partition, if they are needed and not configured: finding them takes an extra pass over all parts."""
    if not partition.is_divided or not _needs_hosts(goals, session_fields):
        return partition

    def hosts_of(part: Part) -> pl.DataFrame:
        visitors = identify_visitors(part, goals, mode, session_fields)
        return _hosts(_sessionized(part, visitors, goals, mode, session_fields)[0])

    return partition.with_own_hosts(channels.own_hosts(sum_tallies(partition.map(hosts_of))))


def _broken_down(analysis: Analysis, key: str, goals: Goals) -> Analysis:
    """Return an analysis broken down by a key."""
    return break_down(analysis, collect_frame(breakdown.session_values(key, analysis.sessions, analysis.hits, goals), analysis.size))


def _sessionized(part: Part, visitors: pl.DataFrame, goals: Goals, mode: str, session_fields: Collection[str]) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return the hits that are analyzed, cut into sessions, and the fates of all lines."""
    settled, fates = settle_hits(part, visitors, goals, mode, session_fields)
    analyzed = settled.filter(traffic_hits.is_analyzed(mode)).drop("user_agent", "reason")
    del settled  # A frame of all hits takes a lot of memory.
    return collect_frame(sessionized(analyzed, goals, part.facts.newest_first), analyzed.height), fates


def _needs_hosts(goals: Goals, session_fields: Collection[str]) -> bool:
    """Return whether the site's own hosts have to be determined."""
    return bool({schema.CHANNEL_FIELD, schema.DEAD_LINKS_FIELD} & {*session_fields}) and not goals.site.hosts


def _hosts(hits: pl.DataFrame) -> pl.DataFrame:
    """Return the tally of hosts in sessionized hits."""
    return collect_frame(channels.tally_hosts(hits.lazy()), hits.height)


def _sessions(hits: pl.DataFrame, goals: Goals, session_fields: Collection[str], own: tuple[str, ...]) -> pl.DataFrame:
    """Return the table of all sessions; `own` are the hosts assumed to be the site's own."""
    macros, columns = [goal.column for goal in goals.macros], [goal.column for goal in goals.goals]
    has_pageless = goals.site.pageless_sessions or hits["event"].count() > 0
    rows = sessionize.session_table(hits.lazy(), macros, columns, session_fields, has_pageless=has_pageless)
    table = collect_frame(rows, hits.height)
    for name in variants.variant_names(session_fields):
        seen = collect_frame(variants.visitors_shown(hits.lazy(), name, goals.site.variant(name), ignore_case=goals.site.ignore_case), hits.height)
        table = collect_frame(variants.add_variant(table.lazy(), seen.lazy(), name), table.height)
    if schema.CHANNEL_FIELD not in session_fields:
        return table
    return collect_frame(channels.add_first_channel(_with_acquisition(table, goals.site, own)), table.height)


def _with_acquisition(table: pl.DataFrame, site: Site, own: tuple[str, ...]) -> pl.LazyFrame:
    """Return sessions with where they came from; if that is written in many ways, some at a time, as evaluating them takes much memory."""
    ways = int(table.select(pl.sum_horizontal(pl.col("referrer", "landing_query").n_unique())).item())
    at_once = _MOST_WAYS if ways > _MOST_WAYS else table.height + 1
    slices = (table.slice(start, at_once) for start in range(0, table.height + 1, at_once))
    return pl.concat([collect_frame(channels.add_acquisition(rows.lazy(), site, own), rows.height) for rows in slices]).lazy()


def _period(begin: datetime | None, end: datetime | None, timezone: str) -> Period:
    """Return the period from `begin` to `end`, both inclusive, in the site's time zone."""
    if begin is None or end is None:
        return Period(None, None, timezone)
    zone = ZoneInfo(timezone)
    return Period(begin.astimezone(zone), max(begin, end).astimezone(zone), timezone)


def span(records: pl.DataFrame) -> tuple[datetime | None, datetime | None]:
    """Return the times of the first and the last record."""
    return records.select(first=pl.col("time").min(), last=pl.col("time").max()).row(0)


def _fates(part: Part, fates: pl.DataFrame, hits: pl.DataFrame) -> tuple[dict[str, int], dict[str, dict[str, int]]]:
    """Return the number of `lines` and how many had each of FATES, which add up to it, and the reasons for `unparsed` and `bot`."""
    lines, omitted = part.lines, sum(part.omitted.values())
    problems = dict(lines.select("problem").drop_nulls().group_by("problem").len().rows())
    by_fate = dict(fates.group_by("fate").len().rows())
    counts = {fate: int(by_fate.get(fate, 0)) + int(problems.pop(fate, 0)) for fate in FATES}
    counts["asset"] += omitted
    counts["blank"] += part.blank
    counts["unparsed"] = sum(problems.values())
    outside = hits.filter((pl.col("fate") == "kept") & ~pl.col("inside")).height
    counts |= {"outside": counts["outside"] + outside, "kept": counts["kept"] - outside}
    bot_reasons = dict(fates.filter(pl.col("fate") == "bot").group_by("reason").len().rows())
    by_reason = {"unparsed_by_reason": dict(sorted(problems.items())), "bot_by_reason": dict(sorted(bot_reasons.items()))}
    return {"lines": lines.height + omitted + part.blank, **counts}, by_reason


def identify_visitors(part: Part, goals: Goals, mode: str, session_fields: Collection[str] = ()) -> pl.DataFrame:
    """Return the clients of a part with their visitors."""
    return _identified(part, goals, mode, session_fields)[0]


def _identified(part: Part, goals: Goals, mode: str, session_fields: Collection[str]) -> tuple[pl.DataFrame, Crowd]:
    """Return the clients of a part with their visitors, and those who cannot be told apart by their addresses."""
    # The distinct clients are collected first, or each query would compute them again.
    clients = collect_frame(traffic_visitors.distinct_clients(part.lines.lazy()), part.lines.height)
    visitors = traffic_visitors.identify(clients.lazy(), goals.site, mode, session_fields, has_assets=part.facts.has_assets)
    identified = collect_frame(visitors, clients.height)
    crowd = crowds.find_crowd(identified, goals.site, mode) if part.facts.crowd is None else part.facts.crowd
    return identified.with_columns(exempt=pl.col("exempt") | crowd.holds()), crowd


def settle_hits(
    part: Part, visitors: pl.DataFrame, goals: Goals, mode: str, session_fields: Collection[str] = ()
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return the hits that are not excluded by user agent alone, with their `fate`, and the fates of all hits (`hits.dropped_fate_rows`).

    Whether a visitor is a bot is decided from everything that the visitor sent, regardless of the period. Hits have `referrer` and `sent_query` if
    session fields need them.
    """
    decided, dropped_fates = _without_dropped(part, visitors, goals, mode, session_fields)
    decided = traffic_hits.sort_hits(decided, part.facts.newest_first)
    kinds = collect_frame(traffic_hits.add_kinds(decided.lazy(), goals), decided.height)
    del decided
    is_of_log = pl.col("event").is_null()
    undecided = kinds.lazy().filter(is_of_log & pl.col("bot").is_null() & ~pl.col("exempt") & ~traffic_hits.is_plain_asset())
    hits = traffic_hits.add_fates(bots.add_reasons(kinds, collect_frame(bots.behaviour_reasons(undecided), kinds.height)), mode)
    return hits, pl.concat([dropped_fates, traffic_hits.fate_rows(hits, goals)])


def values_counted_once(part: Part, goals: Goals, key: str) -> pl.DataFrame:
    """Return `key, goal, value` of hits that may match the goals that count once per value: the goal's position, and a number for the value.

    `key` is an additional column of the part's lines. Hits of bots are included.
    """
    decided = traffic_hits.sort_hits(_decided(part, identify_visitors(part, goals, "only"), goals))
    hits = traffic_hits.add_kinds(decided.lazy(), goals)
    values = [
        hits.filter(pl.any_horizontal(*goal.named) if goal.named else pl.lit(value=True)).select(
            key, goal=pl.lit(number, dtype=pl.UInt32), value=value_number(pl.col(goal.once_value))
        )
        for number, goal in enumerate(goals.all)
        if goal.shared is not None and goal.once_value is not None
    ]
    return collect_frame(pl.concat(values).drop_nulls("value").unique(), decided.height)


def _macros_lost(part: Part, goals: Goals) -> dict[str, int]:
    """Return how many lines that could count and are in no figure a macro goal names: `unparsed` lines, and `duplicate` rows of exports."""
    if not goals.macros:
        return {}
    lost = {"unparsed": part.lines.filter(_is_unread(part))}
    lost |= {"duplicate": part.lines.filter(_is_repeated())} if "event" in part.lines.columns else {}
    return {
        fate: int(traffic_hits.fate_rows(_restored(part, lines, goals), goals)["macro"].sum()) for fate, lines in lost.items() if not lines.is_empty()
    }


def lost_hits(part: Part, goals: Goals) -> pl.DataFrame:
    """Return the hits of lines that could count and are in no figure, as if nothing were wrong with them, with their `problem` as the `reason`."""
    is_duplicate = pl.col("problem").eq_missing(pl.lit("duplicate", dtype=schema.PROBLEM))
    return _restored(part, part.lines.filter(_is_unread(part) | is_duplicate), goals)


def unknown_lines(part: Part) -> int:
    """Return how many lines could not be read, so that it is unknown what they request."""
    return part.lines.filter(_is_lost() & ~_has_content(part)).height


def _is_lost() -> pl.Expr:
    """Return whether a line could not be used."""
    return pl.col("problem").is_not_null() & ~pl.col("problem").is_in(_NEVER_LOST)


def _has_content(part: Part) -> pl.Expr:
    """Return whether the request or the event of a line is known."""
    return any_of(pl.col(name).is_not_null() for name in ("request", "event") if name in part.lines.columns)


def _is_unread(part: Part) -> pl.Expr:
    """Return whether a line could not be used although its request or event is known."""
    return _is_lost() & _has_content(part)


def _is_repeated() -> pl.Expr:
    """Return whether a line is a row of an export that repeats an earlier one."""
    return pl.col("problem").eq_missing(pl.lit("duplicate", dtype=schema.PROBLEM)) & pl.col("event_number").is_not_null()


def _restored(part: Part, lines: pl.DataFrame, goals: Goals) -> pl.DataFrame:
    """Return the hits of lost `lines` of a part as if nothing were wrong with them; their `fate` is null, and their `reason` is the problem."""
    restored = replace(part, lines=lines.with_columns(problem=pl.lit(None, dtype=schema.PROBLEM)))
    decided = traffic_hits.sort_hits(_decided(restored, identify_visitors(restored, goals, "only"), goals))
    hits = collect_frame(traffic_hits.add_kinds(decided.lazy(), goals), decided.height)
    reasons = lines.select(*LINE_KEY, reason=pl.col("problem").cast(pl.String))
    return hits.with_columns(fate=pl.lit(None, dtype=schema.FATE)).join(reasons, on=LINE_KEY, how="left")


def _of_pageless(hits: pl.DataFrame) -> tuple[int, int]:
    """Return the number of interactions and of conversions in sessions of the period that are set aside, as they have no page."""
    pageless = hits.select("inside", "pageless", "pageless_macro", "kind").filter("inside", "pageless")
    return pageless.filter(is_interaction()).height, int(pageless["pageless_macro"].sum())


def with_event_facts(part: Part, goals: Goals) -> Part:
    """Return a part with the facts about the events of exports, if it has all lines and there are any."""
    if part.facts.event_pages is not None or "event" not in part.lines.columns:
        return part
    pages, hash_routes = events.facts_of_events(part.lines.lazy(), goals, part.lines.height)
    return replace(part, facts=replace(part.facts, event_pages=pages, hash_routes=hash_routes))


def all_hits(part: Part, goals: Goals) -> pl.DataFrame:
    """Return the hits from all lines, including those of bots, with `kind`, `fate` and `reason`; the fates are those under `--bots only`."""
    return settle_hits(part, identify_visitors(part, goals, "only"), goals, "only")[0]


def _without_dropped(
    part: Part, visitors: pl.DataFrame, goals: Goals, mode: str, session_fields: Collection[str]
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return the hits that are not excluded by user agent alone, before their kind and fate are known, and the fates of those that are."""
    decide = _deciding(part, visitors, goals, session_fields)
    by_bot = traffic_visitors.is_sent_by(visitors.filter(pl.col("bot").is_not_null() & pl.lit(mode == "drop")))
    is_record = pl.col("problem").is_null()
    of_people, of_bots = part.lines.select(is_record & ~by_bot, bots=is_record & by_bot)
    decided = collect_frame(decide(part.lines.filter(of_people)), part.lines.height)
    # Of a bot's hits, which may be half of a log, hardly anything is needed.
    bot_hits = decide(part.lines.filter(of_bots))
    dropped_fates = collect_frame(traffic_hits.dropped_fate_rows(bot_hits, mode, goals), part.lines.height)
    if dropped_fates.height < of_bots.sum():
        decided = pl.concat([decided, collect_frame(bot_hits.filter(~traffic_hits.is_dropped_by_agent(mode)), part.lines.height)])
    return decided, dropped_fates


def _decided(part: Part, visitors: pl.DataFrame, goals: Goals) -> pl.DataFrame:
    """Return the hits from a part's records, before their kind and fate are known."""
    records = part.lines.filter(pl.col("problem").is_null())
    return collect_frame(_deciding(part, visitors, goals, ())(records), records.height)


def _deciding(part: Part, visitors: pl.DataFrame, goals: Goals, session_fields: Collection[str]) -> Callable[[pl.DataFrame], pl.LazyFrame]:
    """Return the function that makes hits of records of a part, before their kind and fate are known; distinct requests are split only once."""
    facts, records = with_event_facts(part, goals).facts, part.lines.lazy().filter(pl.col("problem").is_null())
    distinct = traffic_hits.distinct_requests(records, goals, session_fields, hash_routes=bool(facts.hash_routes))
    requests = collect_frame(distinct, part.lines.height).lazy()

    def decide(records: pl.DataFrame) -> pl.LazyFrame:
        records = events.add_missing_columns(records)
        event_facts = events.describe_events(records, goals, traffic_hits.tested_columns(goals), facts.event_pages)
        decided = traffic_hits.from_records(records.lazy(), visitors.lazy(), requests, event_facts, goals)
        return decided.drop({attributes.REFERRER} - {*schema.texts_needed(session_fields)}, strict=False)

    return decide


def sessionized(hits: pl.DataFrame, goals: Goals, newest_first: Collection[int] = ()) -> pl.LazyFrame:
    """Cut hits into sessions. If there are preferred rules, first cut by address and browser to find out whose hits they are, then by the rules."""
    preferred = traffic_visitors.rule_columns(goals.site.preferred_rules)
    differs = any_of(pl.col(name) != pl.col("visitor") for name in preferred)
    identities = hits.filter(differs).select("visitor", *preferred)
    if identities.height:
        is_affected = pl.col("visitor").is_in(pl.concat(list(identities)).unique().implode())
        assigned = sessionize.assign_preferred_visitors(_cut(hits.lazy().filter(is_affected), goals), preferred).drop("session", "started")
        reassigned = traffic_hits.add_kinds(traffic_hits.sort_hits(collect_frame(assigned, hits.height), newest_first).lazy(), goals)
        hits = collect_frame(pl.concat([hits.lazy().filter(~is_affected), reassigned.select(hits.columns)]), hits.height)
    whole = _cut(hits.lazy().drop(preferred), goals)
    return sessionize.exclude_pageless(whole, keep=goals.site.pageless_sessions).drop(SESSION_KEY, strict=False)


def _cut(hits: pl.LazyFrame, goals: Goals) -> pl.LazyFrame:
    """Cut hits into sessions by the timeout, or by the export's own session IDs if `site.columns` names their column."""
    by_gaps = sessionize.cut_by_gaps(hits, goals.site.session_timeout)
    return sessionize.cut_by_keys(by_gaps) if goals.site.has_session_column else by_gaps


def _are_bots_worth_counting(run: Run, goals: Goals, *, is_requested: bool) -> bool:
    """Return whether the sessions of excluded bots have to be counted before it is known whether they are worth a note.

    A visitor has at most as many sessions as lines, so only as many lines as a third of the sessions can be a third of the sessions.
    """
    if has_worthy_bots(run.bot_lines, goals, is_requested=is_requested):
        return True
    lines = int(run.bot_lines.filter("is_excluded", bots.is_by_behaviour(pl.col("reason")))["lines"].sum())
    return lines > 0 and is_third(lines, _converted(run.analysis.sessions, run.analysis.size)[0])


def has_worthy_bots(bot_lines: pl.DataFrame, goals: Goals, *, is_requested: bool) -> bool:
    """Return whether bots were excluded and are worth a note whatever their share: on request, or because a macro goal names one of their lines."""
    sent = bot_lines.filter("is_excluded")
    return not sent.is_empty() and bool(sent["macro"].sum() or (is_requested and goals.macros))


def _by_address(sessions: pl.DataFrame, goals: Goals) -> tuple[int, int]:
    """Return how many sessions were identified by address, and the number of sessions."""
    place = goals.site.visitor_rules.index(goals.site.address_rule)
    return int((sessions["identified_by"] == place).sum()), sessions.height


def _bot_sessions(run: Run, matched: Matched, part: Part, segment: Segment) -> BotSessions:
    """Return the sessions that the excluded bots would add to a run: only their lines are analyzed, as if they were people."""
    goals, sent = run.analysis.goals, matched.fates.filter(pl.col("fate") == "bot")
    if sent.is_empty():
        return BotSessions(0, 0, *_converted(run.analysis.sessions, run.analysis.size))
    lines = collect_frame(part.lines.lazy().join(sent.lazy(), on=LINE_KEY, how="semi"), part.lines.height)
    as_people = match(replace(part, lines=lines), goals, "keep", segment.needed(goals))
    # The period is that of all lines: `last` counts days back from the last line, which may not be a bot's.
    limits = _without_stray(part, *segment.date_range.limits(run.analysis.ends, goals.site.timezone))
    selected = select_segment(as_people, goals, segment, *limits)
    people = _converted(run.analysis.sessions, run.analysis.size)
    return BotSessions(*_converted(selected.sessions.lazy(), selected.hits.height), *people, *_bots_by_reason(selected, sent))


def converted_programs(matched: Matched, part: Part, goals: Goals, segment: Segment) -> dict[str, int]:
    """Return, by user agent, the conversions that excluded programs would have in a segment with limits, if a macro goal names any of their hits."""
    sent = matched.fates.filter((pl.col("fate") == "bot") & (pl.col("reason").cast(pl.String) == bots.PROGRAM))
    if not goals.macros or not sent["macro"].any():
        return {}
    lines = collect_frame(part.lines.lazy().join(sent.lazy(), on=LINE_KEY, how="semi"), part.lines.height)
    as_people = match(replace(part, lines=lines), goals, "keep", segment.needed(goals))
    selected = select_segment(as_people, goals, segment, segment.date_range.begin, segment.date_range.end)
    return _bots_by_reason(selected, sent)[1]


def _bots_by_reason(selected: Selected, sent: pl.DataFrame) -> tuple[dict[str, int], dict[str, int]]:
    """Return the number of sessions for each reason based on behaviour, and the number of conversions for each user agent of a program."""
    first = pl.col("reason", "user_agent").first().cast(pl.String)
    reasons = selected.hits.lazy().filter("inside").select("session", *LINE_KEY).join(sent.lazy(), on=LINE_KEY).group_by("session").agg(first)
    sessions = collect_frame(selected.sessions.lazy().select("session", "converted").join(reasons, on="session"), selected.hits.height)
    by_behaviour = sessions.filter(bots.is_by_behaviour(pl.col("reason"))).group_by("reason").len()
    by_program = sessions.filter(pl.col("converted") & (pl.col("reason") == bots.PROGRAM)).group_by("user_agent").len()
    return dict(by_behaviour.rows()), dict(by_program.rows())


def _converted(sessions: pl.LazyFrame, size: int) -> tuple[int, int]:
    """Return the number of sessions and how many of them converted."""
    counts = sessions.select(pl.len().cast(pl.Int64), pl.col("converted").sum().cast(pl.Int64))
    number, converted = collect_frame(counts, size).row(0)
    return number, converted


def _under_other_settings(part: Part, analysis: Analysis, segment: Segment) -> pl.DataFrame:
    """Return how far visitors get in the funnels of an analysis, and how far they would get under each alternative setting."""
    rows = [collect_frame(sensitivity.chosen_rows(analysis, segment.bots), analysis.size)]
    for other in sensitivity.alternatives(analysis.goals, segment.bots):
        if other.goals.funnels:
            fields = segment.session_fields - {schema.OBSTACLES_FIELD, schema.DEAD_LINKS_FIELD}
            other_segment = replace(segment, bots=other.bots, by=None, session_fields=fields)
            other_run = analyze_segment(match(part, other.goals, other.bots, other_segment.needed(other.goals)), part, other.goals, other_segment)
            rows.append(collect_frame(sensitivity.alternative_rows(other_run.analysis, other), other_run.analysis.size))
    return pl.concat(rows)
