"""Which matches count: once per session or visitor, every hit, once per value, or once per visitor and value."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from convkit.core import windows
from convkit.core.schema import ORDER
from convkit.errors import did_you_mean
from convkit.goals import values

if TYPE_CHECKING:
    from convkit.errors import Problem
    from convkit.goals.strict_yaml import Node

ROLE = "count"
EXAMPLE = "{page: /thank-you, once_per: query.order}"
_VISITOR, _PATH = "visitor", "path"
_WORDS = ("session", _VISITOR, "hit", _PATH)
_VALUE_SCHEMA = {"anyOf": [{"const": _PATH}, values.HIT_VALUE_SCHEMA]}
SCHEMA = {
    "anyOf": [
        {"enum": list(_WORDS)},
        values.HIT_VALUE_SCHEMA,
        *(
            {"type": "array", "prefixItems": [*items], "minItems": 2, "maxItems": 2}
            for items in (({"const": _VISITOR}, _VALUE_SCHEMA), (_VALUE_SCHEMA, {"const": _VISITOR}))
        ),
    ]
}


def read(node: Node, problems: list[Problem]) -> str | tuple[str, str] | None:
    """Read the unit within which a match counts only once: a word, a value, or a list of `visitor` and a value."""
    items = [item.text for item in node.value] if isinstance(node.value, list) else []
    of_visitor = [text for text in items if text != _VISITOR]
    if len(items) == 2 and len(of_visitor) == 1 and _is_value(of_visitor[0]):  # noqa: PLR2004 (a visitor and a value)
        return _VISITOR, of_visitor[0]
    if node.text in _WORDS or values.is_hit_value(node.text):
        return node.text
    choices = "session, visitor, hit, path, query.NAME, cookie.NAME or prop.NAME, or a list like [visitor, path]"
    problems.append(node.problem(f"`once_per` must be {choices}{did_you_mean(node.text, _WORDS)}"))
    return None


def _is_value(text: str) -> bool:
    """Return whether matches can be counted once per value of this."""
    return text == _PATH or values.is_hit_value(text)


def turns(value: str | tuple[str, str], named: pl.Expr, _: values.GoalContext) -> pl.Expr:
    """Return the first match per visitor, per value, or per visitor and value; for session and hit, also return repeated matches."""
    if value in {"session", "hit"}:
        return named
    if value == _VISITOR:
        return windows.is_nth(named, 1, _VISITOR)
    if isinstance(value, tuple):
        visitor_and_value = pl.col(_VISITOR).hash(1) ^ pl.col(value[1]).cast(pl.String).fill_null("").hash(2)
        return named & pl.when(named).then(visitor_and_value).is_first_distinct()
    return named & _is_row(_rows(named).filter(_in_order(_unit(value, named), named).is_first_distinct()))


def shared(value: str | tuple[str, str], named: pl.Expr) -> pl.Expr | None:
    """Return the first match of each value that several visitors have, or None if matches do not count once per value."""
    if isinstance(value, tuple) or not _is_value(value):
        return None
    unit, visitor = (_in_order(numbers, named) for numbers in (_unit(value, named), _visitors(named, 3)))
    of_others = unit.filter((unit ^ visitor).is_first_distinct() & ~unit.is_first_distinct())
    return _is_row(_rows(named).filter(unit.is_first_distinct() & unit.is_in(of_others.implode())))


def _unit(value: str, named: pl.Expr) -> pl.Expr:
    """Return a number for the value of each match; matches without one have a number per visitor: two orders without a number may differ."""
    return pl.coalesce(values.value_number(pl.col(value).filter(named)), _visitors(named, 1))


def _visitors(named: pl.Expr, seed: int) -> pl.Expr:
    """Return a number for the visitor of each match."""
    return pl.col(_VISITOR).filter(named).hash(seed).reinterpret(signed=True)


def _rows(named: pl.Expr) -> pl.Expr:
    """Return the positions of the matches, in the order of hits."""
    return _in_order(pl.int_range(pl.len()).filter(named), named)


def _in_order(numbers: pl.Expr, named: pl.Expr) -> pl.Expr:
    """Return a number of each match in the order of hits, whoever sent them; the frame is sorted by visitor first."""
    return numbers.sort_by([pl.col(name).filter(named) for name in ORDER])


def _is_row(rows: pl.Expr) -> pl.Expr:
    """Return whether a row is at one of these positions."""
    return pl.int_range(pl.len()).is_in(rows.implode())
