"""Visits of Matomo's log of visits (`Live.getLastVisitsDetails`) as CSV or JSON: each action of a visit is an event."""

from __future__ import annotations

import csv
import re
from contextlib import contextmanager
from typing import TYPE_CHECKING

import polars as pl

from convkit.errors import InputError
from convkit.files import tolerant
from convkit.files.lines import spooled_text
from convkit.formats.parsers import json_lines, visits
from convkit.formats.parsers.presets import Preset
from convkit.formats.parsers.tools import Tool, is_json

if TYPE_CHECKING:
    from collections.abc import Iterator

    from convkit.files.lines import Source
    from convkit.formats.parsers.columns import Asked
    from convkit.formats.parsers.json_lines import Objects

COMMENT = None
SAMPLES = (
    "idSite,idVisit,visitIp,visitorId,lastActionTimestamp,userId,actionDetails_0_type,actionDetails_0_url,actionDetails_0_timestamp",
    "1,7,203.0.113.7,f3a1,1791640536,,action,https://shop.example/,1791640536",
    "1,8,203.0.113.8,f3a2,1791640596,u1,action,https://shop.example/cart,1791640596",
)
_TOOL = Tool("matomo")
LARGEST = 100 << 20
"""Bytes of an export: it has to be in memory as a whole before its first visit is known."""
_BEGINS_ARRAY = re.compile(r'\s*\[?\s*\{[^\[]*"idVisit"')
_EVENTS = {"action": "page_view", "ecommerceOrder": "order", "ecommerceAbandonedCart": "abandoned_cart", "search": "site_search"}


def sniff(lines: pl.Series) -> float:
    """Tell a table or an array of visits by how it begins, and lines of objects by their names."""
    if is_json(lines):
        return _TOOL.sniff(lines)
    head = "".join(lines.head(3).str.strip_chars().to_list())
    return float(bool(_BEGINS_ARRAY.match(head)) or _TOOL.sniff(lines.head(1)) > 0)


@contextmanager
def as_lines(source: Source) -> Iterator[Source]:
    """Give the visits as a log of lines, an action each. Raises InputError where there are too many or the file is damaged."""
    text = tolerant.whole(source, LARGEST)
    if text is None:
        raise InputError(f"{source.name} is an export of visits of more than 100 MB; export it in parts, one period after the other")
    try:
        actions = list(visits.lines_of(text))
    except (ValueError, RecursionError, AttributeError, csv.Error):
        raise InputError(f"{source.name} is an export of visits that is damaged; export it again") from None
    with spooled_text(actions, source.name) as spool:
        yield spool


def fit(source: Source, head: pl.Series, asked: Asked) -> Objects:
    """Return the format of one export, made to fit it: `head` is of the lines that `as_lines` gives."""
    return json_lines.fit(head, source.name, asked)


def _rows(rows: pl.LazyFrame) -> pl.LazyFrame:
    """Return rows of roles: pages, and events, goals and downloads by what they are called."""
    named = pl.coalesce(pl.when(pl.col("kind") == "goal").then("goal"), pl.when(pl.col("kind") == "event").then("act"))
    return rows.with_columns(
        event=pl.coalesce(named, pl.col("kind").replace(_EVENTS)),
        user=pl.coalesce(*(pl.when(pl.col(name) != "").then(name) for name in ("user", "visitor", "fingerprint"))),
        anonymous="visitor",
        # A visit that was exported twice says the same twice.
        id=pl.concat_str(["session", "number"], separator=" "),
        value=pl.coalesce("revenue", "amount"),
    )


PRESET = Preset(
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
    timezone="UTC",
    props="action",
)
