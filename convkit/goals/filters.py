"""Filters: `--where 'FIELD=PATTERN'`, the fields that it can test, and the sessions that match."""

from __future__ import annotations

import re
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

import polars as pl

from convkit.core import formatting, patterns, schema
from convkit.core.document import Note
from convkit.core.properties import matches_property
from convkit.core.schema import BROWSERS, DEVICES, TEXT, is_kind
from convkit.errors import UsageError, unknown_name
from convkit.goals import channel_rules, values

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from convkit.core.model import Goals

    Texts = Callable[[pl.LazyFrame, pl.LazyFrame, Goals], pl.LazyFrame]
    Check = Callable[[str, Goals], str | None]

NO_BEHAVIOUR: Mapping[str, pl.LazyFrame] = MappingProxyType({})
_SYNTAX = re.compile(r"([^=!]*)(!?)=(.*)", re.DOTALL)


@dataclass(frozen=True)
class Filter:
    """A `--where` test: it keeps sessions in which a value of the field matches the pattern or, if inverted, sessions in which none does."""

    text: str
    field: str
    pattern: str
    is_inverted: bool


@dataclass(frozen=True)
class _FilterField:
    """A field to test: `texts` returns `session, text` from sessions and their hits; `check` returns why a pattern cannot match, or None.

    `texts` is None for BEHAVIOUR_FIELDS, whose values are known only where funnels and obstacles are.
    """

    texts: Texts | None
    check: Check


def _of_session(column: str) -> Texts:
    """Return a function that gets the values in a column of the table of sessions."""
    return lambda sessions, _, __: sessions.select("session", text=column)


def _pages(_: pl.LazyFrame, hits: pl.LazyFrame, __: Goals) -> pl.LazyFrame:
    """Return the paths of pages, in order."""
    return hits.filter(is_kind("page")).select("session", text="path")


def _landings(sessions: pl.LazyFrame, hits: pl.LazyFrame, goals: Goals) -> pl.LazyFrame:
    return _pages(sessions, hits, goals).unique("session", keep="first", maintain_order=True)


def _exits(sessions: pl.LazyFrame, hits: pl.LazyFrame, goals: Goals) -> pl.LazyFrame:
    return _pages(sessions, hits, goals).unique("session", keep="last", maintain_order=True)


def _goals(_: pl.LazyFrame, hits: pl.LazyFrame, goals: Goals) -> pl.LazyFrame:
    """Return the names of the goals reached."""
    reached = [hits.filter(goal.column).select("session", text=pl.lit(goal.name)) for goal in goals.goals]
    return pl.concat([hits.clear().select("session", text=pl.lit("")), *reached])


def _hosts(_: pl.LazyFrame, hits: pl.LazyFrame, __: Goals) -> pl.LazyFrame:
    return hits.select("session", text="host")


def _property(name: str) -> Texts:
    """Return a function that gets the values of a property in the rows of each session."""

    def texts(_: pl.LazyFrame, hits: pl.LazyFrame, __: Goals) -> pl.LazyFrame:
        has_values = name in hits.collect_schema()
        return hits.select("session", text=pl.col(name) if has_values else pl.lit(None, dtype=TEXT))

    return texts


def _visits(sessions: pl.LazyFrame, _: pl.LazyFrame, __: Goals) -> pl.LazyFrame:
    return sessions.select("session", text=schema.visit())


def _is_path(pattern: str, _: Goals) -> str | None:
    # In an export without pages, event names take the place of paths.
    is_name = pattern.startswith(("/", "*", "re:")) or "/" not in pattern
    return None if is_name else values.not_a_path(pattern)


def _is_goal(pattern: str, goals: Goals) -> str | None:
    return _is_one_of("goal", [goal.name for goal in goals.goals], pattern)


def _is_host(pattern: str, _: Goals) -> str | None:
    return _lower_case_problem("host names", pattern)


def _is_device(pattern: str, _: Goals) -> str | None:
    return _is_one_of("device", DEVICES, pattern)


def _is_browser(pattern: str, _: Goals) -> str | None:
    return _is_one_of("browser", BROWSERS, pattern)


def _is_visit(pattern: str, _: Goals) -> str | None:
    return _is_one_of("visit", schema.VISITS, pattern)


def _is_step(pattern: str, goals: Goals) -> str | None:
    return _is_one_of("step", [*goals.droppable_steps], pattern)


def _is_obstacle(pattern: str, _: Goals) -> str | None:
    return _is_one_of("obstacle", schema.OBSTACLES, pattern)


