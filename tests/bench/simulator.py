"""The seeded simulator: a log of a month of visits to a shop, with the expected figures.

Nothing here imports the product, because the product's figures are compared with what the simulated visitors did.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from .simulator_bots import MACHINES
from .simulator_crowd import Crowd
from .simulator_edges import ANY_TIME, crawl, late_purchases, midnight_visit, probes, users
from .simulator_field import FIELD
from .simulator_log import Written, write
from .simulator_shop import PRODUCTS, UNCHANGED, Change, Shop
from .simulator_site import ZONE, Site
from .simulator_truth import ALWAYS, Period, Truth, truth_of

if TYPE_CHECKING:
    from .simulator_acts import Hit, Visitor

DAY = 86_400


@dataclass
class Simulation:
    """Everything that the visitors did (`plan`), and the resulting log (`written`)."""

    plan: list[Hit]
    written: Written

    @property
    def text(self) -> str:
        """Return the text of the log."""
        return "\n".join(self.written.lines) + "\n"

    def truth(self, site: Site, period: Period = ALWAYS, *, export: bool = False) -> Truth:
        """Return the expected figures of the log, or of the export of the same period, under the goals of a site."""
        return truth_of(self.plan, site, self.written, period, export=export)


def midnight(day: str) -> int:
    """Return the first second of a day (`2026-10-01`) in the shop's time zone."""
    return int(datetime.fromisoformat(day).replace(tzinfo=ZONE).timestamp())


@dataclass(frozen=True)
class Span:
    """The days that a log covers, and the change to the shop during that time."""

    first: str = "2026-10-01"
    days: int = 31
    change: Change = UNCHANGED

    def day(self, number: int) -> str:
        """Return the date of a day by its number, counted from 0."""
        return (datetime.fromisoformat(self.first) + timedelta(days=number)).date().isoformat()

    def moment(self, rng: random.Random, latest_hour: float, days: int = 0) -> int:
        """Return a daytime moment in the first `days`, so that only visits that are meant to cross midnight do so."""
        return midnight(self.day(rng.randrange(days or self.days))) + int(rng.uniform(6, latest_hour) * 3_600)


def _come_back(rng: random.Random, shop: Shop, who: Visitor, end: int) -> None:
    """Visit the shop once or several times, hours or days apart."""
    shop.visit(who)
    while rng.random() < 0.27:
        days = rng.choice((0, 1, 1, 2, 3, 5, 8))
        who.clock += days * DAY + rng.randint(0, 1_200) if days else rng.randint(2_000, 4_000)
        if who.clock > end - 7_200:
            return
        shop.visit(who)


def _robot(rng: random.Random, crowd: Crowd, clock: int) -> None:
    robot = crowd.robot(clock).other("GET /robots.txt HTTP/1.1")
    crawl(robot.see, rng.randint(0, 3))
    for name in rng.sample(PRODUCTS, rng.randint(1, 6)):
        robot.wait(0, 20).see(f"/product/{name}", "product")
    robot.load("/image/logo.svg").fail("/wp-login.php")


def _passers_by(number: int, crowd: Crowd, shop: Shop, span: Span) -> None:
    """Add other visitors, one of each type per 12, 150 or 200 ordinary ones: bots, colleagues, customers with an account, probes."""
    rng = crowd.rng
    if number % 12 == 0:
        _robot(rng, crowd, span.moment(rng, 22))
    if number % 150 == 0:
        shop.visit(crowd.colleague(span.moment(rng, 20)))
    if number % 200 == 0:
        users(crowd, shop, span.moment(rng, 17))
        probes(crowd, shop, span.moment(rng, 22))


def _edges(crowd: Crowd, shop: Shop, span: Span) -> None:
    """Play every edge-case script once, the longest one in the first third of the log."""
    rng = crowd.rng
    for script in (*ANY_TIME, *MACHINES, *FIELD):
        script(crowd, shop, span.moment(rng, 17, span.days - 3))
    late_purchases(crowd, shop, span.moment(rng, 17, max(1, span.days // 3)))
    for day in (span.day(rng.randint(1, span.days - 3)), f"{span.day(span.days - 3)[:8]}01"):
        midnight_visit(crowd, shop, midnight(day) - rng.randint(300, 900))


def simulate(seed: int, visitors: int, span: Span = Span(), *, odd: float = 0.03, edges: int = 1) -> Simulation:
    """Simulate visitors, bots and colleagues; the edge-case scripts are played `edges` times.

    `odd` is the share of requests with an unusual spelling, and of lines that are logged late.
    """
    rng = random.Random(seed)
    crowd = Crowd(rng, odd=odd)
    shop = Shop(rng, span.change)
    end = midnight(span.day(span.days))
    for number in range(visitors):
        _come_back(rng, shop, crowd.person(span.moment(rng, 22)), end)
        _passers_by(number, crowd, shop, span)
    for _ in range(edges):
        _edges(crowd, shop, span)
    return Simulation(crowd.plan, write(crowd.plan, rng, odd=odd, tails=odd if edges else 0))
