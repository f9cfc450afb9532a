"""What is said of a funnel in words: what it asks of chains, how else its last step was reached, where those who dropped off differ.

It stands alone because the screen shows these sentences and the report gives them as notes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl

from convkit.core import figures
from convkit.core.tables import Note
from convkit.funnels.departures import ANY, difference, tests

if TYPE_CHECKING:
    from collections.abc import Iterator

    from convkit.core.definitions import Funnel

_ORDERS = {"ordered": "in this order", "strict": "in this order and nothing else between", "any": "in any order"}
_WAYS = {
    "window": "after the window",
    "between": "with something in between",
    "value": "with another {same}",
    "order": "in another order",
    "earlier": "in a later session",
    "before": "begun before this period",
    "outside": "begun outside of these sessions",
    "without": "without step {step}",
}
_NOTHING_DIFFERS = "At no step do those who dropped off differ from those who went on in anything the log shows."
_TOO_FEW = "At no step are there enough on both sides to tell whether those who dropped off differ from those who went on."
_BIAS = "shared offices hide some of them in one, changing addresses make two of one."


def asked(funnel: Funnel, scope: str) -> str:
    """Return what a funnel asks of chains; `scope` says within what."""
    return ", ".join([_ORDERS[funnel.order], scope, *_limits(funnel)])


def _limits(funnel: Funnel) -> Iterator[str]:
    """Yield what is asked of chains beside the order of their steps."""
    if funnel.is_open:
        yield "begun at any step"
    if funnel.window:
        yield f"at most {figures.length(funnel.window)} from first to last"
    for number, step in zip(funnel.numbers, funnel.steps, strict=True):
        if step.within:
            yield f"step {number} at most {figures.length(step.within)} after the one before"
    for one in funnel.without:
        yield f"without {one.name} between {one.after} and {one.before}"
    if funnel.same:
        yield f"with the same {funnel.same_name}"
    if funnel.where:
        yield f"only where {' and '.join(funnel.where)}"


@dataclass(frozen=True)
class Said:
    """Sentences about one funnel."""

    other_ways: str
    """How the last step's goal was reached outside of the funnel; empty where the funnel shows all."""
    has_difference: bool
    differences: tuple[str, ...]
    """For each step at which those who dropped off differ from those who went on; or one that says that no difference is known."""


def say(funnel: Funnel, went: pl.DataFrame, steps: pl.DataFrame, ways: pl.DataFrame) -> Said:
    """Return the sentences about a funnel.

    `went` are its judged departures, `steps` says of each step how many `stopped` there and `continued`, `ways` are tallied `other_ways`.
    """
    names = dict(zip(funnel.numbers, funnel.names, strict=True))
    found = went.filter(pl.col("more") & (pl.col("item") == ANY)).sort("step", "what").rows(named=True)
    differing = tuple(f"{names[row['step']]}: {difference(row)}; not chance." for row in found)
    none = _NOTHING_DIFFERS if tests(steps, went) else _TOO_FEW
    return Said(_other_ways(funnel, ways), bool(differing), differing or (none,))


def _other_ways(funnel: Funnel, ways: pl.DataFrame) -> str:
    """Return how the last step's goal was reached outside of the funnel."""
    order = {way: place for place, way in enumerate(_WAYS)}
    found = sorted(ways.select("way", "step", "n").rows(), key=lambda row: (order[row[0]], row[1]))
    if not found:
        return ""
    words = ", ".join(f"{figures.count(number)} {_WAYS[way].format(step=step, same=funnel.same_name)}" for way, step, number in found)
    number = sum(number for _, _, number in found)
    subject = figures.times(number, funnel.steps[-1].name).replace(" ", " more ", 1)
    return f"{subject} went another way: {words}."


def notes(funnel: Funnel, rows: pl.DataFrame, said: Said, looked_at: str) -> Iterator[Note]:
    """Yield what of a funnel's figures needs a word; `rows` are the report's, `looked_at` names where the steps' goals were looked for."""
    if said.other_ways:
        yield Note("other-ways", f"{funnel.name}: {said.other_ways}", is_drawn=True)
    begin = f"{funnel.name} at " if said.has_difference else f"{funnel.name}: "
    yield from (Note("difference", f"{begin}{sentence}", is_drawn=True) for sentence in said.differences)
    never = rows.filter(pl.col("matched") == 0)["name"].to_list()
    if never and looked_at:
        yield Note("empty-step", f"{funnel.name}: nothing in {looked_at} fits {', '.join(never)}.")
    waiting = int(rows["incomplete"].sum())
    if waiting and funnel.window:
        length = figures.length(funnel.window)
        yield Note("incomplete", f"{funnel.name}: {figures.plural(waiting, funnel.per)} may still go on: {length} were not over when the log ended.")
    if funnel.per == "visitor":
        yield Note("visitors", f"{funnel.name} counts visitors: {_BIAS}")
