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
from convkit.core.formatting import plural, were
from convkit.core.model import VariantRule
from convkit.core.schema import TEXT, is_kind
from convkit.errors import unknown_name
from convkit.goals.kinds import where
from convkit.goals.values import HIT_VALUE_SCHEMA, NAME_SCHEMA, PATH_SCHEMA, TEXT_SCHEMA, is_hit_value, mapping_schema, one_or_more, read_paths

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from convkit.core.model import Site, VariantSource
    from convkit.errors import Problem
    from convkit.goals.strict_yaml import Node
    from convkit.goals.values import Schema

PREFIX = schema.VARIANT_PREFIX
_PATH, SEVERAL, SINCE = "path", "several:", "since:"
_SOURCE_KEYS = ("query", "cookie", "prop")
_NAME = re.compile(r"[A-Za-z0-9_-]{1,80}")
_SOURCES = "query.NAME, cookie.NAME, prop.NAME, path, or {path: [/a/**, /b/**]}"
_RULES = "{prop: variant, where: {experiment: checkout}, split: [90, 10]}"
_FEWEST_SIZES = 2
_SIZE: Schema = {"type": "number", "exclusiveMinimum": 0}
_MORE: dict[str, Schema] = {
    "where": where.SCHEMA,
    "split": {
        "anyOf": [
            {"type": "array", "items": _SIZE, "minItems": _FEWEST_SIZES, "maxItems": _FEWEST_SIZES},
            {"type": "object", "additionalProperties": _SIZE, "minProperties": _FEWEST_SIZES},
        ]
    },
}
"""The schemas of the keys beside the one that says where variants are read from."""
VARIANTS_SCHEMA: Schema = {
    "type": "object",
    "propertyNames": NAME_SCHEMA,
    "additionalProperties": {
        "anyOf": [
            {"const": _PATH},
            HIT_VALUE_SCHEMA,
            mapping_schema({_PATH: one_or_more(PATH_SCHEMA), **_MORE}, required=[_PATH]),
            *(mapping_schema({key: TEXT_SCHEMA, **_MORE}, required=[key]) for key in _SOURCE_KEYS),
        ]
    },
}
"""The schema for `read_variants`."""


def read_variants(node: Node, problems: list[Problem]) -> dict[str, VariantSource | VariantRule]:
    """Return, by name, how to recognise variants: by a value taken from a hit, by `path`, by path patterns, or by a rule made of these."""
    if not isinstance(node.value, dict):
        problems.append(node.problem(f"`variants` maps names to how each is recognised, like {{checkout: query.v}}: {_SOURCES}"))
    variants: dict[str, VariantSource | VariantRule] = {}
    for name, key, value in node.items():
        if not _NAME.fullmatch(name):
            problems.append(key.problem(f"{name!r} is not a valid name; use letters, digits, `_` and `-`"))
        variants[name] = _variant(value, problems)
    return variants


def _variant(node: Node, problems: list[Problem]) -> VariantSource | VariantRule:
    if isinstance(node.value, dict) and list(node.value) != [_PATH]:
        return _rule(node, problems)
    if isinstance(node.value, dict) and list(node.value) == [_PATH]:
        return tuple(read_paths(node.value[_PATH], problems))
    if not (isinstance(node.value, str) and (node.value == _PATH or is_hit_value(node.value))):
        problems.append(node.problem(f"a variant is recognised by {_SOURCES}"))
    return node.text


def _rule(node: Node, problems: list[Problem]) -> VariantRule:
    """Read a mapping with the source of a variant, and with `where` and `split`."""
    sources: list[VariantSource] = []
    filters: dict[str, tuple[str, ...]] = {}
    split: Mapping[str, float] | tuple[float, ...] = ()
    for name, key, value in node.items():
        if name == _PATH:
            sources.append(tuple(read_paths(value, problems)))
        elif name in _SOURCE_KEYS:
            sources.append(f"{name}.{value.text}")
            problems += [] if isinstance(value.value, str) and value.value else [value.problem(f"`{name}` needs the name of a value, like `variant`")]
        elif name == "where":
            filters = {one: tuple(texts) for one, texts in where.read(value, problems).items()}
        elif name == "split":
            split = _split(value, problems)
        else:
            problems.append(key.problem(unknown_name("key", name, (_PATH, *_SOURCE_KEYS, *_MORE), "Keys", "a variant")))
    if len(sources) != 1:
        problems.append(node.problem(f"a variant is recognised by one of prop, query, cookie and path, like {_RULES}"))
    return VariantRule(sources[0] if sources else _PATH, filters, split)


def _split(node: Node, problems: list[Problem]) -> Mapping[str, float] | tuple[float, ...]:
    """Read the planned sizes of two variants, or those of all of them by name."""
    named = {name: value for name, _, value in node.items()} if isinstance(node.value, dict) else {}
    nodes = list(named.values()) or (node.value if isinstance(node.value, list) else [])
    sizes = [float(one.value) for one in nodes if isinstance(one.value, (int, float)) and not isinstance(one.value, bool) and one.value > 0]
    if len(sizes) < max(len(nodes), _FEWEST_SIZES) or (not named and len(sizes) > _FEWEST_SIZES):
        problems.append(
            node.problem("`split` needs the planned sizes of two variants in the order of their names, like [90, 10], or {a: 80, b: 10, c: 10}")
        )
        return ()
    return dict(zip(named, sizes, strict=True)) if named else tuple(sizes)


