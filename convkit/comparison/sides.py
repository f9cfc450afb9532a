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
from convkit.errors import UsageError, did_you_mean
from convkit.goals import filters
from convkit.goals.filters import Filter

if TYPE_CHECKING:
    from collections.abc import Sequence

    from convkit.analysis.periods import DateRange
    from convkit.core.model import Goals
    from convkit.traffic.coverage import Coverage

_DAY, _WEEK = timedelta(days=1), 7
_MOST_WEEKS = 4
"""On each side, where nothing was chosen."""
_LAST_YEAR, _YEAR = "last-year", 364
_GROUP = re.compile(r"[^=]*=")
BEFORE, NOW = "before", "now"


@dataclass(frozen=True)
class Side:
    """One of the two: its period, `begin` inside and `end` outside, and the questions that its sessions hold."""

    name: str
    begin: datetime
    end: datetime
    filters: tuple[Filter, ...] = ()

    @property
    def length(self) -> timedelta:
        """Return how long it is by the clock on the wall."""
        return self.end.replace(tzinfo=None) - self.begin.replace(tzinfo=None)

    @property
    def days(self) -> str:
        """Return its days in words: `31 days`."""
        return formatting.plural(ceil(self.length / _DAY), "day")

    @property
    def dates(self) -> str:
        """Return from when to when, in words: `1–31 Oct 2026`."""
        return formatting.dates(self.begin, self.end - timedelta(microseconds=1))


@dataclass(frozen=True)
class Sides:
    """The two sides, and how they came about, in words."""

    before: Side
    now: Side
    how: str = ""
    are_groups: bool = False
    """Whether they are groups of sessions of the same period."""
    variant: str | None = None
    """Of what they are variants, where they are: then goals are counted in visitors, who were dealt out, not their sessions."""


@dataclass(frozen=True)
class CompareRequest:
    """What was asked for, before the log is known: at most one of `cut`, `other`, `group` and `is_last_year`."""

    date_range: DateRange
    where: tuple[Filter, ...]
    cut: date | None = None
    other: tuple[datetime, datetime] | None = None
    group: tuple[Filter, ...] | None = None
    is_last_year: bool = False
    variant: str | None = None
    """What the groups are variants of; the two that there are, where no group says which."""


def with_variant(asked: CompareRequest, variant: str, against: str | None, at: str | None, goals: Goals) -> CompareRequest:
    """Return what is asked for about a variant of the site: beside a period, at most which two. Raises UsageError."""
    known, field = goals.site.variants, f"{VARIANT_PREFIX}{variant}"
    if variant not in known:
        names = f"known are {', '.join(known)}" if known else "no variants are known; say under `site.variants` what tells them"
        raise UsageError(f"--variant {variant}: no variant is called {variant!r}{did_you_mean(variant, known)}; {names}")
    if at is not None:
        raise UsageError(f"--at {at} and --variant {variant} both say what to compare; use one of them")
    if against is not None and not against.startswith(f"{field}="):
        raise UsageError(f"--with {against}: beside --variant {variant} it names the other one, like {field}=a")
    if against is None and any(question.field == field for question in asked.where):
        raise UsageError(f"--where {field}: name the other one, too, as --with {field}=a")
    return replace(asked, variant=variant)


def between_variants(asked: CompareRequest, seen: Sequence[str]) -> CompareRequest:
    """Return what is asked for with the only two variants that were seen, the first by name as the side before. Raises UsageError."""
    field, most = f"{VARIANT_PREFIX}{asked.variant}", 5
    if len(seen) > 2:  # noqa: PLR2004 (two sides)
        named = f"{', '.join(seen[:most])}{', ...' if len(seen) > most else ''}"
        raise UsageError(
            f"--variant {asked.variant}: {len(seen)} were seen ({named}); name two, as --where '{field}={seen[1]}' --with '{field}={seen[0]}'"
        )
    if len(seen) < 2:  # noqa: PLR2004 (as above)
        only = f"only {seen[0]} was seen" if seen else "none was seen"
        raise UsageError(f"--variant {asked.variant}: {only}; choose another period, or see under `site.variants` what tells them")
    # A value of the log is no pattern.
    groups = [(*asked.where, Filter(f"{field}={value}", field, f"re:{re.escape(value)}", is_inverted=False)) for value in seen]
    return replace(asked, group=groups[0], where=groups[1])


def parse(wanted: DateRange, where: Sequence[str], against: str | None, at: str | None, goals: Goals) -> CompareRequest:
    """Return what the options ask for: `--with` (against) and `--at` beside the period and the questions. Raises UsageError."""
    asked, timezone = CompareRequest(wanted, filters.parse_filters(where, goals)), goals.site.timezone
    if at is not None:
        if against is not None:
            raise UsageError(f"--at {at} and --with {against} both say what to compare with; use one of them")
        if wanted.is_limited:
            raise UsageError(f"--at {at} says both periods; leave out --since, --until and --last")
        return replace(asked, cut=parse_day(at, "--at", timezone))
    if against is None:
        return asked
    if against == _LAST_YEAR:
        return replace(asked, is_last_year=True)
    if _GROUP.match(against):
        return replace(asked, group=_group(against, asked.where, goals))
    if ".." not in against:
        raise UsageError(f"--with {against}: write last-year, a period like 2026-09-01..2026-09-30, or another group of sessions, like device=mobile")
    return replace(asked, other=parse_range(against, "--with", timezone))


