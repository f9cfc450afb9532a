"""Generate the benchmark's log: a seeded month of a shop, in the combined format, in time order except for the jitter of real servers.

It uses none of the product's code, so that the product is not measured on input that shares its assumptions.
"""

from __future__ import annotations

import argparse
import math
import random
import sys
import time
from datetime import UTC, datetime, timedelta
from itertools import accumulate, groupby
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    Who = tuple[str, str]  # the start of a line up to the time, and its end after the referrer

Item = TypeVar("Item")

BEGIN = datetime(2026, 3, 1, tzinfo=UTC)
DAYS = 30
END = DAYS * 86_400
BOT_SHARE, ODD_SHARE = 0.15, 0.01
JITTER = 1.5
AGENTS, PRODUCTS, POSTS, CATEGORIES, OUTSIDE = 26_000, 20_000, 3_000, 400, 8_000
SITE = "https://shop.example"
HOMES = ("/", "/de/", "/en/", "/es/", "/fr/", "/it/", "/nl/", "/pl/", "/pt/", "/sv/")
COUNTRIES = ("com", "de", "fr", "es", "it", "nl", "pl", "pt", "se", "at", "ch", "be", "dk", "co.uk")
COLOURS = ("red", "blue", "green", "black", "white", "grey", "pink", "brown", "purple", "orange")
CLOTHES = ("coat", "shirt", "boot", "scarf", "hat", "bag", "belt", "sock", "glove", "jacket", "shoe", "dress")
BROWSERS = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/{major}.0.{build}.{patch} Safari/537.36",
    (
        "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/{major}.0.0.0 Safari/537.36 "
        "Edg/{major}.0.{build}.{patch}"
    ),
    (
        "Mozilla/5.0 (Linux; Android {minor}; SM-A{model}B) AppleWebKit/537.36 (KHTML, like Gecko) "
        "Chrome/{major}.0.{build}.{patch} Mobile Safari/537.36"
    ),
    (
        "Mozilla/5.0 (iPhone; CPU iPhone OS {minor}_{small} like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "
        "Version/{minor}.{small} Mobile/15E{model} Safari/604.1"
    ),
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10.{minor}; rv:{major}.0) Gecko/20100101 Firefox/{major}.0",
)
CRAWLERS = (  # the most frequent first; only the first few exceed half a percent of the lines
    "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
    "Mozilla/5.0 (compatible; bingbot/2.0; +http://www.bing.com/bingbot.htm)",
    "Mozilla/5.0 (compatible; AhrefsBot/7.0; +http://ahrefs.com/robot/)",
    "Mozilla/5.0 (compatible; SemrushBot/7~bl; +http://www.semrush.com/bot.html)",
    "Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; GPTBot/1.2; +https://openai.com/gptbot)",
    "Mozilla/5.0 (compatible; YandexBot/3.0; +http://yandex.com/bots)",
    *(f"curl/8.{minor}.0" for minor in range(12)),
    *(f"python-requests/2.{minor}.1" for minor in range(33)),
    *(f"Mozilla/5.0 (compatible; MJ12bot/v1.4.{patch}; http://mj12bot.com/)" for patch in range(9)),
    "-",
)
TARGETS = {
    "home": "{item}",
    "category": "/category/{item}?page={page}",
    "search": "/search?q={item}",
    "product": "/product/{item}",
    "blog": "/blog/post-{item}",
    "guide": "/files/size-guide-{page}.pdf",
    "missing": "/old/{number:08x}.html",
    "cart": "/cart?c={number:08x}",
    "checkout": "/checkout?c={number:08x}",
    "payment": "/checkout/payment?c={number:08x}",
    "thanks": "/thank-you?order={number:08x}&total={total:.2f}",
}
LANDINGS = {"product": 44, "category": 20, "blog": 20, "home": 6, "search": 8, "missing": 2}
NEXT = {
    "home": {"category": 35, "product": 22, "search": 10, "blog": 5, "left": 28},
    "category": {"product": 48, "category": 16, "search": 6, "left": 30},
    "search": {"product": 45, "search": 15, "category": 5, "left": 35},
    "product": {"product": 20, "category": 18, "search": 5, "cart": 5, "guide": 1, "missing": 1, "left": 50},
    "blog": {"blog": 18, "product": 10, "left": 72},
    "guide": {"product": 60, "left": 40},
    "missing": {"product": 20, "search": 15, "left": 65},
    "cart": {"checkout": 45, "product": 25, "left": 30},
    "checkout": {"payment": 70, "left": 30},
    "payment": {"thanks": 80, "left": 20},
    "thanks": {"product": 15, "left": 85},
}
POSTS_BEFORE = {"cart": "/cart/add", "payment": "/checkout", "thanks": "/checkout/payment"}
IMAGES = {"product": (1, 3), "category": (1, 4), "blog": (0, 2), "search": (0, 2), "home": (0, 2)}
ODD = (  # the complete quoted request, the status, the end of the user agent
    ("", 400, ""),
    ("-", 408, ""),
    (r"\x16\x03\x01\x02\x00\x01\x00\x01\xFC\x03\x03{token}", 400, ""),
    ("GET /product/{number} red.html HTTP/1.1", 400, ""),
    ("GET /blog/post-{number}", 200, ""),
    ("OPTIONS * HTTP/1.0", 200, ""),
    ("PROPFIND /files/{number} HTTP/1.1", 405, ""),
    ("GET http://shop.example/product/{number} HTTP/1.1", 200, ""),
    (r"GET /search?q=\"{token}\" HTTP/1.1", 200, ""),
    (r"GET /blog/caf\xC3\xA9-{number} HTTP/1.1", 200, ""),
    ("GET /product/{number} HTTP/1.1", 200, r" \"{token}\""),
    ("GET /category/{number} HTTP/2.0", 200, r" \x22{token}\x22"),
)


