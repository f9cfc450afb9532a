"""Small streams of hits, drawn by Hypothesis, and the log lines that they are written as.

There are few distinct values, so that ties and edge cases are frequent.
"""

from __future__ import annotations

import json
from collections import defaultdict, deque
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta, timezone
from random import Random

from hypothesis import strategies as st

from model.hits import Hit

FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:139.0) Gecko/20100101 Firefox/139.0"
CHROME = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/137.0.0.0 Safari/537.36"
BOTS = ("Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)", "curl/8.5.0", "ShopApp/2.0 (Linux)", "-")
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")

GAPS = (0, 0, 0, 0, 1, 1, 10, 10, 10, 10, 20, 20, 21, 60, 60, 1799, 1800, 1801, 3600)
"""Seconds between two hits of a visitor: ties, and values on both sides of every window and timeout in use."""

START = int(datetime(2026, 3, 10, 21, 0, tzinfo=UTC).timestamp())
"""The first second of a log, late in the day so that sessions cross midnight."""


@dataclass(frozen=True)
class Person:
    """A client: one IP address, or several in one /64, and the user agent."""

    addresses: tuple[str, ...]
    agent: str

    @property
    def browser(self) -> str:
        """Return the visitor if no user is known."""
        return f"{self.addresses[0]} {self.agent}"


PEOPLE = (
    Person(("192.0.2.1",), FIREFOX),
    Person(("192.0.2.1",), CHROME),
    Person(("192.0.2.2",), FIREFOX),
    Person(("2001:db8:0:7::1", "2001:db8:0:7:ffff::2"), FIREFOX),
)

PAGES = ("/", "/a", "/a", "/a", "/b", "/b", "/b", "/c", "/c", "/p/1", "/p/2")
TARGETS = ("/d?order=1&total=9.99", "/d?order=2&total=20", "/d?order=1&total=x", "/d?order=&total=-1.5", "/d?total=0.01", "/d")
REQUESTS: tuple[tuple[str, str, int], ...] = (
    *(("GET", path, 200) for path in PAGES * 8),
    *(("GET", target, 200) for target in TARGETS * 3),
    *(("GET", path, status) for path in ("/a", "/b", "/p/1") for status in (204, 206, 302, 304, 404)),
    *(("POST", path, status) for path in ("/a", "/b") for status in (200, 200, 200, 302, 302, 302, 400, 422, 422, 422, 500)),
    *(("GET", path, status) for path in ("/api/x", "/x.json") for status in (200, 204, 404)),
    *(("POST", "/api/x", status) for status in (200, 200, 302, 422)),
    *(("GET", "/f.pdf", status) for status in (200, 200, 200, 206, 206, 206, 206, 206, 304, 404)),
    *(("GET", "/a?utm_source=letter&utm_medium=email", status) for status in (200, 301)),
    ("GET", "/a?_rsc=1", 200),
    ("GET", "/b?x=1&_rsc=", 304),
    ("GET", "/d?order=3&total=5", 302),
    ("GET", "/d?order=3&total=5", 304),
    ("HEAD", "/a", 200),
    ("HEAD", "/f.pdf", 200),
    ("GET", "/robots.txt", 200),
    ("GET", "/.env", 404),
    ("GET", "/wp-login.php", 200),
    ("GET", "/style.CSS?v=2", 200),
    ("GET", "/logo.png", 404),
)
PLAIN = tuple(request for request in REQUESTS if "f.pdf" not in request[1])
"""Requests for streams with users: no downloads, because repeats are found per visitor, and with users the visitor depends on sessions."""

REFERRERS = (
    *("",) * 8, "https://www.google.com/", "https://www.google.com/search?q=/a", "http://NEWS.example:8080/post#top", "https://news.example/post/",
    "https://news.example/x/y", "https://t.co/Abc", "android-app://com.x", "https://other.example/www.google.com",
)  # fmt: skip

WALK = (
    *(("GET", path, 200) for path in ("/a", "/b", "/c") * 3),
    *(("GET", TARGETS[0], 200), ("GET", TARGETS[1], 200), ("POST", "/a", 422), ("POST", "/b", 302), ("GET", "/b", 404)),
)
DOWNLOADS = (("GET", "/f.pdf", 206),) * 3
NO_IDS = ((None, None), (None, None), (None, None), ("", None))
IDS = (("7", None), ("8", None), (None, "7"), (None, "ann"), ("7", "8"))
"""Visitor IDs in a query parameter and in the path; the same string in both identifies two different visitors."""
WALK_GAPS = (0, 0, 0, 1, 10, 10, 10, 20, 21)
"""Seconds between two hits of a walk; the gaps are short, and the pages few, so that funnels are deep."""


