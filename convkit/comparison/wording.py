"""The sentences of `compare`: caveats before the table, and below it what moved, what chance would do, and at which funnel step.

A micro goal is named together with the macro goals, no cause is named, and "cannot tell" is never the last sentence. Every step of a
funnel is a test of its own, so all steps share one error rate.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from math import ceil, exp, floor
from typing import TYPE_CHECKING, Any

import polars as pl

from convkit.analysis import planning
from convkit.core import formatting, stats, verdicts
from convkit.core.document import Note

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import date, datetime

    from convkit.comparison.rows import Pair, SideFigures
    from convkit.comparison.sides import Side, Sides
    from convkit.core.model import Funnel, Goals
    from convkit.traffic.coverage import Coverage

    Compared = Mapping[str, Any]

_MOST_GOALS = 3
"""Goals that are named in one sentence."""
_NO_MACRO = "No macro goal is known for this site, so nothing is said of conversions."
_MANY_VERDICTS = 10
_DAY, _MONTH = timedelta(days=1), 30
_RARE, _RAREST = 3, 120
"""Months in which a silence comes once that is told; and behind which it is not said in how many."""
_ONE_IN = 20
"""How many verdicts there are to one that chance alone makes."""
_MOST_STEPS = 3
"""Steps that are named."""
_MOST_GAPS = 3
_SHARE = 0.05
"""By which the share of bots differs, at least, to be told."""
_UNEVEN = 10.827566
"""The quantile of chi-square that chance goes beyond 1 time in 1,000."""
_WEEK = 7


def heading(pair: Pair) -> str:
    """Return what is compared with what: dates, days, and how many sessions they have."""
    sides, numbers = (pair.sides.now, pair.sides.before), (pair.now.sessions, pair.before.sessions)
    counts = [formatting.plural(number, "session") for number in numbers]
    if pair.sides.are_groups:
        people = [f"{formatting.plural(side.base, 'visitor')}, " if pair.sides.variant else "" for side in (pair.now, pair.before)]
        parts = [f"{side.name} ({who}{count})" for side, who, count in zip(sides, people, counts, strict=True)]
        of = f"{pair.sides.variant} in visitors, " if pair.sides.variant else ""
        return f"{of}{' with '.join(parts)}; {sides[0].dates}, {sides[0].days}"
    only = f" with {' and '.join(question.text for question in sides[0].filters)}" if sides[0].filters else ""
    parts = [f"{side.dates} ({side.days}, {count}{only})" for side, count in zip(sides, counts, strict=True)]
    return " with ".join(parts) + (f"; {pair.sides.how}" if pair.sides.how else "")


def conclusions(pair: Pair, rows: pl.DataFrame) -> tuple[Note, ...]:
    """Return the sentences in the order in which they are read; `rows` are `compared_rows`."""
    micros, macros = (rows.filter(what="goal", group=group).rows(named=True) for group in ("micro", "macro"))
    macros = macros if pair.knows_macro else []
    said = [
        ("moved", _moved(micros, macros)),
        ("macro", _macros(macros, pair.now.unit) if pair.knows_macro else [_NO_MACRO]),
        ("would-tell", _would_tell(pair, macros)),
        ("step", _changed_steps(pair)),
        ("chance", _by_chance(rows)),
        ("silence", _silent(pair, macros)),
    ]
    return tuple(Note(code, text, is_drawn=True) for code, texts in said for text in texts)


def _moved(micros: Sequence[Compared], macros: Sequence[Compared]) -> Iterator[str]:
    """Say which micro goals rose or fell, each with what became of the macro goals."""
    found = [row for row in micros if verdicts.moved(row["verdict"])]
    if not found:
        return
    more = [f"{len(found) - _MOST_GOALS} more moved"] if len(found) > _MOST_GOALS else []
    beside = ", ".join(_macro_movement(row) for row in macros) or "what the site is for is not known"
    yield "; ".join([*(f"{row['item']} {row['verdict']}" for row in found[:_MOST_GOALS]), *more, beside]) + "."
    alike: dict[str, list[str]] = {}
    for row in found[:_MOST_GOALS]:
        alike.setdefault(formatting.odds(_chance(row)), []).append(row["item"])
    often = "; ".join(f"{odds} in {', '.join(items)}" for odds, items in alike.items())
    yield f"Chance alone does as much {often}."


def _macro_movement(macro: Compared) -> str:
    """Return what became of a macro goal, to stand beside a micro goal."""
    if not macro["before"] + macro["now"]:
        return f"{macro['item']} was never reached"
    if macro["verdict"] != verdicts.CANNOT_TELL:
        return f"{macro['item']} {macro['verdict']}"
    if not verdicts.has_enough_data(macro) or not macro["before"]:
        return f"{macro['item']} cannot be told (too few reached it)"
    return f"{macro['item']} cannot be told (anything from {_bound(macro, 'difference_low', floor)} to {_bound(macro, 'difference_high', ceil)})"


def _bound(row: Compared, column: str, rounded: Any) -> str:  # noqa: ANN401 (math's own have no common type)
    """Return an end of what a movement may be, relative to the rate before, in whole percents away from 0."""
    percent = rounded(row[column] / row["before_rate"] * 100)
    return formatting.change(max(percent, -100) / 100)


def _macros(macros: Sequence[Compared], unit: str) -> Iterator[str]:
    """Say of each macro goal what can be told."""
    for row in macros:
        counts = f"{_count_of_base(row, 'now')} against {_count_of_base(row, 'before')}"
        if not row["before"] + row["now"]:
            yield planning.describe_no_conversions(row["item"])
        elif row["now_of"] < verdicts.MIN_SESSIONS or row["before_of"] < verdicts.MIN_SESSIONS:
            yield f"{row['item']}: {counts}: cannot tell; fewer than {verdicts.MIN_SESSIONS} {unit}s on a side are too few for any answer."
        elif not verdicts.has_enough_data(row):
            number = int(row["before"] + row["now"])
            are = f"{formatting.plural(number, 'conversion')} {'is' if number == 1 else 'are'}"
            yield f"{row['item']}: {counts}: cannot tell; {are} too few for any answer."
        elif row["verdict"] == verdicts.CANNOT_TELL:
            yield f"{row['item']}: {counts}, cannot tell: chance alone does that {formatting.odds(_chance(row))}."
        elif verdicts.moved(row["verdict"]):
            yield f"{row['item']} {row['verdict']}: {counts}; chance alone does that {formatting.odds(_chance(row))}."
        else:
            yield f"{row['item']} {row['verdict']}: {counts}."


def _count_of_base(row: Compared, side: str) -> str:
    return f"{formatting.count(int(row[side]))} of {formatting.count(row[f'{side}_of'])}"


def _chance(row: Compared) -> float:
    return stats.p_value(int(row["now"]), row["now_of"], int(row["before"]), row["before_of"])


def _would_tell(pair: Pair, macros: Sequence[Compared]) -> Iterator[str]:
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
    begin = planning.describe_few_conversions(reached, name) if reached < planning.FEW_CONVERSIONS else "A"
    yield planning.describe_needed_log(
        planning.GoalCounts(goals, sessions, daily), name, reached, begin, within="" if reached < planning.FEW_CONVERSIONS else f" in {name}"
    )


def _by_chance(rows: pl.DataFrame) -> Iterator[str]:
    """Say how many verdicts chance alone would make, where there are at most twice as many."""
    told = [row for row in rows.drop_nulls(["before_of", "verdict"]).rows(named=True) if verdicts.has_enough_data(row)]
    moved, usual = sum(verdicts.moved(row["verdict"]) for row in told), max(round(len(told) / _ONE_IN), 1)
    if len(told) >= _MANY_VERDICTS and 0 < moved <= 2 * usual:
        words = f"Of {len(told)} verdicts chance alone makes about {usual} say rose or fell"
        yield f"{words}: take the one that does with care." if moved == 1 else f"{words}; {moved} do: take them with care."


def _silent(pair: Pair, macros: Sequence[Compared]) -> Iterator[str]:
    """Say of macro goals that nobody has reached since when, where so long a silence is rare."""
    before, now, known = pair.sides.before, pair.sides.now, pair.known
    if pair.sides.are_groups or now.end < known.end:
        return
    days = (min(before.end, known.end) - max(before.begin, known.begin) + known.end - now.begin) / _DAY
    reached = pl.concat([side.goals.select("goal", "last_reached") for side in (pair.before, pair.now)]).drop_nulls()
    for row in (row for row in macros if verdicts.has_enough_data(row)):
        last: Any = reached.filter(goal=row["item"])["last_reached"].max()
        silence = (known.end - last) / _DAY
        months = _between((row["before"] + row["now"]) / days, silence) / _MONTH
        if silence >= 1 and months >= _RARE:
            often = f"about once in {formatting.plural(round(months), 'month')}" if months < _RAREST else "less than once in 10 years"
            words = f"{row['item']} was last reached on {last.day} {last:%b %Y}, {formatting.plural(int(silence), 'day')} before the log ends"
            yield f"{words}; so long a silence comes {often}: look at the pages before it."


def _between(daily: float, silence: float) -> float:
    """Return after how many days another silence of so many days comes, of what comes one by one so often a day."""
    return exp(min(daily * silence, 50)) / daily


def _changed_steps(pair: Pair) -> Iterator[str]:
    """Name the steps at which the share of those who went on changed, or differs, by more than chance would do."""
    if not pair.goals.funnels:
        return
    tested = _tested(pair.before.funnel, pair.now.funnel)
    changed = tested.filter((pl.col("low") > 0) | (pl.col("high") < 0)).rows(named=True)
    funnels = {funnel.name: funnel for funnel in pair.goals.funnels}
    several = {row["funnel"] for row in changed if sum(row["funnel"] == other["funnel"] for other in changed) > 1}
    did, does = ("differ", "differs") if pair.sides.are_groups else ("change", "changed")
    for row in changed[:_MOST_STEPS]:
        yield _changed_step(row, funnels[row["funnel"]], does, is_alone=row["funnel"] not in several)
    if tested.height and not changed:
        yield f"At no step of a funnel did the share of those who went on {did} by more than chance would do."


def _tested(before: pl.DataFrame, now: pl.DataFrame) -> pl.DataFrame:
    """Return the steps with enough on both sides: how many came, how many of them went on, and Newcombe's bounds, shared among all steps."""
    keys = ["funnel", "step"]
    steps = _stages(now).join(_stages(before), on=keys, how="left", suffix="_before", maintain_order="left")
    is_enough = pl.all_horizontal(pl.col("came", "came_before") >= verdicts.MIN_SESSIONS)
    steps = steps.filter(is_enough & (pl.col("on") + pl.col("on_before") >= verdicts.MIN_CONVERSIONS))
    low, high = stats.newcombe(pl.col("on"), pl.col("came"), pl.col("on_before"), pl.col("came_before"), stats.bonferroni_z(steps.height))
    return steps.with_columns(low=low, high=high)


