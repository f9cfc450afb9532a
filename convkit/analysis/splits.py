"""`--by KEY`: which values each session has, by which the reports are split.

It stands alone because what sessions can be split by is one table, and no report knows what a value is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from convkit.core import facts
from convkit.core.schema import TEXT, interaction
from convkit.errors import UsageError, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Callable

    from convkit.core.definitions import Goals

    Values = Callable[[pl.LazyFrame, pl.LazyFrame, Goals], pl.LazyFrame]

BY = "by"
"""The column of a session's value: sessions and hits have columns of their own that are named as keys."""
NONE = "(none)"
"""The value of sessions that have none: no goal was reached, no host is known."""
PERIODS = {"day": "%Y-%m-%d", "week": "%G-W%V", "month": "%Y-%m"}
"""Keys that are periods, and how their values are written: `2026-10-07`, `2026-W41` (ISO 8601), `2026-10`."""


def _period(written: str) -> Values:
    def values(sessions: pl.LazyFrame, _: pl.LazyFrame, goals: Goals) -> pl.LazyFrame:
        """Return when sessions began, in the site's time zone."""
        return sessions.select("session", value=pl.col("started").dt.convert_time_zone(goals.site.timezone).dt.strftime(written))

    return values


def _of_session(column: str) -> Values:
    def values(sessions: pl.LazyFrame, _: pl.LazyFrame, __: Goals) -> pl.LazyFrame:
        return sessions.select("session", value=column)

    return values


def _of_first(column: str) -> Values:
    def values(_: pl.LazyFrame, hits: pl.LazyFrame, __: Goals) -> pl.LazyFrame:
        """Return what the first interaction says."""
        first = hits.filter(pl.col("inside") & pl.col("session").is_not_null() & interaction())
        return first.unique("session", keep="first", maintain_order=True).select("session", value=column)

    return values


def _goals(sessions: pl.LazyFrame, _: pl.LazyFrame, goals: Goals) -> pl.LazyFrame:
    """Return the goals that sessions reached, a row each."""
    columns = [goal.column for goal in goals.goals]
    reached = [sessions.filter(goal.column).select("session", value=pl.lit(goal.name, dtype=TEXT)) for goal in goals.goals]
    nothing = sessions.filter(~pl.any_horizontal(pl.lit(value=False), *columns)).select("session", value=pl.lit(None, dtype=TEXT))
    return pl.concat([*reached, nothing])


KEYS: dict[str, Values] = {
    **{key: _period(written) for key, written in PERIODS.items()},
    "landing": _of_session("landing"),
    "exit": _of_session("exit"),
    "host": _of_first("host"),
    "device": _of_session("device"),
    **{key: _of_session(key) for key in facts.ORIGIN},
    "goal": _goals,
}
"""All that reports can be split by, beside the variants of the site: `session, value` of the sessions of the period
and their matched hits, sorted by visitor and ORDER."""


def parse(key: str | None, goals: Goals) -> str | None:
    """Return the key that the option names; UsageError with the fix where there is no such key."""
    known = (*KEYS, *(f"{facts.VARIANT}{name}" for name in goals.site.variants))
    if key is not None and key not in known:
        fix = did_you_mean(key, known) or ("; say what tells it under `site.variants`" if key.startswith(facts.VARIANT) else "")
        raise UsageError(f"--by {key}: {key!r} is no key{fix}; keys are {', '.join(known)}")
    return key


def values(key: str, sessions: pl.LazyFrame, hits: pl.LazyFrame, goals: Goals) -> pl.LazyFrame:
    """Return `session` and `by` (TEXT), a value of the key: a row for each that a session has; most keys give it one."""
    found = KEYS.get(key, _of_session(key))(sessions, hits, goals)
    return found.select("session", pl.col("value").cast(pl.String).fill_null(NONE).cast(TEXT).alias(BY))
