"""The example goals files: each loads, names the schema, and matches everything that was planted in a log for it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
import runs
from small_logs import line, written

from convkit.authoring.goals_file import example_names, example_text
from convkit.goals.json_schema import SCHEMA_URL
from convkit.goals.loader import parse_goals

if TYPE_CHECKING:
    from pathlib import Path

DAY, STEP = 86_400, 30

VISITS = {
    "shop": [
        (
            "1.0 GET /product/a|GET /product/b|POST /cart/add 302|GET /shipping|GET /checkout|GET /checkout/thank-you?order=1&total=20"
            "|GET /checkout/thank-you?order=1&total=20"
        ),
        "2.0 GET /search?q=x|GET /product/a/reviews|POST /wishlist/add|GET /cart/add/a 302|GET /checkout 302|GET /shipping",
        "3.0 GET /register|POST /register|POST /register 302",
        "3.2 GET /product/c|POST /cart/add 302",
        "3.5 GET /product/c|GET /checkout|GET /checkout/thank-you?order=2&total=10.50",
        "4.0 GET /|POST /newsletter 303|GET /files/size.pdf|GET /files/size.pdf 206|GET /stores/berlin/mitte|GET /api/stock/a|GET / +300",
    ],
    "leads": [
        "1.0 GET /pricing|GET /case-studies/a|GET /case-studies/b|GET /pricing|GET /files/paper.pdf",
        "1.3 GET /|GET /contact|POST /contact 422|GET /contact/thanks",
        "2.0 GET /quote <https://www.linkedin.com/feed|POST /quote|POST /quote 302|GET /quote/sent",
        "3.0 GET /?utm_medium=email|GET /media/demo.mp4 206|POST /webinar/may 302|POST /callback 302|POST /newsletter 302",
        "4.0 GET /contact|POST /wp-json/contact-form-7/v1/contact-forms/7/feedback",
        "5.0 GET /careers/driver",
    ],
    "blog": [
        "1.0 GET /posts/a <https://www.google.com/|GET /posts/b|GET /posts/c|POST /newsletter 302",
        "1.1 GET /newsletter/confirmed|GET /newsletter/confirmed",
        "1.2 GET /newsletter/confirmed",
        "2.0 GET /posts/a?utm_medium=email|GET /posts/b|GET /posts/c|POST /posts/c/comments 302|GET /out/share/c 302",
        "3.0 GET /posts/a <https://t.co/x|GET /feed.xml|GET /audio/1.mp3 206|GET /audio/1.mp3 206|GET /posts/a +300",
    ],
    "woocommerce": [
        (
            "1.0 GET /product/a <https://www.google.com/|POST /product/a|GET /cart|POST /?wc-ajax=apply_coupon|GET /checkout|POST /?wc-ajax=checkout"
            "|GET /checkout/order-received/17?key=wc_order_x"
        ),
        "1.1 GET /checkout/order-received/17?key=wc_order_x",
        (
            "2.0 GET /?s=mug|GET /product-category/mugs/big|POST /?wc-ajax=add_to_cart|GET /product/a|GET /product/b|GET /?add-to-cart=7 302"
            "|POST /my-account 302|GET /checkout +300|POST /?wc-ajax=checkout"
        ),
    ],
}
"""The sessions of each example: `VISITOR.DAY` and requests like `METHOD target [status] [+seconds later] [<referrer]`."""

EVENTS = [
    "account_id,occurred_at,name,screen,rows,amount,subscription_id",
    *("u1,2026-10-10 09:00:00,Screen Viewed,Home,,,", "u1,2026-10-10 09:00:10,Signed Up,,,,", "u1,2026-10-10 09:01:00,Email Verified,,,,"),
    *("u1,2026-10-10 09:02:00,Project Imported,,1500,,", *(f"u1,2026-10-10 09:03:0{second},Invite Sent,,,," for second in range(3))),
    *("u1,2026-10-11 09:00:00,Screen Viewed,Plans,,,", "u1,2026-10-11 09:00:09,Screen Viewed,Plans,,,"),
    *(f"u1,2026-10-11 09:01:0{second},subscription_started,,,9.90,s1" for second in range(2)),
    *("u1,2026-10-12 09:00:00,Screen Viewed,Home,,,", "u1,2026-10-12 09:00:09,Chat Opened,,,,"),
    *("u2,2026-10-10 10:00:00,session_start,,,,", "u2,2026-10-10 10:00:00,Screen Viewed,Home,,,", "u2,2026-10-10 10:00:10,Signed Up,,,,"),
    *("u2,2026-10-10 10:01:00,Email Verified,,,,", "u2,2026-10-10 10:02:00,Project Created,,,,", "demo,2026-10-10 10:02:00,Signed Up,,,,"),
]

REACHED = {
    "shop": {
        "purchase": 2, "saw_product": 3, "compared": 1, "search": 1, "read_reviews": 1, "wishlist": 1, "cart": 3, "checkout": 2, "asked_twice": 2,
        "signed_up": 1, "newsletter": 1, "size_guide": 1, "found_store": 1, "saw_stock": 1, "long_visit": 1, "regular": 1,
    },
    "leads": {
        "enquiry": 2, "quote": 1, "form_seen": 3, "pricing": 1, "case_studies": 1, "convinced": 1, "white_paper": 1, "demo_video": 1, "webinar": 1,
        "callback": 1, "newsletter": 1, "came_back": 1, "from_mailing": 1, "from_network": 1,
    },
    "blog": {
        "subscribed": 1, "asked": 1, "read_one": 3, "read_three": 2, "long_visit": 1, "regular": 1, "commented": 1, "listened": 1, "took_feed": 1,
        "shared": 1, "from_mailing": 1, "from_social": 1, "from_search": 1, "went_on": 1,
    },
    "app": {
        "subscribed": 1, "signed_up": 2, "verified": 2, "made_project": 1, "imported": 1, "big_import": 1, "invited_team": 1, "saw_plans": 1,
        "thought_twice": 1, "asked_support": 1, "back_in_week": 1,
    },
    "woocommerce": {
        "purchase": 1, "saw_product": 2, "compared": 1, "saw_category": 1, "searched": 1, "cart": 2, "saw_cart": 1, "coupon": 1, "checkout": 2,
        "tried_to_pay": 2, "account": 1, "long_visit": 1, "came_back": 1, "from_search": 1,
    },
}  # fmt: skip
FUNNELS = {
    "shop": {"checkout": [3, 2, 1, 1], "first_order": [1, 1, 1]},
    "leads": {"form": [3, 3], "journey": [1, 1, 1, 1]},
    "blog": {"subscribe": [3, 1, 1], "mailing": [1, 1, 1]},
    "app": {"activation": [2, 2, 2, 1], "paying": [2, 1, 1]},
    "woocommerce": {"checkout": [2, 2, 2, 1], "payment": [2, 2, 1]},
}
VALUES = {"shop": 30.5, "leads": 1600, "blog": None, "app": 9.9, "woocommerce": 60}
"""The total value of the conversions that were planted."""


def lines(name: str) -> list[str]:
    """Return the log of an example."""
    if name == "app":
        return EVENTS
    timed_lines = []
    for visit in VISITS[name]:
        start, _, requests = visit.partition(" ")
        visitor, _, day = start.partition(".")
        second = int(day) * DAY
        for request in requests.split("|"):
            method, target, *more = request.split()
            words = {word[0]: word[1:] for word in more}
            second += int(words.get("+", STEP))
            status = next((int(word) for word in more if word.isdigit()), 200)
            timed_lines.append((second, line(f"{method} {target}", second, status, who=f"192.0.2.{visitor} - -", referrer=words.get("<", "-"))))
    return [text for _, text in sorted(timed_lines)]


def test_each_example_has_a_log() -> None:
    assert example_names() == tuple(sorted(REACHED)) == tuple(sorted([*VISITS, "app"]))


@pytest.mark.parametrize("name", example_names())
def test_an_example_loads_names_the_schema_and_has_few_macro_goals(name: str) -> None:
    assert example_text(name).startswith(f"# yaml-language-server: $schema={SCHEMA_URL}\n")
    assert example_text(name).isascii()
    assert max(map(len, example_text(name).splitlines())) <= 150
    goals = parse_goals(example_text(name), f"{name}.yaml")
    assert len(goals.macros) in {1, 2}
    assert len(goals.funnels) == 2


@pytest.mark.parametrize("name", example_names())
def test_an_example_matches_what_was_planted(name: str, tmp_path: Path) -> None:
    file = tmp_path / "goals.yaml"
    file.write_text(example_text(name), encoding="utf-8")
    document = runs.document([written(tmp_path / "log", lines(name))], ["overview", "goals", "funnel"], file)
    reports = json.loads(runs.render(document, "json"))["reports"]
    assert {row["goal"]: row["reached"] for row in reports["goals"]} == REACHED[name]
    reached: dict[str, list[int]] = {}
    for row in reports["funnel"]:
        reached.setdefault(row["funnel"], []).append(row["reached"])
    assert reached == FUNNELS[name]
    assert next(row["value"] for row in reports["overview"] if row["metric"] == "value") == VALUES[name]
