"""Matomo's visits log (`Live.getLastVisitsDetails`) as CSV or JSON: one event per action in a visit."""

from __future__ import annotations

import csv
import io
import json
import re
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import polars as pl

from convkit.errors import InputError
from convkit.files import unpacking
from convkit.files.lines import respool
from convkit.formats.parsers import json_events
from convkit.formats.parsers.presets import Preset
from convkit.formats.parsers.tool_exports import ToolExport, is_json_lines

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from convkit.files.lines import Source
    from convkit.formats.parsers.base import Needs
    from convkit.formats.parsers.json_events import JsonExport


SAMPLES = (
    "idSite,idVisit,visitIp,visitorId,lastActionTimestamp,userId,actionDetails_0_type,actionDetails_0_url,actionDetails_0_timestamp",
    "1,7,203.0.113.7,f3a1,1791640536,,action,https://shop.example/,1791640536",
    "1,8,203.0.113.8,f3a2,1791640596,u1,action,https://shop.example/cart,1791640596",
)
LARGEST = 100 << 20
"""The maximum size of an export in bytes: all of it must be in memory before its first visit can be read."""
_BEGINS_ARRAY = re.compile(r'\s*\[?\s*\{[^\[]*"idVisit"')
_EVENTS = {"action": "page_view", "ecommerceOrder": "order", "ecommerceAbandonedCart": "abandoned_cart", "search": "site_search"}


def _rows(rows: pl.LazyFrame) -> pl.LazyFrame:
    """Map the rows to roles: pages, and events, goals and downloads by name."""
    named = pl.coalesce(pl.when(pl.col("kind") == "goal").then("goal"), pl.when(pl.col("kind") == "event").then("act"))
    return rows.with_columns(
        event=pl.coalesce(named, pl.col("kind").replace(_EVENTS)),
        user=pl.coalesce("user", "visitor", "fingerprint"),
        anonymous="visitor",
        # If a visit was exported twice, its actions are repeated.
        id=pl.concat_str(["session", "number"], separator=" "),
        value=pl.coalesce("revenue", "amount"),
    )


_PRESET = Preset(
    {
        "time": "action.timestamp",
        "kind": "action.type",
        "goal": "action.goalName",
        "act": "action.eventAction",
        "url": "action.url",
        "revenue": "action.revenue",
        "amount": "action.eventValue",
        "user": "userId",
        "visitor": "visitorId",
        "fingerprint": "fingerprint",
        "address": "visitIp",
        "session": "idVisit",
        "number": "number",
        "referrer": "referrerUrl",
    },
    _rows,
    identities=("user", "visitor", "fingerprint", "session"),
    marks=("idVisit action.type", "idVisit lastActionTimestamp"),
    timezone="UTC",
    props="action",
    visit={
        "source": ("campaignSource",),
        "medium": ("campaignMedium",),
        "campaign": ("campaignName",),
        "device": ("deviceType",),
        "browser": ("browserName",),
        "country": ("countryCode",),
    },
)


_ACTION_COLUMN = re.compile(r"actionDetails_(\d+)_(\w+)")
_VISIT_FIELDS = ("idVisit", "visitorId", "userId", "visitIp", "fingerprint")
_SAID_OF_VISIT = ("campaignSource", "campaignMedium", "campaignName", "deviceType", "browserName", "countryCode")
_LARGEST_FIELD = 1 << 20


def action_lines(text: str) -> Iterator[str]:
    """Yield one JSON line per action. Raises ValueError, RecursionError or csv.Error if the text is damaged."""
    start = text.lstrip()[:1]
    if start == "[":
        visits: Iterable[Mapping[str, Any]] = json.loads(text)
    elif start == "{":
        visits = (json.loads(line) for line in text.splitlines() if line.strip())
    else:
        csv.field_size_limit(_LARGEST_FIELD)
        visits = map(_nested, csv.DictReader(io.StringIO(text)))
    for visit in visits:
        yield from map(json.dumps, _actions(visit))


def _nested(row: Mapping[str, str]) -> dict[str, Any]:
    """Return a row with the flattened columns of its actions turned back into nested objects."""
    actions: dict[int, dict[str, str]] = {}
    for name, value in row.items():
        if name and value and (match := _ACTION_COLUMN.fullmatch(name)):
            actions.setdefault(int(match[1]), {})[match[2]] = value
    return {**row, "actionDetails": [actions[number] for number in sorted(actions)]}


def _actions(visit: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the actions of a visit in order, each with the visitor's fields; a visit without actions yields one that stands for the visit itself."""
    of_visit = {name: visit.get(name) for name in (*_VISIT_FIELDS, *_SAID_OF_VISIT)}
    done = visit.get("actionDetails") or [{"type": "visit", "timestamp": visit.get("firstActionTimestamp")}]
    for number, action in enumerate(done):
        yield {**of_visit, "referrerUrl": visit.get("referrerUrl") if not number else None, "action": action, "number": number}


class Matomo(ToolExport):
    """Matomo's visits, as a table, a JSON array or JSON lines."""

    def sniff(self, lines: pl.Series) -> float:
        """Return 1 for a table or an array that begins with visits, otherwise the share of lines that are visits."""
        if is_json_lines(lines):
            return super().sniff(lines)
        head = "".join(lines.head(3).str.strip_chars().to_list())
        return float(bool(_BEGINS_ARRAY.match(head)) or super().sniff(lines.head(1)) > 0)

    @contextmanager
    def as_lines(self, source: Source) -> Iterator[Source]:
        """Open the visits as a log with one action per line. Raises InputError if the file is too large or damaged."""
        text = unpacking.text_up_to(source, LARGEST)
        if text is None:
            raise InputError(f"{source.name} is a visits export of more than 100 MB; export one period at a time")
        try:
            actions = list(action_lines(text))
        except (ValueError, RecursionError, AttributeError, csv.Error):
            raise InputError(f"{source.name} is a damaged visits export; export it again") from None
        with respool(source, (f"{action}\n".encode() for action in actions)) as spool:
            yield spool

    def fit(self, source: Source, head: pl.Series, needs: Needs) -> JsonExport:
        """Return the layout of one export: `head` holds lines from `as_lines`."""
        return json_events.fit(head, source.name, needs)


FORMAT = Matomo(_PRESET)
