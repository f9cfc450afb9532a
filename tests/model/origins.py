"""The model's channels: each session's origin, taken from its first hit, with only the rules that the drawn referrers and queries need.

The channel rules themselves are tested with a table of cases; the model tests which hit decides.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from model.hits import Hit
    from model.sessions import Session

SOURCES = {"google.com": ("google", "organic", "Organic Search"), "t.co": ("t.co", "referral", "Organic Social")}


class Origin(NamedTuple):
    """The source, medium, campaign and channel of a session."""

    source: str = "(direct)"
    medium: str = "(none)"
    campaign: str = "(none)"
    channel: str = "Direct"


def kept(session: Session) -> list[Hit]:
    """Return the session's hits that count, including redirects and errors."""
    return [hit for hit, kind in session.hits if kind not in {"other", "background"}]


def host_of(referrer: str) -> str:
    """Return the host of a referrer in lower case, without its port and `www.`."""
    return referrer.partition("://")[2].partition("/")[0].partition(":")[0].lower().removeprefix("www.")


def own_host(sessions: list[Session]) -> str:
    """Return the host in over half of the referrers of pages after first hits, if it refers more such pages than first hits, or an empty string."""
    referrers = [hit.referrer for session in sessions for hit in kept(session)[1:] if hit in session.pages and hit.referrer]
    # An app is not a host, but it counts towards the total of referrers.
    referred_pages = Counter("" if referrer.startswith("android-app:") else host_of(referrer) for referrer in referrers)
    referred_sessions = Counter(host_of(kept(session)[0].referrer) for session in sessions)
    return next(
        (host for host, pages in referred_pages.items() if host and 2 * pages > referred_pages.total() and pages > referred_sessions[host]), ""
    )


def origin_of(session: Session, own: str) -> Origin:
    """Return the origin of a session, given the site's own host."""
    first = kept(session)[0]
    if source := first.parameter("utm_source"):
        return Origin(source, first.parameter("utm_medium") or "(none)", "(none)", "Email")
    host = host_of(first.referrer)
    if host in {"", own}:
        return Origin()
    name, medium, channel = SOURCES.get(host, (host, "referral", "Referral"))
    return Origin(name, medium, "(none)", channel)
