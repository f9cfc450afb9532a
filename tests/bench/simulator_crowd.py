"""The humans, bots and offices that visit the shop: devices of every kind, each different from all others.

All devices are created here, so that no two of them count as one visitor by accident.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .simulator_acts import Device, Hit, Visitor

if TYPE_CHECKING:
    import random

AGENTS = (
    ("Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/{}.0.0.0 Safari/537.36", 132, 143),
    ("Mozilla/5.0 (Macintosh; Intel Mac OS X 14_6) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.{} Safari/605.1.15", 0, 6),
    ("Mozilla/5.0 (X11; Linux x86_64; rv:{0}.0) Gecko/20100101 Firefox/{0}.0", 128, 144),
    ("Mozilla/5.0 (iPhone; CPU iPhone OS 18_{0} like Mac OS X) AppleWebKit/605.1.15 Version/18.{0} Mobile/15E148 Safari/604.1", 0, 6),
    ("Mozilla/5.0 (Linux; Android 14; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/{}.0.0.0 Mobile Safari/537.36", 132, 143),
)
ODD_AGENTS = (
    r"Mozilla/5.0 (X11; Linux x86_64; \"Kiosk\" {}) Gecko/20100101 Firefox/140.0",
    r"Mozilla/5.0 (Linux; Android 13; T\xC3\xA9l\xC3\xA9 {}) AppleWebKit/537.36 Chrome/139.0.0.0 Mobile Safari/537.36",
    r"Mozilla/5.0 (till \\ 4) ShopApp/3.{}",
)
BOTS = (
    "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
    "Mozilla/5.0 (compatible; bingbot/2.0; +http://www.bing.com/bingbot.htm)",
    "curl/8.5.0",
    "python-requests/2.32.3",
    "-",
)


class Crowd:
    """All visitors of the shop; the plan holds what they did."""

    def __init__(self, rng: random.Random, *, odd: float) -> None:
        """Start without visitors; `odd` is the share of page requests with an unusual spelling."""
        self.rng, self.odd = rng, odd
        self.plan: list[Hit] = []
        self._addresses = 0
        self._start = rng.randrange(1 << 16)

    def address(self) -> str:
        """Return an unused IPv4 address from a network reserved for benchmarks."""
        self._addresses += 1
        number = (self._start + self._addresses * 40_503) % (1 << 17)
        return f"198.{18 + (number >> 16)}.{number >> 8 & 255}.{number & 255}"

    def network(self) -> tuple[str, ...]:
        """Return three addresses of an unused IPv6 /64, written in full, in short form and in capitals."""
        self._addresses += 1
        head = f"2001:db8:{self._addresses:x}:a{self._addresses % 7}"
        return (f"{head}::1", f"{head}:0:0:0:{self.rng.randrange(1, 9_999):x}", f"{head}:12:ABCD:0:{self.rng.randrange(1, 99)}")

    def agent(self) -> str:
        """Return the user agent of a human's browser."""
        if self.rng.random() < min(self.odd, 0.05):
            return self.rng.choice(ODD_AGENTS).format(self.rng.randint(1, 9))
        template, oldest, newest = self.rng.choice(AGENTS)
        return template.format(self.rng.randint(oldest, newest))

    def person(self, clock: int, *, addresses: tuple[str, ...] = (), agent: str = "") -> Visitor:
        """Add a new human visitor who arrives at a given time."""
        if not addresses:
            addresses = self.network() if self.rng.random() < 0.12 else (self.address(),)
        plain = self.rng.random() < 0.08
        return self.use(Device(addresses, agent or self.agent(), plain=plain), clock)

    def use(self, device: Device, clock: int) -> Visitor:
        """Return a visitor who uses a device."""
        visitor = Visitor(self.rng, device, self.plan, clock)
        visitor.odd = 0.0 if device.bot else self.odd
        return visitor

    def robot(self, clock: int, address: str = "") -> Visitor:
        """Add a bot, with the user agent of a program or none."""
        return self.use(Device((address or self.address(),), self.rng.choice(BOTS), bot=True), clock)

    def colleague(self, clock: int) -> Visitor:
        """Add a visitor from the office, whose network is excluded."""
        return self.use(Device((f"203.0.113.{self.rng.randint(1, 250)}",), self.agent(), excluded=True), clock)