def drawn(rng: random.Random, items: Sequence[Item], flatness: float) -> Iterator[Item]:
    """Draw items endlessly; the weight of an item is 1 / (its rank + flatness)."""
    weights = list(accumulate(1 / (rank + flatness) for rank in range(1, len(items) + 1)))
    while True:
        yield from rng.choices(items, cum_weights=weights, k=4096)


def weighted(rng: random.Random, table: dict[str, int]) -> Iterator[str]:
    """Draw the keys of a table endlessly, weighted by its values."""
    names, weights = list(table), list(accumulate(table.values()))
    while True:
        yield from rng.choices(names, cum_weights=weights, k=4096)


def browsers(rng: random.Random) -> list[str]:
    """Generate distinct human user agents."""
    agents: dict[str, None] = {}
    while len(agents) < AGENTS:
        version = {"major": rng.randint(96, 141), "build": rng.randint(5000, 7400), "patch": rng.randint(0, 160)}
        system = {"minor": rng.randint(10, 18), "small": rng.randint(0, 7), "model": rng.randint(100, 999)}
        agents[rng.choice(BROWSERS).format(**version, **system)] = None
    return list(agents)


def address(rng: random.Random) -> str:
    """Generate an IPv4 address or, for one visitor in five, the first half of an IPv6 address."""
    if rng.random() < 0.2:
        return f"2a02:{rng.randint(256, 65_535):x}:{rng.getrandbits(16):x}:{rng.getrandbits(16):x}:"
    return f"{rng.randint(11, 220)}.{rng.getrandbits(8)}.{rng.getrandbits(8)}.{rng.randint(1, 254)}"


def people(rng: random.Random, count: int) -> list[tuple[str, str, str]]:
    """Generate visitors (IP address, log user, user agent); only half of them have a popular user agent, so that rare ones occur too."""
    agents = browsers(rng)
    popular = drawn(rng, agents, 60)
    return [
        (address(rng), f"u{number}" if number % 200 == 0 else "-", next(popular) if number % 2 else rng.choice(agents)) for number in range(count)
    ]


