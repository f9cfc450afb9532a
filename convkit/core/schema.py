"""The columns that are passed between stages, with their types, and the session fields that only some runs need.

LINES -> PARSED (with PARSED_EVENTS for exports) -> NARROWED -> HITS -> SESSIONIZED -> MATCHED -> SESSIONS; PARSED also becomes RECORDS.
All times are in UTC, in microseconds; text is String while logs are read, and TEXT from then on.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import polars as pl

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping


TIME = pl.Datetime("us", "UTC")
TEXT = pl.Categorical()
KINDS = ("page", "event", "passive", "download", "redirect", "error", "background", "other")
KIND = pl.Enum(KINDS)

ORDER = ("time", "source", "line_no")
"""The order of hits. A source's number is its rank by the time of its first parsed line, then by name."""

NO_SUCH_TIME = "no such time in its time zone"
UNFINISHED, TOO_LONG, ZERO_BYTES, NO_VISITOR = "unfinished last line", "longer than 1 MiB", "contains zero bytes", "no visitor"
PROBLEMS = (
    "asset",
    "blank",
    "comment",
    "duplicate",
    TOO_LONG,
    ZERO_BYTES,
    UNFINISHED,
    "no request in quotes",
    "no time before the request",
    "request without a closing quote",
    "no status after the request",
    "a quote inside a quoted field",
    "unclosed quote",
    "number of fields differs from the header",
    "not a JSON object",
    "no time",
    NO_SUCH_TIME,
    "time in the future",
    NO_VISITOR,
    "neither an event nor a page",
    "does not match the format",
    "split by the container runtime",
    "impossible time",
)
"""The reasons why a line does not become a record; the first four are also fates."""
PROBLEM = pl.Enum(PROBLEMS)


DEVICES = ("desktop", "mobile", "tablet", "other")
DEVICE = pl.Enum(DEVICES)
BROWSERS = ("chrome", "safari", "edge", "firefox", "samsung", "opera", "other")
VISITS = ("1", "2", "3+")
"""The values of `visit`: which visit of its visitor a session is."""


def first_problem(rules: Mapping[str, pl.Expr]) -> pl.Expr:
    """Return the name of the first rule that is true, or null if none is."""
    return pl.coalesce(*(pl.when(is_true).then(pl.lit(problem, dtype=PROBLEM)) for problem, is_true in rules.items()))


LINES = {"source": pl.UInt32(), "line_no": pl.UInt32(), "line": pl.String(), "fault": PROBLEM, "outer": pl.String()}
"""The input of a log format, one row per line.

`line` is null for blank lines; `fault` is a problem found before the line is parsed; `outer` is the time given by a wrapper around the line.
"""

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
"""The content of a log or an export, one row per line, before anything is classified; a field that a line does not have is null.

`seconds` is the time taken to serve the request. `user_agent` is null if the line has no such field, and empty if the field is empty. `event` is null
in access logs, and empty if a row of an export names none. `props` is the JSON text of an event's properties. If a request has no method, as in
probes, `target` is the whole request. Text is as the client sent it: the server's escapes are undone.
"""

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
"""The output of a log format, one row per line: RECORDS, except that `sender` and `request` are not split yet.

`sender` is `address ident user` and `request` is `method target protocol`; each distinct one is split only once. `problem` is null if the line is a
record. `forwarded` is X-Forwarded-For as sent; `cookies` are those logged, as `name=value; name=value`. Columns that a run does not need are never
computed.
"""

UNVIEWED = "unviewed"
"""The column (Boolean) of PARSED, of logs with the headers that show it, for requests whose answer was not shown as a page: prefetched, or a part."""

SESSION_KEY = "session_key"
"""The column with an export's own session IDs."""
SESSION_ROLE = "session"
"""The key under `site.columns` for this column."""

