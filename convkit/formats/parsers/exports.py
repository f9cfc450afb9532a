"""Event exports: the conversion of their rows into events.

A row is read like a log line: user and address become its sender, and the page its request, so that later stages treat both alike.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl

from convkit.core.placeholders import identity_or_null, value_or_null
from convkit.core.schema import NO_ORIGIN, PARSED, PARSED_EVENTS, VISIT_PREFIX, VISIT_ROLES, first_problem
from convkit.formats import Layout
from convkit.formats.parsers import requests, timestamps
from convkit.formats.parsers.columns import OWNER_PREFIX, Columns
from convkit.formats.parsers.roles import FLAG, METHOD, ROLES

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from convkit.formats.parsers.presets import ColumnPath, Preset


@dataclass(frozen=True)
class ExportLayout(Layout):
    """The layout of one export; its parser adds `scan`."""

    columns: Columns

    @property
    def has_local_times(self) -> bool:
        """Whether some of its times have no time zone."""
        return self.columns.has_local_times

    @property
    def has_only_days(self) -> bool:
        """Whether its times are days without a time of day."""
        return self.columns.has_only_days

    @property
    def remarks(self) -> tuple[str, ...]:
        """Sentences on how the log was read that its user should know."""
        return self.columns.remarks


def json_path(names: ColumnPath) -> str:
    """Return the JSONPath expression for a path within JSON text."""
    return "$" + "".join(f"[{json.dumps(name)}]" for name in names)


_VISIT_COLUMNS = [f"{VISIT_PREFIX}{role}" for role in VISIT_ROLES]
_VISIT = "session "
"""The prefix of a session's ID where it stands in place of a user."""
_HOST_FOLLOWS = r"^//[A-Za-z0-9.-]+\.[A-Za-z]{2,24}(?::\d+)?(?:[/?#]|$)"
_DATE_LENGTH = len("20261010")
_ABSENT = {name: {**PARSED, **PARSED_EVENTS}[name] for name in ("status", "bytes", "seconds", "forwarded", "cookies")}
NO_PAGE = "-"
"""The request of a row without a URL."""


def parse_events(rows: pl.LazyFrame, columns: Columns, *, has_times: bool = False) -> pl.LazyFrame:
    """Return PARSED, PARSED_EVENTS and `prop.NAME`s for rows that have `source, line_no, fault`, text columns for ROLES, and `prop.NAME`s.

    `fault` is the reason why a row is not an event, including `blank` and `comment`. If `has_times`, `time` has already been parsed. Rows of a known
    tool's export have the fields of the tool's preset instead of roles. `props` holds the properties as JSON text.
    """
    if columns.preset is not None:
        rows = _tool_roles(rows, columns, columns.preset)
    present = rows.collect_schema().names()
    filled = rows.with_columns(_no_texts(name for name in (*ROLES, "props") if name not in present))
    if not has_times:
        clocked = filled.with_columns(time=_with_clock()) if "date" in present else filled
        filled = timestamps.parse_times(clocked, columns.timezone, day_first=columns.day_first)
    filled = filled.with_columns(**_instead_of_event(present))
    visit = [name for name in _VISIT_COLUMNS if name in present]
    values, identities = ("address", "event", "host", "referrer", "value", *visit), ("user", "anonymous", "id", "session")
    cleaned = {name: value_or_null(pl.col(name)) for name in values} | {name: identity_or_null(pl.col(name)) for name in identities}
    return (
        filled.with_columns(**cleaned, url=_with_scheme(value_or_null(pl.col("url"))))
        .with_columns(problem=_problem(), address=pl.col("address").str.replace_all(" ", "", literal=True), anonymous=_anonymous())
        .with_columns(user=pl.coalesce("user", "anonymous"))
        .with_columns(
            sender=requests.join_sender(pl.col("address"), pl.col("user")),
            host=pl.col("host").str.to_lowercase(),
            # A row without a page is an event, never a message from the server.
            request=pl.concat_str([pl.lit("GET "), "url"]).fill_null(NO_PAGE),
            **({NO_ORIGIN: pl.lit(value=True)} if columns.has_no_origin else {}),
            user_agent=value_or_null(pl.col("agent")),
            session_key="session",
            event=pl.col("event").fill_null(""),
            event_id="id",
            event_number=_number(),
            visit_number=_number_of(pl.when(pl.col("anonymous").is_not_null()).then("session")),
            asset=pl.lit(value=False),
            **{name: pl.lit(None, dtype=dtype) for name, dtype in _ABSENT.items()},
        )
        .select(*PARSED, *PARSED_EVENTS, f"^{NO_ORIGIN}$", *visit, *(f"prop.{name}" for name in columns.tested if f"prop.{name}" in present))
    )


