"""The simulated shop as the export of an analytics tool: one row per event, as CSV or NDJSON.

An export contains users and their events but no requests, so it is written from the plan and not from the log.
"""

from __future__ import annotations

import csv
import io
import json
from datetime import datetime
from typing import TYPE_CHECKING
from urllib.parse import quote, urlencode

from .simulator_site import ZONE
from .simulator_truth import ALWAYS

if TYPE_CHECKING:
    from .simulator import Simulation
    from .simulator_acts import Hit
    from .simulator_site import Site

Row = dict[str, str]

NAMES = {
    "cart": "add_to_cart",
    "registered": "sign_up",
    "newsletter": "newsletter",
    "guide": "file_download",
    "stock": "stock_check",
    "feed": "feed_read",
}
"""The event names that a tool would give to acts that are not page views, by tag."""


def events(simulation: Simulation, site: Site) -> list[Row]:
    """Return `user_id, event, timestamp, url, referrer, file` for every interaction, in order."""
    visits = simulation.truth(site, ALWAYS).visits
    acts = sorted(
        ((hit, session.visitor) for session in visits.sessions for hit in session.interactions), key=lambda act: (act[0].time, act[0].line_no)
    )
    numbers: dict[object, str] = {}
    for _, visitor in acts:
        numbers.setdefault(visitor, f"v{len(numbers) + 1:05}")
    return [_row(hit, numbers[visitor], visits.kinds[hit]) for hit, visitor in acts]


def _row(hit: Hit, user: str, kind: str) -> Row:
    path = quote(hit.path, safe="/%")
    tag = "" if kind == "page" else next(tag for tag in NAMES if tag in hit.tags)
    return {
        "user_id": user,
        "event": NAMES[tag] if tag else "page_view",
        "timestamp": datetime.fromtimestamp(hit.time, ZONE).isoformat(),
        "url": f"https://shop.example{path}{'?' if hit.query else ''}{urlencode(hit.query)}",
        "referrer": "" if hit.referrer == "-" else hit.referrer,
        "file": path if tag == "guide" else "",
    }


def as_csv(rows: list[Row], delimiter: str = ",") -> str:
    """Return rows as CSV with a header."""
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]), delimiter=delimiter, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def as_ndjson(rows: list[Row]) -> str:
    """Return rows as NDJSON, with the properties in a nested object."""
    outer = ("user_id", "event", "timestamp")
    return "".join(
        json.dumps({name: row[name] for name in outer} | {"properties": {name: text for name, text in row.items() if name not in outer}}) + "\n"
        for row in rows
    )
