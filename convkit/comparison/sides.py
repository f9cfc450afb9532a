"""The two sides of a comparison: two periods of the same length that begin on the same weekday, or two groups of sessions."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from math import ceil
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from convkit.analysis.periods import parse_day, parse_range
from convkit.core import formatting
from convkit.core.schema import VARIANT_PREFIX
from convkit.errors import UsageError, suggestion
from convkit.goals import filters
from convkit.goals.filters import Filter

if TYPE_CHECKING:
    from collections.abc import Sequence

    from convkit.analysis.periods import DateRange
    from convkit.core.model import Goals
    from convkit.traffic.coverage import Coverage

_DAY, _WEEK = timedelta(days=1), 7
_NEARLY_A_DAY = timedelta(hours=22)
"""A log that is shorter has no complete day, whatever is usual at its ends."""
_MOST_WEEKS = 4
"""The maximum number of weeks on each side by default."""
_LAST_YEAR, _YEAR = "last-year", 364
_GROUP = re.compile(r"[^=]*=")
BEFORE, NOW = "before", "now"


@dataclass(frozen=True)
class Side:
    """One side: its period, from `begin` up to, but not including, `end`, and the filters that its sessions pass."""

    name: str
    begin: datetime
    end: datetime
    filters: tuple[Filter, ...] = ()

    @property
    def length(self) -> timedelta:
        """Return its length in local time."""
        return self.end.replace(tzinfo=None) - self.begin.replace(tzinfo=None)

    @property
    def days(self) -> str:
        """Return its number of days, like `31 days`."""
        return formatting.plural(ceil(self.length / _DAY), "day")

    @property
    def dates(self) -> str:
        """Return its dates, like `1–31 Oct 2026`."""
        return formatting.dates(self.begin, self.end - timedelta(microseconds=1))


@dataclass(frozen=True)
class Sides:
    """The two sides, and a description of how they were chosen."""

    before: Side
    now: Side
    how: str = ""
    are_groups: bool = False
    """Whether the sides are groups of sessions in the same period."""
    variant: str | None = None
    """The name in `site.variants` if the sides are variants; then goals are counted in visitors, because visitors were randomised."""


@dataclass(frozen=True)
class CompareRequest:
    """The comparison that the options request, before the log is read: at most one of `cut`, `other`, `group` and `is_last_year`."""

    date_range: DateRange
    where: tuple[Filter, ...]
    cut: date | None = None
    other: tuple[datetime, datetime] | None = None
    group: tuple[Filter, ...] | None = None
    is_last_year: bool = False
    variant: str | None = None
    """The name in `site.variants`; without `group`, the two variants that were seen are compared."""


def with_variant(request: CompareRequest, variant: str, against: str | None, at: str | None, goals: Goals) -> CompareRequest:
    """Add `--variant` to the request; it can only be combined with a period and with the names of the two variants. Raises UsageError."""
    variants, field = goals.site.variants, f"{VARIANT_PREFIX}{variant}"
    if not variants:
        raise UsageError(f"--variant {variant}: the goals file defines no variants; define them under `site.variants`")
    if variant not in variants:
        raise UsageError(f"--variant {variant}: unknown name{suggestion(variant, variants, 'Names under `site.variants`')}")
    if at is not None:
        raise UsageError(f"--at {at} and --variant {variant} both choose the sides; use one of them")
    if against is not None and not against.startswith(f"{field}="):
        raise UsageError(f"--with {against}: with --variant {variant}, name the other variant, like {field}=a")
    if against is None and any(one.field == field for one in request.where):
        raise UsageError(f"--where {field}: name the other variant as well, like --with {field}=a")
    return replace(request, variant=variant)


def between_variants(request: CompareRequest, seen: Sequence[str]) -> CompareRequest:
    """Add the two variants that were seen to the request, the first one by name as the `before` side. Raises UsageError."""
    field, most = f"{VARIANT_PREFIX}{request.variant}", 5
    if len(seen) > 2:  # noqa: PLR2004 (two sides)
        names = f"{', '.join(seen[:most])}{', ...' if len(seen) > most else ''}"
        fix = f"name two of them, like --where '{field}={seen[1]}' --with '{field}={seen[0]}'"
        raise UsageError(f"--variant {request.variant}: {len(seen)} variants were seen ({names}); {fix}")
    if len(seen) < 2:  # noqa: PLR2004 (as above)
        only = f"only {seen[0]} was seen" if seen else "no variant was seen"
        raise UsageError(f"--variant {request.variant}: {only}; choose another period, or correct `site.variants`")
    # A value from the log is not a pattern, so it is escaped.
    groups = [(*request.where, Filter(f"{field}={value}", field, f"re:{re.escape(value)}", is_inverted=False)) for value in seen]
    return replace(request, group=groups[0], where=groups[1])


def parse(date_range: DateRange, where: Sequence[str], against: str | None, at: str | None, goals: Goals) -> CompareRequest:
    """Return the request made by the options `--with` (`against`), `--at`, `--where` and those for the period. Raises UsageError."""
    request, timezone = CompareRequest(date_range, filters.parse_filters(where, goals)), goals.site.timezone
    if at is not None:
        if against is not None:
            raise UsageError(f"--at {at} and --with {against} both choose the other side; use one of them")
        if date_range.is_limited:
            raise UsageError(f"--at {at} sets both periods; leave out --since, --until and --last")
        return replace(request, cut=parse_day(at, "--at", timezone))
    if against is None:
        return request
    if against == _LAST_YEAR:
        return replace(request, is_last_year=True)
    if _GROUP.match(against):
        return replace(request, group=_group(against, request.where, goals))
    if ".." not in against:
        raise UsageError(f"--with {against}: use last-year, a period like 2026-09-01..2026-09-30, or a group of sessions like device=mobile")
    return replace(request, other=parse_range(against, "--with", timezone))


def _group(against: str, where: tuple[Filter, ...], goals: Goals) -> tuple[Filter, ...]:
    """Return the filters of the other group: `--with` replaces the filter on the same field."""
    try:
        other = filters.parse_filters([against], goals)[0]
    except UsageError as error:
        raise UsageError(str(error).replace("--where", "--with", 1)) from None
    same = [one for one in where if one.field == other.field]
    if not same:
        raise UsageError(f"--with {against}: name the group to compare it with, like --where '{other.field}=...'")
    if len(same) > 1:
        raise UsageError(f"--with {against}: {len(same)} --where options test {other.field}; keep one of them")
    if same[0].text == other.text:
        raise UsageError(f"--with {against}: --where names the same group; name another one")
    return tuple(other if one is same[0] else one for one in where)


def choose(request: CompareRequest, coverage: Coverage, timezone: str, notes: Sequence[tuple[date, str]] = ()) -> Sides:
    """Return the sides; `notes` are days on which something changed. Raises UsageError if the log does not cover both."""
    zone = ZoneInfo(timezone)
    if request.group is not None:
        begin, end = _chosen(request, coverage, zone) or (_midnight(coverage.begin.date(), zone), _midnight(coverage.end.date() + _DAY, zone))
        names = [
            " and ".join(one.text for one in where) for where in (_differing(request.group, request.where), _differing(request.where, request.group))
        ]
        names = [name.partition("=")[2] for name in names] if request.variant else names
        groups = Side(names[0], begin, end, request.group), Side(names[1], begin, end, request.where)
        return Sides(*groups, are_groups=True, variant=request.variant)
    if request.cut is not None:
        days = _room(request.cut, coverage)
        if days < 1:
            is_short = coverage.end - coverage.begin < _NEARLY_A_DAY or coverage.days < 1
            span = f"the log {_covers(coverage)}" if is_short else f"the complete days of the log are {coverage.first} to {coverage.last}"
            raise UsageError(f"--at {request.cut}: {span}; choose a day with complete days before and after it, or add older logs")
        return _cut(request, days, request.cut, zone)
    chosen = _chosen(request, coverage, zone)
    if chosen is None and request.other is None and not request.is_last_year:
        cuts = [(day, text) for day, text in notes if _room(day, coverage) > 0]
        if cuts:
            day, text = max(cuts)
            return replace(_cut(request, _room(day, coverage), day, zone), how=f"split at {day.day} {day:%b} {day.year}: {text}")
        if coverage.days < 2 * _WEEK:
            half = _enough(coverage.days // 2, coverage)
            return _cut(request, half, coverage.last + _DAY - timedelta(days=half), zone)
    begin, end = chosen or _last_days(request, coverage, zone)
    now = Side(NOW, begin, end, request.where)
    return Sides(_before(request, now, zone), now, how="364 days earlier, on the same weekdays" if request.is_last_year else "")


def _differing(one: tuple[Filter, ...], other: tuple[Filter, ...]) -> list[Filter]:
    """Return the filters of one group that the other group does not have."""
    return [each for each in one if each not in other]


def _chosen(request: CompareRequest, coverage: Coverage, zone: ZoneInfo) -> tuple[datetime, datetime] | None:
    """Return the period that the options choose, extended to the ends of the log where they set no limit, or None if they choose none."""
    if not request.date_range.is_limited:
        return None
    begin, end = request.date_range.limits(coverage.end, str(zone))
    begin = _midnight(coverage.begin.date(), zone) if begin is None else begin.astimezone(zone)
    end = _midnight(coverage.end.date() + _DAY, zone) if end is None else end.astimezone(zone)
    if begin >= end:
        raise UsageError(f"the log covers {coverage.begin.date()} to {coverage.end.date()}; choose a period within it")
    return begin, end


def _room(day: date, coverage: Coverage) -> int:
    """Return how many days are available on each side of a cut, rounded down to whole weeks if there is at least one."""
    days = min((day - coverage.first).days, (coverage.last - day).days + 1)
    return days // _WEEK * _WEEK if days >= _WEEK else days


def _cut(request: CompareRequest, days: int, day: date, zone: ZoneInfo) -> Sides:
    """Return two sides of this many days each: one that ends before the given day, and one that begins on it."""
    limits = [_midnight(day + timedelta(days=shift), zone) for shift in (-days, 0, days)]
    return Sides(Side(BEFORE, limits[0], limits[1], request.where), Side(NOW, limits[1], limits[2], request.where))


def _last_days(request: CompareRequest, coverage: Coverage, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """Return the last complete days of the log: as many as the other period has, or else whole weeks, or else half of the days."""
    weeks = min(coverage.days // (2 * _WEEK), _MOST_WEEKS)
    days = weeks * _WEEK if weeks else _enough(coverage.days // 2, coverage)
    if request.other is not None:
        days = max(ceil((request.other[1] - request.other[0]) / _DAY), 1)
    end = coverage.last + _DAY
    return _midnight(end - timedelta(days=days), zone), _midnight(end, zone)


def _enough(days: int, coverage: Coverage) -> int:
    """Return the number of days on each side. Raises UsageError if there are none."""
    if days < 1:
        raise UsageError(
            f"the log {_covers(coverage)}, but each side needs {'one' if coverage.end - coverage.begin >= _NEARLY_A_DAY else 'a complete day'}; "
            "add older logs, or compare groups, like --where device=mobile --with device=desktop"
        )
    return days


def _covers(coverage: Coverage) -> str:
    """Return a phrase on what a log covers that is too short: complete days or, if it is shorter than a day, the time between its lines."""
    length = coverage.end - coverage.begin
    if length < _NEARLY_A_DAY:
        return f"covers only {formatting.duration(length.total_seconds())}"
    return f"has {formatting.plural(max(coverage.days, 0), 'complete day')}"


def _before(request: CompareRequest, now: Side, zone: ZoneInfo) -> Side:
    """Return the other period: the one given, the same weekdays a year earlier, or the nearest earlier one that starts on the same weekday."""
    if request.other is not None:
        begin, end = (moment.astimezone(zone) for moment in request.other)
        if begin >= now.end:
            raise UsageError("--with names a period after the one it is compared with; swap the two")
        if end > now.begin:
            raise UsageError(f"--with overlaps the period it is compared with ({now.dates}); choose that period with --since and --until")
        return Side(BEFORE, begin, end, request.where)
    shift = timedelta(days=_YEAR) if request.is_last_year else timedelta(weeks=ceil(now.length / (_WEEK * _DAY)))
    if now.length > shift:
        raise UsageError(f"--with last-year: {now.days} is more than a year; choose a shorter period with --since")
    return Side(BEFORE, now.begin - shift, now.end - shift, request.where)


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=zone)
