"""The model's bots, identified by everything that a visitor sent: the rules for user agents and behaviour, written independently of the product."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from model.hits import Hit, Site

SCANNED = frozenset({"/.env", "/wp-login.php", "/xmlrpc.php", "/.git/config"})
"""The paths used in these tests that are on the list of scanner paths."""


def reasons_of(hits: list[Hit], site: Site) -> dict[str, str]:
    """Return the reason for each visitor (IP address and browser) that is a bot."""
    by_browser: dict[str, list[Hit]] = defaultdict(list)
    for hit in hits:
        if not hit.is_asset:
            by_browser[hit.browser].append(hit)
    loading = {hit.browser for hit in hits if hit.is_asset}
    reasons = {browser: reason_of(hits_of_browser, site, loads_assets=browser in loading) for browser, hits_of_browser in by_browser.items()}
    return {browser: reason for browser, reason in reasons.items() if reason}


def reason_of(hits: list[Hit], site: Site, *, loads_assets: bool) -> str:
    """Return why the sender of these hits is a bot, or an empty string for a human."""
    agent = hits[0].browser.partition(" ")[2].lower()
    if any(text.lower() in agent for text in site.bots_kept):
        return ""
    if any(text.lower() in agent for text in site.bots_dropped):
        return "user agent matches bots.drop"
    if hits[0].bot:
        if agent.startswith("shopapp/"):
            return "user agent is not a browser"
        return "no user agent" if agent == "-" else "user agent is on the crawler list"
    return behaviour_of(hits, site, loads_assets=loads_assets)


def behaviour_of(hits: list[Hit], site: Site, *, loads_assets: bool) -> str:
    """Return the first behaviour rule that identifies the sender of these hits as a bot, or an empty string."""
    pages = [hit for hit in hits if site.is_page(hit) and hit.path != "/robots.txt"]
    if any(hit.path == "/robots.txt" for hit in hits) and not loads_assets:
        return "requested robots.txt"
    scanned = {hit.path for hit in hits if hit.path in SCANNED}
    if len(scanned) > 1 or (scanned and not any(hit.status < 300 and hit.path not in SCANNED for hit in pages)):
        return "requested paths that only scanners request"
    if not loads_assets and any(sum(first.time <= hit.time <= first.time + 180 for hit in pages) > 180 for first in pages):
        return "more than 180 pages in 180 seconds"
    if all(hit.method == "HEAD" for hit in hits):
        return "sent only HEAD requests"
    return "received only 4xx responses" if not loads_assets and all(400 <= hit.status < 500 for hit in hits) else ""
