"""Enumerate all chains of a funnel and choose the one that counts.

Enumeration is deliberate: it cannot share a bug with the product, which fills the steps in passes.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

Chain = tuple[tuple[int, int], ...]
"""The steps of a chain, counted from 0, each with the number of the hit that fills it."""


@dataclass(frozen=True)
class Fill:
    """A step: the numbers of the hits that may fill it, and whether the same hit may also fill the next step."""

    hits: frozenset[int]
    is_condition: bool = False
    within: int | None = None
    is_optional: bool = False


@dataclass(frozen=True)
class Ban:
    """Hits that must not occur between two steps."""

    hits: frozenset[int]
    after: int
    before: int


@dataclass(frozen=True)
class Rules:
    """The rules for chains: `acts` are the interactions, `values` must be equal throughout a chain, `entries` are the hits that may begin one."""

    window: int | None = None
    order: str = "ordered"
    is_open: bool = False
    bans: tuple[Ban, ...] = ()
    acts: frozenset[int] = frozenset()
    values: Sequence[str | None] | None = field(default=None, hash=False)
    entries: frozenset[int] | None = None


def best_chain(fills: Sequence[Fill], times: Sequence[int], rules: Rules = Rules()) -> Chain:
    """Return the chain that counts.

    It is the one that gets furthest; among those, the one that fills the most steps, then starts earliest, then has the earliest hit at each step.
    """
    if rules.values is not None:
        return min((_best_of_value(value, fills, times, rules) for value in {*rules.values} - {None}), key=_rank(fills), default=())
    if rules.order == "any":
        return _best_in_any_order(fills, times, rules)
    if rules.order == "strict":
        fills = [replace(fill, hits=fill.hits & rules.acts) for fill in fills]
    return min(_chains(fills, times, rules), key=_rank(fills), default=())


def _best_of_value(value: str | None, fills: Sequence[Fill], times: Sequence[int], rules: Rules) -> Chain:
    """Return the best chain of hits with one value; hits with another value, or without one, cannot fill a step."""
    hits_of_value = frozenset(number for number, own in enumerate(rules.values or ()) if own == value)
    return best_chain([replace(fill, hits=fill.hits & hits_of_value) for fill in fills], times, replace(rules, values=None))


def _rank(fills: Sequence[Fill]) -> object:
    """Return the sort key of chains; the lowest one counts."""

    def rank(chain: Chain) -> tuple[int, int, int, tuple[float, ...]]:
        furthest = max((step for step, _ in chain if not fills[step].is_optional), default=-1)
        hits = dict(chain)
        numbers = tuple(float(hits.get(step, float("inf"))) for step in range(len(fills)))
        return -furthest, -len(chain), min(hits.values(), default=0), numbers

    return rank


def _chains(fills: Sequence[Fill], times: Sequence[int], rules: Rules) -> Iterator[Chain]:
    """Yield every chain."""
    for step in range(len(fills)) if rules.is_open else (0,):
        for number in sorted(fills[step].hits):
            if rules.entries is None or number in rules.entries:
                yield from _extensions(((step, number),), fills, times, rules)


def _extensions(chain: Chain, fills: Sequence[Fill], times: Sequence[int], rules: Rules) -> Iterator[Chain]:
    """Yield a chain and every chain that continues it."""
    if not _is_allowed(chain, fills, times, rules):
        return
    yield chain
    last_step, last = chain[-1]
    for step in range(last_step + 1, len(fills)):
        for number in sorted(fills[step].hits):
            if number > last or (number == last and fills[last_step].is_condition):
                yield from _extensions((*chain, (step, number)), fills, times, rules)
        if not fills[step].is_optional:
            return


def _is_allowed(chain: Chain, fills: Sequence[Fill], times: Sequence[int], rules: Rules) -> bool:
    """Return whether a chain follows all rules; if it breaks one, so does every chain that continues it."""
    hits = dict(chain)
    first, last = chain[0][1], chain[-1][1]
    if rules.window is not None and times[last] - times[first] > rules.window:
        return False
    for (_, before), (step, number) in pairwise(chain):
        within = fills[step].within
        if within is not None and times[number] - times[before] > within:
            return False
    if rules.order == "strict":
        between = [(fills[step].hits, range(number + 1, after)) for (step, number), (_, after) in pairwise(chain)]
        if any(number not in repeats for repeats, numbers in between for number in numbers if number in rules.acts):
            return False
    return not any(_is_banned(ban, hits, last) for ban in rules.bans)


def _is_banned(ban: Ban, hits: dict[int, int], last: int) -> bool:
    """Return whether a banned hit comes between the ban's two steps, or after the first step in a chain that does not reach the second."""
    if min(hits) > ban.before or max(hits) <= ban.after:
        return False
    begin = hits.get(ban.after, min(hits.values()))
    end = hits[ban.before] if ban.before in hits else last + 1
    return any(number in ban.hits for number in range(begin + 1, end))


def _best_in_any_order(fills: Sequence[Fill], times: Sequence[int], rules: Rules) -> Chain:
    """Return the steps completed within one window, in the order in which they were completed."""
    best: Chain = ()
    for start in sorted({number for fill in fills for number in fill.hits}):
        if rules.entries is None or start in rules.entries:
            done: dict[int, int] = {}
            for number in range(start, len(times)):
                if rules.window is None or times[number] - times[start] <= rules.window:
                    step = next((step for step, fill in enumerate(fills) if number in fill.hits and step not in done), None)
                    done |= {} if step is None else {step: number}
            if len(done) > len(best):
                best = tuple(enumerate(sorted(done.values())))
    return best
