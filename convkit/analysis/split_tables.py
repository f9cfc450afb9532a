"""Tallies that are split by a key: the order of its values, periods without sessions, and the many small values as one.

It stands alone because every report that can be split does it in the same way. Without a key, nothing here does anything.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import polars as pl

from convkit.analysis.splits import BY, PERIODS
from convkit.core.tables import add

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from convkit.analysis.analysis import View

VALUES = "values"
"""The tally of every split report that holds how many `sessions` each value has."""
_PLACE = "place of the value"
OTHER = "(other)"
"""What a screen calls the values that it has no room for."""


def values(tally: Mapping[str, pl.DataFrame], view: View) -> pl.DataFrame:
    """Return `by, sessions` in order: every period there is, rising; of other keys the values with most sessions first."""
    found = tally[VALUES].with_columns(pl.col(BY).cast(pl.String))
    if view.key not in PERIODS:
        return found.sort(pl.col(BY) == OTHER, "sessions", BY, descending=[False, True, False])
    return _periods(view).join(found, on=BY, how="full", coalesce=True).with_columns(pl.col("sessions").fill_null(0)).sort(BY)


def _periods(view: View) -> pl.DataFrame:
    """Return the days, weeks or months of the period, in the site's time zone."""
    begin, end = view.period.begin, view.period.end
    if begin is None or end is None:
        return pl.DataFrame(schema={BY: pl.String})
    days = pl.date_range(begin.date(), end.date(), timedelta(days=1), eager=True)
    return pl.DataFrame({BY: days.dt.strftime(PERIODS[view.key]).unique()})


def every(name: str, tally: Mapping[str, pl.DataFrame], view: View) -> pl.DataFrame:
    """Return one row of sums a value, those without sessions too; without a key the one row that there is."""
    if not view.by:
        return tally[name]
    sums = tally[name].with_columns(pl.col(view.by).cast(pl.String))
    counts = [column for column in sums.columns if column not in view.by]
    found = values(tally, view).select(view.by).join(sums, on=view.by, how="left", maintain_order="left")
    return found.with_columns(pl.col(counts).fill_null(0))


def spread(rows: pl.DataFrame, tally: Mapping[str, pl.DataFrame], view: View) -> pl.DataFrame:
    """Return rows once for each value."""
    return rows.join(values(tally, view).select(view.by), how="cross") if view.by else rows


def ordered(frame: pl.DataFrame, tally: Mapping[str, pl.DataFrame], view: View) -> pl.DataFrame:
    """Return rows in the order of their values; those of one value stay in theirs."""
    if not view.by:
        return frame
    ranks = values(tally, view).select(view.by).with_row_index(_PLACE)
    return (
        frame.with_columns(pl.col(view.by).cast(pl.String))
        .join(ranks, on=view.by, how="left", maintain_order="left")
        .sort(_PLACE, maintain_order=True)
        .drop(_PLACE)
    )


def folded(tally: Mapping[str, pl.DataFrame], kept: Sequence[str]) -> dict[str, pl.DataFrame]:
    """Return tallies in which the values that are not kept are one, OTHER."""
    value = pl.col(BY).cast(pl.String)
    one = pl.when(value.is_in(list(kept))).then(value).otherwise(pl.lit(OTHER))
    return {name: add([frame.with_columns(one.alias(BY))]) for name, frame in tally.items()}
