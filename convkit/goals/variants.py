"""`site.variants`: how it is told which variant of something a visitor was shown, and which visitors saw which.

It stands alone because a variant is a visitor's for good: nothing else of a session depends on all that was read of its visitor.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl

from convkit.core import facts, patterns
from convkit.core.figures import plural
from convkit.core.schema import TEXT, is_kind
from convkit.core.tables import Note
from convkit.goals import goal_attributes, shapes
from convkit.goals import values as goals_values

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from convkit.core.definitions import Site, Variant
    from convkit.errors import Problem
    from convkit.goals.shapes import Shape
    from convkit.goals.strict_yaml import Node

PREFIX = facts.VARIANT
_PATH, _SEVERAL = "path", "several:"
_NAME = re.compile(r"[A-Za-z0-9_-]{1,80}")
_TAKES = "query.NAME, cookie.NAME, prop.NAME, path, or {path: [/a/**, /b/**]}"
SHAPE: Shape = {
    "type": "object",
    "propertyNames": shapes.NAME,
    "additionalProperties": {"anyOf": [{"const": _PATH}, shapes.TAKEN, shapes.keys({_PATH: shapes.one_or_more(shapes.PATH)}, required=[_PATH])]},
}
"""What `read` takes."""


def read(node: Node, problems: list[Problem]) -> dict[str, Variant]:
    """Return what tells the variants, by name: a value taken from a hit, `path`, or patterns of paths."""
    if not isinstance(node.value, dict):
        problems.append(node.problem(f"`variants` says what tells them, like {{checkout: query.v}}: {_TAKES}"))
    found: dict[str, Variant] = {}
    for name, key, value in node.items():
        if not _NAME.fullmatch(name):
            problems.append(key.problem(f"{name!r} is no name: use letters, digits, `_` and `-`"))
        found[name] = _variant(value, problems)
    return found


def _variant(node: Node, problems: list[Problem]) -> Variant:
    if isinstance(node.value, dict) and list(node.value) == [_PATH]:
        return tuple(goals_values.path_patterns(node.value[_PATH], problems))
    if not (isinstance(node.value, str) and (node.value == _PATH or goal_attributes.is_taken(node.value))):
        problems.append(node.problem(f"a variant is told by {_TAKES}"))
    return node.text


def taken(site: Site) -> set[str]:
    """Return the values that variants take from hits: `query.v`, `cookie.v`, `prop.v`."""
    return {told for told in site.variants.values() if isinstance(told, str) and goal_attributes.is_taken(told)}


def names(needed: Collection[str]) -> list[str]:
    """Return the variants among the facts that a run needs."""
    return sorted(fact.removeprefix(PREFIX) for fact in needed if fact.startswith(PREFIX))


def seen(hits: pl.LazyFrame, name: str, told: Variant) -> pl.LazyFrame:
    """Return the visitors who were shown a variant: `visitor`, `variant.NAME`, in which session first (`since`), and `several:NAME`.

    Of all matched hits that were read. Who was shown several has none: that is no group to be compared.
    """
    kept = hits.filter(pl.col("session").is_not_null() & (pl.col("fate") == "kept"))
    if isinstance(told, str) and told != _PATH:
        values = kept.select("visitor", "session", shown=pl.col(told).cast(pl.String))
    else:
        pages = kept.filter(is_kind("page")).group_by("visitor", path=pl.col("path").cast(pl.String)).agg(pl.col("session").min())
        fitting = [pl.when(patterns.matches(pl.col("path"), pattern)).then(pl.lit(pattern)) for pattern in told if told != _PATH]
        values = pages.select("visitor", "session", shown=pl.coalesce(fitting) if fitting else "path")
    several = pl.col("shown").n_unique() > 1
    return (
        values.filter(pl.col("shown").is_not_null() & (pl.col("shown") != ""))
        .group_by("visitor")
        .agg(
            pl.when(~several).then(pl.col("shown").min()).cast(TEXT).alias(f"{PREFIX}{name}"),
            several.alias(f"{_SEVERAL}{name}"),
            since=pl.col("session").min(),
        )
    )


def add(sessions: pl.LazyFrame, visitors: pl.LazyFrame, name: str) -> pl.LazyFrame:
    """Add to the table of sessions `variant.NAME` (TEXT), null before the session in which it was first `seen`, and `several:NAME`."""
    shown = pl.when(pl.col("session") >= pl.col("since")).then(f"{PREFIX}{name}").alias(f"{PREFIX}{name}")
    found = sessions.join(visitors, on="visitor", how="left", maintain_order="left")
    return found.with_columns(shown, pl.col(f"{_SEVERAL}{name}").fill_null(value=False)).drop("since")


@dataclass(frozen=True)
class Several:
    """How many visitors saw more than one variant, and their sessions: they are left out."""

    variant: str
    visitors: int
    sessions: int

    def __add__(self, other: Several) -> Several:
        """Return the same of more visitors."""
        return Several(self.variant, self.visitors + other.visitors, self.sessions + other.sessions)

    @property
    def note(self) -> Note | None:
        """Say so, where there is anybody."""
        who, are = plural(self.visitors, "visitor"), "is" if self.sessions == 1 else "are"
        text = f"{who} saw more than one variant of {self.variant}; their {plural(self.sessions, 'session')} {are} left out."
        return Note("several-variants", text) if self.sessions else None


def of_one(sessions: pl.DataFrame, named: Sequence[str]) -> tuple[pl.DataFrame, tuple[Several, ...]]:
    """Return the sessions of visitors who saw one variant at most of each, and how many others there are."""
    others = {name: sessions.filter(f"{_SEVERAL}{name}")["visitor"] for name in named}
    counts = tuple(Several(name, visitors.n_unique(), len(visitors)) for name, visitors in others.items())
    several = [f"{_SEVERAL}{name}" for name in named]
    return sessions.filter(~pl.any_horizontal(pl.lit(value=False), *several)).drop(several), counts
