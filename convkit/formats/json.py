"""A JSON array of events or requests, or JSON objects that span several lines."""

from __future__ import annotations

import json
import re
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from convkit.errors import InputError
from convkit.files import unpacking
from convkit.files.lines import respool
from convkit.formats import LogFormat, load_formats
from convkit.formats.parsers import json_events, json_log

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

    import polars as pl

    from convkit.files.lines import Source
    from convkit.formats import Layout
    from convkit.formats.parsers.base import Needs

SAMPLES = (
    "[",
    '  {"user_id": "u1", "event": "page_view", "timestamp": "2026-10-10T13:55:36Z", "url": "/cart"},',
    '  {"user_id": 7, "event": "paid", "timestamp": 1760104536}',
    "]",
)
_EXPORTS, _SURELY = ("json", "ndjson"), 0.5
LARGEST = 100 << 20
"""The maximum size of an array in bytes: all of it must be in memory before its first event can be read."""


_DECODER = json.JSONDecoder(object_pairs_hook=json_log.keep_first)
_NOT_BLANK = re.compile(r"\S|\Z")


def _values(text: str) -> Iterator[Any]:
    """Yield the elements of arrays and a sequence of objects. Raises ValueError."""
    place = _skip_blanks(text, 0)
    while place < len(text):
        if text[place] == "[":
            place = yield from _elements(text, place + 1)
        else:
            value, place = _DECODER.raw_decode(text, place)
            yield value
        place = _skip_blanks(text, place)


def _elements(text: str, start: int) -> Generator[Any, None, int]:
    """Yield the elements of an array one at a time, as all of them take several times the memory of the text, and return where it ends."""
    place = _skip_blanks(text, start)
    while text[place : place + 1] != "]":
        value, place = _DECODER.raw_decode(text, place)
        yield value
        place = _skip_blanks(text, place)
        if text[place : place + 1] == ",":
            place = _skip_blanks(text, place + 1)
            if text[place : place + 1] == "]":
                raise json.JSONDecodeError("Expecting value", text, place)
        elif text[place : place + 1] != "]":
            raise json.JSONDecodeError("Expecting ',' delimiter", text, place)
    return place + 1


def _skip_blanks(text: str, place: int) -> int:
    """Return the place of the next character that is not blank, or the end of the text."""
    match = _NOT_BLANK.search(text, place)
    return match.start() if match else len(text)


def _lines(source: Source) -> Iterator[str]:
    """Yield each element of an array as a line. Raises InputError if the array is too large or damaged."""
    text = unpacking.text_up_to(source, LARGEST)
    if text is None:
        raise InputError(f"{source.name} is a JSON array of more than 100 MB; convert it to one object per line with jq -c '.[]'")
    try:
        yield from map(json.dumps, _values(text))
    except (ValueError, RecursionError) as error:
        place = f" at line {error.lineno}" if isinstance(error, json.JSONDecodeError) else ""
        raise InputError(f"{source.name} is a JSON array that is damaged{place}; export it again, or as one object per line") from None


class JsonArray(LogFormat):
    """A JSON array of events or requests."""

    def sniff(self, lines: pl.Series) -> float:
        """Return 1 if the file begins like an array of objects (except Matomo's visits, which are not events) or like a multi-line object."""
        start = "".join(line.strip() for line in lines.head(3))
        if start.startswith('{"') and len(lines) > 1 and lines[0].strip() == "{":
            return 1.0
        return float(start == "[]" or ('"idVisit"' not in start and start.startswith("[") and start[1:].lstrip().startswith("{")))

    @contextmanager
    def as_lines(self, source: Source) -> Iterator[Source]:
        """Open the array as a log with one object per line, numbered by its position. Raises InputError if it is too large or damaged."""
        with respool(source, (f"{line}\n".encode() for line in _lines(source))) as spool:
            yield spool

    @property
    def finds_fields(self) -> bool:
        """Whether `fit` finds fields by their names and values."""
        return True

    def late_names(self, head: pl.Series, needs: Needs) -> str:
        """Return a pattern for the names of fields that the first objects do not have."""
        logs = self._logs(head)
        return logs[0].late_names(head, needs) if logs else json_events.late_names(head, needs)

    def fit(self, source: Source, head: pl.Series, needs: Needs) -> Layout:
        """Return the layout of one export or log: `head` holds lines from `as_lines`."""
        logs = self._logs(head)
        return logs[0].fit(source, head, needs) if logs else json_events.fit(head, source.name, needs)

    def _logs(self, head: pl.Series) -> list[LogFormat]:
        """Return the formats of access logs that read the objects."""
        return [one for name, one in load_formats().items() if name not in _EXPORTS and one.sniff(head) >= _SURELY]


FORMAT = JsonArray()
