"""One hit of the model: its data, the rules for its kind, and the pattern language, written independently of the product.

Everything here is decided for each hit alone; what depends on neighbouring hits is decided in `sessions`.
"""

from __future__ import annotations

from dataclasses import dataclass

ASSETS = frozenset({
    "css", "js", "mjs", "map", "png", "jpg", "jpeg", "gif", "svg", "ico", "webp", "avif", "bmp", "tif", "tiff",
    "woff", "woff2", "ttf", "otf", "eot", "cur", "webmanifest", "wasm", "swf",
})  # fmt: skip
DOWNLOADS = frozenset({"pdf", "zip", "mp3", "mp4"})
BACKGROUND = (
    "/api/**", "/wp-json/**", "/graphql", "/cdn-cgi/**", "/.well-known/**", "/**.json", "/**.xml", "/**.rss", "/**.atom",
    "/wp-admin/admin-ajax.php", "/wp-cron.php", "/xmlrpc.php",
)  # fmt: skip
SUBREQUEST_PARAMETERS = frozenset({"wc-ajax", "_rsc"})
NO_PAGES = frozenset({204, 206})
"""The statuses 2xx of responses that are not pages: without content, and a piece of a file."""
MEASURED_METHODS = frozenset({"GET", "POST", "PUT", "PATCH", "DELETE"})
"""The methods used in these tests whose hits are not of kind `other`."""


@dataclass(frozen=True)
class Hit:
    """One log line; `browser` is IP address and user agent, `position` is the line number, and `time` is in whole seconds."""

    position: int
    time: int
    browser: str
    method: str
    path: str
    query: tuple[tuple[str, str], ...] = ()
    status: int = 200
    address: str = "192.0.2.1"
    user: str | None = None
    referrer: str = ""
    bot: bool = False
    seconds: float | None = None
    """How long serving the request took, if the log has durations."""
    java_session: str | None = None
    """The value of `;jsessionid=` in the requested path."""
    event: str = ""
    """The name of an event in an export, or an empty string for a request and for a page in an export."""
    cookies: tuple[tuple[str, str], ...] = ()
    props: tuple[tuple[str, str], ...] = ()
    """The properties of an event in an export."""

    @property
    def order(self) -> tuple[int, int]:
        """Return the sort key of hits: time, then line number."""
        return (self.time, self.position)

    @property
    def extension(self) -> str:
        """Return the lower-case extension of the path's last segment, or an empty string."""
        last = self.path.rsplit("/", 1)[-1]
        return last.rsplit(".", 1)[-1].lower() if "." in last else ""

    @property
    def is_asset(self) -> bool:
        """Return whether the line is dropped as an asset before it is parsed."""
        return self.method in {"GET", "HEAD"} and self.extension in ASSETS

    @property
    def succeeded(self) -> bool:
        """Return whether the status is 2xx or 304, as required of pages and downloads."""
        return 200 <= self.status < 300 or self.status == 304

    @property
    def is_subrequest(self) -> bool:
        """Return whether the request loads data for a page, as a parameter shows, so that `page:` never matches it."""
        return any(name in SUBREQUEST_PARAMETERS for name, _ in self.query)

    def parameter(self, name: str) -> str | None:
        """Return the value of a query parameter, or None if it is missing."""
        return next((value for key, value in self.query if key == name), None)

    def cookie(self, name: str) -> str | None:
        """Return the value of a cookie, or None if it is missing."""
        return dict(self.cookies).get(name)

    def prop(self, name: str) -> str | None:
        """Return the value of a property, or None if it is missing."""
        return dict(self.props).get(name)

    def identity(self, rule: str) -> str | None:
        """Return the visitor that a visitor rule identifies, or None if the rule does not apply to the hit."""
        value = {"user": self.user, "jsessionid": self.java_session}.get(rule) or self.parameter(rule.removeprefix("query."))
        return f"{rule} {value}" if value else None


@dataclass(frozen=True)
class Site:
    """The settings under `site:` that affect figures."""

    timeout: int = 1800
    ignored_paths: tuple[str, ...] = ()
    ignored_addresses: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    preferred: tuple[str, ...] = ("user",)
    """Visitor rules that take precedence over IP address and browser (`user`, `query.NAME`, `jsessionid`); the first that applies is used."""
    bots_kept: tuple[str, ...] = ()
    bots_dropped: tuple[str, ...] = ()
    pageless: bool = False
    """Whether sessions without a page view count."""

    def is_background(self, hit: Hit) -> bool:
        """Return whether the path is on the background list or ignored."""
        listed = any(matches(pattern, hit.path) for pattern in (*BACKGROUND, *self.ignored_paths))
        return listed or hit.is_subrequest

    def is_listed(self, hit: Hit) -> bool:
        """Return whether a wildcard in `page:` cannot match the hit."""
        return self.is_background(hit) or hit.extension in DOWNLOADS or hit.is_asset

    def is_download(self, hit: Hit) -> bool:
        """Return whether the hit is of kind download if no goal names it."""
        return hit.method == "GET" and hit.succeeded and hit.extension in DOWNLOADS and not self.is_background(hit)

    def is_page(self, hit: Hit) -> bool:
        """Return whether the hit is of kind page, with or without goals."""
        return not hit.event and hit.method == "GET" and hit.succeeded and hit.status not in NO_PAGES and not self.is_listed(hit)

    def shown(self, path: str) -> str:
        """Return the path as reports show it: the first group that it matches, or the path itself."""
        return next((pattern for pattern in self.groups if matches(pattern, path)), path)


def matches(pattern: str, text: str) -> bool:
    """Return whether the whole string matches: `*` is anything without a slash, `**` is anything."""
    if not pattern:
        return not text
    if pattern.startswith("**"):
        return any(matches(pattern[2:], text[start:]) for start in range(len(text) + 1))
    if pattern.startswith("*"):
        segment = text.split("/", 1)[0]
        return any(matches(pattern[1:], text[start:]) for start in range(len(segment) + 1))
    return text[:1] == pattern[0] and matches(pattern[1:], text[1:])


def can_match_listed_path(pattern: str) -> bool:
    """Return whether a pattern can match listed paths: its last segment is written out or ends in a literal extension."""
    last = pattern.rsplit("/", 1)[-1]
    tail = last.rsplit("*", 1)[-1]
    return "*" not in last or (tail.startswith(".") and tail[1:].isalnum())
