"""The notes of the overview: how visitors and sessions are identified, what was excluded, and gaps and clock jumps in the log.

A note states a count before its rate and names no cause.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import polars as pl

from convkit.core import formatting
from convkit.core.document import DEFINITIONS, Note
from convkit.core.model import USER_RULE
from convkit.core.schema import SESSION_ROLE, is_kind
from convkit.core.text import safe
from convkit.formats.parsers.presets import CANCELLED_ORDER
from convkit.goals import site as goals_site
from convkit.traffic import events, programs, subrequests
from convkit.traffic.bots import detection_note

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from convkit.analysis.analysis import View
    from convkit.core.model import Goal, Site
    from convkit.core.quality import Silence

_MANY_MACROS = 2
_MOST_BARE = 0.9
"""If the share of sessions without assets is above this, the log probably contains no asset requests at all."""
_MOST_PATHS = 3
"""The maximum number of path patterns that are named."""
_LEAST_SHARE = 0.01
"""The minimum share of pages for a host to count as a site rather than a name sent by a bot, and for requests to be worth a note."""
_HOST_NAME = r"^[a-z0-9_-]*[a-z][a-z0-9_.-]*$"
"""Matches host names; a host that is an IP address is not shown."""
_MOST_HOSTS = 3
_MOST_CODES, _LONGEST_CODE = 3, 12
_LONGEST_NAME = 60
"""The maximum length of the name of a column."""
_IDENTIFIERS = {USER_RULE: "user ID", "address": "IP address", "address+browser": "IP address and browser"}


def notes(tally: Mapping[str, pl.DataFrame], view: View) -> tuple[Note, ...]:
    """Return the notes in the order in which they are shown."""
    sums = tally["sums"].row(0, named=True)
    candidates = [
        _definitions(sums, view),
        *(Note(code, text) for code, text in view.quality.identity_notes),
        _several_hosts(tally["hosts"]),
        _without_file(view),
        _macros(view),
        _bare(sums, view),
        *_log_notes(tally, view),
        _event_pages(view),
        _hash_routes(view),
        _unviewed(sums, view),
        _running(sums),
        _cancelled(sums),
        *_shared_values(sums, view),
        *_values(sums, view),
        _only_errors(sums, tally["errors"]),
        _local_times(view),
        _only_days(view),
        _newest_first(view),
        _bots(view),
    ]
    return tuple(note for note in candidates if note)


def _definitions(sums: Mapping[str, int], view: View) -> Note:
    """Return the note on how sessions end and how visitors are identified, with the share of sessions for each rule."""
    site = view.goals.site
    timeout, sessions = formatting.duration_in_words(site.session_timeout), sums["sessions"]
    served = {rule: sums[f"identified_by{place}"] for place, rule in enumerate(site.visitor_rules) if sums[f"identified_by{place}"]}
    most = site.address_rule if site.address_rule in served or not served else max(served, key=lambda rule: served[rule])
    others = [f"in {formatting.plural(n, 'session')}{_rate(n, sessions)} by {_identifier(rule)}" for rule, n in served.items() if rule != most]
    unused = [_identifier(rule) for rule in site.preferred_rules if rule != USER_RULE and rule not in served]
    without = f" No visitor was identified by {' or '.join(unused)}." if unused and sessions else ""
    identified = "; ".join([f"Visitors are identified by {_identifier(most)}", *others])
    what = "page or goal" if view.event_pages is None else "page, event or goal"
    by_column = _session_column(site)
    ends = f"A session ends after {timeout} without a {what}"
    if by_column:
        rest = f"without a value, a session ends after {timeout} without a {what}"
        ends = f"Hits of a visitor with the same {by_column} are one session, however long the pauses; {rest}"
    return Note("definitions", f"{ends}. {identified}.{without}", group=DEFINITIONS)


def _session_column(site: Site) -> str:
    """Return the name of the column that holds an export's own sessions, or an empty string if sessions are cut at pauses."""
    column = site.columns.get(SESSION_ROLE)
    return "" if column is None else safe(str(column), _LONGEST_NAME)


def _identifier(rule: str) -> str:
    """Return a phrase for what a rule identifies visitors by."""
    return _IDENTIFIERS.get(rule) or goals_site.visitor_rule_label(rule)


def _bots(view: View) -> Note:
    note = detection_note(view.bots)
    return replace(note, group=DEFINITIONS) if view.bots == "drop" else note


