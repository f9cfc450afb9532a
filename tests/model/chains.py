"""Every chain of a funnel, one by one, and the one that counts.

It stands alone because enumerating is the point: no pass of fills, nothing greedy, nothing that could share a mistake with the product.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

Chain = tuple[int, ...]


@dataclass(frozen=True)
class Fill:
    """What one step takes: the numbers of the hits that match it, and whether its hit may also fill the next step."""

    hits: frozenset[int]
    is_condition: bool = False


def extensions(chain: Chain, fills: Sequence[Fill], times: Sequence[int], window: int | None) -> Iterator[Chain]:
    """Yield a chain and every chain that goes on from it."""
    if chain:
        yield chain
    if len(chain) == len(fills):
        return
    shares = bool(chain) and fills[len(chain) - 1].is_condition
    earliest = 0 if not chain else chain[-1] + (0 if shares else 1)
    for number in sorted(fills[len(chain)].hits):
        in_time = not chain or window is None or times[number] - times[chain[0]] <= window
        if number >= earliest and in_time:
            yield from extensions((*chain, number), fills, times, window)


def best_chain(fills: Sequence[Fill], times: Sequence[int], window: int | None = None) -> Chain:
    """Return the chain that counts: the deepest, of those the earliest start, of those the earliest hit at each next step."""
    return min(extensions((), fills, times, window), key=lambda chain: (-len(chain), chain), default=())
