"""Comparisons built from counts, at least one for every sentence that `compare` can print, for the golden file and the wording rules."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import cache
from typing import TYPE_CHECKING, Any

import polars as pl

from convkit.comparison import report as comparison_report
from convkit.comparison import rows as comparison_rows
from convkit.comparison.rows import Pair, SideFigures
from convkit.comparison.sides import Side, Sides
from convkit.core import plugins
from convkit.core.blocks import Screen
from convkit.goals.loader import parse_goals
from convkit.traffic.coverage import Coverage

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from convkit.core.document import Report

_DAY = timedelta(days=1)
_BEGIN = datetime(2026, 9, 7, tzinfo=UTC)
_LENGTH = 28 * _DAY
BEFORE, NOW = Side("before", _BEGIN, _BEGIN + _LENGTH), Side("now", _BEGIN + _LENGTH, _BEGIN + 2 * _LENGTH)
KNOWN = Coverage(_BEGIN, NOW.end - timedelta(minutes=1), BEFORE.begin.date(), (NOW.end - _DAY).date())
NO_AMOUNTS = pl.DataFrame(schema={"amount": pl.Int64, "sessions": pl.Int64})

SHOP = """
macro: {purchase: {page: /thanks, value: 60}}
micro: {cart: /cart, newsletter: /newsletter, saw: /product/*}
funnels: {checkout: [saw, cart, /checkout, purchase]}
"""
PLAIN = "macro: {purchase: /thanks}\nmicro: {cart: /cart}\n"
WINDOW = "macro: {purchase: /thanks}\nmicro: {cart: /cart}\nfunnels: {first_order: {steps: [cart, purchase], per: visitor, window: 7d}}\n"
MANY = "macro: {purchase: /thanks}\nmicro: {" + ", ".join(f"m{number}: /m{number}" for number in range(12)) + "}\n"

_goals = cache(lambda text: parse_goals(text, "goals.yaml"))

Counts = "Mapping[str, int | tuple[int, int]]"


def side(  # noqa: PLR0913 (the fields of a side)
    text: str,
    which: Side,
    sessions: int,
    reached: Counts,
    steps: Sequence[int] = (),
    *,
    waiting: int = 0,
    bots: int = 100,
    days_without_conversion: float = 0.1,
) -> SideFigures:
    """Return the figures for a side: how many sessions reached each goal (and how many of them converted later), and how many reached each step."""
    goals = _goals(text)
    last, rows = which.end - (days_without_conversion if which.name == "now" else 0.1) * _DAY, []
    for goal in goals.goals:
        counted = reached.get(goal.name, 0)
        number, then = counted if isinstance(counted, tuple) else (counted, 0)
        rows.append(
            {
                "goal": goal.name,
                "type": "macro" if goal.macro else "micro",
                "reached": number,
                "then_converted": then,
                "last_reached": last if number else None,
            }
        )
    converted = sum(row["reached"] for row in rows if row["type"] == "macro")
    value = converted * 60_000_000 if any(goal.value is not None for goal in goals.macros) else None
    overview = pl.DataFrame(
        {"sessions": [sessions], "bounces": [sessions * 47 // 100], "converted_sessions": [converted], "value": pl.Series([value], dtype=pl.Int64)}
    )
    number = which.length // _DAY
    scatter = [(place * (7 if which.name == "now" else 3) % 5 - 2) * max(sessions // 500, 1) for place in range(number)]
    counts = [max(sessions // number + (place < sessions % number) + more, 0) for place, more in enumerate(scatter)]
    daily = pl.DataFrame({"day": [which.begin.date() + place * _DAY for place in range(number)], "sessions": counts})
    amounts = pl.DataFrame({"amount": [60_000_000], "sessions": [converted]}, schema=NO_AMOUNTS.schema) if value else NO_AMOUNTS
    return SideFigures(
        which,
        overview,
        pl.DataFrame(rows, schema_overrides={"last_reached": pl.Datetime("us", "UTC")}),
        _funnel(text, sessions, steps, waiting),
        daily,
        amounts,
        (bots, 1_000),
        pl.DataFrame(schema={"seconds": pl.Int32, "n": pl.Int64}),
        pl.DataFrame(schema={"pages": pl.Int32, "n": pl.Int64}),
        pl.DataFrame(schema={"amount": pl.String, "n": pl.Int64}),
    )


def _funnel(text: str, sessions: int, steps: Sequence[int], waiting: int) -> pl.DataFrame:
    """Return the rows of the funnel in a goals file."""
    rows = []
    for funnel in _goals(text).funnels:
        counts = dict(zip(funnel.numbers, steps or [0] * len(funnel.steps), strict=True))
        for number, name in zip(funnel.numbers, funnel.names, strict=True):
            following = funnel.next_step(number)
            counted = {"reached": counts[number], "went_on": counts.get(following or 0), "entered": counts[1], "next_step": following}
            rows.append({"funnel": funnel.name, "step": number, "name": name, "sessions": sessions, "visitors": sessions, **counted})
            rows[-1] |= {"unit": f"{funnel.per}s", "is_open": funnel.is_open, "incomplete": waiting if number == 1 else 0}
    schema = dict.fromkeys(("sessions", "visitors", "reached", "went_on", "entered", "incomplete"), pl.Int64) | {
        "step": pl.Int32,
        "next_step": pl.Int32,
    }
    return pl.DataFrame(rows, schema_overrides=schema)


def pair(  # noqa: PLR0913 (the fields of a pair)
    text: str,
    before: SideFigures,
    now: SideFigures,
    *,
    coverage: Coverage = KNOWN,
    how: str = "",
    knows_macro: bool = True,
    in_both: int | None = None,
) -> Pair:
    """Return a pair of sides; with `in_both`, they are groups of sessions instead of periods."""
    sides = Sides(before.side, now.side, how, are_groups=in_both is not None)
    return Pair(sides, before, now, _goals(text), coverage, knows_macro, in_both or 0)


def report(sides: Pair) -> Report:
    """Return the report that compares a pair of sides."""
    return comparison_report.report_of(sides, comparison_rows.compared_rows(sides))


def drawn(comparison: Report, width: int = 80, *, colour: bool = False) -> str:
    """Return a report as shown on a screen."""
    screen = Screen(width, colour=colour)
    text: str = plugins.load("outputs", "table").render_blocks(comparison.draw(comparison.frame, screen), screen)
    return text


def cases() -> Iterator[tuple[str, Pair]]:
    """Yield pairs that together produce every sentence."""
    yield from _of_verdicts()
    yield from _of_few()
    yield from _of_caveats()


def _of_verdicts() -> Iterator[tuple[str, Pair]]:
    """Yield pairs with enough data on both sides."""
    before = side(SHOP, BEFORE, 3_466, {"purchase": 52, "cart": (254, 51), "newsletter": 58, "saw": (1_420, 52)}, (1_420, 250, 110, 48))
    now = side(SHOP, NOW, 3_412, {"purchase": 40, "cart": (196, 39), "newsletter": 61, "saw": (1_386, 40)}, (1_386, 188, 84, 37))
    yield "a micro goal fell, and the macro goal cannot be told", pair(SHOP, before, now)
    rising = side(SHOP, NOW, 9_412, {"purchase": 440, "cart": 1_496, "newsletter": 861, "saw": 5_386}, (5_386, 1_388, 980, 431))
    risen = side(SHOP, BEFORE, 9_466, {"purchase": 252, "cart": 854, "newsletter": 458, "saw": 4_420}, (4_420, 850, 610, 248))
    yield "everything rose, from the first step on", pair(SHOP, risen, rising)
    yield "a whole lot fell", pair(SHOP, side(SHOP, BEFORE, 9_466, {"purchase": 452}), side(SHOP, NOW, 9_412, {"purchase": 252}))
    last = side(SHOP, NOW, 9_412, {"purchase": 300, "cart": 856, "newsletter": 950, "saw": 4_380}, (4_380, 850, 612, 300))
    base = side(SHOP, BEFORE, 9_466, {"purchase": 452, "cart": 854, "newsletter": 958, "saw": 4_420}, (4_420, 850, 610, 452))
    yield "the last step changed", pair(SHOP, base, last)
    still = {"purchase": 20_100, "cart": 31_000, "newsletter": 30_000, "saw": 66_000}
    unmoved = side(SHOP, NOW, 99_412, still | {"newsletter": 26_000}, (66_000, 31_000, 26_000, 20_000))
    yield "the macro goal did not move", pair(SHOP, side(SHOP, BEFORE, 99_466, still, (66_000, 31_000, 26_000, 20_000)), unmoved)
    enough = [side(PLAIN, which, 9_000, {"purchase": number, "cart": 1_700}) for which, number in ((BEFORE, 900), (NOW, 960))]
    yield "a change of 20% would have shown", pair(PLAIN, *enough)
    one = {f"m{number}": 400 for number in range(12)}
    yield (
        "one of many moved",
        pair(MANY, side(MANY, BEFORE, 4_000, one | {"purchase": 200}), side(MANY, NOW, 4_000, one | {"m0": 480, "purchase": 210})),
    )
    yield (
        "two of many moved",
        pair(MANY, side(MANY, BEFORE, 4_000, one | {"purchase": 200}), side(MANY, NOW, 4_000, one | {"m0": 480, "m1": 330, "purchase": 210})),
    )
    two = one | {"m0": 900, "m1": 800, "m2": 700, "m3": 600, "m4": 200}
    yield "more moved than are named", pair(MANY, side(MANY, BEFORE, 4_000, one | {"purchase": 200}), side(MANY, NOW, 4_000, two | {"purchase": 210}))


def _of_few() -> Iterator[tuple[str, Pair]]:
    """Yield pairs with too little data for a verdict."""

    def plain(before: tuple[int, int, int], now: tuple[int, int, int], **more: Any) -> Pair:  # noqa: ANN401 (keywords of `pair`)
        figures = [
            side(PLAIN, which, sessions, {"purchase": bought, "cart": cart}) for which, (sessions, bought, cart) in ((BEFORE, before), (NOW, now))
        ]
        return pair(PLAIN, *figures, **more)

    yield "five conversions", plain((88, 1, 8), (90, 4, 11))
    yield "one conversion, and a micro goal that rose", plain((880, 0, 40), (900, 1, 110))
    yield "no conversion at all, and a micro goal that rose", plain((880, 0, 40), (900, 0, 110))
    yield "under 30 sessions", plain((25, 9, 12), (20, 8, 9))
    yield "none before", plain((2_000, 0, 60), (2_000, 40, 70))
    yield "none before, and not enough now", plain((300, 0, 60), (300, 3, 170))
    yield "twelve, of which nothing can be told", plain((300, 5, 60), (300, 7, 70))
    yield "nobody said what the site is for", plain((880, 0, 40), (900, 0, 110), knows_macro=False)


def _of_caveats() -> Iterator[tuple[str, Pair]]:
    """Yield pairs with a caveat."""

    def window(before: Side = BEFORE, now: Side = NOW, *, waiting: int = 0, bots: int = 100, **more: Any) -> Pair:  # noqa: ANN401 (keywords of `pair`)
        figures = [side(WINDOW, which, 900, {"purchase": 60, "cart": 200}, (200, 60), waiting=waiting, bots=bots) for which in (before, now)]
        figures[0] = side(WINDOW, before, 900, {"purchase": 60, "cart": 200}, (200, 60), waiting=waiting // 9)
        return pair(WINDOW, *figures, **more)

    first, last = KNOWN.first, KNOWN.last
    late = Coverage(_BEGIN + 10.6 * _DAY, NOW.end - 3.4 * _DAY, first + 11 * _DAY, last - 4 * _DAY)
    yield "the log begins later, and ends earlier", window(coverage=late)
    cut = Coverage(_BEGIN + 0.6 * _DAY, NOW.end - 0.4 * _DAY, first + _DAY, last - _DAY)
    yield "the days at its ends are not whole", window(coverage=cut)
    yield "the log has nothing of the side before", window(coverage=Coverage(NOW.begin, KNOWN.end, NOW.begin.date(), last))
    holes = tuple((_BEGIN + number * 3.5 * _DAY, _BEGIN + (number * 3.5 + 0.3) * _DAY) for number in range(5, 10))
    yield "gaps on both sides", window(coverage=Coverage(KNOWN.begin, KNOWN.end, first, last, holes))
    many = tuple((_BEGIN + number * 3.5 * _DAY, _BEGIN + (number * 3.5 + 0.3) * _DAY) for number in range(1, 7))
    yield "more gaps than are named", window(coverage=Coverage(KNOWN.begin, KNOWN.end, first, last, many))
    yield "windows that were not over", window(waiting=9)
    yield "another share of bots", window(bots=310)
    longer = Side("now", NOW.begin, NOW.end + 3 * _DAY)
    yield "sides of different lengths", window(now=longer, coverage=Coverage(KNOWN.begin, longer.end, first, last + 3 * _DAY))
    five = [Side(name, _BEGIN + number * 5 * _DAY, _BEGIN + (number + 1) * 5 * _DAY) for number, name in enumerate(("before", "now"))]
    yield "other days of the week", window(*five)
    for days in (3, 5, 12):
        sides = [side(PLAIN, which, 3_400, {"purchase": 40, "cart": 400}, days_without_conversion=days) for which in (BEFORE, NOW)]
        yield f"nobody bought for {days} days", pair(PLAIN, *sides)
    yield "a year ago", window(how="364 days earlier, on the same weekdays")
    yield "cut at a note", window(how="split at 5 Oct 2026: new checkout")
    differing = [
        side(WINDOW, Side(name, NOW.begin, NOW.end), 900, {"purchase": 60, "cart": cart}, (cart, 60)) for name, cart in (("a=1", 90), ("a=2", 200))
    ]
    yield "groups that differ at a step", pair(WINDOW, *differing, in_both=0)
    for number in (1, 120):
        groups = [Side(name, NOW.begin, NOW.end) for name in ("landing=/", "landing=/a/very/long/page/of/a/site")]
        yield f"groups that have {number} in common", window(*groups, in_both=number, waiting=9)