def _stages(rows: pl.DataFrame) -> pl.DataFrame:
    """Return `funnel, step, came, on`: of all, how many began (step 0); of those at a step, how many went on."""
    everybody = pl.when(pl.col("unit") == "visitors").then("visitors").otherwise("sessions")
    began = rows.filter((pl.col("step") == 1) & ~pl.col("is_open")).select("funnel", step=pl.lit(0, dtype=pl.Int32), came=everybody, on="reached")
    went_on = rows.filter(pl.col("next_step").is_not_null()).select("funnel", "step", came="reached", on="went_on")
    return pl.concat([began, went_on]).sort("funnel", "step")


def _changed_step(row: Mapping[str, Any], funnel: Funnel, verb: str, *, is_alone: bool) -> str:
    """Return what changed at a step, and where to look; where it is the funnel's only one, where not, too."""
    number = row["step"]
    following = funnel.next_step(number) if number else 1
    names = dict(zip(funnel.numbers, funnel.names, strict=True))
    reached, came = names[following or 1], f"from {names[number]} " if number else ""
    sides = [(row[f"on{side}"], row[f"came{side}"]) for side in ("", "_before")]
    counts = ", against ".join(f"{formatting.count(part)} of {formatting.count(whole)}" for part, whole in sides)
    later = [names[step] for step in funnel.numbers if step > (following or 1)]
    elsewhere = f", not at {later[0] if len(later) == 1 else f'{later[0]} and behind it'}" if later and is_alone else ""
    share = "A smaller share" if row["high"] < 0 else "A larger share"
    went = f"went on {came}to {reached}" if number else f"came to {reached}"
    return f"{funnel.name}: {share.lower()} {went} ({counts}), by more than chance would do. Look at what {verb} before {reached}{elsewhere}."


