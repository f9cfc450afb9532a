"""Who is a bot, told visitor by visitor from all that one sent: the rules of agents and of behaviour, written a second time.

It stands alone because it looks at whole visitors before users and sessions are known.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from model.hits import Hit, Site

SCANNED = frozenset({"/.env", "/wp-login.php", "/xmlrpc.php", "/.git/config"})
"""Paths in use here that are on the list of scanners."""


def reasons_of(hits: list[Hit], site: Site) -> dict[str, str]:
    """Return why a visitor is a bot, of those who are, by address and browser."""
    by_browser: dict[str, list[Hit]] = defaultdict(list)
    for hit in hits:
        if not hit.is_asset:
            by_browser[hit.browser].append(hit)
    found = {browser: reason_of(own, site) for browser, own in by_browser.items()}
    return {browser: reason for browser, reason in found.items() if reason}


def reason_of(own: list[Hit], site: Site) -> str:
    """Return why the sender of these hits is a bot, nothing for a person."""
    agent = own[0].browser.partition(" ")[2].lower()
    if any(text.lower() in agent for text in site.bots_kept):
        return ""
    if any(text.lower() in agent for text in site.bots_dropped):
        return "agent is in bots.drop"
    if own[0].bot:
        return "agent says nothing" if agent == "-" else "agent is on the list of crawlers"
    return behaviour_of(own, site)


def behaviour_of(own: list[Hit], site: Site) -> str:
    """Return what of these hits no person does, the first rule that fits."""
    pages = [hit for hit in own if site.is_page(hit) and hit.path != "/robots.txt"]
    if any(hit.path == "/robots.txt" for hit in own):
        return "asked for robots.txt"
    if any(hit.path in SCANNED for hit in own) and not any(hit.status < 300 and hit.path not in SCANNED for hit in pages):
        return "asked for what scanners ask for, got no page"
    if any(sum(first.time <= hit.time <= first.time + 180 for hit in pages) > 180 for first in pages):
        return "more than 180 pages in 180 seconds"
    if all(hit.method == "HEAD" for hit in own):
        return "sent only HEAD"
    return "got only 4xx" if all(400 <= hit.status < 500 for hit in own) else ""
