"""What is said of two sides in words, under the table: what moved, what chance does alone, what would tell, where in the funnel it changed.

It stands alone because sentences have rules of their own: a micro goal stands with the macro goal, no cause is named, "cannot tell" is never last.
"""

from __future__ import annotations

from datetime import timedelta
from math import ceil, exp, floor
from typing import TYPE_CHECKING, Any

import polars as pl

from convkit.analysis import planning
from convkit.comparison import compare_steps
from convkit.core import figures, stats, verdicts
from convkit.core.tables import Note

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from convkit.comparison.compare_rows import Pair

    Row = Mapping[str, Any]

_MOST = 3
"""Goals that are named in one sentence."""
_NO_MACRO = "No macro goal is known for this site, so nothing is said of conversions."
_MANY_VERDICTS = 10
_DAY, _MONTH = timedelta(days=1), 30
_RARE, _RAREST = 3, 120
"""Months in which a silence comes once that is told; and behind which it is not said in how many."""
_ONE_IN = 20
"""How many verdicts there are to one that chance alone makes."""


def heading(pair: Pair) -> str:
    """Return what is compared with what: dates, days, and how many sessions they have."""
    sides, numbers = (pair.sides.now, pair.sides.before), (pair.now.sessions, pair.before.sessions)
    counts = [figures.plural(number, "session") for number in numbers]
    if pair.sides.are_groups:
        people = [f"{figures.plural(side.base, 'visitor')}, " if pair.sides.variant else "" for side in (pair.now, pair.before)]
        parts = [f"{side.name} ({who}{count})" for side, who, count in zip(sides, people, counts, strict=True)]
        of = f"{pair.sides.variant} in visitors, " if pair.sides.variant else ""
        return f"{of}{' with '.join(parts)}; {sides[0].dates}, {sides[0].days}"
    only = f" with {' and '.join(question.text for question in sides[0].asked)}" if sides[0].asked else ""
    parts = [f"{side.dates} ({side.days}, {count}{only})" for side, count in zip(sides, counts, strict=True)]
    return " with ".join(parts) + (f"; {pair.sides.how}" if pair.sides.how else "")


def say(pair: Pair, rows: pl.DataFrame) -> tuple[Note, ...]:
    """Return the sentences in the order in which they are read; `rows` are those of `compare_rows`."""
    micros, macros = (rows.filter(what="goal", group=group).rows(named=True) for group in ("micro", "macro"))
    macros = macros if pair.knows_macro else []
    said = [
        ("moved", _moved(micros, macros)),
        ("macro", _macros(macros, pair.now.unit) if pair.knows_macro else [_NO_MACRO]),
        ("would-tell", _would_tell(pair, macros)),
        ("step", compare_steps.say(pair)),
        ("chance", _by_chance(rows)),
        ("silence", _silent(pair, macros)),
    ]
    return tuple(Note(code, text, is_drawn=True) for code, texts in said for text in texts)


def _moved(micros: Sequence[Row], macros: Sequence[Row]) -> Iterator[str]:
    """Say which micro goals rose or fell, each with what became of the macro goals."""
    found = [row for row in micros if verdicts.moved(row["verdict"])]
    if not found:
        return
    more = [f"{len(found) - _MOST} more moved"] if len(found) > _MOST else []
    beside = ", ".join(_beside(row) for row in macros) or "what the site is for is not known"
    yield "; ".join([*(f"{row['item']} {row['verdict']}" for row in found[:_MOST]), *more, beside]) + "."
    alike: dict[str, list[str]] = {}
    for row in found[:_MOST]:
        alike.setdefault(figures.odds(_chance(row)), []).append(row["item"])
    often = "; ".join(f"{odds} in {', '.join(items)}" for odds, items in alike.items())
    yield f"Chance alone does as much {often}."


def _beside(macro: Row) -> str:
    """Return what became of a macro goal, to stand beside a micro goal."""
    if not macro["before"] + macro["now"]:
        return f"{macro['item']} was never reached"
    if macro["verdict"] != verdicts.CANNOT_TELL:
        return f"{macro['item']} {macro['verdict']}"
    if not verdicts.is_enough(macro) or not macro["before"]:
        return f"{macro['item']} cannot be told (too few reached it)"
    return f"{macro['item']} cannot be told (anything from {_bound(macro, 'difference_low', floor)} to {_bound(macro, 'difference_high', ceil)})"


def _bound(row: Row, column: str, rounded: Any) -> str:  # noqa: ANN401 (math's own have no common type)
    """Return an end of what a movement may be, relative to the rate before, in whole percents away from 0."""
    percent = rounded(row[column] / row["before_rate"] * 100)
    return figures.change(max(percent, -100) / 100)


