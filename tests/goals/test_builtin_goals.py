"""The built-in goals match the paths of real shops and forms, and no paths that only resemble them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from small_logs import line, reached_by

if TYPE_CHECKING:
    from pathlib import Path

REQUESTS = {
    "GET /thank-you 200": "purchase",
    "GET /thankyou 200": "purchase",
    "GET /de/shop/thanks/ 200": "purchase",
    "GET /checkout/thank-you?order=7 200": "purchase",
    "GET /checkout/order-received/1234/?key=wc_order_x 200": "purchase",
    "GET /checkout/onepage/success/ 200": "purchase",
    "GET /checkout/success 200": "purchase",
    "GET /Checkout/Success 304": "purchase",
    "GET /checkout/12/complete 200": "purchase",
    "GET /order-confirmation?id_order=7 200": "purchase",
    "GET /orders/1234/confirmed 200": "purchase",
    "GET /checkouts/cn/abc123/thank-you 200": "purchase",
    "GET /payment/success 200": "purchase",
    "GET /thank-you 302": "",
    "GET /thank-you 404": "",
    "POST /thank-you 200": "",
    "HEAD /thank-you 200": "",
    "GET /thank-you-note-templates 200": "",
    "GET /blog/thank-you-for-your-order 200": "",
    "GET /go?to=/thank-you 200": "",
    "GET /order-history 200": "",
    "GET /account/orders/12 200": "",
    "GET /success 200": "",
    "GET /contact/thank-you 200": "lead",
    "GET /contact-us/thanks 200": "lead",
    "GET /contact-thank-you 200": "lead",
    "GET /contact-form/thank-you/ 200": "lead",
    "GET /en/contact/form/thank-you 200": "lead",
    "GET /request-a-quote/thank-you 200": "lead",
    "GET /demo/thanks 200": "lead",
    "GET /sign-up/success 200": "lead",
    "GET /register/confirmation 200": "lead",
    "POST /contact 302": "lead",
    "POST /quote 303": "lead",
    "POST /contact 200": "",
    "POST /contact 422": "",
    "GET /contact 200": "",
    "POST /register 302": "signup",
    "POST /register 200": "",
    "POST /newsletter/subscribe 302": "newsletter",
    "GET /subscribe/success 200": "newsletter",
    "GET /product/blue-mug 200": "product",
    "GET /collections/all/products/mug 200": "product",
    "GET /p/123 200": "product",
    "GET /product/mug.jpg 200": "",
    "GET /products 200": "",
    "GET /production/plant 200": "",
    "GET /cart/ 200": "cart",
    "GET /basket 200": "cart",
    "POST /cart/add 302": "cart",
    "POST /cart/add 200": "cart",
    "GET /mug?add-to-cart=7 302": "cart",
    "GET /cartoon 200": "",
    "GET /blog/cart-before-horse 200": "",
    "GET /bagpipes 200": "",
    "GET /checkout 200": "checkout",
    "GET /checkout/shipping 200": "checkout",
    "GET /checkout/onepage 200": "checkout",
    "GET /checkout 302": "",
    "GET /search?q=mug 200": "search",
    "GET /?s=mug 200": "search",
    "GET /catalogsearch/result/?q=mug 200": "search",
    "GET /research 200": "",
    "GET /files/report.pdf 200": "download",
    "GET /files/talk.mp3 206": "download",
    "GET /files/report.pdf 404": "",
    "GET /api/cart 200": "",
}
"""Requests with their status, and the goals that each one reaches."""


@pytest.fixture(scope="module")
def reached(tmp_path_factory: pytest.TempPathFactory) -> dict[str, set[str]]:
    """Return the goals that each request reaches; each is sent by a different visitor, who has already viewed a page."""
    lines, numbers = [], {}
    for number, request in enumerate(REQUESTS):
        request_line, _, status = request.rpartition(" ")
        who = f"198.51.100.{number} - -"
        lines += [line("GET /welcome", 0, who=who), line(request_line, 10, int(status), who=who)]
        numbers[len(lines)] = request
    folder: Path = tmp_path_factory.mktemp("shop")
    goals = reached_by(folder, lines)
    return {request: {goal for goal, matching_lines in goals.items() if number in matching_lines} for number, request in numbers.items()}


@pytest.mark.parametrize(("request_line", "expected"), REQUESTS.items())
def test_requests_of_real_sites(reached: dict[str, set[str]], request_line: str, expected: str) -> None:
    assert reached[request_line] == set(expected.split())


def test_three_articles_make_a_reader_and_five_minutes_a_long_visit(tmp_path: Path) -> None:
    pages = ("/blog/a", "/blog/a", "/blog", "/news/b", "/contact", "/en/magazine/c", "/blog/d")
    matching_lines = reached_by(tmp_path, [line(f"GET {page}", 60 * number) for number, page in enumerate(pages)])
    assert (matching_lines["reader"], matching_lines["long_visit"]) == ([6], [6])
