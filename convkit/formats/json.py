"""An export as one JSON array: an object an event, as tools download a small one; or a log, an object a request, each over any number of lines."""

from __future__ import annotations

import json
import re
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from convkit.core import plugins
from convkit.errors import InputError
from convkit.files import damaged
from convkit.files.lines import spool_text
from convkit.formats.parsers import json_events, json_log

if TYPE_CHECKING:
    from collections.abc import Iterator

    import polars as pl

    from convkit.files.lines import Source
    from convkit.formats.parsers.base import Needs

COMMENT = None
SAMPLES = (
    "[",
    '  {"user_id": "u1", "event": "page_view", "timestamp": "2026-10-10T13:55:36Z", "url": "/cart"},',
    '  {"user_id": 7, "event": "paid", "timestamp": 1760104536}',
    "]",
)
_EXPORTS, _SURELY = ("json", "ndjson"), 0.5
LARGEST = 100 << 20
"""Bytes of an array: it has to be in memory as a whole before its first event is known."""


def sniff(lines: pl.Series) -> float:
    """Tell the beginning of an array of objects, but for Matomo's visits, which are no events; or of objects over several lines."""
    start = "".join(line.strip() for line in lines.head(3))
    if start.startswith('{"') and len(lines) > 1 and lines[0].strip() == "{":
        return 1.0
    return float(start == "[]" or ('"idVisit"' not in start and start.startswith("[") and start[1:].lstrip().startswith("{")))


@contextmanager
def as_lines(source: Source) -> Iterator[Source]:
    """Give the array as a log of lines, an object each, its number the object's place. Raises InputError where it is too large or damaged."""
    whole = damaged.text_up_to(source, LARGEST)
    if whole is None:
        raise InputError(f"{source.name} is a JSON array of more than 100 MB; write a line an object first with jq -c '.[]'")
    try:
        found = list(_values(whole))
    except (ValueError, RecursionError) as error:
        place = f" at line {error.lineno}" if isinstance(error, json.JSONDecodeError) else ""
        raise InputError(f"{source.name} is a JSON array that is damaged{place}; export it again, or as a line an object") from None
    with spool_text((json.dumps(row) for row in found), source.name) as spool:
        yield spool


def _values(text: str) -> Iterator[Any]:
    """Yield the elements of an array, or the objects that follow each other. Raises ValueError."""
    decoder, blanks, place = json.JSONDecoder(object_pairs_hook=json_log.keep_first), re.compile(r"\s*"), 0
    while found := blanks.match(text, place):
        if found.end() == len(text):
            return
        value, place = decoder.raw_decode(text, found.end())
        yield from value if isinstance(value, list) else [value]


def fit(source: Source, head: pl.Series, asked: Needs) -> Any:  # noqa: ANN401 (what another format says)
    """Return the format of one export or log, made to fit it: `head` is of the lines that `as_lines` gives."""
    logs = [module for name, module in plugins.load_all("formats").items() if name not in _EXPORTS and module.sniff(head) >= _SURELY]
    return logs[0].fit(source, head, asked) if logs else json_events.fit(head, source.name, asked)
