"""What must be known of two sides before any verdict: what the log lacks of them, and what else differs between them.

It stands alone because these sentences come first, whatever the figures say.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import polars as pl

from convkit.core import figures, stats
from convkit.core.tables import Note

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import date, datetime

    from convkit.comparison.compare_rows import Figures, Pair
    from convkit.comparison.sides import Side, Sides
    from convkit.core.definitions import Goals
    from convkit.traffic.gaps import Coverage

_MOST_GAPS = 3
_SHARE = 0.05
"""By which the share of bots differs, at least, to be told."""
_UNEVEN = 10.827566
"""The quantile of chi-square that chance goes beyond 1 time in 1,000."""
_DAY, _WEEK = timedelta(days=1), 7


def find(pair: Pair) -> tuple[Note, ...]:
    """Return the notes in the order in which they are read."""
    are_groups = pair.sides.are_groups
    windows = [note for side in (pair.before, pair.now) for note in _unfinished(side, pair.goals, side.side.name if are_groups else side.side.dates)]
    if are_groups:
        words = f"{figures.plural(pair.in_both, 'session')} {'is' if pair.in_both == 1 else 'are'} in both groups."
        several = [replace(note, is_drawn=True) for note in pair.of_variants]
        return (*_ratio(pair), *several, *([Note("in-both", words, is_drawn=True)] if pair.in_both else []), *windows)
    sides = (pair.sides.before, pair.sides.now)
    each = [note for side in sides for note in (*_not_covered(side, pair.known), *_gaps(side, pair.known))]
    return (*each, *_lengths(pair.sides), *windows, *_bots(pair))


def _ratio(pair: Pair) -> Iterator[Note]:
    """Say where visitors of two variants are not as many as an even split would leave of them (chi-square, one degree of freedom)."""
    before, now = pair.before.base, pair.now.base
    if pair.sides.variant and (now - before) ** 2 > _UNEVEN * (now + before):
        saw = f"{figures.plural(now, 'visitor')} saw {pair.now.side.name}, {figures.count(before)} {pair.before.side.name}"
        text = (
            f"{saw}: an even split comes so far apart less than 1 time in 1,000. Unless that was the plan, the two are not alike: trust no verdict."
        )
        yield Note("sample-ratio", text, is_drawn=True)


def _not_covered(side: Side, known: Coverage) -> Iterator[Note]:
    """Say what of a side lies before the log begins or behind its end."""
    first, last = side.begin.date(), (side.end - timedelta(microseconds=1)).date()
    days = (last - first).days + 1
    if (missing := (known.first - first).days) > 0:
        yield Note("not-covered", f"The log begins on {_moment(known.begin)}: {_lacking(side, missing, days, 'first', known.first)}.", is_drawn=True)
    if (missing := (last - known.last).days) > 0:
        yield Note("not-covered", f"The log ends on {_moment(known.end)}: {_lacking(side, missing, days, 'last', known.last)}.", is_drawn=True)


def _lacking(side: Side, missing: int, days: int, which: str, edge: date) -> str:
    """Return what of a side is missing."""
    if missing >= days:
        return f"it lacks all of {side.dates}"
    if missing == 1:
        return f"the {which} day of {side.dates} is not whole"
    return f"of {side.dates}, whole days {'begin' if which == 'first' else 'end'} on {_day(edge)}"


def _gaps(side: Side, known: Coverage) -> Iterator[Note]:
    """Say where a side has hours without a line that should have some."""
    found = known.silent(side.begin, side.end)
    if not found:
        return
    spans = [f"{_moment(begin)} to {_moment(end)}" for begin, end in found[:_MOST_GAPS]]
    more = [f"{len(found) - _MOST_GAPS} more"] if len(found) > _MOST_GAPS else []
    yield Note("gaps", f"Lines of {side.dates} seem to be missing, from {', '.join([*spans, *more])}.", is_drawn=True)


def _lengths(sides: Sides) -> Iterator[Note]:
    """Say where the two periods are not of a kind."""
    before, now = sides.before, sides.now
    if before.length != now.length:
        text = f"{before.name} has {before.days}, {now.name} {now.days}: rates are compared, counts are not."
        yield Note("lengths", text[:1].upper() + text[1:], is_drawn=True)
    elif before.begin.weekday() != now.begin.weekday() and before.length % (_WEEK * _DAY):
        yield Note("weekdays", "The two periods hold different days of the week.", is_drawn=True)


def _unfinished(side: Figures, goals: Goals, called: str) -> Iterator[Note]:
    """Say of which funnels the window was not over, on a side that is `called` so."""
    waiting = dict(side.funnel.group_by("funnel").agg(pl.col("incomplete").sum()).rows()) if goals.funnels else {}
    for funnel in goals.funnels:
        if funnel.window and (number := waiting.get(funnel.name)):
            length = figures.length(funnel.window)
            text = f"{funnel.name}: {figures.plural(number, funnel.per)} of {called} may still go on: {length} were not over when the log ended."
            yield Note("unfinished", text, is_drawn=True)


def _bots(pair: Pair) -> Iterator[Note]:
    """Say where bots sent another share of the lines."""
    (part, whole), (other, other_whole) = pair.now.bot_lines, pair.before.bot_lines
    if not (whole and other_whole):
        return
    low, high = pl.select(*_named(stats.newcombe(*(pl.lit(count) for count in (part, whole, other, other_whole))))).row(0)
    if abs(part / whole - other / other_whole) >= _SHARE and not low <= 0 <= high:
        now = f"{figures.count(part)} of {figures.count(whole)} lines now ({figures.share(part, whole)})"
        before = f"{figures.count(other)} of {figures.count(other_whole)} before ({figures.share(other, other_whole)})"
        yield Note("bots-differ", f"Bots sent {now}, {before}: some may count as people on one side more than on the other.", is_drawn=True)


def _named(bounds: tuple[pl.Expr, pl.Expr]) -> tuple[pl.Expr, pl.Expr]:
    return bounds[0].alias("low"), bounds[1].alias("high")


def _day(day: date) -> str:
    return f"{day.day} {day:%b %Y}"


def _moment(moment: datetime) -> str:
    """Return a day and a time: `12 Oct 2026 14:00`."""
    return f"{_day(moment)} {moment:%H:%M}"
