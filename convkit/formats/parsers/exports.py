"""The columns of an export -> CELLS: one event a row, whatever the file around it looks like.

It stands alone because an export's reader knows its notation and nothing of events. A row is read as a line of a log is: who it was is its sender,
where it happened its request, so that every later stage is the same for both.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from convkit.core.schema import CELLS, EVENT_CELLS, first_problem
from convkit.formats.parsers import moments, senders
from convkit.formats.parsers.columns import ROLES, TOLD, json_path

if TYPE_CHECKING:
    from collections.abc import Iterable

    from convkit.formats.parsers.columns import Columns
    from convkit.formats.parsers.presets import Place, Preset

_NOTHING = ["", "-", "null", "NULL", "Null", "None", "nan", "NaN", "NA", "N/A", "\\N", "<NA>", "(not set)", "undefined"]
"""What tools write where there is no value."""
_DATE_LENGTH = len("20261010")
_NOT_THERE = {name: {**CELLS, **EVENT_CELLS}[name] for name in ("status", "bytes", "seconds", "forwarded", "cookies")}
_NO_PAGE = "-"


def cells(rows: pl.LazyFrame, columns: Columns, *, has_times: bool = False) -> pl.LazyFrame:
    """Return CELLS, EVENT_CELLS and `prop.NAME`s of rows: `source, line_no, fault`, text by role (ROLES), and `prop.NAME`s, as far as they are there.

    `fault` says why a row is no event, `blank` and `comment` among it. `has_times` says that `time` is one already, and no text. Of a known tool's
    export, rows have the fields of its preset in the place of roles. `props` is the JSON text of the properties.
    """
    if columns.preset is not None:
        rows = _of_tool(rows, columns, columns.preset)
    there = rows.collect_schema().names()
    told = rows.with_columns(_no_texts(name for name in (*ROLES, "anonymous", "props") if name not in there))
    if "same" not in there:
        told = told.with_columns(same="id")
    if not has_times:
        told = moments.add_time(told.with_columns(time=_with_clock()) if "date" in there else told, columns.timezone)
    names = ("user", "address", "event", "anonymous", "host", "referrer", "id", "same", "session", "value")
    return (
        told.with_columns(**{name: _said(pl.col(name)) for name in names}, url=_written(pl.col("url").str.strip_chars()))
        .with_columns(problem=_problem(), address=pl.col("address").str.replace_all(" ", "", literal=True))
        .with_columns(
            sender=senders.whole(pl.col("address"), pl.col("user")),
            host=pl.col("host").str.to_lowercase(),
            # A row without a page is no server's message: it has a visitor, or is of no use.
            request=pl.concat_str([pl.lit("GET "), "url"]).fill_null(_NO_PAGE),
            user_agent=_said(pl.col("agent")),
            session_key="session",
            event=pl.col("event").fill_null(""),
            event_id="id",
            event_number=_number(pl.col("same")),
            asset=pl.lit(value=False),
            **{name: pl.lit(None, dtype=dtype) for name, dtype in _NOT_THERE.items()},
        )
        .select(*CELLS, *EVENT_CELLS, *(f"prop.{name}" for name in columns.asked if f"prop.{name}" in there))
    )


def _of_tool(rows: pl.LazyFrame, columns: Columns, preset: Preset) -> pl.LazyFrame:
    """Turn the fields of a tool's export into roles; what the site's owner told of a role goes before."""
    there = rows.collect_schema().names()
    whole = rows.with_columns(_no_texts(name for name in preset.fields if name not in there))
    if preset.property is not None:
        found = {f"prop.{name}": preset.property(name) for name in columns.asked}
        whole = whole.with_columns(**{name: pl.coalesce(value, name) if name in there else value for name, value in found.items()})
    told = {name.removeprefix(TOLD): name for name in there if name.startswith(TOLD)}
    return preset.rows(whole).with_columns(**told)


def _no_texts(names: Iterable[str]) -> list[pl.Expr]:
    """Return columns that say nothing."""
    return [pl.lit(None, dtype=pl.String).alias(name) for name in names]


def text_within(text: pl.Expr, names: Place) -> pl.Expr:
    """Return what stands in a place of a text that is JSON; the text itself where no name is given."""
    return text.str.json_path_match(json_path(names)) if names else text


def _written(text: pl.Expr) -> pl.Expr:
    """Return a text, null where it is empty."""
    return pl.when(text != "").then(text)


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
    """Return why a row is no event: one without a time or a visitor says something all the same."""
    return pl.coalesce("fault", first_problem({"no event and no page": pl.col("event").is_null() & pl.col("url").is_null()}))