def _macros(macros: Sequence[Row], unit: str) -> Iterator[str]:
    """Say of each macro goal what can be told."""
    for row in macros:
        counts = f"{_of(row, 'now')} against {_of(row, 'before')}"
        if not row["before"] + row["now"]:
            yield planning.never(row["item"])
        elif row["now_of"] < verdicts.FEWEST or row["before_of"] < verdicts.FEWEST:
            yield f"{row['item']}: {counts}: cannot tell; fewer than {verdicts.FEWEST} {unit}s on a side are too few for any answer."
        elif not verdicts.is_enough(row):
            number = int(row["before"] + row["now"])
            are = f"{figures.plural(number, 'conversion')} {'is' if number == 1 else 'are'}"
            yield f"{row['item']}: {counts}: cannot tell; {are} too few for any answer."
        elif row["verdict"] == verdicts.CANNOT_TELL:
            yield f"{row['item']}: {counts}, cannot tell: chance alone does that {figures.odds(_chance(row))}."
        elif verdicts.moved(row["verdict"]):
            yield f"{row['item']} {row['verdict']}: {counts}; chance alone does that {figures.odds(_chance(row))}."
        else:
            yield f"{row['item']} {row['verdict']}: {counts}."


def _of(row: Row, side: str) -> str:
    return f"{figures.count(int(row[side]))} of {figures.count(row[f'{side}_of'])}"


def _chance(row: Row) -> float:
    return stats.chance(int(row["now"]), row["now_of"], int(row["before"]), row["before_of"])


def _would_tell(pair: Pair, macros: Sequence[Row]) -> Iterator[str]:
    """Say what would tell of the first macro goal that cannot be told: how much log, and by what to judge meanwhile."""
    row = next((row for row in macros if row["verdict"] == verdicts.CANNOT_TELL and row["before"] + row["now"]), None)
    if row is None:
        return
    name, reached, sessions = row["item"], int(row["before"] + row["now"]), pair.before.base + pair.now.base
    if min(pair.before.base, pair.now.base) >= stats.sessions_needed(reached / sessions):
        yield f"With so many {pair.now.unit}s on each side a change of 20% in {name} shows 4 times in 5."
        return
    sides = [side for side in (pair.before, pair.now) if side.base]
    daily = min(side.base / (side.side.length / _DAY) for side in sides)
    keys = ["goal", "type"]
    both = pl.concat([side.goals.select(*keys, "reached", "then_converted") for side in (pair.before, pair.now)])
    goals = both.group_by(keys, maintain_order=True).agg(pl.col("reached", "then_converted").sum())
    begin = planning.few(reached, name) if reached < planning.FEW else "A"
    yield planning.what_would_tell(
        planning.Counts(goals, sessions, daily), name, reached, begin, within="" if reached < planning.FEW else f" in {name}"
    )


def _by_chance(rows: pl.DataFrame) -> Iterator[str]:
    """Say how many verdicts chance alone would make, where there are at most twice as many."""
    told = [row for row in rows.drop_nulls(["before_of", "verdict"]).rows(named=True) if verdicts.is_enough(row)]
    moved, usual = sum(verdicts.moved(row["verdict"]) for row in told), max(round(len(told) / _ONE_IN), 1)
    if len(told) >= _MANY_VERDICTS and 0 < moved <= 2 * usual:
        words = f"Of {len(told)} verdicts chance alone makes about {usual} say rose or fell"
        yield f"{words}: take the one that does with care." if moved == 1 else f"{words}; {moved} do: take them with care."


def _silent(pair: Pair, macros: Sequence[Row]) -> Iterator[str]:
    """Say of macro goals that nobody has reached since when, where so long a silence is rare."""
    before, now, known = pair.sides.before, pair.sides.now, pair.known
    if pair.sides.are_groups or now.end < known.end:
        return
    days = (min(before.end, known.end) - max(before.begin, known.begin) + known.end - now.begin) / _DAY
    reached = pl.concat([side.goals.select("goal", "last_reached") for side in (pair.before, pair.now)]).drop_nulls()
    for row in (row for row in macros if verdicts.is_enough(row)):
        last: Any = reached.filter(goal=row["item"])["last_reached"].max()
        silence = (known.end - last) / _DAY
        months = _between((row["before"] + row["now"]) / days, silence) / _MONTH
        if silence >= 1 and months >= _RARE:
            often = f"about once in {figures.plural(round(months), 'month')}" if months < _RAREST else "less than once in 10 years"
            words = f"{row['item']} was last reached on {last.day} {last:%b %Y}, {figures.plural(int(silence), 'day')} before the log ends"
            yield f"{words}; so long a silence comes {often}: look at the pages before it."


def _between(daily: float, silence: float) -> float:
    """Return after how many days another silence of so many days comes, of what comes one by one so often a day."""
    return exp(min(daily * silence, 50)) / daily