VISIT_PREFIX = "visit."
"""The prefix of the columns of PARSED with what an export itself says of a visit: VISIT_ROLES."""
ORIGIN_ROLES = ("source", "medium", "campaign", "channel")
VISIT_ROLES = (*ORIGIN_ROLES, "device", "browser", "country")
NO_ORIGIN = "no_origin"
"""The column (Boolean) of PARSED for rows of exports without any column that shows where a visitor came from, not even a referrer."""

PARSED_EVENTS = {
    "event": pl.String(),
    "event_id": pl.String(),
    "event_number": pl.Int64(),
    "visit_number": pl.Int64(),
    "value": pl.String(),
    "props": pl.String(),
    "anonymous": pl.String(),
}
"""The columns that exports have in addition to those of PARSED.

`event` (empty if a row names none), `event_id`, `value` and `props` are as in RECORDS. `event_number` is the same for all rows of one event, and null
if unknown. `anonymous` is the ID of the row's user before logging in, and `visit_number` stands for the tool's session, in rows with such an ID.
There is also a column `prop.NAME` for each property that goals test. If a run needs them and the export has them, there are columns for
VISIT_ROLES, and NO_ORIGIN.
"""

FATES = ("blank", "comment", "asset", "unparsed", "duplicate", "excluded", "bot", "other", "background", "outside", "kept")
"""What happens to a line, in the order in which the fates apply."""
FATE = pl.Enum(FATES)
NEVER_COUNTED = ("blank", "comment", "asset")
"""The fates and problems of lines that could not count."""

NARROWED = {
    "source": pl.UInt32(),
    "line_no": pl.UInt32(),
    "time": TIME,
    "status": pl.Int16(),
    "asset": pl.Boolean(),
    "slow": pl.Boolean(),
    "problem": PROBLEM,
    "sender": TEXT,
    "host": TEXT,
    "request": TEXT,
    "user_agent": TEXT,
}
"""The columns of PARSED that every run keeps, one row per line; `slow` is true if serving took more than 3 seconds, and null if unknown.

Added if needed: `referrer`, `cookies`, `forwarded` and `session_key`; if the log shows it, UNVIEWED; for exports also `event`, `event_number`,
`visit_number`, `anonymous`, `prop.NAME`, `visit.ROLE` and NO_ORIGIN. On disk, text is String.
"""

HITS = {
    "source": pl.UInt32(),
    "line_no": pl.UInt32(),
    "time": TIME,
    "visitor": pl.Int64(),
    "identified_by": pl.Int8(),
    "has_assets": pl.Boolean(),
    "host": TEXT,
    "method": TEXT,
    "path": TEXT,
    "page": TEXT,
    "query": TEXT,
    "parameters": TEXT,
    "status": pl.Int16(),
    "event": TEXT,
    "slow": pl.Boolean(),
    "asset": pl.Boolean(),
    "background": pl.Boolean(),
    "subrequest": pl.Boolean(),
    "download": pl.Boolean(),
    "listed": pl.Boolean(),
    "other": pl.Boolean(),
    "named": pl.Boolean(),
    "kind": KIND,
    "fate": FATE,
}
"""One row per request or event, sorted by visitor and ORDER, with a Boolean `names:GOAL` for each goal that names hits.

- `source` and `line_no`: the log's number (see ORDER) and the line in it, counted from 1.
- `visitor`: the visitor's number, valid in this run only. `identified_by` is the position, counted from 0, of the rule in `site.visitor` that
  identified the visitor. `has_assets` is whether the visitor ever requested a static file, or null if the logs contain none.
- `host`: the virtual host in lower case, or null if the log has none. `method`: the HTTP method, or null for events in an export.
- `path`: the decoded path that goals match, with the parameters of `site.keep_query`. `page`: the row in which reports count it: a pattern from
  `site.group`, or the path. `query`: the parameters that goals or `site.keep_query` name, as `name=value&name=value`, with secrets masked.
  `parameters`: the names of all parameters, separated by `&`, or null if there are none.
- `status`: the HTTP status. `event`: the name of an event in an export, or null in access logs. `slow`: as in NARROWED.
- `asset`, `background`, `download`: whether the path is on the list of that name; `listed`: whether it is on any of them. `subrequest`: whether a
  browser or a script sent the request without anyone viewing the answer as a page, as shown by a parameter or a header. `other`: whether the
  request is not counted anywhere (no status, probing methods, robots.txt). `named`: whether a goal names the hit.
- `kind`: one of KINDS. `fate`: one of FATES.

Added if needed: `device` (DEVICE), `referrer`, `sent_query` (the whole query as sent), `session_key`, the values that goals read (`query.NAME`,
`cookie.NAME`, `prop.NAME`), the currency of amounts among them (`query.currency`, ...), their pattern tests (`path~/cart/**`), and `by:RULE`, the
visitor's number under a preferred rule. Before bots are excluded there are also `user_agent` and `reason` (why the visitor is a bot, or null for
people), both TEXT.
"""

