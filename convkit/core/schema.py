"""The columns that pass between the stages, with their types; the fields of sessions that only some runs need.

LINES -> PARSED, with PARSED_EVENTS for exports -> RECORDS. Hits are always sorted by ORDER.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import polars as pl

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping


TIME = pl.Datetime("us", "UTC")
TEXT = pl.Categorical()
KINDS = ("page", "event", "download", "redirect", "error", "background", "other")
KIND = pl.Enum(KINDS)

ORDER = ("time", "source", "line_no")
"""The order of hits, always: a source's number is its rank by (time of its first parsed line, name)."""

UNFINISHED, TOO_LONG, NO_VISITOR = "unfinished last line", "longer than 1 MiB", "no visitor"
PROBLEMS = (
    "asset",
    "blank",
    "comment",
    "duplicate",
    TOO_LONG,
    "zero bytes inside",
    UNFINISHED,
    "no request in quotes",
    "no time before the request",
    "request without an end",
    "no status behind the request",
    "a quote inside a quoted field",
    "a quote without an end",
    "not as many fields as the header",
    "no JSON object",
    "no time",
    NO_VISITOR,
    "no event and no page",
    "not written like the format",
    "cut in parts by the container's runtime",
    "a time that no server of the web has written",
)
"""Why a line becomes no record: the first four are fates of their own."""
PROBLEM = pl.Enum(PROBLEMS)


DEVICES = ("desktop", "mobile", "tablet", "other")
DEVICE = pl.Enum(DEVICES)


def first_problem(rules: Mapping[str, pl.Expr]) -> pl.Expr:
    """Return the name of the first rule that holds, null where none does."""
    return pl.coalesce(*(pl.when(fits).then(pl.lit(problem, dtype=PROBLEM)) for problem, fits in rules.items()))


LINES = {"source": pl.UInt32(), "line_no": pl.UInt32(), "line": pl.String(), "fault": PROBLEM, "outer": pl.String()}
"""What a format is given: one row a line, null where the line is blank. `fault` says what is wrong with a line before it is taken apart, `outer`
when it was written, where what stood around it said so."""

RECORDS = {
    "source": pl.UInt32(),
    "line_no": pl.UInt32(),
    "time": TIME,
    "address": pl.String(),
    "user": pl.String(),
    "session_key": pl.String(),
    "host": pl.String(),
    "method": pl.String(),
    "target": pl.String(),
    "protocol": pl.String(),
    "status": pl.Int16(),
    "bytes": pl.Int64(),
    "referrer": pl.String(),
    "user_agent": pl.String(),
    "seconds": pl.Float64(),
    "event": pl.String(),
    "event_id": pl.String(),
    "value": pl.String(),
    "props": pl.String(),
}
"""What a log or an export says, nothing decided; null where it says nothing. `seconds` are those that serving took. `user_agent` is null where the
line has no such field and empty where the field says nothing; `event` is null in access logs and empty where a row of an export names none; `props`
is the JSON text of an event's properties. Where a request names no method, as probes send them, `target` is all of it. Texts are as they were sent:
where a server escaped them, that is undone."""

PARSED = {
    "source": pl.UInt32(),
    "line_no": pl.UInt32(),
    "time": TIME,
    "sender": pl.String(),
    "host": pl.String(),
    "request": pl.String(),
    "status": pl.Int16(),
    "bytes": pl.Int64(),
    "referrer": pl.String(),
    "user_agent": pl.String(),
    "seconds": pl.Float64(),
    "forwarded": pl.String(),
    "cookies": pl.String(),
    "session_key": pl.String(),
    "asset": pl.Boolean(),
    "problem": PROBLEM,
}
"""What a format returns of every line: RECORDS, but that `sender` (`address ident user`) and `request` (`method target protocol`) are whole,
because each distinct one is taken apart once; and `problem`, null where the line is a record. `forwarded` is X-Forwarded-For as it was sent;
`cookies` are those that the log holds, `name=value; name=value`. What a run does not ask for is never computed."""

SESSION_KEY = "session_key"
"""The column of an export's own sessions."""
SESSION_ROLE = "session"
"""The key of `site.columns` that names it."""

PARSED_EVENTS = {
    "event": pl.String(),
    "event_id": pl.String(),
    "event_number": pl.Int64(),
    "value": pl.String(),
    "props": pl.String(),
    "anonymous": pl.String(),
}
"""What an export says beside PARSED: `event`, empty where a row names none; `event_id`; `event_number`, the same for rows that are one event, null
where nothing tells them; `value` and `props` as in RECORDS; and `anonymous`, by which the user of the row was known before. For each property that
goals test there is a `prop.NAME`, too."""

FATES = ("blank", "comment", "asset", "unparsed", "duplicate", "excluded", "bot", "other", "background", "outside", "kept")
"""What becomes of a line, in the order in which the fates apply."""

INTERACTIONS = ("page", "event")
"""The kinds that start, lengthen and un-bounce sessions."""


@cache
def is_kind(*kinds: str) -> pl.Expr:
    """Tell hits of one of these kinds; every stage asks this, and making the expression takes longer than asking it of a small log."""
    return pl.col("kind").is_in(pl.Series(kinds, dtype=KIND).implode())


def is_interaction() -> pl.Expr:
    """Tell hits that are interactions."""
    return is_kind(*INTERACTIONS)


DEVICE_FIELD, CHANNEL_FIELD = "device", "channel"
CHANNEL_COLUMNS = ("source", "medium", "campaign", "channel")
"""The columns of sessions that tell where they came from; all four need CHANNEL_FIELD."""
VARIANT_PREFIX = "variant."
"""Before the name of a variant: each is a session field of its own."""
_SESSION_FIELDS = {"device": DEVICE_FIELD, **dict.fromkeys(CHANNEL_COLUMNS, CHANNEL_FIELD)}
"""By the name of a key or a field: the session field that it belongs to."""


def session_fields_of(names: Iterable[str | None]) -> frozenset[str]:
    """Return the session fields that keys and columns need; most need none."""
    return frozenset(
        _SESSION_FIELDS.get(name, name) for name in names if name is not None and (name in _SESSION_FIELDS or name.startswith(VARIANT_PREFIX))
    )


def texts_needed(fields: Collection[str]) -> tuple[str, ...]:
    """Return the texts of PARSED that must be read for session fields."""
    return ("referrer",) if CHANNEL_FIELD in fields else ()
