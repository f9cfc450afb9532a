"""The sentences of `compare`: caveats above the table; below it, what moved, whether chance explains it, and which funnel steps changed.

A micro goal is always mentioned together with the macro goals, no cause is ever named, and "cannot tell" is never the last sentence. Every step of a
funnel is tested, so all steps share one error rate.
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
"""The maximum number of goals named in one sentence."""
_NO_MACRO = "This site has no macro goal yet, so conversions are not compared."
_DAY, _MONTH = timedelta(days=1), 30
_RARE, _RAREST = 3, 120
"""A silence is mentioned if one like it happens at most once in this many months; above the second number, no exact figure is given."""
_MOST_STEPS = 3
"""The maximum number of steps named in one sentence."""
_MOST_GAPS = 3
_MIN_BOT_DIFFERENCE = 0.05
"""The smallest difference between the two sides' shares of bots that is mentioned."""
_UNEVEN = 10.827566
"""The quantile of the chi-square distribution that chance exceeds once in 1,000 times."""
_EVEN_CHANCE, _SMALL_CHANCE, _LEVEL = 0.5, 0.01, 0.05
_WEEK = 7


def heading(pair: Pair) -> str:
    """Return the heading: which sides are compared, with their dates, days and sessions."""
    sides = (pair.sides.now, pair.sides.before)
    sessions = [formatting.plural(side.sessions, "session") for side in (pair.now, pair.before)]
    if pair.sides.are_groups:
        visitors = [f"{formatting.plural(side.base, 'visitor')}, " if pair.sides.variant else "" for side in (pair.now, pair.before)]
        parts = [f"{side.name} ({people}{count})" for side, people, count in zip(sides, visitors, sessions, strict=True)]
        variant = f"{pair.sides.variant}, counted in visitors: " if pair.sides.variant else ""
        return f"{variant}{' with '.join(parts)}; {sides[0].dates}, {sides[0].days}"
    only = f" with {' and '.join(one.text for one in sides[0].filters)}" if sides[0].filters else ""
    parts = [f"{side.dates} ({side.days}, {count}{only})" for side, count in zip(sides, sessions, strict=True)]
    return " with ".join(parts) + (f"; {pair.sides.how}" if pair.sides.how else "")


def conclusions(pair: Pair, rows: pl.DataFrame) -> tuple[Note, ...]:
    """Return the sentences below the table, in their order; `rows` are `compared_rows`."""
    micros, macros = (rows.filter(what="goal", group=group).rows(named=True) for group in ("micro", "macro"))
    macros = macros if pair.knows_macro else []
    sentences = [
        ("moved", _moved(micros, macros, pair)),
        ("macro", _macros(macros, pair) if pair.knows_macro else [_NO_MACRO]),
        ("would-tell", _needed_data(pair, macros)),
        ("step", _changed_steps(pair, rows.filter(pl.col("verdict").is_null(), what="goal")["item"].to_list())),
        ("silence", _silences(pair, macros)),
    ]
    return tuple(Note(code, text, is_drawn=True) for code, texts in sentences for text in texts)


def _moved(micros: Sequence[Compared], macros: Sequence[Compared], pair: Pair) -> Iterator[str]:
    """Yield sentences on which micro goals rose or fell, on the macro goals, and on how often this would happen by chance."""
    changes = [row for row in micros if verdicts.moved(row["verdict"])]
    if not changes:
        return
    named = changes[:_MOST_GOALS]
    others = len(changes) - _MOST_GOALS
    verb = ("differs" if others == 1 else "differ") if pair.sides.are_groups else "moved"
    more = [f"{formatting.plural(others, 'more goal')} {verb}"] if others > 0 else []
    verdict = "; ".join([*(_moved_goal(row, pair) for row in named), *more])
    macro_verdicts = ". ".join(_capitalized(_macro_movement(row, pair)) for row in macros) or "There is no macro goal to compare it with"
    yield f"{_capitalized(verdict)}. {macro_verdicts}."
    by_odds: dict[str, list[Compared]] = {}
    for row in named:
        by_odds.setdefault(_odds(_chance(row)), []).append(row)
    for odds, rows in by_odds.items():
        if len(rows) == 1:
            yield f"{_movement(rows[0], pair)} this large in {rows[0]['item']} would happen by chance {odds}."
        else:
            names = [row["item"] for row in rows]
            movements = "Differences" if pair.sides.are_groups else "Changes"
            yield f"{movements} this large in {', '.join(names[:-1])} or {names[-1]} would each happen by chance {odds}."


