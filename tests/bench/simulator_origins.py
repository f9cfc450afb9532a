"""Where the shop's visitors come from: what their browsers send, and the expected source and channel.

The origin of every simulated visitor is known, so nothing has to be derived from the log.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import random
    from collections.abc import Mapping

NOTHING = "(none)"


@dataclass(frozen=True)
class Origin:
    """A traffic source: its names, the referrer and query parameters that it leaves, and how keen its visitors are to buy (1 is normal)."""

    channel: str
    source: str
    medium: str = NOTHING
    campaign: str = NOTHING
    referrer: str = "-"
    query: Mapping[str, str] = field(default_factory=dict)
    keen: float = 1.0

    @property
    def names(self) -> tuple[str, str, str, str]:
        """Return the source, medium, campaign and channel."""
        return self.source, self.medium, self.campaign, self.channel


DIRECT = Origin("Direct", "(direct)")
"""The visitor typed in the URL, or came from the site itself or back from a payment provider."""
LETTER = Origin("Email", "letter", "email", query={"utm_source": "letter", "utm_medium": "email"}, keen=2.6)
MEDIUM_ONLY = Origin("Email", NOTHING, "email")
"""A link with a medium but no source."""
_GOOGLE, _BING = "https://www.google.com/", "https://www.bing.com/"
_CLICK = "CjwKCAjw9eO3BhBNEiwAoc0-jX"
_SEARCHED = (
    (22, Origin("Organic Search", "google", "organic", referrer=_GOOGLE)),
    (4, Origin("Organic Search", "google", "organic", referrer="https://www.google.co.uk/search?q=oak+table")),
    (2, Origin("Organic Search", "google", "organic", referrer="android-app://com.google.android.googlequicksearchbox/")),
    (5, Origin("Organic Search", "duckduckgo", "organic", referrer="https://duckduckgo.com/")),
    (4, Origin("Organic Search", "bing", "organic", referrer=_BING)),
)
_PAID = (
    (3, Origin("Paid Search", "google", "cpc", "brand", _GOOGLE, {"gclid": _CLICK, "utm_campaign": "brand"}, keen=1.8)),
    (3, Origin("Paid Search", "google", "cpc", referrer=_GOOGLE, query={"gad_source": "1", "gclid": _CLICK})),
    (1, Origin("Paid Search", "bing", "cpc", referrer=_BING, query={"msclkid": "7f3c1d22a9"})),
    (
        3,
        Origin(
            *("Paid Social", "instagram", "paid-social", "Autumn Sale", "https://l.instagram.com/"),
            query={"utm_source": "Instagram", "utm_medium": "paid-social", "utm_campaign": "Autumn%20Sale", "fbclid": "IwAR2x"},
            keen=0.3,
        ),
    ),
    (1, Origin("Display", "handwerk", "banner", "autumn", query={"mtm_campaign": "autumn", "mtm_source": "handwerk", "mtm_medium": "banner"})),
    (
        1,
        Origin(
            "Affiliates", "deals", "affiliate", "10% off", query={"utm_source": "deals", "utm_medium": "affiliate", "utm_campaign": "10%25%20off"}
        ),
    ),
)
_LINKED = (
    (3, Origin("Referral", "woodwork.example", "referral", referrer="https://www.woodwork.example/best-lamps")),
    (4, Origin("Organic Social", "l.facebook.com", "referral", referrer="https://l.facebook.com/", query={"fbclid": "IwAR1a"}, keen=0.4)),
    (2, Origin("Organic Video", "youtube.com", "referral", referrer="https://www.youtube.com/", keen=0.6)),
    (1, Origin("Organic Shopping", "etsy.com", "referral", referrer="https://www.etsy.com/")),
    (2, Origin("AI Assistants", "chatgpt.com", "referral", referrer="https://chatgpt.com/")),
    (1, Origin("AI Assistants", "chatgpt.com", query={"utm_source": "chatgpt.com"})),
)
_UNTAGGED = Origin("Organic Social", "l.instagram.com", "referral", referrer="https://l.instagram.com/")
_TAGGED = (
    (1, Origin("Mobile Push", "app", "push", query={"utm_source": "app", "utm_medium": "push"})),
    (1, Origin("Unassigned", "partner", "partner", query={"utm_source": "partner", "utm_medium": "partner"})),
    (1, Origin("Unassigned", "letter", "emial", query={"utm_source": "letter", "utm_medium": "emial"}, keen=2.6)),
)
_WEIGHTED = ((32, DIRECT), *_SEARCHED, *_PAID, *_LINKED, *_TAGGED)
_ORIGINS, _WEIGHTS = [origin for _, origin in _WEIGHTED], [weight for weight, _ in _WEIGHTED]

ODD = (
    Origin("Referral", "forum.example", "referral", referrer=r"https://forum.example/t/\"best lamp\""),
    Origin("Direct", "(direct)", referrer=r"https://caf\xC3\xA9.example/"),  # bytes that no host name contains
    Origin("Referral", "cdn.example", "referral", referrer="https://cdn.example/app.js"),
    Origin("Referral", "search.example", "referral", referrer="https://search.example/?q=GET+/style.css"),
)
"""Origins with unusual referrers."""
PAYMENT = "https://www.paypal.com/checkoutnow"
"""The referrer of visitors who return after paying."""


def untagged(origin: Origin) -> Origin:
    """Return the origin that a referrer alone implies, without the campaign parameters."""
    by_referrer = {candidate.referrer: candidate for candidate in (*_ORIGINS, _UNTAGGED) if candidate.medium in {"organic", "referral"}}
    return by_referrer.get(origin.referrer, DIRECT)


def anywhere(rng: random.Random) -> Origin:
    """Return a random origin for an ordinary visitor."""
    return rng.choices(_ORIGINS, _WEIGHTS)[0]