class Shop:
    """The content of the shop: URLs per kind of page, the static files that a page loads, and the referrers that link to it."""

    def __init__(self, rng: random.Random) -> None:
        """Build the shop's catalogue and its incoming links from seeded random numbers."""
        self.rng = rng
        self.products = drawn(rng, rng.sample(range(1, PRODUCTS + 1), PRODUCTS), 200)
        phrases = [f"{colour}+{thing}+{size}" for size in range(60) for colour in COLOURS for thing in CLOTHES]
        self.catalogue: dict[str, Iterator[object]] = {
            "home": drawn(rng, HOMES, 1000),
            "product": self.products,
            "category": drawn(rng, range(1, CATEGORIES + 1), 60),
            "blog": drawn(rng, range(1, POSTS + 1), 100),
            "search": drawn(rng, phrases, 300),
        }
        self.sources = weighted(rng, {"engine": 24, "outside": 30, "direct": 46})
        self.engines = [f"https://www.google.{country}/" for country in COUNTRIES]
        self.outside = [f"https://{rng.choice(COLOURS)}{number % 900}.example/{rng.choice(CLOTHES)}/{number}" for number in range(OUTSIDE)]

    def target(self, kind: str) -> str:
        """Return the URL of a page of this kind; a visitor's own cart or order has a token in the query, as in real shops."""
        number = self.rng.getrandbits(32)
        pattern = TARGETS[kind]
        drawn_from = self.catalogue.get(kind)
        return pattern.format(item=next(drawn_from) if drawn_from else "", number=number, page=number % 9 + 1, total=9 + number % 23_100 / 100)

    def campaign(self, target: str) -> str:
        """Return the URL with a click ID, as in a link from an advertisement."""
        return f"{target}{'&' if '?' in target else '?'}gclid={self.rng.getrandbits(64):016x}"

    def referrer(self) -> str:
        """Return a random referrer for the first request of a visit."""
        source = next(self.sources)
        return "-" if source == "direct" else self.rng.choice(self.engines if source == "engine" else self.outside)

    def files(self, kind: str, *, first: bool, day: int) -> list[str]:
        """List the static files that one page view loads; the names of the build files change with each day's release."""
        urls = []
        if first:
            build = f"?v={day * 2_654_435_761 % 0xFFFFFF:06x}"
            urls = [f"/static/{name}{build}" for name in ("app.css", "app.js", "text.woff2", "logo.svg")]
        for _ in range(self.rng.randrange(*IMAGES.get(kind, (0, 2)))):
            number = next(self.products)
            urls.append(f"/media/{number}/{'640.jpg' if number % 3 else '320.png'}?v={number % 7}")
        return urls


