"""The columns of an export -> CELLS: one event a row, whatever the file around it looks like.

It stands alone because an export's reader knows its notation and nothing of events. A row is read as a line of a log is: who it was is its sender,
where it happened its request, so that every later stage is the same for both.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from convkit import moments
from convkit.columns import ROLES
from convkit.schema import CELLS, EVENT_CELLS, first_problem

if TYPE_CHECKING:
    from convkit.columns import Columns

_NOTHING = ["", "-", "null", "NULL", "Null", "None", "nan", "NaN", "NA", "N/A", "\\N", "<NA>", "(not set)", "undefined"]
"""What tools write where there is no value."""
_DATE_LENGTH = len("20261010")
_NOT_THERE = {name: {**CELLS, **EVENT_CELLS}[name] for name in ("seconds", "forwarded", "cookies", "session_key", "value", "props")}


def cells(rows: pl.LazyFrame, columns: Columns, *, has_times: bool = False) -> pl.LazyFrame:
    """Return CELLS, EVENT_CELLS and `prop.NAME`s of rows: `source, line_no, fault`, text by role (ROLES), and `prop.NAME`s, as far as they are there.

    `fault` says why a row is no event, `blank` and `comment` among it. `has_times` says that `time` is one already, and no text.
    """
    missing = {role: pl.lit(None, dtype=pl.String) for role in ROLES if role not in columns.roles}
    told = rows.with_columns(**missing)
    if not has_times:
        told = moments.add_time(told.with_columns(time=_with_clock()) if "date" in columns.roles else told, columns.timezone)
    user, address, event = (_said(pl.col(name)) for name in ("user", "address", "event"))
    url = pl.col("url").str.strip_chars()
    return (
        told.with_columns(user=user, address=address.str.replace_all(" ", "", literal=True), event=event, url=pl.when(url != "").then(url))
        .with_columns(problem=_problem())
        .with_columns(
            sender=pl.concat_str([pl.col("address").fill_null("-"), pl.lit(" - "), pl.col("user").fill_null("-")]),
            host=_said(pl.col("host")).str.to_lowercase(),
            request=pl.concat_str([pl.lit("GET "), "url"]),
            status=pl.lit(None, dtype=pl.Int16),
            bytes=pl.lit(None, dtype=pl.Int64),
            referrer=_said(pl.col("referrer")),
            user_agent=_said(pl.col("agent")),
            event=pl.col("event").fill_null(""),
            event_id=_said(pl.col("id")),
            event_number=_number(_said(pl.col("id"))),
            asset=pl.lit(value=False),
            **{name: pl.lit(None, dtype=dtype) for name, dtype in _NOT_THERE.items()},
        )
        .select(*CELLS, *EVENT_CELLS, *(f"prop.{name}" for name in columns.properties))
    )


def _said(text: pl.Expr) -> pl.Expr:
    """Return what a column says, null where it says nothing."""
    bare = text.str.strip_chars()
    return pl.when(~bare.is_in(_NOTHING)).then(bare)


def _number(text: pl.Expr) -> pl.Expr:
    """Return a number for each text, null where there is none."""
    return pl.when(text.is_not_null()).then(text.hash(4).reinterpret(signed=True))


def _with_clock() -> pl.Expr:
    """Return day and time of day, from two columns, as one text."""
    day, clock = pl.col("date").str.strip_chars(), pl.col("time").str.strip_chars()
    dashed = moments.dashed(pl.when(day.str.len_bytes() == _DATE_LENGTH).then(day))
    padded = pl.when(clock.str.slice(1, 1) == ":").then(pl.concat_str([pl.lit("0"), clock])).otherwise(clock)
    return pl.concat_str([pl.coalesce(dashed, day), padded], separator=" ")


def _problem() -> pl.Expr:
    """Return why a row is no event."""
    rules = {
        "no time": pl.col("time").is_null(),
        "no visitor": pl.col("user").is_null() & pl.col("address").is_null(),
        "no event and no page": pl.col("event").is_null() & pl.col("url").is_null(),
    }
    return pl.coalesce("fault", first_problem(rules))
