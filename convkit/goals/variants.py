"""`site.variants`: recognising variants, and finding out which visitors were shown which variant, or several.

A visitor keeps a variant for good, so all hits that were read are used, not only those in the period.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl

from convkit.core import patterns, schema
from convkit.core.conditions import any_of
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
_SOURCES = "query.NAME, cookie.NAME, prop.NAME, path, or {path: [/a/**, /b/**]}"
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
"""The schema for `read_variants`."""


def read_variants(node: Node, problems: list[Problem]) -> dict[str, VariantSource]:
    """Return, by name, how to recognise variants: by a value taken from a hit, by `path`, or by path patterns."""
    if not isinstance(node.value, dict):
        problems.append(node.problem(f"`variants` maps names to how each is recognised, like {{checkout: query.v}}: {_SOURCES}"))
    variants: dict[str, VariantSource] = {}
    for name, key, value in node.items():
        if not _NAME.fullmatch(name):
            problems.append(key.problem(f"{name!r} is not a valid name; use letters, digits, `_` and `-`"))
        variants[name] = _variant(value, problems)
    return variants


def _variant(node: Node, problems: list[Problem]) -> VariantSource:
    if isinstance(node.value, dict) and list(node.value) == [_PATH]:
        return tuple(read_paths(node.value[_PATH], problems))
    if not (isinstance(node.value, str) and (node.value == _PATH or is_hit_value(node.value))):
        problems.append(node.problem(f"a variant is recognised by {_SOURCES}"))
    return node.text


def hit_values(site: Site) -> set[str]:
    """Return the values from hits that identify variants: `query.v`, `cookie.v`, `prop.v`."""
    return {source for source in site.variants.values() if isinstance(source, str) and is_hit_value(source)}


def variant_names(session_fields: Collection[str]) -> list[str]:
    """Return the names of the variants among the session fields of a run."""
    return sorted(field.removeprefix(PREFIX) for field in session_fields if field.startswith(PREFIX))


def visitors_shown(hits: pl.LazyFrame, name: str, source: VariantSource, *, ignore_case: bool = False) -> pl.LazyFrame:
    """Return the visitors who were shown a variant: `visitor`, `variant.NAME`, the first session with it (`since`), and `several:NAME`.

    `hits` are all matched hits that were read. Visitors who were shown several variants have no variant, because they belong to no group.
    """
    kept = hits.filter(pl.col("session").is_not_null() & (pl.col("fate") == "kept"))
    if isinstance(source, str) and source != _PATH:
        values = kept.select("visitor", "session", shown=pl.col(source).cast(pl.String))
    else:
        pages = kept.filter(is_kind("page")).group_by("visitor", path=pl.col("path").cast(pl.String)).agg(pl.col("session").min())
        tests = {pattern: patterns.matches(pl.col("path"), pattern, ignore_case=ignore_case) for pattern in source if source != _PATH}
        matching = [pl.when(is_match).then(pl.lit(pattern)) for pattern, is_match in tests.items()]
        values = pages.select("visitor", "session", shown=pl.coalesce(matching) if matching else "path")
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
    """Add `variant.NAME` (TEXT), null before the session in which it was first shown, and `several:NAME` to the table of sessions."""
    shown = pl.when(pl.col("session") >= pl.col("since")).then(f"{PREFIX}{name}").alias(f"{PREFIX}{name}")
    joined = sessions.join(visitors, on="visitor", how="left", maintain_order="left")
    return joined.with_columns(shown, pl.col(f"{_SEVERAL}{name}").fill_null(value=False)).drop("since")


@dataclass(frozen=True)
class SeveralVariants:
    """The number of visitors who saw more than one variant, and of their sessions; both are excluded."""

    variant: str
    visitors: int
    sessions: int

    def __add__(self, other: SeveralVariants) -> SeveralVariants:
        """Return the sum of these counts and the counts for other visitors."""
        return SeveralVariants(self.variant, self.visitors + other.visitors, self.sessions + other.sessions)

    @property
    def note(self) -> Note | None:
        """The note about these visitors, or None if there are none."""
        visitors, were = plural(self.visitors, "visitor"), "was" if self.sessions == 1 else "were"
        text = f"{visitors} saw more than one variant of {self.variant}; their {plural(self.sessions, 'session')} {were} excluded."
        return Note("several-variants", text) if self.sessions else None


def drop_several(sessions: pl.DataFrame, named: Sequence[str]) -> tuple[pl.DataFrame, tuple[SeveralVariants, ...]]:
    """Return the sessions of visitors who saw at most one variant of each name, and counts of the others."""
    others = {name: sessions.filter(f"{_SEVERAL}{name}")["visitor"] for name in named}
    counts = tuple(SeveralVariants(name, visitors.n_unique(), len(visitors)) for name, visitors in others.items())
    several = [f"{_SEVERAL}{name}" for name in named]
    return sessions.filter(~any_of(several)).drop(several), counts