def _instead_of_event(present: Collection[str]) -> dict[str, pl.Expr]:
    """Return the events of an export that has no column with their names, but one that shows which rows are events, or the methods of requests."""
    if FLAG in present:
        is_event = pl.col(FLAG).str.strip_chars().str.to_lowercase().is_in(["1", "true"]).fill_null(value=False)
        return {"event": pl.when(is_event).then("url"), "url": pl.when(~is_event).then("url")}
    if METHOD in present:
        method = pl.col(METHOD).str.strip_chars().str.to_uppercase()
        return {"event": pl.when(method != "GET").then(method)}
    return {}


def _tool_roles(rows: pl.LazyFrame, columns: Columns, preset: Preset) -> pl.LazyFrame:
    """Turn the fields of a tool's export into roles; `site.columns` overrides them."""
    present = rows.collect_schema().names()
    whole = rows.with_columns(_no_texts(name for name in preset.fields if name not in present))
    read = {*preset.fields, *(name for name in present if name.startswith(VISIT_PREFIX))}
    texts = [name for name, of_type in rows.collect_schema().items() if name in read and of_type == pl.String]
    whole = whole.with_columns((identity_or_null if name in preset.identities else value_or_null)(pl.col(name)).alias(name) for name in texts)
    if preset.property is not None:
        values = {f"prop.{name}": preset.property(name) for name in columns.tested}
        whole = whole.with_columns(**{name: pl.coalesce(value, name) if name in present else value for name, value in values.items()})
    chosen = {name.removeprefix(OWNER_PREFIX): pl.col(name) for name in present if name.startswith(OWNER_PREFIX)}
    chosen |= {role: pl.lit(None, dtype=pl.String) for role in columns.turned_off if role in ROLES}
    visit = preset.visit_values(present, [role for role in columns.needed if role not in {*columns.visit, *columns.turned_off}])
    return preset.rows(whole.with_columns(**{f"{VISIT_PREFIX}{role}": value for role, value in visit.items()})).with_columns(**chosen)


def _no_texts(names: Iterable[str]) -> list[pl.Expr]:
    """Return empty columns."""
    return [pl.lit(None, dtype=pl.String).alias(name) for name in names]


def json_text(text: pl.Expr, names: ColumnPath) -> pl.Expr:
    """Return the value at a path within JSON text, or the text itself if the path is empty."""
    return text.str.json_path_match(json_path(names)) if names else text


def _anonymous() -> pl.Expr:
    """Return the ID of the row's visitor before logging in, or else, in rows without an address, the ID of the session: it, too, is somebody's."""
    visit = pl.when(pl.col("address").is_null()).then(pl.concat_str([pl.lit(_VISIT), "session"]))
    return pl.coalesce("anonymous", visit)


def _number() -> pl.Expr:
    """Return a number that is the same for rows with the same ID, visitor, event and time, or null if a row has no ID.

    An ID alone may be that of a message, a product or a concert, which many rows are about.
    """
    number = pl.col("id").hash(4) ^ pl.col("user").hash(5) ^ pl.col("address").hash(6) ^ pl.col("event").hash(7) ^ pl.col("time").hash(8)
    return pl.when(pl.col("id").is_not_null()).then(number.reinterpret(signed=True))


def _with_scheme(url: pl.Expr) -> pl.Expr:
    """Return URLs with a scheme before those that begin with two slashes and a host."""
    relative = pl.when(url.str.starts_with("//")).then(url)
    return pl.coalesce(pl.when(relative.str.contains(_HOST_FOLLOWS)).then(pl.concat_str(pl.lit("http:"), url)), url)


def _number_of(text: pl.Expr) -> pl.Expr:
    """Return a number that identifies each text, or null if there is none."""
    return pl.when(text.is_not_null()).then(text.hash(4).reinterpret(signed=True))


def _with_clock() -> pl.Expr:
    """Join the day and the time of day from two columns into one string."""
    day, clock = pl.col("date").str.strip_chars(), pl.col("time").str.strip_chars()
    dashed = timestamps.iso_day(pl.when(day.str.len_bytes() == _DATE_LENGTH).then(day))
    padded = pl.when(clock.str.slice(1, 1) == ":").then(pl.concat_str([pl.lit("0"), clock])).otherwise(clock)
    return pl.concat_str([pl.coalesce(dashed, day), padded], separator=" ")


def _problem() -> pl.Expr:
    """Return why a row is not an event; rows without a time or a visitor are events."""
    return pl.coalesce("fault", first_problem({"neither an event nor a page": pl.col("event").is_null() & pl.col("url").is_null()}))