class Traffic:
    """The hits of humans, bots and odd clients, collected by hour."""

    def __init__(self, lines: int, seed: int) -> None:
        """Prepare the distributions that hits are drawn from; the number of visitors grows with the number of lines."""
        self.rng = rng = random.Random(seed)
        self.lines, self.made = lines, 0
        self.shop = Shop(rng)
        self.people = people(rng, max(500, lines // 25))
        self.crawlers = drawn(rng, list(enumerate(CRAWLERS)), 0.5)
        self.landings = weighted(rng, LANDINGS)
        self.next = {kind: weighted(rng, table) for kind, table in NEXT.items()}
        self.hours: list[list[tuple[float, str]]] = [[] for _ in range(DAYS * 24)]
        self.minutes = [(BEGIN + timedelta(minutes=minute)).strftime("%d/%b/%Y:%H:%M:") for minute in range(DAYS * 1440)]

    def hit(self, who: Who, second: float, request: str, status: int, referrer: str) -> None:
        """Log one line, unless the month is over."""
        whole = int(second)
        if whole >= END:
            return
        size = int(self.rng.random() * 60_000) if status < 300 else 162
        stamp = f"{self.minutes[whole // 60]}{whole % 60:02}"
        line = f'{who[0]}{stamp} +0000] "{request}" {status} {size} "{referrer}{who[1]}'
        self.hours[whole // 3600].append((second + self.rng.random() * JITTER, line))
        self.made += 1

    def who(self, host: str, user: str, agent: str) -> Who:
        """Return the start and end of this client's log lines; an IPv6 visitor gets a new address in its network on every visit."""
        host += f":{self.rng.getrandbits(16):x}:{self.rng.getrandbits(16):x}:1" if host.endswith(":") else ""
        return f"{host} - {user} [", f'" "{agent}"\n'

    def page(self, who: Who, second: float, kind: str, target: str, referrer: str) -> None:
        """Log one page view: the redirect or form submission before it, the page, and sometimes a background request."""
        rng = self.rng
        if kind in POSTS_BEFORE:
            refused = kind != "cart" and rng.random() < 0.1
            if refused:
                self.hit(who, second - 5, f"POST {POSTS_BEFORE[kind]} HTTP/1.1", 422, referrer)
            self.hit(who, second, f"POST {POSTS_BEFORE[kind]} HTTP/1.1", 302, referrer)
        elif rng.random() < 0.02:
            self.hit(who, second, f"GET /r{target} HTTP/1.1", 301, referrer)
        self.hit(who, second, f"GET {target} HTTP/1.1", 404 if kind == "missing" else 200, referrer)
        if kind == "product" and rng.random() < 0.3:
            self.hit(who, second + 1, f"GET /api/stock{target[8:]} HTTP/1.1", 200, SITE + target)

    def visit(self, second: float) -> None:
        """Log one human visit to the shop, until the visitor leaves."""
        rng, shop = self.rng, self.shop
        who = self.who(*rng.choice(self.people))
        kind, referrer, first = next(self.landings), shop.referrer(), True
        while kind != "left" and second < END:
            target = shop.target(kind)
            if first and rng.random() < 0.3:
                target = shop.campaign(target)
            self.page(who, second, kind, target, referrer)
            referrer = SITE + target
            for file in shop.files(kind, first=first, day=int(second // 86_400)):
                status = 304 if rng.random() < 0.15 else 200
                self.hit(who, second + rng.random(), f"GET {file} HTTP/1.1", status, referrer)
            kind, first = next(self.next[kind]), False
            second += 3 + rng.lognormvariate(3.5, 1.2)

    def crawl(self, second: float) -> None:
        """Log one request of a crawler or a script."""
        number, agent = next(self.crawlers)
        who = self.who(f"66.249.{number}.{self.rng.randint(1, 60)}", "-", agent)
        kind = next(self.landings)
        request = "HEAD" if self.rng.random() < 0.05 else "GET"
        target = "/robots.txt" if self.rng.random() < 0.02 else self.shop.target(kind)
        self.hit(who, second, f"{request} {target} HTTP/1.1", 404 if kind == "missing" else 200, "-")

    def stray(self, second: float) -> None:
        """Log one unusual line that parsers may stumble over."""
        request, status, end = self.rng.choice(ODD)
        token, number = f"{self.rng.getrandbits(24):06x}", self.rng.randint(1, 900)
        host, user, agent = self.rng.choice(self.people)
        agent = "-" if status == 408 else agent + end.format(token=token)
        self.hit(self.who(host, user, agent), second, request.format(token=token, number=number), status, "-")

    def hour(self, hour: int, share: float) -> list[str]:
        """Return the lines of one hour in the order of a server's log; by the end of the hour, the fraction `share` of all lines must be written."""
        begin, wanted, before = hour * 3600.0, round(self.lines * share), self.made
        for _ in range(round(max(0, wanted - before) * BOT_SHARE)):
            self.crawl(begin + self.rng.random() * 3600)
        for _ in range(round(max(0, wanted - before) * ODD_SHARE)):
            self.stray(begin + self.rng.random() * 3600)
        while self.made < wanted:
            self.visit(begin + self.rng.random() * 3600)
        lines, self.hours[hour] = sorted(self.hours[hour]), []
        return [line for _, line in lines]


def busyness(hour: int) -> float:
    """Return the relative traffic of an hour: low at night, highest in the evening."""
    return 1.3 + 1.2 * math.sin((hour % 24 - 10) * math.tau / 24)


def write(log: Path, lines: int, seed: int = 1) -> None:
    """Write a log with this number of lines; the same seed gives the same log."""
    traffic, left = Traffic(lines, seed), lines
    total = sum(map(busyness, range(DAYS * 24)))
    with log.open("w", encoding="ascii", newline="\n") as file:
        for hour, share in enumerate(accumulate(busyness(hour) / total for hour in range(DAYS * 24))):
            made = traffic.hour(hour, share)[:left]
            file.writelines(made)
            left -= len(made)


def rotate(log: Path, folder: Path) -> list[Path]:
    """Split a log at midnight into `access.log.30` (the oldest) to `access.log.1`, as logrotate names them."""
    folder.mkdir(parents=True, exist_ok=True)
    parts = [folder / f"access.log.{number}" for number in range(DAYS, 0, -1)]
    with log.open("rb") as lines:
        days = groupby(lines, key=lambda line: line.split(b"[", 1)[1][:11])
        for part, (_, of_day) in zip(parts, days, strict=True):
            with part.open("wb") as file:
                file.writelines(of_day)
    return parts


def main() -> None:
    """Write the log that the command line requests and print how long it took."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("log", type=Path)
    parser.add_argument("--lines", type=int, default=5_000_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--rotated", type=Path, metavar="DIR", help="also split it into 30 files in this folder")
    parser.add_argument("--existing", action="store_true", help="do not write a log, only split the existing one")
    options = parser.parse_args()
    begin = time.perf_counter()
    if not options.existing:
        write(options.log, options.lines, options.seed)
    if options.rotated:
        rotate(options.log, options.rotated)
    sys.stdout.write(f"{options.log.name}: {options.log.stat().st_size:,} bytes, {time.perf_counter() - begin:.0f} s\n")


if __name__ == "__main__":
    main()