def _moved_goal(row: Compared, pair: Pair) -> str:
    """Return the verdict on a goal as part of a sentence, like `cart fell by 36% (between 12% and 59%)`; from a base of 0, without a size."""
    name, verdict, are_groups = row["item"], row["verdict"], pair.sides.are_groups
    if not verdicts.moved(verdict):
        return f"{name} {verdict}"
    size = _size(row)
    if are_groups:
        return f"{name} is {size + ' ' if size else ''}{verdict} with {pair.now.side.name}{_size_range(row)}"
    return f"{name} {verdict}{' by ' + size if size else ''}{_size_range(row)}"


def _size(row: Compared) -> str:
    """Return by how much a figure moved, relative to the `before` rate, or an empty string if that is 0."""
    return _unsigned(row["difference"] / row["before_rate"]) if row["before_rate"] else ""


def _size_range(row: Compared) -> str:
    """Return the likely range of the size of a movement, the smaller end first."""
    if not row["before_rate"]:
        return ""
    ends = [_unsigned(max(row[name] / row["before_rate"], -1)) for name in ("difference_low", "difference_high")]
    low, high = reversed(ends) if verdicts.fell(row["verdict"]) else ends
    return f" (between {low} and {high})"


def _unsigned(relative: float) -> str:
    return formatting.change(relative).lstrip("+\N{MINUS SIGN}")


def _movement(row: Compared, pair: Pair) -> str:
    return "A difference" if pair.sides.are_groups else "A rise" if verdicts.rose(row["verdict"]) else "A fall"


def _capitalized(sentence: str) -> str:
    """Return a sentence with a capital first letter, unless it begins with a name that is not a plain word, like `saw_stock`."""
    return sentence[:1].upper() + sentence[1:] if sentence.partition(" ")[0].isalpha() else sentence


def _macro_movement(macro: Compared, pair: Pair) -> str:
    """Return the verdict on a macro goal, worded to follow the verdicts on micro goals."""
    if not macro["before"] + macro["now"]:
        return f"{macro['item']} was never reached"
    if macro["verdict"] is None:
        return f"{macro['item']} is defined by the same thing as the groups"
    if macro["verdict"] != verdicts.CANNOT_TELL:
        return _moved_goal(macro, pair)
    noun = formatting.goal_count(2, macro["item"]).partition(" ")[2]
    too_few = f"{macro['item'] + ' conversions' if noun.startswith('with ') else noun} are too few to tell"
    if not verdicts.has_enough_data(macro) or not macro["before"]:
        return too_few
    return f"{too_few} (between {_bound(macro, 'difference_low', floor)} and {_bound(macro, 'difference_high', ceil)})"


def _bound(row: Compared, column: str, rounded: Any) -> str:  # noqa: ANN401 (floor and ceil have no common type)
    """Return one bound of the likely change, relative to the `before` rate, rounded to a whole percentage with `floor` or `ceil`."""
    percent = rounded(row[column] / row["before_rate"] * 100)
    return formatting.change(max(percent, -100) / 100)


def _macros(macros: Sequence[Compared], pair: Pair) -> Iterator[str]:
    """Yield the verdict on each macro goal, along with its counts."""
    unit = pair.now.unit
    for row in macros:
        counts = f"{_count_of_base(row, 'now')} against {_count_of_base(row, 'before')}"
        goal = _capitalized(row["item"])
        if not row["before"] + row["now"]:
            yield planning.describe_no_conversions(row["item"])
        elif row["now_of"] < verdicts.MIN_SESSIONS or row["before_of"] < verdicts.MIN_SESSIONS:
            yield f"{goal}: {counts}. Cannot tell: at least {verdicts.MIN_SESSIONS} {unit}s are needed on each side."
        elif not verdicts.has_enough_data(row):
            conversions = formatting.plural(int(row["before"] + row["now"]), "conversion")
            yield f"{goal}: {counts}. Cannot tell from {conversions}: at least {verdicts.MIN_CONVERSIONS} are needed."
        elif row["verdict"] == verdicts.CANNOT_TELL:
            chance = _chance(row)
            likely = "is to be expected from chance" if chance > _EVEN_CHANCE else f"would happen by chance {_odds(chance)}"
            shared = f", and {row['tests']} goals are compared" if chance < _LEVEL and row["tests"] > 1 else ""
            yield f"{goal}: {counts}. Cannot tell: a difference this large {likely}{shared}."
        elif row["verdict"] is None:
            yield f"{goal}: {counts}. No verdict: it is defined by the same thing as the groups."
        elif verdicts.moved(row["verdict"]):
            words = f"{_movement(row, pair)} this large would happen by chance {_odds(_chance(row))}"
            yield f"{_capitalized(_moved_goal(row, pair))}: {counts}. {words}."
        else:
            yield f"{_capitalized(_moved_goal(row, pair))}: {counts}."


