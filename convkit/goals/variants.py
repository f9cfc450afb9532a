"""`site.variants`: how variants are recognised, which visitors were shown which, and who was shown several.

A visitor keeps the variant for good, so this is decided over all hits that were read, not over those of the period.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl

from convkit.core import patterns, schema
from convkit.core.document import Note
from convkit.core.formatting import plural
from convkit.core.schema import TEXT, is_kind
from convkit.goals.values import HIT_VALUE_SCHEMA, NAME_SCHEMA, PATH_SCHEMA, is_hit_value, mapping_schema, one_or_more, read_paths

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from convkit.core.model import Site, VariantSource
    from convkit.errors import Problem
    from convkit.goals.strict_yaml import Node
    from convkit.goals.values import Schema

PREFIX = schema.VARIANT_PREFIX
_PATH, _SEVERAL = "path", "several:"
_NAME = re.compile(r"[A-Za-z0-9_-]{1,80}")
_TAKES = "query.NAME, cookie.NAME, prop.NAME, path, or {path: [/a/**, /b/**]}"
VARIANTS_SCHEMA: Schema = {
    "type": "object",
    "propertyNames": NAME_SCHEMA,
    "additionalProperties": {
        "anyOf": [
            {"const": _PATH},
            HIT_VALUE_SCHEMA,
            mapping_schema({_PATH: one_or_more(PATH_SCHEMA)}, required=[_PATH]),
        ]
    },
}
"""What `read_variants` takes."""


def read_variants(node: Node, problems: list[Problem]) -> dict[str, VariantSource]:
    """Return what tells the variants, by name: a value taken from a hit, `path`, or patterns of paths."""
    if not isinstance(node.value, dict):
        problems.append(node.problem(f"`variants` says what tells them, like {{checkout: query.v}}: {_TAKES}"))
    found: dict[str, VariantSource] = {}
    for name, key, value in node.items():
        if not _NAME.fullmatch(name):
            problems.append(key.problem(f"{name!r} is no name: use letters, digits, `_` and `-`"))
        found[name] = _variant(value, problems)
    return found


def _variant(node: Node, problems: list[Problem]) -> VariantSource:
    if isinstance(node.value, dict) and list(node.value) == [_PATH]:
        return tuple(read_paths(node.value[_PATH], problems))
    if not (isinstance(node.value, str) and (node.value == _PATH or is_hit_value(node.value))):
        problems.append(node.problem(f"a variant is told by {_TAKES}"))
    return node.text


def hit_values(site: Site) -> set[str]:
    """Return the values that variants take from hits: `query.v`, `cookie.v`, `prop.v`."""
    return {told for told in site.variants.values() if isinstance(told, str) and is_hit_value(told)}


def variant_names(needed: Collection[str]) -> list[str]:
    """Return the variants among the facts that a run needs."""
    return sorted(fact.removeprefix(PREFIX) for fact in needed if fact.startswith(PREFIX))


def visitors_shown(hits: pl.LazyFrame, name: str, told: VariantSource) -> pl.LazyFrame:
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


def add_variant(sessions: pl.LazyFrame, visitors: pl.LazyFrame, name: str) -> pl.LazyFrame:
    """Add to the table of sessions `variant.NAME` (TEXT), null before the session in which it was first shown, and `several:NAME`."""
    shown = pl.when(pl.col("session") >= pl.col("since")).then(f"{PREFIX}{name}").alias(f"{PREFIX}{name}")
    found = sessions.join(visitors, on="visitor", how="left", maintain_order="left")
    return found.with_columns(shown, pl.col(f"{_SEVERAL}{name}").fill_null(value=False)).drop("since")


@dataclass(frozen=True)
class SeveralVariants:
    """How many visitors saw more than one variant, and their sessions: they are left out."""

    variant: str
    visitors: int
    sessions: int

    def __add__(self, other: SeveralVariants) -> SeveralVariants:
        """Return the same of more visitors."""
        return SeveralVariants(self.variant, self.visitors + other.visitors, self.sessions + other.sessions)

    @property
    def note(self) -> Note | None:
        """Say so, where there is anybody."""
        who, are = plural(self.visitors, "visitor"), "is" if self.sessions == 1 else "are"
        text = f"{who} saw more than one variant of {self.variant}; their {plural(self.sessions, 'session')} {are} left out."
        return Note("several-variants", text) if self.sessions else None


def drop_several(sessions: pl.DataFrame, named: Sequence[str]) -> tuple[pl.DataFrame, tuple[SeveralVariants, ...]]:
    """Return the sessions of visitors who saw one variant at most of each, and how many others there are."""
    others = {name: sessions.filter(f"{_SEVERAL}{name}")["visitor"] for name in named}
    counts = tuple(SeveralVariants(name, visitors.n_unique(), len(visitors)) for name, visitors in others.items())
    several = [f"{_SEVERAL}{name}" for name in named]
    return sessions.filter(~pl.any_horizontal(pl.lit(value=False), *several)).drop(several), counts
