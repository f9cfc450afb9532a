"""Breakdowns (`--by KEY`): the values of the key in each session, and tallies broken down by those values.

Values are ordered, and periods without sessions are included; the smallest values can be merged into one. If there is no key, the functions return
their input.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import polars as pl

from convkit.core import schema
from convkit.core.conditions import any_of
from convkit.core.document import sum_tallies
from convkit.core.schema import TEXT, is_interaction
from convkit.errors import UsageError, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from convkit.analysis.analysis import View
    from convkit.core.model import Goals

    Values = Callable[[pl.LazyFrame, pl.LazyFrame, Goals], pl.LazyFrame]


VALUE = "by"
"""The column that holds the value; it is not named after the key, because sessions and hits may already have a column of that name."""
NO_VALUE = "(none)"
"""The value for sessions that have none, for example because they reached no goal or the host is unknown."""
PERIODS = {"day": "%Y-%m-%d", "week": "%G-W%V", "month": "%Y-%m"}
"""The keys that are periods, and the format of their values: `2026-10-07`, `2026-W41` (ISO 8601), `2026-10`."""

VALUES_TALLY = "values"
"""The tally with the number of `sessions` per value, which every report that is broken down includes."""
_PLACE = "place of the value"
OTHER = "(other)"
"""The heading of the column that combines all remaining values on a screen."""


def _period(written: str) -> Values:
    def values(sessions: pl.LazyFrame, _: pl.LazyFrame, goals: Goals) -> pl.LazyFrame:
        """Return the period in which each session began, in the site's time zone."""
        return sessions.select("session", value=pl.col("started").dt.convert_time_zone(goals.site.timezone).dt.strftime(written))

    return values


def _session_column(column: str) -> Values:
    def values(sessions: pl.LazyFrame, _: pl.LazyFrame, __: Goals) -> pl.LazyFrame:
        return sessions.select("session", value=column)

    return values


def _first_interaction_column(column: str) -> Values:
    def values(_: pl.LazyFrame, hits: pl.LazyFrame, __: Goals) -> pl.LazyFrame:
        """Return the value that each session's first interaction has."""
        first = hits.filter(pl.col("inside") & pl.col("session").is_not_null() & is_interaction())
        return first.unique("session", keep="first", maintain_order=True).select("session", value=column)

    return values


def _goals_reached(sessions: pl.LazyFrame, _: pl.LazyFrame, goals: Goals) -> pl.LazyFrame:
    """Return one row per goal that a session reached."""
    columns = [goal.column for goal in goals.goals]
    reached = [sessions.filter(goal.column).select("session", value=pl.lit(goal.name, dtype=TEXT)) for goal in goals.goals]
    nothing = sessions.filter(~any_of(columns)).select("session", value=pl.lit(None, dtype=TEXT))
    return pl.concat([*reached, nothing])


def _visits(sessions: pl.LazyFrame, _: pl.LazyFrame, __: Goals) -> pl.LazyFrame:
    return sessions.select("session", value=schema.visit())


KEYS: dict[str, Values] = {
    **{key: _period(written) for key, written in PERIODS.items()},
    "landing": _session_column("landing"),
    "exit": _session_column("exit"),
    "host": _first_interaction_column("host"),
    "device": _session_column("device"),
    "browser": _session_column("browser"),
    "country": _session_column("country"),
    "visit": _visits,
    **{key: _session_column(key) for key in schema.CHANNEL_COLUMNS},
    "goal": _goals_reached,
}
"""The keys of breakdowns, apart from the site's variants and the properties of events; each
has a function that returns `session, value`, given the sessions in the period and
their matched hits, sorted by visitor and ORDER."""


def parse_key(key: str | None, goals: Goals) -> str | None:
    """Return the key given with `--by`. Raises UsageError if it is unknown."""
    keys = (*KEYS, *(f"{schema.VARIANT_PREFIX}{name}" for name in goals.site.variants))
    if key is not None and key not in keys and not schema.is_property(key):
        fix = did_you_mean(key, keys) or ("; define it under `site.variants`." if key.startswith(schema.VARIANT_PREFIX) else ".")
        raise UsageError(f"unknown key {key!r} for --by{fix} Keys: {', '.join((*keys, 'prop.NAME'))}")
    return key


def session_values(key: str, sessions: pl.LazyFrame, hits: pl.LazyFrame, goals: Goals) -> pl.LazyFrame:
    """Return `session` and `by` (TEXT, the key's value), with one row for each value of a session; for most keys there is exactly one."""
    values = KEYS.get(key, _session_column(key))(sessions, hits, goals)
    return values.select("session", pl.col("value").cast(pl.String).fill_null(NO_VALUE).cast(TEXT).alias(VALUE))


def ordered_values(tally: Mapping[str, pl.DataFrame], view: View) -> pl.DataFrame:
    """Return `by, sessions` in order: periods by time, including empty ones; other values by number of sessions, highest first."""
    values = tally[VALUES_TALLY].with_columns(pl.col(VALUE).cast(pl.String))
    if view.key not in PERIODS:
        return values.sort(pl.col(VALUE) == OTHER, "sessions", VALUE, descending=[False, True, False])
    return _periods_of_view(view).join(values, on=VALUE, how="full", coalesce=True).with_columns(pl.col("sessions").fill_null(0)).sort(VALUE)


def _periods_of_view(view: View) -> pl.DataFrame:
    """Return the days, weeks or months that the period covers, in the site's time zone."""
    begin, end = view.period.begin, view.period.end
    if begin is None or end is None:
        return pl.DataFrame(schema={VALUE: pl.String})
    days = pl.date_range(begin.date(), end.date(), timedelta(days=1), eager=True)
    return pl.DataFrame({VALUE: days.dt.strftime(PERIODS[view.key]).unique()})


def every_value(name: str, tally: Mapping[str, pl.DataFrame], view: View) -> pl.DataFrame:
    """Return one row of sums per value, including values without sessions, or a single row if there is no key."""
    if not view.by:
        return tally[name]
    sums = tally[name].with_columns(pl.col(view.by).cast(pl.String))
    counts = [column for column in sums.columns if column not in view.by]
    rows = ordered_values(tally, view).select(view.by).join(sums, on=view.by, how="left", maintain_order="left")
    return rows.with_columns(pl.col(counts).fill_null(0))


def repeat_for_values(rows: pl.DataFrame, tally: Mapping[str, pl.DataFrame], view: View) -> pl.DataFrame:
    """Repeat all rows for each value."""
    return rows.join(ordered_values(tally, view).select(view.by), how="cross") if view.by else rows


def in_value_order(frame: pl.DataFrame, tally: Mapping[str, pl.DataFrame], view: View) -> pl.DataFrame:
    """Return the rows in the order of their values; rows with the same value keep their order."""
    if not view.by:
        return frame
    ranks = ordered_values(tally, view).select(view.by).with_row_index(_PLACE)
    return (
        frame.with_columns(pl.col(view.by).cast(pl.String))
        .join(ranks, on=view.by, how="left", maintain_order="left")
        .sort(_PLACE, maintain_order=True)
        .drop(_PLACE)
    )


def fold_values(tally: Mapping[str, pl.DataFrame], kept: Sequence[str]) -> dict[str, pl.DataFrame]:
    """Return the tallies with all values that are not in `kept` merged into OTHER."""
    value = pl.col(VALUE).cast(pl.String)
    one = pl.when(value.is_in(list(kept))).then(value).otherwise(pl.lit(OTHER))
    return {name: sum_tallies([frame.with_columns(one.alias(VALUE))]) for name, frame in tally.items()}
