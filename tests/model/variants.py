"""The model's variants: which hits show one, whose visitors saw several, and which hits come before the first one that shows it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from model.hits import Hit, matches

if TYPE_CHECKING:
    from collections.abc import Sequence

    from model.sessions import Session

NO_VARIANT = "(none)"


@dataclass(frozen=True)
class Variant:
    """How a variant is recognised; `written` is its YAML value.

    `what` is `query`, `cookie` or `prop` with a `name`, or `path`, with or without `patterns`. `where` are the properties, with their alternative
    values, of the hits that show a variant; `split` are the planned sizes by name, or those of two variants in the order of their names.
    """

    written: Any = field(compare=False, hash=False)
    what: str
    name: str = ""
    patterns: tuple[str, ...] = ()
    where: tuple[tuple[str, tuple[str, ...]], ...] = ()
    split: tuple[int, ...] | frozenset[tuple[str, int]] = ()

    def value_of(self, hit: Hit, kind: str) -> str | None:
        """Return the variant that a hit shows, or None."""
        values = [(hit.prop(name) or "", patterns) for name, patterns in self.where]
        if not all(value and any(matches(pattern, value) for pattern in patterns) for value, patterns in values):
            return None
        if self.what == "path":
            fitting = [pattern for pattern in self.patterns if matches(pattern, hit.path)] if self.patterns else [hit.path]
            return fitting[0] if fitting and kind == "page" else None
        read = {"query": hit.parameter, "cookie": hit.cookie, "prop": hit.prop}[self.what]
        return read(self.name) or None

    def planned(self, one: str, other: str) -> float:
        """Return the planned share of one of two variants."""
        sizes = dict(self.split) if isinstance(self.split, frozenset) else dict(zip(sorted((one, other)), self.split, strict=False))
        total = sizes.get(one, 0) + sizes.get(other, 0)
        return sizes.get(one, 0) / total if total else 0.5


@dataclass(frozen=True)
class Exposure:
    """What the visitors of a log were shown of one variant."""

    several: frozenset[str]
    """The visitors who saw more than one value."""
    value_of: tuple[str, ...]
    """The variant of each session."""
    early: frozenset[int]
    """The positions of hits before the one that first showed the visitor's variant, in the same session."""


def exposure_of(variant: Variant, sessions: Sequence[Session]) -> Exposure:
    """Return what the visitors of these sessions were shown."""
    shown: dict[str, list[tuple[tuple[int, int], int, str]]] = {}
    for number, session in enumerate(sessions):
        for hit, kind in session.hits:
            value = variant.value_of(hit, kind) if kind not in {"other", "background"} else None
            if value is not None:
                shown.setdefault(session.visitor, []).append((hit.order, number, value))
    several = frozenset(visitor for visitor, rows in shown.items() if len({value for _, _, value in rows}) > 1)
    values, early = [], set()
    for number, session in enumerate(sessions):
        first = min(shown.get(session.visitor, []), default=None)
        if first is None or session.visitor in several or number < first[1]:
            values.append(NO_VARIANT)
            continue
        values.append(first[2])
        early |= {hit.position for hit, _ in session.hits if number == first[1] and hit.order < first[0]}
    return Exposure(several, tuple(values), frozenset(early))