def hit_values(site: Site) -> set[str]:
    """Return what identifies variants: values from hits (`query.v`, `cookie.v`, `prop.v`), and the tests of properties (`prop.x~y`)."""
    rules = [site.variant(name) for name in site.variants]
    tests = {name for rule in rules for expr in _conditions(rule) for name in expr.meta.root_names()}
    return tests | {rule.source for rule in rules if isinstance(rule.source, str) and is_hit_value(rule.source)}


def _conditions(rule: VariantRule) -> list[pl.Expr]:
    """Return the conditions on hits that show a variant."""
    return [any_of([patterns.named_column(f"prop.{name}", text) for text in texts]) for name, texts in rule.where.items()]


def variant_names(session_fields: Collection[str]) -> list[str]:
    """Return the names of the variants among the session fields of a run."""
    return sorted(field.removeprefix(PREFIX) for field in session_fields if field.startswith(PREFIX))


def visitors_shown(hits: pl.LazyFrame, name: str, rule: VariantRule, *, ignore_case: bool = False) -> pl.LazyFrame:
    """Return the visitors who were shown a variant: `visitor`, `variant.NAME`, where that was first (`since`, `since:NAME`), and `several:NAME`.

    `since` is the session, and `since:NAME` the row of the hit.

    `hits` are all matched hits that were read. Visitors who were shown several variants have no variant, because they belong to no group.
    """
    source = rule.source
    kept = hits.filter(pl.col("session").is_not_null() & (pl.col("fate") == "kept"), *_conditions(rule))
    if isinstance(source, str) and source != _PATH:
        values = kept.select("visitor", "session", "row", shown=pl.col(source).cast(pl.String))
    else:
        pages = kept.filter(is_kind("page")).group_by("visitor", path=pl.col("path").cast(pl.String)).agg(pl.col("session", "row").min())
        tests = {pattern: patterns.matches(pl.col("path"), pattern, ignore_case=ignore_case) for pattern in source if source != _PATH}
        matching = [pl.when(is_match).then(pl.lit(pattern)) for pattern, is_match in tests.items()]
        values = pages.select("visitor", "session", "row", shown=pl.coalesce(matching) if matching else "path")
    several = pl.col("shown").n_unique() > 1
    return (
        values.filter(pl.col("shown").is_not_null() & (pl.col("shown") != ""))
        .group_by("visitor")
        .agg(
            pl.when(~several).then(pl.col("shown").min()).cast(TEXT).alias(f"{PREFIX}{name}"),
            several.alias(f"{SEVERAL}{name}"),
            pl.col("row").min().alias(f"{SINCE}{name}"),
            since=pl.col("session").min(),
        )
    )


def add_variant(sessions: pl.LazyFrame, visitors: pl.LazyFrame, name: str) -> pl.LazyFrame:
    """Add `variant.NAME` (TEXT), null before the session in which it was first shown, `several:NAME` and `since:NAME` to the table of sessions.

    `since:NAME` is the row of the hit with which it was first shown, in the session of this hit.
    """
    shown = pl.when(pl.col("session") >= pl.col("since")).then(f"{PREFIX}{name}").alias(f"{PREFIX}{name}")
    joined = sessions.join(visitors, on="visitor", how="left", maintain_order="left")
    since = pl.when(pl.col("session") == pl.col("since")).then(f"{SINCE}{name}").alias(f"{SINCE}{name}")
    return joined.with_columns(shown, since, pl.col(f"{SEVERAL}{name}").fill_null(value=False)).drop("since")


@dataclass(frozen=True)
class SeveralVariants:
    """The number of visitors who saw more than one variant, and of their sessions; both are excluded.

    `earlier` is the number of the others who reached a goal in the session in which they were first shown the variant, but before that.
    """

    variant: str
    visitors: int
    sessions: int
    earlier: int = 0
    funnels: tuple[str, ...] = ()
    """The funnels that test the variant, if nothing else in the run does: then they are excluded from these only."""

    def __add__(self, other: SeveralVariants) -> SeveralVariants:
        """Return the sum of these counts and the counts for other visitors."""
        visitors, sessions, earlier = self.visitors + other.visitors, self.sessions + other.sessions, self.earlier + other.earlier
        return SeveralVariants(self.variant, visitors, sessions, earlier, self.funnels)

    @property
    def notes(self) -> tuple[Note, ...]:
        """The notes about these visitors."""
        visitors, sessions = plural(self.visitors, "visitor"), plural(self.sessions, "session")
        funnels = ", ".join(self.funnels)
        text = f"{visitors} saw more than one variant of {self.variant}; their {sessions} {were(self.sessions)} excluded"
        what, counts = (f"a step of {funnels}", "does not count") if funnels else ("a goal", "counts for no variant")
        earlier = f"{plural(self.earlier, 'visitor')} reached {what} before a variant of {self.variant} was first shown; that {counts}."
        text += f" from {funnels}." if funnels else "."
        notes = (Note("several-variants", text), self.sessions), (Note("before-variant", earlier), self.earlier)
        return tuple(note for note, number in notes if number)


def drop_several(sessions: pl.DataFrame, named: Sequence[str]) -> tuple[pl.DataFrame, tuple[SeveralVariants, ...]]:
    """Return the sessions of visitors who saw at most one variant of each name, and counts of the others."""
    others = {name: sessions.filter(f"{SEVERAL}{name}")["visitor"] for name in named}
    counts = tuple(SeveralVariants(name, visitors.n_unique(), len(visitors)) for name, visitors in others.items())
    several = [f"{SEVERAL}{name}" for name in named]
    return sessions.filter(~any_of(several)).drop(several), counts
