"""Visits, each with all that was done in it -> a line an action: what Matomo gives as CSV, as a JSON array, or as a line a visit.

It stands alone because a visit is no event: only taken apart it can be read as one line after the other.
"""

from __future__ import annotations

import csv
import io
import json
import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

_OF_ACTION = re.compile(r"actionDetails_(\d+)_(\w+)")
_OF_VISIT = ("idVisit", "visitorId", "userId", "visitIp", "fingerprint")
_LARGEST_FIELD = 1 << 20


def lines_of(text: str) -> Iterator[str]:
    """Yield a line of JSON an action. Raises ValueError, RecursionError or csv.Error where the text is damaged."""
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
    """Return a row as the object that it was before its actions became columns."""
    actions: dict[int, dict[str, str]] = {}
    for name, value in row.items():
        if name and value and (found := _OF_ACTION.fullmatch(name)):
            actions.setdefault(int(found[1]), {})[found[2]] = value
    return {**row, "actionDetails": [actions[number] for number in sorted(actions)]}


def _actions(visit: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the actions of a visit in their order, each with what the visit says of its visitor; of a visit without any, that there was one."""
    of_visit = {name: visit.get(name) for name in _OF_VISIT}
    done = visit.get("actionDetails") or [{"type": "visit", "timestamp": visit.get("firstActionTimestamp")}]
    for number, action in enumerate(done):
        yield {**of_visit, "referrerUrl": visit.get("referrerUrl") if not number else None, "action": action, "number": number}
