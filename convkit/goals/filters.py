"""Filters: `--where 'FIELD=PATTERN'`, the fields it may test, and the sessions that it keeps."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl

from convkit.core import formatting, patterns, schema
from convkit.core.document import Note
from convkit.core.schema import DEVICES, is_kind
from convkit.errors import UsageError, did_you_mean
from convkit.goals import channel_rules

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from convkit.core.model import Goals

    Texts = Callable[[pl.LazyFrame, pl.LazyFrame, Goals], pl.LazyFrame]
    Check = Callable[[str, Goals], str | None]

_WRITTEN = re.compile(r"([^=!]*)(!?)=(.*)", re.DOTALL)


@dataclass(frozen=True)
class Filter:
    """One `--where`: a session is kept where one of its texts in the field matches the pattern; inverted, where none does."""

    text: str
    field: str
    pattern: str
    is_inverted: bool


@dataclass(frozen=True)
class _FilterField:
    """What may be asked: `texts` returns `session, text` of sessions and their hits, and `check` why a pattern makes no sense here, or None."""

    texts: Texts
    check: Check


def _of_session(column: str) -> Texts:
    """Return what the table of sessions says."""
    return lambda sessions, _, __: sessions.select("session", text=column)


def _pages(_: pl.LazyFrame, hits: pl.LazyFrame, __: Goals) -> pl.LazyFrame:
    """Return the paths of pages, in order."""
    return hits.filter(is_kind("page")).select("session", text="path")


def _landings(sessions: pl.LazyFrame, hits: pl.LazyFrame, goals: Goals) -> pl.LazyFrame:
    return _pages(sessions, hits, goals).unique("session", keep="first", maintain_order=True)


def _exits(sessions: pl.LazyFrame, hits: pl.LazyFrame, goals: Goals) -> pl.LazyFrame:
    return _pages(sessions, hits, goals).unique("session", keep="last", maintain_order=True)


def _goals(_: pl.LazyFrame, hits: pl.LazyFrame, goals: Goals) -> pl.LazyFrame:
    """Return the names of the goals that were reached."""
    reached = [hits.filter(goal.column).select("session", text=pl.lit(goal.name)) for goal in goals.goals]
    return pl.concat([hits.clear().select("session", text=pl.lit("")), *reached])


def _hosts(_: pl.LazyFrame, hits: pl.LazyFrame, __: Goals) -> pl.LazyFrame:
    return hits.select("session", text="host")


def _is_path(pattern: str, _: Goals) -> str | None:
    # In an export without pages the names of events stand where paths would.
    is_name = pattern.startswith(("/", "*", "re:")) or "/" not in pattern
    return None if is_name else f"{pattern!r} is no path: a path begins with `/`, as /{pattern}"


def _is_goal(pattern: str, goals: Goals) -> str | None:
    return _is_one_of("goal", [goal.name for goal in goals.goals], pattern)


def _is_host(pattern: str, _: Goals) -> str | None:
    return "hosts are written in small letters" if pattern != pattern.lower() and not pattern.startswith("re:") else None


def _is_device(pattern: str, _: Goals) -> str | None:
    return _is_one_of("device", DEVICES, pattern)


def _is_channel(pattern: str, goals: Goals) -> str | None:
    return _is_one_of("channel", [*goals.site.channels, *channel_rules.builtin_channels(), channel_rules.UNASSIGNED], pattern)


def _is_one_of(what: str, known: Sequence[str], pattern: str) -> str | None:
    if pattern in known or "*" in pattern or pattern.startswith("re:"):
        return None
    return f"no {what} is called {pattern!r}{did_you_mean(pattern, known)}; known are {', '.join(known) or 'none'}"


def _is_written_small(pattern: str, _: Goals) -> str | None:
    is_small = pattern == pattern.lower() or pattern.startswith("re:")
    return None if is_small else f"sources and mediums are compared in small letters; write {pattern.lower()}"


def _is_text(_: str, __: Goals) -> str | None:
    return None


FILTER_FIELDS = {
    "page": _FilterField(_pages, _is_path),
    "landing": _FilterField(_landings, _is_path),
    "exit": _FilterField(_exits, _is_path),
    "goal": _FilterField(_goals, _is_goal),
    "host": _FilterField(_hosts, _is_host),
    "device": _FilterField(_of_session("device"), _is_device),
    "source": _FilterField(_of_session("source"), _is_written_small),
    "medium": _FilterField(_of_session("medium"), _is_written_small),
    "campaign": _FilterField(_of_session("campaign"), _is_text),
    "channel": _FilterField(_of_session("channel"), _is_channel),
}
"""All that may be asked beside the variants of the site. Paths are those that goals see, before `site.group`."""


def parse_filters(asked: Iterable[str], goals: Goals) -> tuple[Filter, ...]:
    """Return the filters that the options ask for; UsageError with the fix where one of them makes no sense."""
    return tuple(_parse_filter(text, goals) for text in ([asked] if isinstance(asked, str) else asked))


def _parse_filter(text: str, goals: Goals) -> Filter:
    """Return one filter."""
    written = _WRITTEN.fullmatch(text)
    if written is None:
        raise UsageError(f"--where {text}: write it as FIELD=PATTERN, like landing=/blog/**; fields are {', '.join(FILTER_FIELDS)}")
    field, sign, pattern = written.groups()
    known = (*FILTER_FIELDS, *(f"{schema.VARIANT_PREFIX}{name}" for name in goals.site.variants))
    if field not in known:
        raise UsageError(f"--where {text}: {field!r} is no field{did_you_mean(field, known)}; fields are {', '.join(known)}")
    if problem := patterns.problem(pattern) or _filter_field(field).check(pattern, goals):
        raise UsageError(f"--where {text}: {problem}")
    return Filter(text, field, pattern, bool(sign))


def _filter_field(name: str) -> _FilterField:
    """Return what may be asked in a field; of a variant, what the table of sessions says."""
    return FILTER_FIELDS.get(name, _FilterField(_of_session(name), _is_text))


def needed_fields(asked: Iterable[Filter], goals: Goals) -> frozenset[str]:
    """Return the session fields that filters test, those of funnels too."""
    of_funnels = (question for funnel in goals.funnels for question in parse_filters(funnel.where, goals))
    return schema.session_fields_of(question.field for question in (*asked, *of_funnels))


def filter_sessions(sessions: pl.LazyFrame, hits: pl.LazyFrame, goals: Goals, questions: Iterable[Filter]) -> pl.LazyFrame:
    """Return the rows of `sessions` that every filter keeps, of matched hits sorted by visitor and ORDER."""
    # A background request may belong to a session; nobody looks at it, so nobody asks for it either.
    hits, left = hits.filter(pl.col("session").is_not_null() & (pl.col("fate") == "kept")), sessions
    for question in questions:
        holding = _matching_sessions(_filter_field(question.field).texts(sessions, hits, goals), question.pattern)
        left = left.join(holding, on="session", how="anti" if question.is_inverted else "semi", maintain_order="left")
    return left


def _matching_sessions(texts: pl.LazyFrame, pattern: str) -> pl.LazyFrame:
    """Return the sessions one of whose texts matches: each distinct text is looked at once."""
    fits = patterns.matches(pl.col("text").cast(pl.String), pattern)
    return texts.group_by("text").agg("session").filter(fits).select(pl.col("session").explode(empty_as_null=False)).unique()


def restrict_hits(hits: pl.LazyFrame, sessions: pl.DataFrame) -> pl.LazyFrame:
    """Take the hits that belong to none of the `sessions` out of what is asked for: they are no longer `inside`."""
    belongs = pl.col("session").is_in(sessions["session"].implode()).fill_null(value=False)
    return hits.with_columns(inside=pl.col("inside") & belongs)


def add_enters(hits: pl.LazyFrame, sessions: pl.LazyFrame) -> pl.LazyFrame:
    """Add `enters` to hits, which tells those of the `sessions`, which are in memory."""
    return hits.join(sessions.select("session", enters=pl.lit(value=True)), on="session", how="left", maintain_order="left").with_columns(
        pl.col("enters").fill_null(value=False)
    )


@dataclass(frozen=True)
class FilterSummary:
    """How many sessions the filters keep, of all."""

    words: str
    kept: int
    of: int

    def __add__(self, other: FilterSummary) -> FilterSummary:
        """Return the same of more visitors."""
        return FilterSummary(self.words, self.kept + other.kept, self.of + other.of)

    @property
    def note(self) -> Note:
        """Say which sessions the figures are of."""
        return Note("where", f"Only sessions with {self.words}: {formatting.count(self.kept)} of {formatting.count(self.of)}.")


def summarize(questions: Iterable[Filter], kept: int, of: int) -> FilterSummary:
    """Return how many sessions filters keep."""
    return FilterSummary(" and ".join(question.text for question in questions), kept, of)
