"""What is told of sessions only where a run asks for it: what people held in their hands, and where they came from.

It stands alone because a run must know before it reads a line what its keys, its questions and its reports ask for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

DEVICE, CHANNEL = "device", "channel"
ORIGIN = ("source", "medium", "campaign", "channel")
"""The columns of sessions that tell where they came from; all four need CHANNEL."""
VARIANT = "variant."
"""Before the name of a variant: each is a fact of its own."""
_OF = {"device": DEVICE, **dict.fromkeys(ORIGIN, CHANNEL)}
"""By the name of a key or a field: the fact that it is of."""


def of(names: Iterable[str | None]) -> frozenset[str]:
    """Return the facts that keys and fields need; most need none."""
    return frozenset(_OF.get(name, name) for name in names if name is not None and (name in _OF or name.startswith(VARIANT)))


def texts(facts: Collection[str]) -> tuple[str, ...]:
    """Return the texts of CELLS that must be read to know facts."""
    return ("referrer",) if CHANNEL in facts else ()
