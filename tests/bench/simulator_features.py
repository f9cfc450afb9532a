"""Count the hard cases in a simulated log after it is written.

Tests check these counts, because a case that never occurs is not tested.
"""

from __future__ import annotations

from collections import Counter
from datetime import datetime
from itertools import pairwise
from typing import TYPE_CHECKING

from .simulator_acts import Device, Hit, Kind
from .simulator_log import FUTURE, odd_lines
from .simulator_sessions import Session, Visits, in_order
from .simulator_site import TIMEOUT, WEEK, ZONE

if TYPE_CHECKING:
    from .simulator import Simulation
    from .simulator_truth import Truth

PARTIAL = 206
STEPS = ("product", "cart", "checkout", "receipt")


def _visitors(visits: Visits) -> dict[object, list[Hit]]:
    """Return every visitor's hits that belong to sessions, in order."""
    hits: dict[object, list[Hit]] = {}
    for session in visits.sessions:
        hits.setdefault(session.visitor, []).extend(session.hits)
    return {visitor: in_order(own) for visitor, own in hits.items()}


def same_second(visits: Visits) -> float:
    """Return the share of hits that happened in the same second as another hit of the same visitor."""
    counts = [Counter(hit.time for hit in own) for own in _visitors(visits).values()]
    shared = sum(number for count in counts for number in count.values() if number > 1)
    return shared / sum(sum(count.values()) for count in counts)


def _gaps(visits: Visits) -> Counter[str]:
    counts: Counter[str] = Counter()
    for own in _visitors(visits).values():
        times = [hit.time for hit in own if visits.kinds[hit] in {"page", "event"}]
        gaps = Counter(after - before for before, after in pairwise(times))
        counts.update({f"gap of {gap}": gaps[gap] for gap in (TIMEOUT - 1, TIMEOUT, TIMEOUT + 1)})
    return counts


def _windows(visits: Visits) -> Counter[str]:
    counts: Counter[str] = Counter()
    for own in _visitors(visits).values():
        for first, last, window, name in (("tour_one", "tour_three", 10, "tour"), ("registered", "receipt", WEEK, "week")):
            starts = [hit.time for hit in own if first in hit.tags]
            ends = Counter(hit.time for hit in own if last in hit.tags)
            counts[f"{name} at the window"] += sum(ends[start + window] for start in starts)
            counts[f"{name} past the window"] += sum(ends[start + window + 1] for start in starts)
    return counts


def _errors(visits: Visits) -> Counter[str]:
    counts: Counter[str] = Counter()
    for session in visits.sessions:
        places = {hit: place for place, hit in enumerate(session.hits)}
        first, last = places[session.interactions[0]], places[session.interactions[-1]]
        wrong = [place for hit, place in places.items() if hit.kind is Kind.ERROR]
        counts["errors before a session"] += sum(place < first for place in wrong)
        counts["errors after a session"] += sum(place > last for place in wrong)
    counts["errors in no session"] = sum(hit.kind is Kind.ERROR for hit in visits.loose)
    counts["redirects in no session"] = sum(hit.kind is Kind.REDIRECT for hit in visits.loose)
    return counts


def _sessions(sessions: list[Session]) -> Counter[str]:
    counts: Counter[str] = Counter()
    for session in sessions:
        days = [datetime.fromtimestamp(hit.time, ZONE) for hit in (session.interactions[0], session.interactions[-1])]
        counts["over midnight"] += days[0].date() != days[1].date()
        counts["over the month's edge"] += days[0].month != days[1].month
        counts["without a page"] += not session.pages
        for step in STEPS:
            counts[f"{step} twice"] += sum(step in hit.tags for hit in session.hits) > 1
        counts["signed in on the way"] += len({hit.user for hit in session.hits}) > 1
    return counts


def _devices(plan: list[Hit]) -> Counter[str]:
    devices = {hit.device for hit in plan}
    by_address: dict[str, set[Device]] = {}
    for device in devices:
        for address in device.addresses:
            by_address.setdefault(address, set()).add(device)
    shared = [together for together in by_address.values() if len(together) > 1]
    return Counter(
        {
            "bot and human at one address": sum(len({device.bot for device in together}) == 2 for together in shared),
            "two browsers at one address": sum(sum(not device.bot for device in together) > 1 for together in shared),
            "IPv6 visitors": sum(len(device.addresses) > 1 for device in devices),
            "colleagues": sum(device.excluded for device in devices),
        },
    )


def _acts(plan: list[Hit], visits: Visits) -> Counter[str]:
    counts: Counter[str] = Counter()
    receipts = Counter((hit.device, hit.query.get("order")) for hit in plan if "receipt" in hit.tags)
    counts["reloaded receipts"] = sum(number - 1 for number in receipts.values())
    for hit, kind in visits.kinds.items():
        counts["background POSTs"] += kind == "background" and hit.request.startswith("POST")
        counts["repeated ranges"] += kind == "download" and "guide" in hit.tags
        counts["listed as background, named"] += kind == "event" and bool(hit.tags & {"stock", "feed"})
        counts["listed as asset, named"] += kind == "event" and hit.kind is Kind.ASSET
        counts["form again"] += hit.request.startswith(("POST /checkout", "POST /register")) and hit.status in {200, 422}
        for status in (204, 206, 304, 422):
            counts[f"status {status}"] += hit.status == status
    return counts


def _field(plan: list[Hit]) -> Counter[str]:
    """Count what real logs hold beside visits."""
    counts: Counter[str] = Counter()
    for hit in plan:
        counts["forwarded lists"] += "," in hit.address
        counts["addresses with a port"] += hit.address.endswith((":52044", ":443"))
        counts["prefetched pages"] += "_rsc=" in hit.request
        counts["pieces of pages"] += hit.status == PARTIAL and hit.kind is Kind.BACKGROUND
        counts["amounts of other currencies"] += "receipt" in hit.tags and ("currency" in hit.query or "$" in hit.query.get("total", ""))
    orders = {(hit.device, hit.query["order"]) for hit in plan if "order" in hit.query}
    counts["orders opened by two visitors"] = len(orders) - len({order for _, order in orders})
    return counts


def features(simulation: Simulation, truth: Truth) -> Counter[str]:
    """Count the hard cases; `odd` is the total number of unusual lines of all kinds."""
    visits, written = truth.visits, simulation.written
    odd = odd_lines(simulation.plan)
    counts = _gaps(visits) + _windows(visits) + _errors(visits) + _sessions(visits.sessions)
    counts += _devices(simulation.plan) + _acts(simulation.plan, visits) + _field(simulation.plan) + odd
    counts.update({"blank": written.blank, "unparsed": written.unparsed, "displaced": written.displaced, "wrong clocks": written.lines.count(FUTURE)})
    counts.update(truth.bots)
    counts["odd"] = odd.total() + written.blank + written.unparsed
    for offset in ("+0200", "+0100"):
        counts[offset] = sum(f" {offset}]" in line for line in written.lines)
    return counts