SESSIONIZED = {**HITS, "session": pl.Int64(), "started": TIME, "pageless": pl.Boolean()}
"""The HITS that were kept, divided into sessions, without `by:RULE`.

`session` is unique across all visitors and increases with the rows; it is null for hits outside sessions. `started` is the time of the session's
first interaction. `pageless` marks hits whose session was excluded because it has no page.
"""

MATCHED = {**SESSIONIZED, "pageless_macro": pl.Boolean(), "row": pl.UInt32()}
"""SESSIONIZED with a Boolean `goal:GOAL` per goal, never null, in place of `names:GOAL`, and `shared:GOAL` for goals that count once per value.

`pageless_macro` marks hits of excluded pageless sessions that a macro goal names; `row` is the position in the frame, counted from 0. If
`site.consent` names a goal for withdrawals, `pageless_withdrawn` marks hits of such sessions that this goal names. With
OBSTACLES_FIELD, there is a Boolean `met:OBSTACLE` for each of OBSTACLES; with DEAD_LINKS_FIELD, `linked_from` (TEXT) is the page whose link is dead.
"""

OBSTACLES = ("form_again", "error", "slow", "reload", "back_forth", "search_again")
"""What may get in the way of a visitor (`funnels.obstacles`)."""
TARGET_NUMBER, SEARCH_NUMBER = "target_number", "search_number"
"""The columns (UInt64) that exist until obstacles are known: one number per path and query, and per search parameter and its value."""

FATE_ROWS = {
    "time": TIME,
    "fate": FATE,
    "reason": TEXT,
    "user_agent": TEXT,
    "source": pl.UInt32(),
    "line_no": pl.UInt32(),
    "macro": pl.Boolean(),
    UNVIEWED: pl.Boolean(),
}
"""One row per record: its fate, `reason` (why its visitor is a bot, or null for people), and whether a `macro` goal names it.

`unviewed` marks background requests that were answered like a page and not viewed as one: prefetched, data of a page, or a piece of a file.
"""

SESSIONS = {
    "session": pl.Int64(),
    "visitor": pl.Int64(),
    "number": pl.Int32(),
    "started": TIME,
    "seconds": pl.Int64(),
    "interactions": pl.Int64(),
    "pages": pl.Int64(),
    "landing": TEXT,
    "exit": TEXT,
    "bounced": pl.Boolean(),
    "converted": pl.Boolean(),
    "has_assets": pl.Boolean(),
    "identified_by": pl.Int8(),
    "device": DEVICE,
    "source": TEXT,
    "medium": TEXT,
    "campaign": TEXT,
    "channel": TEXT,
    "first_channel": TEXT,
    "referred": pl.Boolean(),
    "resumed": pl.Boolean(),
}
"""One row per session, with a Boolean `goal:GOAL` for each listed goal: whether the session reached it.

- `session`, `visitor`: numbers valid in this run only. `number`: the visitor's first session is 1. `started`: the time of the first interaction.
- `seconds`: the time from the first to the last interaction. `interactions`: the number of pages and events. `pages`: the number of page views.
- `landing`, `exit`: the first and last page, as in `page` of HITS. `bounced`: whether there was only one interaction. `converted`: whether a
  macro goal was reached.
- `has_assets`, `identified_by`: as in HITS.
- `device`: the device of the first interaction; only with the session field DEVICE_FIELD.
- `source`, `medium`, `campaign`, `channel`: where the session came from; `first_channel`: the channel of the visitor's first session; `referred`:
  whether the first hit has a referrer; `resumed`: whether it is a Direct session whose referrer is the site itself or a payment provider. Only
  with CHANNEL_FIELD.

With a session field `variant.NAME`, there is a column of that name (TEXT). The same is true of `browser`, `country` and `prop.NAME`, which are the
first values in the session.
"""