def caveats(pair: Pair) -> tuple[Note, ...]:
    """Return the notes in the order in which they are read."""
    are_groups = pair.sides.are_groups
    windows = [note for side in (pair.before, pair.now) for note in _unfinished(side, pair.goals, side.side.name if are_groups else side.side.dates)]
    if are_groups:
        words = f"{formatting.plural(pair.in_both, 'session')} {'is' if pair.in_both == 1 else 'are'} in both groups."
        several = [replace(note, is_drawn=True) for note in pair.of_variants]
        return (*_ratio(pair), *several, *([Note("in-both", words, is_drawn=True)] if pair.in_both else []), *windows)
    sides = (pair.sides.before, pair.sides.now)
    each = [note for side in sides for note in (*_not_covered(side, pair.known), *_gaps(side, pair.known))]
    return (*each, *_lengths(pair.sides), *windows, *_bots(pair))


def _ratio(pair: Pair) -> Iterator[Note]:
    """Say where visitors of two variants are not as many as an even split would leave of them (chi-square, one degree of freedom)."""
    before, now = pair.before.base, pair.now.base
    if pair.sides.variant and (now - before) ** 2 > _UNEVEN * (now + before):
        saw = f"{formatting.plural(now, 'visitor')} saw {pair.now.side.name}, {formatting.count(before)} {pair.before.side.name}"
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