SCANS = (
    *(("GET", path, status) for path in ("/.env", "/wp-login.php", "/.git/config") for status in (200, 302, 404)),
    *(("POST", "/xmlrpc.php", 200), ("POST", "/wp-login.php", 200), ("GET", "/a", 404), ("GET", "/a", 302), ("GET", "/api/x", 200)),
    *(("GET", "/a", 204), ("GET", "/f.pdf", 200), ("GET", "/a", 304)),
)
HEADS = (("HEAD", "/a", 200), ("HEAD", "/b", 404), ("HEAD", "/c", 302))
FAILURES = (("GET", "/a", 404), ("GET", "/b", 410), ("POST", "/a", 422), ("GET", "/logo.png", 200), ("OPTIONS", "/a", 405))
ODD_VISITS = (SCANS, HEADS, FAILURES, (*HEADS, ("GET", "/a", 200)), (*FAILURES, ("GET", "/b", 500)), (*FAILURES, ("GET", "/", 200)))
"""Visits that only bots make, and some that come close."""


@dataclass(frozen=True)
class Stream:
    """Hits in the order of their lines, and the UTC offset of the log's timestamps in minutes."""

    hits: tuple[Hit, ...]
    agents: tuple[str, ...]
    offset: int = 0
    has_cookies: bool = False
    """Whether the log has a field for cookies at the end of its lines."""

    @property
    def lines(self) -> list[str]:
        """Return the log lines."""
        lines = [line_of(hit, agent, self.offset) for hit, agent in zip(self.hits, self.agents, strict=True)]
        return [f"{line} {cookies_of(hit)}" for line, hit in zip(lines, self.hits, strict=True)] if self.has_cookies else lines

    def in_order(self, order: list[int]) -> Stream:
        """Return the same lines in another order, with new positions."""
        moved = [replace(self.hits[old], position=new) for new, old in enumerate(order, start=1)]
        return replace(self, hits=tuple(moved), agents=tuple(self.agents[old] for old in order))


def line_of(hit: Hit, agent: str, offset: int) -> str:
    """Write a hit as a line of the combined log format."""
    local = datetime.fromtimestamp(hit.time, tz=timezone(timedelta(minutes=offset)))
    stamp = f"{local.day:02}/{MONTHS[local.month - 1]}/{local:%Y:%H:%M:%S %z}"
    query = "&".join(f"{name}={value}" for name, value in hit.query)
    path = hit.path if hit.java_session is None else f"{hit.path};jsessionid={hit.java_session}"
    target = f"{path}?{query}" if query else path
    served = "" if hit.seconds is None else f" {hit.seconds}"
    return f'{hit.address} - {hit.user or "-"} [{stamp}] "{hit.method} {target} HTTP/1.1" {hit.status} 512 "{hit.referrer or "-"}" "{agent}"{served}'


def cookies_of(hit: Hit) -> str:
    """Write a hit's cookies as a quoted field."""
    return f'"{"; ".join(f"{name}={value}" for name, value in hit.cookies) or "-"}"'


def hit_of(request: tuple[str, str, int], time: int, person: Person, address: int, user: str | None) -> Hit:
    """Return a person's request as a hit; its position is set when the lines are ordered."""
    method, target, status = request
    path, _, query = target.partition("?")
    pairs = tuple((name, value) for name, _, value in (part.partition("=") for part in query.split("&") if part))
    return Hit(
        position=0, time=time, browser=person.browser, method=method, path=path, query=pairs, status=status,
        address=person.addresses[address % len(person.addresses)], user=user, bot=person.agent in BOTS,
    )  # fmt: skip


@st.composite
def orders(draw: st.DrawFn, stream: Stream, *, by_second: bool = False) -> list[int]:
    """Draw an order of lines that preserves the order of each visitor's hits within a second.

    With `by_second`, it preserves the order of all hits within a second, because with users their visitors are not known yet.
    """
    waiting: dict[tuple[str, int], deque[int]] = defaultdict(deque)
    tied = [("" if by_second else hit.browser, hit.time) for hit in stream.hits]
    for number, key in enumerate(tied):
        waiting[key].append(number)
    places = list(range(len(tied)))
    # A drawn seed is much faster than a drawn permutation, which takes longer than the product's run; 0 leaves the lines as they are.
    if seed := draw(st.integers(0, 9999)):
        Random(seed).shuffle(places)
    return [waiting[tied[place]].popleft() for place in places]


@st.composite
def visits(draw: st.DrawFn, person: Person, *, with_users: bool = False, is_walk: bool = False) -> list[Hit]:
    """Draw the hits of one person, in order."""
    with_downloads = (WALK + DOWNLOADS) if is_walk else REQUESTS
    requests = st.sampled_from((WALK if is_walk else PLAIN) if with_users else with_downloads)
    if not with_users and draw(st.integers(0, 7)) == 7:
        requests = st.sampled_from(draw(st.sampled_from(ODD_VISITS)))
    users = st.sampled_from((None, None, None, "ann", "bob")) if with_users else st.none()
    ids = st.sampled_from((*NO_IDS, *IDS)) if with_users else st.just(NO_IDS[0])
    count = draw(st.integers(1, 25))
    gaps, referrers = st.sampled_from(WALK_GAPS if is_walk else GAPS), st.sampled_from(REFERRERS)
    rows = draw(st.lists(st.tuples(gaps, requests, users, referrers, ids), min_size=count, max_size=count))
    time = START + draw(st.sampled_from((0, 0, 1, 9000)))
    hits = []
    for number, (gap, request, user, referrer, (parameter, java_session)) in enumerate(rows):
        time += gap
        hit = replace(hit_of(request, time, person, number, user), referrer=referrer, java_session=java_session)
        hits.append(hit if parameter is None else replace(hit, query=(*hit.query, ("uid", parameter))))
    return hits