def _group(against: str, where: tuple[Filter, ...], goals: Goals) -> tuple[Filter, ...]:
    """Return the questions of the other group: the one of --with in the place of the one about the same field."""
    try:
        question = filters.parse_filters([against], goals)[0]
    except UsageError as error:
        raise UsageError(str(error).replace("--where", "--with", 1)) from None
    same = [one for one in where if one.field == question.field]
    if not same:
        raise UsageError(f"--with {against}: name the group that it is compared with, as --where '{question.field}=...'")
    if len(same) > 1:
        raise UsageError(f"--with {against}: it takes the place of one --where about {question.field}; leave one of the {len(same)}")
    if same[0].text == question.text:
        raise UsageError(f"--with {against}: that is the group of --where; name another one")
    return tuple(question if one is same[0] else one for one in where)


def choose(asked: CompareRequest, known: Coverage, timezone: str, notes: Sequence[tuple[date, str]] = ()) -> Sides:
    """Return the sides; `notes` are days on which something changed. Raises UsageError where the log has no room for them."""
    zone = ZoneInfo(timezone)
    if asked.group is not None:
        begin, end = _chosen(asked, known, zone) or (_midnight(known.begin.date(), zone), _midnight(known.end.date() + _DAY, zone))
        names = [" and ".join(one.text for one in where) for where in (_differing(asked.group, asked.where), _differing(asked.where, asked.group))]
        names = [name.partition("=")[2] for name in names] if asked.variant else names
        groups = Side(names[0], begin, end, asked.group), Side(names[1], begin, end, asked.where)
        return Sides(*groups, are_groups=True, variant=asked.variant)
    if asked.cut is not None:
        days = _room(asked.cut, known)
        if days < 1:
            span = f"the whole days of the log go from {known.first} to {known.last}"
            raise UsageError(f"--at {asked.cut}: {span}; name one with days before and behind it, or read older logs, too")
        return _cut(asked, days, asked.cut, zone)
    chosen = _chosen(asked, known, zone)
    if chosen is None and asked.other is None and not asked.is_last_year:
        cuts = [(day, text) for day, text in notes if _room(day, known) > 0]
        if cuts:
            day, text = max(cuts)
            return replace(_cut(asked, _room(day, known), day, zone), how=f"cut at {day.day} {day:%b} {day.year}: {text}")
        if known.days < 2 * _WEEK:
            half = _enough(known.days // 2, known)
            return _cut(asked, half, known.last + _DAY - timedelta(days=half), zone)
    begin, end = chosen or _last_days(asked, known, zone)
    now = Side(NOW, begin, end, asked.where)
    return Sides(_before(asked, now, zone), now, how="364 days before, on the same weekdays" if asked.is_last_year else "")


def _differing(one: tuple[Filter, ...], other: tuple[Filter, ...]) -> list[Filter]:
    """Return the questions that tell a group from the other."""
    return [question for question in one if question not in other]


def _chosen(asked: CompareRequest, known: Coverage, zone: ZoneInfo) -> tuple[datetime, datetime] | None:
    """Return the period that was chosen, to the ends of the log where it has none."""
    if not asked.date_range.is_limited:
        return None
    begin, end = asked.date_range.limits(known.end, str(zone))
    begin = _midnight(known.begin.date(), zone) if begin is None else begin.astimezone(zone)
    end = _midnight(known.end.date() + _DAY, zone) if end is None else end.astimezone(zone)
    if begin >= end:
        raise UsageError(f"the log goes from {known.begin.date()} to {known.end.date()}; choose a period in it")
    return begin, end


def _room(day: date, known: Coverage) -> int:
    """Return how many days there are on both sides of a cut: whole weeks where there is one."""
    days = min((day - known.first).days, (known.last - day).days + 1)
    return days // _WEEK * _WEEK if days >= _WEEK else days


def _cut(asked: CompareRequest, days: int, day: date, zone: ZoneInfo) -> Sides:
    """Return so many days before a day, and from it on."""
    limits = [_midnight(day + timedelta(days=shift), zone) for shift in (-days, 0, days)]
    return Sides(Side(BEFORE, limits[0], limits[1], asked.where), Side(NOW, limits[1], limits[2], asked.where))


def _last_days(asked: CompareRequest, known: Coverage, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """Return the last whole days of the log: as many as the other period has, else whole weeks, else half of the days."""
    weeks = min(known.days // (2 * _WEEK), _MOST_WEEKS)
    days = weeks * _WEEK if weeks else _enough(known.days // 2, known)
    if asked.other is not None:
        days = max(ceil((asked.other[1] - asked.other[0]) / _DAY), 1)
    end = known.last + _DAY
    return _midnight(end - timedelta(days=days), zone), _midnight(end, zone)


def _enough(days: int, known: Coverage) -> int:
    """Return the days of a side; UsageError where there is none."""
    if days < 1:
        raise UsageError(
            f"the log holds {formatting.plural(max(known.days, 0), 'whole day')}, and both sides want one; "
            "read older logs, too, or compare groups, as --where device=mobile --with device=desktop"
        )
    return days


def _before(asked: CompareRequest, now: Side, zone: ZoneInfo) -> Side:
    """Return the other period: the one that was named, the same weekdays a year ago, or the nearest before that begins on the same weekday."""
    if asked.other is not None:
        begin, end = (moment.astimezone(zone) for moment in asked.other)
        if begin >= now.end:
            raise UsageError("--with names a period behind the one it is compared with; exchange them")
        if end > now.begin:
            raise UsageError(f"--with names days of the period it is compared with ({now.dates}); choose that one with --since and --until")
        return Side(BEFORE, begin, end, asked.where)
    shift = timedelta(days=_YEAR) if asked.is_last_year else timedelta(weeks=ceil(now.length / (_WEEK * _DAY)))
    if now.length > shift:
        raise UsageError(f"--with last-year: {now.days} are more than a year; choose fewer with --since")
    return Side(BEFORE, now.begin - shift, now.end - shift, asked.where)


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=zone)