INTERACTIONS = ("page", "event")
"""The kinds of hits that start and extend sessions."""


@cache
def is_kind(*kinds: str) -> pl.Expr:
    """Return whether a hit is of one of these kinds; cached, because building the expression takes longer than evaluating it on a small log."""
    return pl.col("kind").is_in(pl.Series(kinds, dtype=KIND).implode())


def is_interaction() -> pl.Expr:
    """Return whether a hit is an interaction."""
    return is_kind(*INTERACTIONS)


DEVICE_FIELD, CHANNEL_FIELD = "device", "channel"
OBSTACLES_FIELD, DEAD_LINKS_FIELD = "obstacles", "dead_links"
"""The fields that hits have instead of sessions: what may get in the way (`met:OBSTACLE`), and the pages that link to what does not exist."""
CHANNEL_COLUMNS = ("source", "medium", "campaign", "channel")
"""The columns of sessions that describe where they came from; all four need CHANNEL_FIELD."""
BROWSER_FIELD, COUNTRY_FIELD, PROPERTY_PREFIX = "browser", "country", "prop."
VARIANT_PREFIX = "variant."
"""The prefix of a variant's name; each variant is a session field of its own."""
_SESSION_FIELDS = {**{name: name for name in (DEVICE_FIELD, BROWSER_FIELD, COUNTRY_FIELD)}, **dict.fromkeys(CHANNEL_COLUMNS, CHANNEL_FIELD)}
_SESSION_FIELDS["met"] = OBSTACLES_FIELD
"""For each key or column that needs a session field, its name; each variant and each property is one of its own."""


def session_fields_of(names: Iterable[str | None]) -> frozenset[str]:
    """Return the session fields that keys or columns need; most need none."""
    return frozenset(
        _SESSION_FIELDS.get(name, name)
        for name in names
        if name is not None and (name in _SESSION_FIELDS or name.startswith((VARIANT_PREFIX, PROPERTY_PREFIX)))
    )


def is_property(name: str) -> bool:
    """Return whether a key or field is a property of events, `prop.NAME`."""
    return name.startswith(PROPERTY_PREFIX) and name != PROPERTY_PREFIX


def visit() -> pl.Expr:
    """Return which visit of its visitor a session is (VISITS)."""
    number = pl.col("number")
    return pl.when(number >= len(VISITS)).then(pl.lit(VISITS[-1])).otherwise(number.cast(pl.String)).cast(TEXT)


def visit_roles_needed(fields: Collection[str]) -> tuple[str, ...]:
    """Return the roles of VISIT_ROLES that session fields need."""
    return tuple(role for role in VISIT_ROLES if _SESSION_FIELDS[role] in fields)


def properties_needed(fields: Collection[str]) -> set[str]:
    """Return the properties (`prop.NAME`) that are session fields."""
    return {field for field in fields if field.startswith(PROPERTY_PREFIX)}


def texts_needed(fields: Collection[str]) -> tuple[str, ...]:
    """Return the text columns of PARSED that session fields need."""
    return ("referrer",) if {CHANNEL_FIELD, DEAD_LINKS_FIELD} & {*fields} else ()
