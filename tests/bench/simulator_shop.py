"""Ordinary visits to a small shop: where visitors land, and how far they get.

Only realistic behaviour is simulated here; edge cases are in `simulator_edges`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from .simulator_origins import LETTER, PAYMENT, anywhere

if TYPE_CHECKING:
    import random

    from .simulator_acts import Visitor

PRODUCTS = (
    *("oak-table", "ash-table", "desk-lamp", "floor-lamp", "table-lamp", "arm-chair", "rocking-chair"),
    *("bar-stool", "day-bed", "book-shelf", "wall-shelf", "coat-rack", "wool-rug", "linen-curtain"),
    *("side-board", "tv-bench", "bed-frame", "night-stand", "mirror-round", "door-mat"),
)
CATEGORIES = ("/category/tables", "/category/lamps", "/category/chairs", "/category/shelves", "/category/textiles/rugs")
POSTS = ("oiling-oak", "which-lamp-for-which-room", "small-flats", "wool-or-cotton", "café-style-at-home", "how-we-pack")
WORDS = ("lamp", "oak", "chair", "rug", "app.js", "wall+shelf", "mirror", r"caf\xC3\xA9", r"\"oak\"")
LANDINGS = ("home", "product", "category", "blog", "search", "mail")
STEPS = {"product": 38, "category": 22, "search": 9, "home": 6, "shipping": 7, "store": 3, "blog": 3}
STEPS |= {"letter": 2.5, "register": 2, "guide": 1.5, "broken": 2, "track": 4, "feed": 0.6}
"""The actions that visitors may take next, with relative frequencies."""


@dataclass(frozen=True)
class Change:
    """A change to the shop: from second `at` on, only a share of those who would have added to the cart still do."""

    at: float = float("inf")
    share: float = 1.0


UNCHANGED = Change()


class Shop:
    """The shop as its visitors use it; it assigns order numbers."""

    def __init__(self, rng: random.Random, change: Change = UNCHANGED) -> None:
        """Open the shop; order numbers start after 5,000."""
        self.rng, self.change = rng, change
        self.orders = 5_000

    def visit(self, who: Visitor) -> None:
        """Make one ordinary visit, from the landing page on."""
        landing = self.rng.choices(LANDINGS, (30, 26, 13, 22, 3, 6))[0]
        origin = LETTER if landing == "mail" else anywhere(self.rng)
        who.arrive(origin)
        self._land(who, landing)
        self._load_assets(who)
        if self.rng.random() < {"blog": 0.82, "home": 0.3, "product": 0.5, "mail": 0.25}.get(landing, 0.35):
            return
        seen = landing == "product"
        for _ in range(14):
            who.wait(5, 110)
            seen = self._browse(who) or seen
            if seen and self.rng.random() < 0.052 * origin.keen * (self.change.share if who.clock >= self.change.at else 1):
                self._buy(who)
                return
            if self.rng.random() < 0.22:
                return

    def _land(self, who: Visitor, landing: str) -> None:
        if self.rng.random() < 0.04:
            who.redirected(f"/{landing}-old", status=301)
        if landing == "home":
            who.see("/", status=304 if who.cached else 200)
        elif landing == "product":
            self.see_product(who)
        elif landing == "category":
            who.see(self.rng.choice(CATEGORIES))
        elif landing == "blog":
            who.see(f"/blog/{self.rng.choice(POSTS)}", "article")
        elif landing == "search":
            self._search(who)
        else:
            path, tag = self.rng.choice((("/", ""), ("/product/wool-rug", "product")))
            who.see(path, *filter(None, [tag]))

    def see_product(self, who: Visitor) -> None:
        """View a product page; sometimes it loads an image, a script requests the stock, or the visitor reads the reviews."""
        name = self.rng.choice(PRODUCTS)
        who.see(f"/product/{name}", "product")
        if not who.device.plain and self.rng.random() < 0.3:
            who.load(f"/image/{name}.webp")
        if self.rng.random() < 0.1:
            who.wait(0, 40).call(f"/api/stock/{name}", "stock")
        if self.rng.random() < 0.06:
            who.wait(10, 50).see(f"/product/{name}/reviews", "reviews")

    def _search(self, who: Visitor) -> None:
        words = WORDS if who.odd else WORDS[:-2]
        who.see("/search", "search", query={"q": self.rng.choice(words)})

    def _browse(self, who: Visitor) -> bool:
        """Take one more step of a visit and return whether it was a product page."""
        step = self.rng.choices(tuple(STEPS), tuple(STEPS.values()))[0]
        getattr(self, f"_step_{step}")(who)
        return step == "product"

    def _step_product(self, who: Visitor) -> None:
        self.see_product(who)

    def _step_category(self, who: Visitor) -> None:
        who.see(self.rng.choice(CATEGORIES))

    def _step_search(self, who: Visitor) -> None:
        self._search(who)

    def _step_home(self, who: Visitor) -> None:
        who.see("/", status=self.rng.choice((200, 304)))

    def _step_shipping(self, who: Visitor) -> None:
        who.see("/shipping-costs")

    def _step_store(self, who: Visitor) -> None:
        who.see(self.rng.choice(("/stores/berlin", "/stores/hamburg")), "store")

    def _step_blog(self, who: Visitor) -> None:
        who.see(f"/blog/{self.rng.choice(POSTS)}", "article")

    def _step_letter(self, who: Visitor) -> None:
        who.post("/newsletter", 302, "newsletter").wait(0, 1).see("/newsletter/thanks")

    def _step_register(self, who: Visitor) -> None:
        who.see("/register").wait(30, 90)
        if self.rng.random() < 0.3:
            who.post("/register", 422).wait(10, 40)
        who.post("/register", 302, "registered").wait(0, 1).see("/account")

    def _step_guide(self, who: Visitor) -> None:
        if self.rng.random() < 0.7:
            who.fetch("/files/size-guide.pdf", "guide")
            return
        for _ in range(3):
            who.fetch("/files/size-guide.pdf", "guide", status=206).wait(0, 2)

    def _step_feed(self, who: Visitor) -> None:
        who.call("/feed.xml", "feed")

    def _step_broken(self, who: Visitor) -> None:
        who.fail("/product/sold-out", status=self.rng.choice((404, 404, 500)))

    def _step_track(self, who: Visitor) -> None:
        who.post("/api/track", self.rng.choice((200, 204)))

    def _load_assets(self, who: Visitor) -> None:
        if who.device.plain:
            return
        fresh = ("/static/site.css?v=12", "/static/site.js?v=12", "/image/logo.svg") if not who.cached else ("/image/logo.svg",)
        for path in fresh:
            who.load(path, status=304 if who.cached else 200)
        who.cached = True

    def put_in_cart(self, who: Visitor) -> None:
        """Add to the cart by form, by link, or by a script that stays on the page."""
        way = self.rng.random()
        if way < 0.6:
            who.post("/cart/add", 302, "cart").wait(0, 1).see("/cart")
        elif way < 0.85:
            who.redirected(f"/cart/add/{self.rng.randint(10, 99)}", "cart").see("/cart")
        else:
            who.post("/cart/add", 200, "cart").wait(4, 40).see("/cart")

    def _buy(self, who: Visitor) -> None:
        who.wait(8, 60)
        self.put_in_cart(who)
        if self.rng.random() < 0.6:
            return
        who.wait(10, 60)
        if self.rng.random() < 0.06:
            who.redirected("/checkout").see("/cart").wait(5, 20)
        who.see("/checkout", "checkout").wait(30, 120)
        trouble = self.rng.random()
        if trouble < 0.3:
            who.post("/checkout", 200).wait(20, 60)
            if trouble < 0.25:
                return
        elif trouble < 0.47:
            return
        who.post("/checkout", 302).wait(0, 2)
        if self.rng.random() < 0.3:
            who.last_page = PAYMENT
            who.wait(20, 200).wait(0, 0 if self.rng.random() < 0.9 else 2_000)
        self.receive(who)

    def receive(self, who: Visitor, total: str | None = None, order: str | None = None) -> dict[str, str]:
        """View the receipt after an order, sometimes twice, and return its query parameters."""
        self.orders += 1
        amount = f"{self.rng.randint(12, 140)}.{self.rng.choice((0, 50, 90, 95)):02}"
        query = {"order": order or str(self.orders), "total": total or amount}
        who.see("/checkout/thank-you", "receipt", query=query)
        if self.rng.random() < 0.3:
            who.wait(3, 400).see("/checkout/thank-you", "receipt", query=query)
        return query
