"""Where the time of a log jumps: as a clock that was set, or logs that were put behind each other in another order.

It stands alone because this is told by lines as they stand in the log, where all else orders them by time.
"""

from __future__ import annotations

from datetime import timedelta

import polars as pl

from convkit.ingest.sources import PLACE

_JUMP = timedelta(days=1)
NEAR, FEWEST = 10, 3
"""Lines on either side of a jump that must all stand on their side of it, at the edges of a log so many at least: servers write what took them
long when it is done, so that single lines are late in any log."""
_MOST = 1_000
"""Places that are looked at: lines in no order of time at all have no jumps."""


def jumps(lines: pl.DataFrame) -> pl.DataFrame:
    """Return `source, line_no, before, after` of the lines `source, line_no, time` from which on the time is another by more than a day.

    A jump ahead is told where it returns to where the log has been, or where the log returns from it later: else nobody sent anything for a while.
    Where no line is older than the one before it by so much, there is no jump.
    """
    ordered = lines.select(*PLACE, "time")
    place = pl.col("source").cast(pl.UInt64) * (1 << 32) + pl.col("line_no")
    if not ordered.select(place)["source"].is_sorted():
        ordered = ordered.sort(PLACE)
    by = pl.col("time").diff()
    is_same = _is_same_log()
    if not ordered.select(goes_back().any()).item():
        return _none(ordered)
    places = ordered.with_row_index("at").with_columns(by=by).filter(is_same & (by.abs() > _JUMP))
    places = places.filter(pl.col("by").min().over("source") < -_JUMP)
    if places.height > _MOST:
        return _none(ordered)
    latest, earliest = pl.col("time").cum_max().over("source"), pl.col("time").cum_min(reverse=True).over("source")
    known = ordered.select(before=pl.col("time").shift(1), latest=latest.shift(1), earliest=earliest).with_row_index("at")
    found = places.join(known, on="at", maintain_order="left").join(_around(ordered, places), on="at", maintain_order="left")
    is_back = pl.col("lowest_before") - pl.col("highest_after") > _JUMP
    is_ahead = pl.col("lowest_after") - pl.col("highest_before") > _JUMP
    returns = (pl.col("time") - pl.col("latest") <= _JUMP) | (pl.col("time") - pl.col("earliest") > _JUMP)
    return found.filter(is_back | (is_ahead & returns)).select(*PLACE, "before", after="time")


def goes_back() -> pl.Expr:
    """Tell lines, as they stand in their logs, that are older than the one before them by more than a day."""
    return _is_same_log() & (pl.col("time").diff() < -_JUMP)


def _is_same_log() -> pl.Expr:
    return pl.col("source") == pl.col("source").shift(1)


def _around(ordered: pl.DataFrame, places: pl.DataFrame) -> pl.DataFrame:
    """Return `at, lowest_before, highest_before, lowest_after, highest_after` of the lines near places where there are enough."""
    steps = pl.DataFrame({"step": range(-NEAR, NEAR)}, schema={"step": pl.Int64})
    near = places.select("at", "source").join(steps, how="cross").with_columns(number=pl.col("at").cast(pl.Int64) + pl.col("step"))
    times = ordered.select(of="source", when="time").with_row_index("number").cast({"number": pl.Int64})
    time, is_before = pl.col("when"), pl.col("step") < 0
    sides = {"before": time.filter(is_before), "after": time.filter(~is_before)}
    return (
        near.join(times, on="number")
        .filter(pl.col("of") == pl.col("source"))
        .group_by("at")
        .agg(
            *(side.min().alias(f"lowest_{name}") for name, side in sides.items()),
            *(side.max().alias(f"highest_{name}") for name, side in sides.items()),
            fewest=pl.min_horizontal(*(side.len() for side in sides.values())),
        )
        .filter(pl.col("fewest") >= FEWEST)
        .drop("fewest")
    )


def _none(lines: pl.DataFrame) -> pl.DataFrame:
    return lines.head(0).select(*PLACE, before="time", after="time")