def _unfinished(side: SideFigures, goals: Goals, called: str) -> Iterator[Note]:
    """Say of which funnels the window was not over, on a side that is `called` so."""
    waiting = dict(side.funnel.group_by("funnel").agg(pl.col("incomplete").sum()).rows()) if goals.funnels else {}
    for funnel in goals.funnels:
        if funnel.window and (number := waiting.get(funnel.name)):
            length = formatting.duration_in_words(funnel.window)
            text = f"{funnel.name}: {formatting.plural(number, funnel.per)} of {called} may still go on: {length} were not over when the log ended."
            yield Note("unfinished", text, is_drawn=True)


def _bots(pair: Pair) -> Iterator[Note]:
    """Say where bots sent another share of the lines."""
    (part, whole), (other, other_whole) = pair.now.bot_lines, pair.before.bot_lines
    if not (whole and other_whole):
        return
    low, high = pl.select(*_named(stats.newcombe(*(pl.lit(count) for count in (part, whole, other, other_whole))))).row(0)
    if abs(part / whole - other / other_whole) >= _SHARE and not low <= 0 <= high:
        now = f"{formatting.count(part)} of {formatting.count(whole)} lines now ({formatting.share(part, whole)})"
        before = f"{formatting.count(other)} of {formatting.count(other_whole)} before ({formatting.share(other, other_whole)})"
        yield Note("bots-differ", f"Bots sent {now}, {before}: some may count as people on one side more than on the other.", is_drawn=True)


def _named(bounds: tuple[pl.Expr, pl.Expr]) -> tuple[pl.Expr, pl.Expr]:
    return bounds[0].alias("low"), bounds[1].alias("high")


def _day(day: date) -> str:
    return f"{day.day} {day:%b %Y}"


def _moment(moment: datetime) -> str:
    """Return a day and a time: `12 Oct 2026 14:00`."""
    return f"{_day(moment)} {moment:%H:%M}"