def _is_channel(pattern: str, goals: Goals) -> str | None:
    return _is_one_of("channel", channel_rules.names(goals.site.channels), pattern)


def _is_one_of(kind: str, names: Sequence[str], pattern: str) -> str | None:
    if pattern in names or "*" in pattern or pattern.startswith("re:"):
        return None
    return unknown_name(kind, pattern, names, f"{kind.capitalize()}s")


def _is_lower_case(pattern: str, _: Goals) -> str | None:
    return _lower_case_problem("sources and mediums", pattern)


def _lower_case_problem(names: str, pattern: str) -> str | None:
    is_lower = pattern == pattern.lower() or pattern.startswith("re:")
    return None if is_lower else f"{names} are compared in lower case; write {pattern.lower()}"


def _is_text(_: str, __: Goals) -> str | None:
    return None


FILTER_FIELDS = {
    "page": _FilterField(_pages, _is_path),
    "landing": _FilterField(_landings, _is_path),
    "exit": _FilterField(_exits, _is_path),
    "goal": _FilterField(_goals, _is_goal),
    "host": _FilterField(_hosts, _is_host),
    "device": _FilterField(_of_session("device"), _is_device),
    "browser": _FilterField(_of_session("browser"), _is_browser),
    "country": _FilterField(_of_session("country"), _is_text),
    "visit": _FilterField(_visits, _is_visit),
    "source": _FilterField(_of_session("source"), _is_lower_case),
    "medium": _FilterField(_of_session("medium"), _is_lower_case),
    "campaign": _FilterField(_of_session("campaign"), _is_text),
    "channel": _FilterField(_of_session("channel"), _is_channel),
    "dropped_at": _FilterField(None, _is_step),
    "met": _FilterField(None, _is_obstacle),
}
"""The built-in fields; the site's variants and the properties of events (`prop.NAME`) are added to these.

Paths are the ones that goals see, before `site.group` is applied."""


BEHAVIOUR_FIELDS = ("dropped_at", "met")
"""The fields that funnels and obstacles show, which funnels themselves cannot test."""
FUNNEL_FIELDS = tuple(name for name in FILTER_FIELDS if name not in BEHAVIOUR_FIELDS)
"""The fields that the `where` of a funnel can test."""
_PATH_FIELDS = ("page", "landing", "exit")


def parse_filters(texts: Iterable[str], goals: Goals) -> tuple[Filter, ...]:
    """Parse the values of `--where` options. Raises UsageError, with the fix, if one is invalid."""
    return tuple(_parse_filter(text, goals) for text in ([texts] if isinstance(texts, str) else texts))


def _parse_filter(text: str, goals: Goals) -> Filter:
    """Parse one filter."""
    match = _SYNTAX.fullmatch(text)
    if match is None:
        raise UsageError(f"--where {text}: write it as FIELD=PATTERN, like landing=/blog/**. Fields: {', '.join((*FILTER_FIELDS, 'prop.NAME'))}")
    field, sign, pattern = match.groups()
    fields = (*FILTER_FIELDS, *(f"{schema.VARIANT_PREFIX}{name}" for name in goals.site.variants))
    if field not in fields and not schema.is_property(field):
        raise UsageError(f"--where {text}: {unknown_name('field', field, (*fields, 'prop.NAME'), 'Fields')}")
    if field == "dropped_at":
        pattern = _full_step(pattern, goals)
    if problem := patterns.problem(pattern) or _filter_field(field).check(pattern, goals):
        raise UsageError(f"--where {text}: {problem}")
    return Filter(text, field, pattern, bool(sign))


def _full_step(name: str, goals: Goals) -> str:
    """Return FUNNEL.STEP for the name of a step alone, in the first funnel that has it; any other text is returned as it is."""
    return next((full for full in goals.droppable_steps if full.partition(".")[2] == name), name)


def _filter_field(name: str) -> _FilterField:
    """Return a field by name; a variant is a column of the table of sessions, a property one of hits."""
    return FILTER_FIELDS.get(name, _FilterField(_property(name) if schema.is_property(name) else _of_session(name), _is_text))


def needed_fields(filters: Iterable[Filter], goals: Goals) -> frozenset[str]:
    """Return the session fields that these filters and those of the funnels test."""
    of_funnels = (one for funnel in goals.funnels for one in parse_filters(funnel.where, goals))
    return schema.session_fields_of(one.field for one in (*filters, *of_funnels))