def _without_file(view: View) -> Note | None:
    if view.goals.file is not None:
        return None
    if view.goals.is_suggested:
        return Note("suggested-goals", "No goals file was found, so these logs suggested the goals. Save and correct them with `convkit init LOG`.")
    return Note("built-in-goals", "No goals file was found, so built-in guesses were used. Create your own with `convkit init LOG`.")


def _macros(view: View) -> Note | None:
    if not view.knows_macro:
        return Note("no-macro", "No macro goal is known for this site, so conversions are unknown.", is_drawn=True)
    number = len(view.goals.macros)
    if view.goals.is_builtin or number <= _MANY_MACROS:
        return None
    return Note("many-macros", f"{number} macro goals is a lot. Keep the one or two that the site exists for, and make the others micro goals.")


def _bare(sums: Mapping[str, int], view: View) -> Note | None:
    """Return the note on sessions that loaded no assets, as programs do; None if there are none, or if nearly all sessions are like that."""
    bare, sessions = sums["bare"], sums["sessions"]
    if view.bots == "only" or not bare or not sums["assets_known"] or bare > _MOST_BARE * sessions:
        return None
    text = f"{formatting.plural(bare, 'session')}{_rate(bare, sessions)} loaded no images or stylesheets and may be bots"
    if view.knows_macro and len(view.goals.macros) == 1 and sessions - bare >= formatting.MIN_BASE:
        without = formatting.share(sums["converted"] - sums["bare_converted"], sessions - bare)
        text += f"; without them the {view.goals.macros[0].name} rate is {without}"
    return Note("no-assets", f"{text}.")


def _rate(part: int, whole: int) -> str:
    """Return a rate in brackets, or an empty string if the base is too small for a rate."""
    return f" ({formatting.share(part, whole)})" if whole >= formatting.MIN_BASE else ""


def _running(sums: Mapping[str, int]) -> Note | None:
    if not sums["running"]:
        return None
    return Note("cut-sessions", f"{formatting.plural(sums['running'], 'session was', 'sessions were')} still open when the log ended.")


def _event_pages(view: View) -> Note | None:
    if view.event_pages != events.WITH_URL:
        return None
    return Note(
        "event-pages", "No event is named like a page view, so every event with a URL counts as one; exclude those that are not with ignore.events."
    )


def _hash_routes(view: View) -> Note | None:
    if not view.hash_routes or view.goals.site.hash_routes is not None:
        return None
    return Note("hash-routes", "In many URLs a path follows #/, so that path counts; to use the one before it, set hash_routes: false under `site`.")


def _unviewed(sums: Mapping[str, int], view: View) -> Note | None:
    """Return the note on requests that were not page views although they were answered like one, if there are more than a few."""
    if not view.unviewed or view.unviewed < _LEAST_SHARE * (view.unviewed + sums["pageviews"]):
        return None
    what = "loaded a piece of a file or data for a page, or were prefetched"
    how = "a goal like {request: GET /path} still matches them"
    return Note("not-viewed", f"{formatting.plural(view.unviewed, 'request')} {what}, and do not count as page views; {how}.")


def _values(sums: Mapping[str, int], view: View) -> tuple[Note, ...]:
    """Return the notes on conversions that added nothing to the total value."""
    ambiguous, foreign = sums["ambiguous_values"], sums["foreign_values"]
    missing, notes = sums["without_value"] - ambiguous - foreign, list[Note]()
    money = [goal.money for goal in view.goals.macros if isinstance(goal.value, str)]
    if missing:
        notes.append(Note("no-value", f"{_conversions(missing)} had no numeric value and added nothing to the total."))
    if ambiguous:
        example = min(one.example for one in money if one.example)
        what = f"{_conversions(ambiguous)} had an amount like {example}, which may or may not have decimals, and added nothing to the total"
        notes.append(Note("ambiguous-value", f"{what}; set site.decimal to point or comma."))
    if foreign:
        own = sorted({one.currency for one in money if one.others})
        others = list(dict.fromkeys(code for one in money for code in one.others))
        named = ", ".join(safe(code, _LONGEST_CODE) for code in others[:_MOST_CODES])
        counted = f"{_conversions(foreign)} {formatting.were(foreign)}"
        what = f"{counted} in another currency than {' or '.join(own)} ({named}) and added nothing to the total"
        notes.append(Note("other-currency", f"{what}; set site.currency to count another one."))
    return tuple(notes)


