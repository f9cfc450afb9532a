"""The acts of the simulated visitors, as typed objects.

The log and the expected figures are both made from these acts, independently of each other.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING
from urllib.parse import quote

from .simulator_origins import DIRECT, MEDIUM_ONLY, ODD, Origin, untagged

if TYPE_CHECKING:
    import random


class Kind(StrEnum):
    """The kind of an act, before goals are taken into account."""

    PAGE = "page"
    REDIRECT = "redirect"
    ERROR = "error"
    DOWNLOAD = "download"
    BACKGROUND = "background"
    ASSET = "asset"
    OTHER = "other"


@dataclass(frozen=True, eq=False)
class Device:
    """One browser at one IP address (or in one IPv6 network), which is all that a log can distinguish."""

    addresses: tuple[str, ...]
    agent: str
    bot: bool = False
    excluded: bool = False
    tail: str = ""
    plain: bool = False
    """The browser loads no images or stylesheets."""


@dataclass(eq=False)
class Hit:
    """One act: the request, the response, and the tags by which goals match it."""

    time: int
    device: Device
    kind: Kind
    request: str
    status: int
    path: str = ""
    query: dict[str, str] = field(default_factory=dict)
    tags: frozenset[str] = frozenset()
    user: str = ""
    address: str = ""
    referrer: str = "-"
    origin: Origin = DIRECT
    """Where the visitor came from, as far as this act shows."""
    size: int = 0
    line_no: int = 0


def _spellings(path: str) -> tuple[str, ...]:
    head, _, last = path.rpartition("/")
    coded = f"%{ord(last[0]):02X}{last[1:]}"
    return (
        f"{head}//{last}",
        f"{path}/",
        f"{head}/{coded}",
        f"{head}/./{last}",
        f"{head}/nowhere/../{last}",
        f"https://shop.example{path}",
        f"{path};jsessionid=5F3A9C0D",
    )


def spelt(rng: random.Random, path: str) -> str:
    """Write a path in one of its many equivalent spellings."""
    safe = quote(path, safe="/%")
    last = safe.rpartition("/")[2]
    if not last or not last[0].isalpha():
        return safe
    return rng.choice(_spellings(safe))


class Visitor:
    """A visitor with a browser and a clock; every act is appended to the plan."""

    def __init__(self, rng: random.Random, device: Device, plan: list[Hit], clock: int) -> None:
        """Create a visitor who uses a device from a given time on (seconds since 1970)."""
        self.rng, self.device, self.plan, self.clock = rng, device, plan, clock
        self.user = ""
        self.odd = 0.0
        self.cached = False
        self.last_page = "-"
        self.origin = DIRECT
        self._tags: dict[str, str] = {}
        self._arriving = False

    def arrive(self, origin: Origin) -> Visitor:
        """Come from an origin; the next acts show it, up to the first page view."""
        self.last_page, self.origin, self._tags = origin.referrer, origin, dict(origin.query)
        self._arriving = origin is not DIRECT
        return self

    def wait(self, least: int, most: int | None = None) -> Visitor:
        """Let time pass."""
        self.clock += self.rng.randint(least, least if most is None else most)
        return self

    def act(self, kind: Kind, request: str, status: int, path: str = "", *tags: str, query: dict[str, str] | None = None) -> Visitor:
        """Append one hit at the current second."""
        odd = self.rng.choice(ODD) if not self._arriving and not query and self.odd and self.rng.random() < self.odd / 3 else None
        self.plan.append(
            Hit(
                time=self.clock,
                device=self.device,
                kind=kind,
                request=request,
                status=status,
                path=path,
                query=query or {},
                tags=frozenset(tags),
                user=self.user,
                address=self.rng.choice(self.device.addresses),
                referrer=odd.referrer if odd else self.last_page,
                origin=odd or (MEDIUM_ONLY if "utm_medium" in (query or {}) and self.origin is DIRECT else self.origin),
                size=0 if status in {204, 304} else (len(path) * 397 + 1_150) % 9_973 if status < 300 else 162,
            ),
        )
        return self

    def _request(self, method: str, path: str, query: dict[str, str] | None) -> str:
        strange = bool(self.odd) and self.rng.random() < self.odd
        target = spelt(self.rng, path) if strange and method == "GET" else quote(path, safe="/%")
        if query:
            target += "?" + "&".join(f"{name}={value.replace(' ', '+')}" for name, value in query.items())
        elif strange and method == "GET" and self.rng.random() < 0.3:
            target += "#details"
        protocol = "" if strange and self.rng.random() < 0.2 else " HTTP/1.1"
        return f"{method} {target}{protocol}"

    def see(self, path: str, *tags: str, query: dict[str, str] | None = None, status: int = 200) -> Visitor:
        """View a page."""
        query = self._tagged(query)
        if query and query.get("utm_medium") == "email":
            tags = (*tags, "mail")
        self.act(Kind.PAGE, self._request("GET", path, query), status, path, *tags, query=query)
        self.last_page, self.origin, self._arriving = f"https://shop.example{quote(path, safe='/%')}", DIRECT, False
        return self

    def _tagged(self, query: dict[str, str] | None) -> dict[str, str] | None:
        """Add the origin's campaign parameters to a query; only the first request after arriving has them."""
        tags, self._tags = self._tags, {}
        return {**(query or {}), **tags} or None

    def redirected(self, path: str, *tags: str, query: dict[str, str] | None = None, status: int = 302) -> Visitor:
        """Request a page and get a redirect."""
        query = self._tagged(query)
        self.act(Kind.REDIRECT, self._request("GET", path, query), status, path, *tags, query=query)
        self.origin = untagged(self.origin)
        return self

    def post(self, path: str, status: int, *tags: str) -> Visitor:
        """Submit a form."""
        kind = Kind.ERROR if status >= 400 else Kind.BACKGROUND
        return self.act(kind, f"POST {path} HTTP/1.1", status, path, *tags)

    def call(self, path: str, *tags: str, method: str = "GET", status: int = 200) -> Visitor:
        """Request something that is not a page, as a page's script or a feed reader does."""
        return self.act(Kind.ERROR if status >= 400 else Kind.BACKGROUND, f"{method} {path} HTTP/1.1", status, path, *tags)

    def fail(self, path: str, *tags: str, status: int = 404) -> Visitor:
        """Request something and get an error."""
        return self.act(Kind.ERROR, f"GET {path} HTTP/1.1", status, path, *tags)

    def fetch(self, path: str, *tags: str, status: int = 200) -> Visitor:
        """Download a file, or a range of it."""
        return self.act(Kind.DOWNLOAD, f"GET {path} HTTP/1.1", status, path, *tags)

    def load(self, path: str, *tags: str, status: int = 200, method: str = "GET") -> Visitor:
        """Load an image, a stylesheet or a script."""
        return self.act(Kind.ASSET, f"{method} {path} HTTP/1.1", status, path.partition("?")[0], *tags)

    def other(self, request: str, status: int = 200) -> Visitor:
        """Send a request that is not part of a visit: HEAD, OPTIONS or garbage."""
        return self.act(Kind.OTHER, request, status)