def _odds(chance: float) -> str:
    """Return how often something happens by chance, for a probability of at most 0.5."""
    return "less than once in 100 times" if chance < _SMALL_CHANCE else f"about once in {int(1 / chance + 1e-9)} times"


def _count_of_base(row: Compared, side: str) -> str:
    return f"{formatting.count(int(row[side]))} of {formatting.count(row[f'{side}_of'])}"


def _chance(row: Compared) -> float:
    return stats.p_value(int(row["now"]), row["now_of"], int(row["before"]), row["before_of"])


def _needed_data(pair: Pair, macros: Sequence[Compared]) -> Iterator[str]:
    """Yield a sentence on how long a log the first undecided macro goal needs for a verdict, and on which goal to judge by until then."""
    row = next((row for row in macros if row["verdict"] == verdicts.CANNOT_TELL and row["before"] + row["now"]), None)
    if row is None:
        return
    name, reached, sessions = row["item"], int(row["before"] + row["now"]), pair.before.base + pair.now.base
    if min(pair.before.base, pair.now.base) >= stats.sessions_needed(reached / sessions, tests=row["tests"]):
        yield f"With this many {pair.now.unit}s a 20% change in {name} would be detected 4 times out of 5."
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


def _silences(pair: Pair, macros: Sequence[Compared]) -> Iterator[str]:
    """Yield a sentence for each macro goal on when it was last reached, if such a long silence is rare."""
    before, now, coverage = pair.sides.before, pair.sides.now, pair.coverage
    if pair.sides.are_groups or now.end < coverage.end:
        return
    days = (min(before.end, coverage.end) - max(before.begin, coverage.begin) + coverage.end - now.begin) / _DAY
    reached = pl.concat([side.goals.select("goal", "last_reached") for side in (pair.before, pair.now)]).drop_nulls()
    for row in (row for row in macros if verdicts.has_enough_data(row)):
        last: Any = reached.filter(goal=row["item"])["last_reached"].max()
        silence = (coverage.end - last) / _DAY
        months = _between((row["before"] + row["now"]) / days, silence) / _MONTH
        if silence >= 1 and months >= _RARE:
            often = f"about once in {formatting.plural(round(months), 'month')}" if months < _RAREST else "less than once in 10 years"
            goal, days_before = _capitalized(row["item"]), formatting.plural(int(silence), "day")
            last_time = f"{goal} was last reached on {last.day} {last:%b %Y}, {days_before} before the log ends"
            yield f"{last_time}. A gap this long happens by chance {often}; check the pages before it."


def _between(daily: float, silence: float) -> float:
    """Return the mean number of days between silences of `silence` days in a Poisson process with a rate of `daily`."""
    return exp(min(daily * silence, 50)) / daily


def _changed_steps(pair: Pair, given: Sequence[str]) -> Iterator[str]:
    """Yield a sentence for each step at which the share that continued changed, or differs, by more than chance would explain.

    Steps to a goal that what defines the groups determines by itself (`given`) are left out.
    """
    if not pair.goals.funnels:
        return
    tested = _tested(pair.before.funnel, pair.now.funnel, given)
    changed = tested.filter((pl.col("low") > 0) | (pl.col("high") < 0)).rows(named=True)
    funnels = {funnel.name: funnel for funnel in pair.goals.funnels}
    several = {row["funnel"] for row in changed if sum(row["funnel"] == other["funnel"] for other in changed) > 1}
    did, does = ("differ", "differs") if pair.sides.are_groups else ("change", "changed")
    for row in changed[:_MOST_STEPS]:
        yield _changed_step(row, funnels[row["funnel"]], does, is_alone=row["funnel"] not in several)
    if tested.height and not changed:
        yield f"At no funnel step did the share that continued {did} by more than chance would explain."