def _cancelled(sums: Mapping[str, int]) -> Note | None:
    number = sums["cancelled"]
    if not number:
        return None
    orders = formatting.plural(number, "order was", "orders were")
    return Note("cancelled-orders", f"{orders} cancelled, voided or refunded and not counted as a sale; the event is named {CANCELLED_ORDER}.")


def _conversions(number: int) -> str:
    return formatting.plural(number, "conversion")


def _shared_values(sums: Mapping[str, int], view: View) -> tuple[Note, ...]:
    return tuple(shared_values_note(goal, sums[f"shared{n}"]) for n, goal in enumerate(view.goals.macros) if sums[f"shared{n}"])


def shared_values_note(goal: Goal, number: int) -> Note:
    """Return the note on values of a goal that came from several visitors and counted once."""
    counted, it = ("was", "it") if number == 1 else ("were", "them")
    values = f"{formatting.plural(number, 'value')} of {goal.once_value} came from several visitors and {counted} counted once, at the first hit"
    return Note("shared-values", f"{goal.name}: {values}; to count {it} once for each visitor, use once_per: [visitor, {goal.once_value}].")


def _only_errors(sums: Mapping[str, int], errors: pl.DataFrame) -> Note | None:
    if not sums["only_errors"]:
        return None
    page, number = errors.sort("n", "page", descending=[True, False]).select("page", "n").row(0)
    return Note(
        "only-errors", f"{formatting.plural(sums['only_errors'], 'visitor')} saw only errors, most often at {page} ({formatting.count(number)})."
    )


def _local_times(view: View) -> Note | None:
    site = view.goals.site
    if not view.has_local_times or site.timezone != "UTC" or site.log_timezone:
        return None
    return Note("no-zone", "Times without a time zone are read as UTC; use --tz to change that.")


def _only_days(view: View) -> Note | None:
    """Return a note on logs whose times have no time of day."""
    if not view.logs_with_only_days:
        return None
    names = ", ".join(view.logs_with_only_days)
    return Note("only-days", f"Times in {names} are days without a time of day: the order of events within a day and durations mean nothing.")


def _newest_first(view: View) -> Note | None:
    """Return a note on logs that are written newest first."""
    if not view.newest_first:
        return None
    verb = "is" if len(view.newest_first) == 1 else "are"
    return Note("newest-first", f"{', '.join(view.newest_first)} {verb} written newest first, so lines with the same time are read in reverse order.")


def _log_notes(tally: Mapping[str, pl.DataFrame], view: View) -> tuple[Note, ...]:
    """Return the notes on bots and on oddities in the log, in the order in which they are shown."""
    candidates = [
        _bots_that_converted(view),
        _programs_that_converted(view),
        _bots_by_behaviour(view),
        _silences(view),
        _jumps(view),
        _followers(subrequests.subrequest_patterns(tally["followers"])),
    ]
    return tuple(note for note in candidates if note)


def _bots_that_converted(view: View) -> Note | None:
    """Return the note on bot sessions that reached a macro goal, with the number of conversions if bots were included."""
    added = view.quality.bot_sessions
    if added is None or not added.converted or not view.knows_macro:
        return None
    is_one = len(view.goals.macros) == 1
    reached = f"reached {view.goals.macros[0].name}" if is_one else "converted"
    with_them = f"with bots included, the count would be {formatting.count_of(*added.all_kept, 'session')}"
    sessions, were = formatting.plural(added.converted, "bot session"), formatting.were(added.converted)
    return Note("bots-converted", f"{sessions} also {reached} and {were} excluded; {with_them}.")


def _programs_that_converted(view: View) -> Note | None:
    """Return the note on programs that reached a macro goal, which may be the apps of people: the three with the most conversions."""
    added = view.quality.bot_sessions
    return (
        programs.conversions_note(added.converted_programs, view.goals)
        if added is not None and added.converted_programs and view.knows_macro
        else None
    )


def _bots_by_behaviour(view: View) -> Note | None:
    """Return the note on sessions excluded for their behaviour, if these are a third of the sessions or more."""
    added = view.quality.bot_sessions
    if added is None or not added.are_mostly_behaviour:
        return None
    number = sum(added.by_behaviour.values())
    by_rule = sorted(added.by_behaviour.items(), key=lambda item: (-item[1], item[0]))
    rules = ", ".join(f"{rule} ({formatting.count(sessions)})" for rule, sessions in by_rule)
    sessions, were = formatting.count_of(number, number + added.of_people, "session"), formatting.were(number)
    excluded = f"{sessions} {were} excluded as bots for their behaviour: {rules}"
    return Note("bots-by-behaviour", f"{excluded}. With --bots keep, {formatting.plural(added.all_kept[1], 'session')} would be counted.")