def filter_sessions(
    sessions: pl.LazyFrame, hits: pl.LazyFrame, goals: Goals, filters: Iterable[Filter], behaviour: Mapping[str, pl.LazyFrame] = NO_BEHAVIOUR
) -> pl.LazyFrame:
    """Return the rows of `sessions` that every filter keeps; `hits` are matched hits sorted by visitor and ORDER.

    `behaviour` has `session, text` for those of BEHAVIOUR_FIELDS that the filters test.
    """
    # Background requests may belong to a session, but are not counted anywhere.
    hits, kept = hits.filter(pl.col("session").is_not_null() & (pl.col("fate") == "kept")), sessions
    for one in filters:
        ignore_case = goals.site.ignore_case and one.field in _PATH_FIELDS
        texts = _texts(one.field, sessions, hits, goals, behaviour)
        matching = _matching_sessions(texts, one.pattern, ignore_case=ignore_case, is_property=schema.is_property(one.field))
        kept = kept.join(matching, on="session", how="anti" if one.is_inverted else "semi", maintain_order="left")
    return kept


def _texts(field: str, sessions: pl.LazyFrame, hits: pl.LazyFrame, goals: Goals, behaviour: Mapping[str, pl.LazyFrame]) -> pl.LazyFrame:
    """Return `session, text`: the values of a field."""
    texts = _filter_field(field).texts
    return behaviour[field] if texts is None else texts(sessions, hits, goals)


def _matching_sessions(texts: pl.LazyFrame, pattern: str, *, ignore_case: bool, is_property: bool) -> pl.LazyFrame:
    """Return the sessions with a matching value; each distinct value is tested once."""
    text = pl.col("text").cast(pl.String)
    is_match = matches_property(text, pattern, patterns.matches) if is_property else patterns.matches(text, pattern, ignore_case=ignore_case)
    return texts.group_by("text").agg("session").filter(is_match).select(pl.col("session").explode(empty_as_null=False)).unique()


def values_of(
    sessions: pl.LazyFrame, hits: pl.LazyFrame, goals: Goals, filters: Sequence[Filter], behaviour: Mapping[str, pl.LazyFrame] = NO_BEHAVIOUR
) -> pl.LazyFrame:
    """Return `filter, text, matches, n`: for each filter by position, the number of sessions with each value of its field, and whether it matches."""
    hits = hits.filter(pl.col("session").is_not_null() & (pl.col("fate") == "kept"))
    values = []
    for number, one in enumerate(filters):
        text = pl.col("text").cast(pl.String)
        ignore_case = goals.site.ignore_case and one.field in _PATH_FIELDS
        texts = _texts(one.field, sessions, hits, goals, behaviour).select("session", text=text).drop_nulls("text")
        is_match = patterns.matches(pl.col("text"), one.pattern, ignore_case=ignore_case)
        counts = texts.group_by("text").agg(n=pl.col("session").n_unique().cast(pl.Int64))
        values.append(counts.select(filter=pl.lit(number, dtype=pl.Int32), text="text", matches=is_match != pl.lit(one.is_inverted), n="n"))
    return pl.concat(values)


def restrict_hits(hits: pl.LazyFrame, sessions: pl.DataFrame) -> pl.LazyFrame:
    """Clear `inside` for hits that belong to none of the `sessions`."""
    belongs = pl.col("session").is_in(sessions["session"].implode()).fill_null(value=False)
    return hits.with_columns(inside=pl.col("inside") & belongs)


def add_enters(hits: pl.LazyFrame, sessions: pl.LazyFrame) -> pl.LazyFrame:
    """Add `enters`: whether a hit belongs to one of the `sessions`, which are in memory."""
    return hits.join(sessions.select("session", enters=pl.lit(value=True)), on="session", how="left", maintain_order="left").with_columns(
        pl.col("enters").fill_null(value=False)
    )


@dataclass(frozen=True)
class FilterSummary:
    """The number of sessions that the filters keep, and the number of all sessions."""

    filters: str
    kept: int
    of: int

    def __add__(self, other: FilterSummary) -> FilterSummary:
        """Return the sum of these counts and the counts for other visitors."""
        return FilterSummary(self.filters, self.kept + other.kept, self.of + other.of)

    @property
    def note(self) -> Note:
        """The note about which sessions the report covers."""
        return Note("where", f"Only sessions with {self.filters}: {formatting.count(self.kept)} of {formatting.count(self.of)}.")


def summarize(filters: Iterable[Filter], kept: int, of: int) -> FilterSummary:
    """Return the summary of some filters."""
    return FilterSummary(" and ".join(one.text for one in filters), kept, of)