def _tested(before: pl.DataFrame, now: pl.DataFrame, given: Sequence[str]) -> pl.DataFrame:
    """Return the steps (`_stages`) with enough data on both sides, and Newcombe's bounds `low, high`, corrected for the number of steps.

    Steps to a `given` goal are left out.
    """
    keys = ["funnel", "step"]
    steps = _stages(now).join(_stages(before), on=keys, how="left", suffix="_before", maintain_order="left").filter(~pl.col("goal").is_in(given))
    is_enough = pl.all_horizontal(pl.col("came", "came_before") >= verdicts.MIN_SESSIONS)
    steps = steps.filter(is_enough & (pl.col("on") + pl.col("on_before") >= verdicts.MIN_CONVERSIONS))
    low, high = stats.newcombe(pl.col("on"), pl.col("came"), pl.col("on_before"), pl.col("came_before"), stats.bonferroni_z(steps.height))
    return steps.with_columns(low=low, high=high)


def _stages(rows: pl.DataFrame) -> pl.DataFrame:
    """Return `funnel, step, came, on, goal`: how many of all began the funnel (as step 0), and how many who came to a step continued to the goal."""
    all_units = pl.when(pl.col("unit") == "visitors").then("visitors").otherwise("sessions")
    is_first = (pl.col("step") == 1) & ~pl.col("is_open")
    began = rows.filter(is_first).select("funnel", step=pl.lit(0, dtype=pl.Int32), came=all_units, on="reached", goal="name")
    names = rows.select("funnel", next_step="step", goal="name")
    continued = rows.filter(pl.col("next_step").is_not_null()).join(names, on=["funnel", "next_step"], how="left", maintain_order="left")
    return pl.concat([began, continued.select("funnel", "step", came="reached", on="went_on", goal="goal")]).sort("funnel", "step")


def _changed_step(row: Mapping[str, Any], funnel: Funnel, verb: str, *, is_alone: bool) -> str:
    """Return what changed at a step and where to look; if it is the funnel's only such step (`is_alone`), also where not to look."""
    number = row["step"]
    following = funnel.next_step(number) if number else 1
    names = dict(zip(funnel.numbers, funnel.names, strict=True))
    reached, origin = names[following or 1], f"from {names[number]} " if number else ""
    sides = [(row[f"on{side}"], row[f"came{side}"]) for side in ("", "_before")]
    counts = ", against ".join(f"{formatting.count(part)} of {formatting.count(whole)}" for part, whole in sides)
    later = [names[step] for step in funnel.numbers if step > (following or 1)]
    elsewhere = f", not at {later[0] if len(later) == 1 else f'{later[0]} or later'}" if later and is_alone else ""
    share = "a smaller share" if row["high"] < 0 else "a larger share"
    continued = f"continued {origin}to {reached}" if number else f"reached {reached}"
    change = f"{funnel.name}: {share} {continued} ({counts}), more than chance would explain"
    return f"{change}. Look at what {verb} before {reached}{elsewhere}."


def caveats(pair: Pair) -> tuple[Note, ...]:
    """Return the notes above the table, in their order."""
    are_groups = pair.sides.are_groups
    windows = [
        note for side in (pair.before, pair.now) for note in _open_windows(side, pair.goals, side.side.name if are_groups else side.side.dates)
    ]
    if are_groups:
        overlap = f"{formatting.plural(pair.in_both, 'session')} {'is' if pair.in_both == 1 else 'are'} in both groups."
        several = [replace(note, is_drawn=True) for note in pair.variant_notes]
        return (*_sample_ratio(pair), *several, *([Note("in-both", overlap, is_drawn=True)] if pair.in_both else []), *windows)
    sides = (pair.sides.before, pair.sides.now)
    missing = [note for side in sides for note in (*_not_covered(side, pair.coverage), *_gaps(side, pair.coverage))]
    return (*missing, *_lengths(pair.sides), *windows, *_bots(pair))


def _sample_ratio(pair: Pair) -> Iterator[Note]:
    """Yield a note if the visitors of two variants are split less evenly than chance would explain (chi-square, one degree of freedom)."""
    before, now = pair.before.base, pair.now.base
    rule = None if pair.sides.variant is None else pair.goals.site.variant(pair.sides.variant)
    planned = 0.5 if rule is None else rule.planned_share(pair.now.side.name, pair.before.side.name)
    excess, spread = now - planned * (now + before), planned * (1 - planned) * (now + before)
    if rule is not None and (excess**2 > _UNEVEN * spread if spread else now + before > 0):
        visitors = f"{formatting.plural(now, 'visitor')} saw {pair.now.side.name} and {formatting.count(before)} saw {pair.before.side.name}"
        split = f"a split of {planned:.0%} to {1 - planned:.0%}" if rule.split else "an even split"
        uneven = f"{split} would come out this uneven less than once in 1,000 times"
        text = f"{visitors}; {uneven}. Unless you planned this, the two groups are not comparable: trust none of the verdicts."
        yield Note("sample-ratio", text, is_drawn=True)


