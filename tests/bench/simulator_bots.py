"""Bots with the user agents of browsers, humans who almost behave like bots, and the decision about which visitors count as bots.

That decision depends on everything a visitor does, and is made before anything is counted.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from .simulator_acts import Kind
from .simulator_field import PROGRAMS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from .simulator_acts import Device, Hit
    from .simulator_crowd import Crowd
    from .simulator_shop import Shop
    from .simulator_site import Site

MOST, WINDOW = 180, 180
SHOP_APP = "Mozilla/5.0 (Linux; Android 14; wv) ShopApp/2.0"
SCANNED = ("/.env", "/wp-login.php", "/shop/.git/config", "/cgi-bin/test.cgi")


def robots_txt_requests(crowd: Crowd, _shop: Shop, clock: int) -> None:
    """Have a human, a listed bot and a colleague request robots.txt between pages, but not a neighbour at the same IP address."""
    office = crowd.address()
    reader = crowd.person(clock, addresses=(office,), agent=f"{SHOP_APP} (first)").see("/").wait(5).see("/search", "search").wait(900)
    reader.other("GET /robots.txt HTTP/1.1", 304)
    crowd.person(clock, addresses=(office,), agent=f"{SHOP_APP} (second)").see("/").wait(30).see("/search", "search")
    crowd.robot(clock).other("GET /robots.txt HTTP/1.1").see("/")
    crowd.colleague(clock).see("/").wait(3).other("HEAD /robots.txt HTTP/1.1")


def scanner_requests(crowd: Crowd, _shop: Shop, clock: int) -> None:
    """Request scanner paths without getting any other page; a visitor of one such path who also gets another page is not a bot."""
    crowd.person(clock).fail(SCANNED[0]).wait(1).fail(SCANNED[2]).redirected("/").call("/api/track").load("/image/logo.svg")
    crowd.person(clock).see(SCANNED[1]).wait(2).post(SCANNED[1], 200).wait(1).see("/", status=304)
    crowd.person(clock).see(SCANNED[1]).wait(9).post(SCANNED[1], 302).see("/blog/archive")
    crowd.person(clock).fetch("/files/size-guide.pdf", "guide").wait(1).fail(SCANNED[3], status=500)


def fast_visitors(crowd: Crowd, _shop: Shop, clock: int) -> None:
    """View 180 or 181 pages within 180 or 181 seconds, the day after a calm visit."""
    for pages, seconds in ((MOST, WINDOW), (MOST + 1, WINDOW), (MOST + 1, WINDOW + 1)):
        guest = crowd.person(clock).see("/").wait(86_400).see("/help/page-0")
        start = guest.clock
        for number in range(1, pages):
            guest.clock = start + number * seconds // (pages - 1)
            guest.see(f"/help/page-{number % 9}")


def head_requests(crowd: Crowd, _shop: Shop, clock: int) -> None:
    """Send only HEAD requests, in one case plus a GET."""
    crowd.person(clock).other("HEAD / HTTP/1.1").wait(60).other("HEAD /search HTTP/1.1", 404).load("/image/logo.svg")
    crowd.person(clock).other("HEAD / HTTP/1.1").wait(60).see("/search", "search").other("HEAD / HTTP/1.1")


def only_errors(crowd: Crowd, _shop: Shop, clock: int) -> None:
    """Get only 4xx responses, in some cases plus one other response, a static file, or a pixel that a goal names."""
    crowd.person(clock).fail("/old/shop", "lost")
    crowd.person(clock).fail("/old/shop", "lost").wait(4).post("/contact", 422).other("OPTIONS * HTTP/1.1", 405).load("/image/logo.svg")
    crowd.person(clock).fail("/old/shop", "lost").wait(4).fail("/search", status=503)
    crowd.person(clock).fail("/old/shop", "lost").wait(4).see("/")
    crowd.person(clock).fail("/old/shop", "lost").wait(4).load("/px.gif", "pixel")


MACHINES = (robots_txt_requests, scanner_requests, fast_visitors, head_requests, only_errors)


def reasons_of(plan: Iterable[Hit], site: Site) -> dict[Device, str]:
    """Return the reason for each device that is a bot."""
    sent: dict[Device, list[Hit]] = defaultdict(list)
    loading = set()
    for hit in plan:
        if hit.kind is Kind.ASSET:
            loading.add(hit.device)
        if hit.kind is not Kind.ASSET or site.names(hit.tags):
            sent[hit.device].append(hit)
    reasons = {device: _reason(device, hits, loads_assets=device in loading) for device, hits in sent.items()}
    return {device: reason for device, reason in reasons.items() if reason}


def _reason(device: Device, hits: list[Hit], *, loads_assets: bool) -> str:
    if device.bot:
        return "no user agent" if device.agent == "-" else f"user agent is {'not a browser' if device.agent in PROGRAMS else 'on the crawler list'}"
    if not loads_assets and any(" /robots.txt " in hit.request for hit in hits):
        return "requested robots.txt"
    pages = [hit for hit in hits if hit.kind is Kind.PAGE]
    scanned = {hit.path for hit in hits if hit.path in SCANNED}
    if len(scanned) > 1 or (scanned and not any(hit.status < 300 and hit.path not in SCANNED for hit in pages)):
        return "requested paths that only scanners request"
    times = sorted(hit.time for hit in pages)
    if not loads_assets and any(late - early <= WINDOW for early, late in zip(times, times[MOST:], strict=False)):
        return "more than 180 pages in 180 seconds"
    if all(hit.request.startswith("HEAD ") for hit in hits):
        return "sent only HEAD requests"
    return "received only 4xx responses" if not loads_assets and all(400 <= hit.status < 500 for hit in hits) else ""
