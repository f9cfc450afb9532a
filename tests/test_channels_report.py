"""Where sessions came from: by their first hit, whatever the period; the report `channels`, and what every report makes of it."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest
from small_logs import line, written

import convkit
from convkit import traffic
from convkit.goals import parse_goals
from convkit.intake import take_in
from convkit.reading import open_logs

if TYPE_CHECKING:
    from pathlib import Path

GOALS = (
    "macro: {sale: {page: /thanks, value: 10}}\nmicro: {cart: /cart, saw: /product/*}\nfunnels: {shop: {steps: [cart, sale], where: channel=Email}}\n"
)
SITE = "site: {hosts: [shop.example]}\n"
OWN, GOOGLE, PAYPAL = "https://shop.example/a", "https://www.google.com/", "https://www.paypal.com/x"
HOUR = 3600


def origins(folder: Path, lines: list[str], goals: str = SITE + GOALS, **options: str) -> list[tuple[Any, ...]]:
    """Return of each session, in order of their start, its channel, source, medium, campaign, the visitor's first channel, whether it came back."""
    run = convkit.analyze([written(folder / "access.log", lines)], parse_goals(goals, "goals.yaml"), facts=["channel"], **options)
    columns = ("channel", "source", "medium", "campaign", "first_channel", "came_back")
    return run.analysis.sessions.sort("started").select(pl.col(columns)).collect().rows()


def who(number: int) -> str:
    """Return a visitor."""
    return f"198.51.100.{number} - -"


@pytest.mark.parametrize(
    ("front", "expected"),
    [
        (("GET /old?utm_source=letter&utm_medium=email&utm_campaign=May", 301, GOOGLE), ("Email", "letter", "email", "May")),
        (("GET /gone", 404, GOOGLE), ("Organic Search", "google", "organic", "(none)")),
        (("GET /file.pdf", 200, GOOGLE), ("Organic Search", "google", "organic", "(none)")),
        (("GET /old", 301, "-"), ("Direct", "(direct)", "(none)", "(none)")),
        (("HEAD /a", 200, GOOGLE), ("Referral", "forum.example", "referral", "(none)")),
        (("GET /wp-json/a", 200, GOOGLE), ("Referral", "forum.example", "referral", "(none)")),
        (("GET /style.css", 200, GOOGLE), ("Referral", "forum.example", "referral", "(none)")),
    ],
)
def test_the_first_hit_tells_where_a_session_came_from(front: tuple[str, int, str], expected: tuple[str, ...], tmp_path: Path) -> None:
    """A redirect, an error or a download in front of the landing page does; what nobody looks at does not."""
    request, status, referrer = front
    lines = [line(request, 0, status, referrer=referrer), line("GET /a", 1, referrer="https://forum.example/x"), line("GET /b", 2, referrer=GOOGLE)]
    assert [row[:4] for row in origins(tmp_path, lines)] == [expected]


def test_links_of_the_site_and_payment_providers_open_no_channel(tmp_path: Path) -> None:
    """Who goes on after a pause, or comes back from paying, is Direct and is known to have come back; the first session stays the first."""
    lines = [
        line("GET /a", 0, referrer=GOOGLE),
        line("GET /b", HOUR, referrer=OWN),
        line("GET /thanks", 2 * HOUR, referrer=PAYPAL),
        line("GET /b", 3 * HOUR),
        line("GET /b?gclid=x", 4 * HOUR, referrer=OWN),
        line("GET /b", 5 * HOUR, referrer="https://www.shop.example/"),
    ]
    expected = [("Organic Search", False), ("Direct", True), ("Direct", True), ("Direct", False), ("Paid Search", False), ("Direct", True)]
    found = origins(tmp_path, lines)
    assert [(row[0], row[5]) for row in found] == expected
    assert {row[4] for row in found} == {"Organic Search"}
    assert {row[4] for row in origins(tmp_path, lines, since="2026-10-10T14:30")} == {"Organic Search"}


def test_the_first_session_is_that_of_the_visitor_alone(tmp_path: Path) -> None:
    lines = [line("GET /a", 0, who=who(1), referrer=GOOGLE), line("GET /a", HOUR, who=who(2)), line("GET /a", 2 * HOUR, who=who(1))]
    assert [(row[0], row[4]) for row in origins(tmp_path, lines)] == [
        ("Organic Search", "Organic Search"),
        ("Direct", "Direct"),
        ("Direct", "Organic Search"),
    ]


def test_referrers_are_read_only_where_a_run_needs_them(tmp_path: Path) -> None:
    """By key, question, funnel or report; and are left behind once sessions are known."""
    log = written(tmp_path / "access.log", [line("GET /a?utm_source=x", referrer=GOOGLE)])
    goals = parse_goals("macro: {sale: /thanks}", "goals.yaml")
    for needed, there in (((), False), (("device",), False), (("channel",), True)):
        cells = take_in(open_logs([log], "auto", ExitStack(), traffic.asked(goals, needed)), ()).cells
        assert ("referrer" in cells.columns) is there
    asking = parse_goals(GOALS, "goals.yaml")
    runs = [
        ({}, goals, False),
        ({"by": "device"}, goals, False),
        ({"by": "campaign"}, goals, True),
        ({"where": ["source=google"]}, goals, True),
        ({}, asking, True),
    ]
    for options, of, there in runs:
        analysis = convkit.analyze([log], of, **options).analysis
        assert ("channel" in analysis.sessions.collect_schema().names()) is there
        assert not {"referrer", "sent_query"} & set(analysis.hits.collect_schema().names())