def _not_covered(side: Side, coverage: Coverage) -> Iterator[Note]:
    """Yield notes on the days of a side that come before the log begins or after it ends."""
    first, last = side.begin.date(), (side.end - timedelta(microseconds=1)).date()
    days = (last - first).days + 1
    if (missing := (coverage.first - first).days) > 0:
        yield Note(
            "not-covered",
            f"The log begins on {_moment(coverage.begin)}: {_missing_days(side, missing, days, 'first', coverage.first)}.",
            is_drawn=True,
        )
    if (missing := (last - coverage.last).days) > 0:
        yield Note(
            "not-covered", f"The log ends on {_moment(coverage.end)}: {_missing_days(side, missing, days, 'last', coverage.last)}.", is_drawn=True
        )


def _missing_days(side: Side, missing: int, days: int, which: str, edge: date) -> str:
    """Return the part of a sentence that says which days of a side are missing."""
    if missing >= days:
        return f"it has no lines from {side.dates}"
    if missing == 1:
        return f"the {which} day of {side.dates} is incomplete"
    return f"the {which} complete day of {side.dates} is {_day(edge)}"


def _gaps(side: Side, coverage: Coverage) -> Iterator[Note]:
    """Yield a note on the hours of a side in which lines seem to be missing."""
    gaps = coverage.silent(side.begin, side.end)
    if not gaps:
        return
    spans = [f"{_moment(begin)} to {_moment(end)}" for begin, end in gaps[:_MOST_GAPS]]
    more = [f"and {len(gaps) - _MOST_GAPS} more"] if len(gaps) > _MOST_GAPS else []
    yield Note("gaps", f"Lines from {side.dates} seem to be missing: {', '.join([*spans, *more])}.", is_drawn=True)


def _lengths(sides: Sides) -> Iterator[Note]:
    """Yield a note if the two periods differ in length or in their days of the week."""
    before, now = sides.before, sides.now
    if before.length != now.length:
        text = f"{before.name} has {before.days} and {now.name} {now.days}, so rates are compared, but not counts."
        yield Note("lengths", _capitalized(text), is_drawn=True)
    elif before.begin.weekday() != now.begin.weekday() and before.length % (_WEEK * _DAY):
        yield Note("weekdays", "The two periods cover different days of the week.", is_drawn=True)


def _open_windows(side: SideFigures, goals: Goals, label: str) -> Iterator[Note]:
    """Yield a note for each funnel whose window was still open for some sessions or visitors when the log ended; `label` names the side."""
    incomplete = dict(side.funnel.group_by("funnel").agg(pl.col("incomplete").sum()).rows()) if goals.funnels else {}
    for funnel in goals.funnels:
        if funnel.window and (number := incomplete.get(funnel.name)):
            window = formatting.duration_in_words(funnel.window).removesuffix("s").replace(" ", "-")
            units = formatting.plural(number, funnel.per)
            text = f"{funnel.name}: for {units} in {label} the {window} window was still open when the log ended."
            yield Note("unfinished", text, is_drawn=True)


def _bots(pair: Pair) -> Iterator[Note]:
    """Yield a note if the share of lines from bots differs between the sides."""
    (part, whole), (other, other_whole) = pair.now.bot_lines, pair.before.bot_lines
    if not (whole and other_whole):
        return
    low, high = pl.select(*_named(stats.newcombe(*(pl.lit(count) for count in (part, whole, other, other_whole))))).row(0)
    if abs(part / whole - other / other_whole) >= _MIN_BOT_DIFFERENCE and not low <= 0 <= high:
        now = f"{formatting.count(part)} of {formatting.count(whole)} lines now ({formatting.share(part, whole)})"
        before = f"{formatting.count(other)} of {formatting.count(other_whole)} before ({formatting.share(other, other_whole)})"
        yield Note("bots-differ", f"Bots sent {now} and {before}; undetected ones may inflate one side more than the other.", is_drawn=True)


def _named(bounds: tuple[pl.Expr, pl.Expr]) -> tuple[pl.Expr, pl.Expr]:
    return bounds[0].alias("low"), bounds[1].alias("high")


def _day(day: date) -> str:
    return f"{day.day} {day:%b %Y}"


def _moment(moment: datetime) -> str:
    """Return a time like `12 Oct 2026 14:00`."""
    return f"{_day(moment)} {moment:%H:%M}"