def rush(count: int, seconds: int) -> Stream:
    """Return `count` page views of one person within `seconds`, nearly all of them in the middle, and one page view of another person."""
    times = [START, *(START + 90 for _ in range(count - 2)), START + seconds]
    hits = [hit_of(("GET", "/b" if number % 2 else "/a", 200), time, PEOPLE[0], 0, None) for number, time in enumerate(times)]
    hits.append(hit_of(("GET", "/b", 200), START, PEOPLE[1], 0, None))
    return Stream(tuple(hits), (*(PEOPLE[0].agent for _ in times), PEOPLE[1].agent)).in_order(list(range(count + 1)))


@st.composite
def streams(draw: st.DrawFn, *, with_users: bool = False) -> Stream:
    """Draw the hits of one to four visitors, sometimes with a bot; there is always at least one page view."""
    people = draw(st.lists(st.sampled_from(PEOPLE), min_size=1, max_size=4, unique=True))
    is_walk = draw(st.booleans())
    rows = [(hit, person.agent) for person in people for hit in draw(visits(person, with_users=with_users, is_walk=is_walk))]
    bot = draw(st.sampled_from((*BOTS, "", "", "", "", "")))
    if bot:
        rows += [(hit, bot) for hit in draw(visits(Person(("192.0.2.1",), bot)))]
    certain = Person(("192.0.2.9",), CHROME)
    rows.append((hit_of(("GET", "/", 200), START, certain, 0, None), certain.agent))
    offset = draw(st.sampled_from((0, 0, 60, -330)))
    stream = Stream(tuple(hit for hit, _ in rows), tuple(agent for _, agent in rows), offset)
    return stream.in_order(draw(orders(stream, by_second=with_users)))


SHOWN = (*(("a",), ("b",)) * 4, ("a", "b"), ("a", "a", "a", "b"), ("c",), ("", "b"), ())
"""The variants that a person may see; an empty one is a parameter or a cookie without a value."""


@st.composite
def shown_variants(draw: st.DrawFn, stream: Stream) -> Stream:
    """Draw what each hit of a stream says of a variant: nothing, or the parameter `v`, the cookie `v`, or both."""
    hits = list(stream.hits)
    for browser in sorted({hit.browser for hit in hits}):
        values = st.sampled_from((None, None, *draw(st.sampled_from(SHOWN))))
        for number in (number for number, hit in enumerate(hits) if hit.browser == browser):
            query, cookie = draw(st.tuples(values, values))
            hit = hits[number]
            hits[number] = replace(
                hit,
                query=hit.query if query is None else (*hit.query, ("v", query)),
                cookies=(("session", "1"),) if cookie is None else (("session", "1"), ("v", cookie)),
            )
    return replace(stream, hits=tuple(hits), has_cookies=True)


EVENTS = ("", "", "", "", "signup", "experiment_viewed", "experiment_viewed")
"""The names of events in exports; rows without one are pages."""


def row_of(hit: Hit) -> str:
    """Write a hit as a row of an export with one JSON object per line."""
    query = "&".join(f"{name}={value}" for name, value in hit.query)
    row = {
        "n": hit.position,
        "time": f"{datetime.fromtimestamp(hit.time, tz=UTC):%Y-%m-%dT%H:%M:%SZ}",
        "user_id": hit.user,
        "event": hit.event or "page_view",
        "url": f"{hit.path}?{query}" if query else hit.path,
    }
    return json.dumps(row | dict(hit.props))


@st.composite
def events(draw: st.DrawFn) -> tuple[Hit, ...]:
    """Draw the rows of an export, in order of time, some of which show a variant of an experiment."""
    targets, gaps = st.sampled_from(("/a", "/b", "/c", "/", *TARGETS[:4])), st.sampled_from(GAPS)
    hits = [Hit(0, START, "certain", "GET", "/", user="certain")]
    for user in draw(st.lists(st.sampled_from(("ann", "bob", "eve", "dan")), min_size=1, max_size=4, unique=True)):
        values = st.sampled_from((None, None, *draw(st.sampled_from(SHOWN))))
        experiments = st.sampled_from((None, "checkout", "checkout", "checkout", "price"))
        time = START
        for gap, target, event, value, experiment in draw(
            st.lists(st.tuples(gaps, targets, st.sampled_from(EVENTS), values, experiments), min_size=1, max_size=15)
        ):
            time += gap
            props = {"variant": value, "experiment": experiment}
            hit = hit_of(("GET", target, 200), time, Person((user,), ""), 0, user)
            hits.append(replace(hit, event=event, props=tuple((name, text) for name, text in props.items() if text is not None)))
    ordered = sorted(hits, key=lambda hit: hit.time)
    return tuple(replace(hit, position=number) for number, hit in enumerate(ordered, start=1))