def _silences(view: View) -> Note | None:
    """Return the note on gaps in the log during the period: the longest one, and how many there are."""
    begin, end = view.period.begin, view.period.end
    gaps = [gap for gap in view.quality.silences if begin is not None and end is not None and gap.begin < end and gap.end > begin]
    if not gaps:
        return None
    longest = max(gaps, key=lambda gap: (gap.end - gap.begin, gap.usual))
    span = f"{_moment(longest.begin)} to {_moment(longest.end)} ({_length(longest)})"
    several = f"The log has {len(gaps)} gaps, the longest" if len(gaps) > 1 else "The log has no lines"
    return Note("gaps", f"{several} from {span}; such hours usually have about {formatting.plural(longest.usual, 'line')}.")


def _length(gap: Silence) -> str:
    return formatting.duration_in_words(gap.end - gap.begin)


def _jumps(view: View) -> Note | None:
    """Return the note on clock jumps in a log: the first one, and how many others there are."""
    jumps = view.quality.jumps
    if not jumps:
        return None
    first, more = jumps[0], len(jumps) - 1
    way = "back" if first.after < first.before else "ahead"
    by = formatting.duration(abs((first.after - first.before).total_seconds()))
    others = f", and in {formatting.plural(more, 'other place')}" if more else ""
    where = f"In {first.log}, the time jumps {way} by {by} at line {formatting.count(first.line)}, to {_moment(first.after)}{others}"
    return Note("clock", f"{where}; each line is counted at the time it gives.")


def _followers(shapes: pl.DataFrame) -> Note | None:
    """Return the note on paths that are probably not pages."""
    if shapes.is_empty():
        return None
    soon = f"within {subrequests.SOON_SECONDS} s of another page"
    named = [f"{pattern} ({formatting.count(number)} of {formatting.plural(n, 'time')})" for pattern, n, number in shapes.head(_MOST_PATHS).rows()]
    named += [f"{formatting.count(shapes.height - _MOST_PATHS)} more"] if shapes.height > _MOST_PATHS else []
    exclude = f"exclude {'it' if shapes.height == 1 else 'them'} with ignore.paths in goals.yaml"
    if shapes.height > 1:
        return Note("like-no-page", f"These paths almost always load {soon} and are probably not pages: {', '.join(named)}; {exclude}.")
    pattern, n, number = shapes.row(0)
    often = f"{formatting.count(number)} of {formatting.plural(n, 'time')}"
    return Note("like-no-page", f"{pattern} loads {soon} in {often} and is probably not a page; {exclude}.")


def _moment(when: datetime) -> str:
    """Return a day and a time: `12 Oct 2026 14:00`."""
    return f"{when.day} {when:%b} {when.year} {when:%H:%M}"


def pages_by_host(hits: pl.LazyFrame, site: Site) -> pl.LazyFrame:
    """Return `host, pages`: how many pages on each host (without `www.`) sessions in the period viewed; empty if `site.hosts` is set."""
    host = pl.col("host").cast(pl.String).str.strip_prefix("www.")
    pages = hits.filter(pl.lit(not site.hosts), pl.col("inside"), pl.col("session").is_not_null(), is_kind("page"), pl.col("host").is_not_null())
    return pages.group_by(host=host).agg(pages=pl.len().cast(pl.Int64))


def _several_hosts(hosts: pl.DataFrame) -> Note | None:
    """Return the note on the sites in a log, with their shares of page views; None if there is only one site."""
    whole = int(hosts["pages"].sum())
    sites = hosts.filter(pl.col("pages") >= _LEAST_SHARE * whole, pl.col("host").str.contains(_HOST_NAME)).sort(
        "pages", "host", descending=[True, False]
    )
    if sites.height < 2:  # noqa: PLR2004 (several are two or more)
        return None
    named = [f"{host} {formatting.share(pages, whole)}" for host, pages in sites.head(_MOST_HOSTS).rows()]
    more = [f"{sites.height - _MOST_HOSTS} more"] if sites.height > _MOST_HOSTS else []
    text = f"The log has pages from {sites.height} sites: {', '.join([*named, *more])}; list yours under `site.hosts`."
    return Note("several-sites", text)
