"""The goals and funnels of the simulated shop, in the form used to compute the expected figures.

Each of the two sites here must match its goals file.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from zoneinfo import ZoneInfo

ZONE = ZoneInfo("Europe/Berlin")
TIMEOUT = 1_800
WEEK = 7 * 86_400


@dataclass(frozen=True)
class Goal:
    """One goal: the tags of the acts that it matches, and how it counts them."""

    name: str
    tags: frozenset[str] = frozenset()
    macro: bool = False
    at_least: int = 1
    different: bool = False
    """`at_least` counts different pages, not hits."""
    stayed: int = 0
    once_per: str = "session"
    value: Fraction | str | None = None
    """A fixed amount, or the name of the query parameter that holds it."""
    target: Fraction | None = None
    condition: bool = False
    """The goal only sets conditions: the hit that matches it as a step may also match the next step."""


@dataclass(frozen=True)
class Funnel:
    """A funnel; any of a step's goals reaches the step."""

    name: str
    steps: tuple[tuple[str, ...], ...]
    per_visitor: bool = False
    window: int | None = None


@dataclass(frozen=True)
class Site:
    """The content of a goals file."""

    goals: tuple[Goal, ...]
    funnels: tuple[Funnel, ...]
    keep_query: str = ""

    def goal(self, name: str) -> Goal:
        """Return the goal with this name."""
        return next(goal for goal in self.goals if goal.name == name)

    def names(self, tags: frozenset[str]) -> bool:
        """Return whether any goal names an act with these tags."""
        return any(goal.tags & tags for goal in self.goals)

    def page(self, path: str, query: dict[str, str]) -> str:
        """Return the name of a page's row in the pages report."""
        if path.startswith("/category/"):
            return "/category/**"
        for group in ("/product/", "/blog/"):
            if path.startswith(group) and "/" not in path[len(group) :]:
                return f"{group}*"
        if self.keep_query and self.keep_query in query:
            return f"{path}?{self.keep_query}={query[self.keep_query]}"
        return path


def _goal(name: str, *tags: str, **rest: object) -> Goal:
    return Goal(name, frozenset(tags), **rest)  # type: ignore[arg-type]


_SHARED = (
    _goal("purchase", "receipt", macro=True, value="total", once_per="query.order", target=Fraction(15, 1000)),
    _goal("saw_product", "product"),
    _goal("compared", "product", at_least=2, different=True),
    _goal("search", "search"),
    _goal("read_reviews", "reviews"),
    _goal("cart", "cart"),
    _goal("checkout", "checkout"),
    _goal("signed_up", "registered"),
    _goal("newsletter", "newsletter"),
    _goal("size_guide", "guide"),
    _goal("saw_stock", "stock"),
    _goal("from_mail", "mail", condition=True),
    _goal("long_visit", stayed=300, condition=True),
    _goal("asked", "newsletter", "registered"),
)
_CHECKOUT = Funnel("checkout", (("saw_product",), ("cart",), ("checkout",), ("purchase",)))
_FIRST_ORDER = Funnel("first_order", (("signed_up",), ("cart",), ("purchase",)), per_visitor=True, window=WEEK)

EXAMPLE = Site(
    goals=(*_SHARED, _goal("took_feed", "feed"), _goal("read_blog", "article", once_per="hit")),
    funnels=(_CHECKOUT, Funnel("mailing", (("from_mail",), ("saw_product",), ("cart", "saw_stock"))), _FIRST_ORDER),
)
"""The goals and funnels of `goals.example.yaml`."""

TRUTH = Site(
    goals=(
        *_SHARED,
        _goal("enquiry", "enquiry", macro=True, value=Fraction(40), once_per="visitor"),
        _goal("took_feed", "feed"),
        _goal("pixel", "pixel", once_per="hit"),
        _goal("much_stock", "stock", at_least=3),
        _goal("coupon", "coupon"),
        _goal("lost", "lost", once_per="hit"),
        _goal("article", "article", once_per="hit", value=Fraction(5, 2)),
        _goal("store", "store", once_per="path"),
        _goal("tour_one", "tour_one"),
        _goal("tour_two", "tour_two"),
        _goal("tour_three", "tour_three"),
        _goal("never"),
    ),
    funnels=(
        _CHECKOUT,
        Funnel("tour", (("tour_one",), ("tour_two",), ("tour_three",)), window=10),
        Funnel("twice", (("saw_product",), ("saw_product",), ("cart",))),
        Funnel("mailing", (("from_mail",), ("saw_product",), ("cart", "saw_stock"))),
        Funnel("patient", (("saw_product",), ("long_visit",), ("cart",), ("purchase",))),
        Funnel("found_again", (("lost",), ("search",), ("never",))),
        _FIRST_ORDER,
        Funnel("reader", (("article",), ("saw_product",), ("cart", "saw_stock"), ("purchase",)), per_visitor=True),
    ),
    keep_query="route",
)
"""The goals and funnels of `truth_goals.yaml`, which has one goal of each kind."""
