"""The report on friction: what it shows on each screen, what it finds in logs whose truth is known, and the findings and drop-off that rely on it."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING, Any

import pytest
import runs
from small_logs import line, written

from convkit.reports.friction import COLUMNS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from convkit.core.document import Document

SHOP = """
macro: {purchase: {page: /thank-you, once_per: visitor}}
micro: {product: /product/*, cart: POST /cart/add, checkout: /checkout}
funnels: {shop: [product, cart, checkout, purchase]}
site: {group: [/product/*]}
"""


def document(folder: Path, lines: Iterable[str], goals: str, *reports: str, **options: Any) -> Document:  # noqa: ANN401 (the options of `runs.document`)
    log, file = written(folder / "access.log", lines), written(folder / "goals.yaml", [goals])
    return runs.document([log], reports or None, file, **options)


def rows_of(document: Document, **values: Any) -> list[dict[str, Any]]:  # noqa: ANN401 (values of any column)
    return document.reports["friction"].frame.filter(**values).rows(named=True)


def test_the_planted_fault_of_the_sample_is_found_with_its_stakes() -> None:
    (row,) = rows_of(runs.sample("friction"), funnel="checkout", step=3, what="form_again")
    assert tuple(row) == tuple(column.name for column in COLUMNS)
    assert (row["name"], row["item"], row["met"], row["compared"], row["went_on"]) == ("checkout", "(any)", 21, 21, 1)
    assert (round(row["went_on_rate"], 3), round(row["others_rate"], 2), row["loses"], row["lost"], row["up_to"]) == (0.048, 0.77, True, 15, 14)
    first = runs.sample("friction").reports["friction"].frame.row(0, named=True)
    assert first == row, "what could win most comes first"
    finding = runs.sample().findings[0].text
    assert finding == (
        "checkout: 21 sessions were shown the form again; 1 of them went on (4.8%), against 77% of others at the same point."
        " That is more than chance would explain. At most 14 purchases a month are at stake."
    )


def test_pages_and_dead_links_are_listed_and_not_tested() -> None:
    sample = runs.sample("friction")
    (cart,) = rows_of(sample, funnel="checkout", step=2, what="page", item="/cart")
    assert (cart["met"], cart["went_on"], cart["loses"], cart["others_rate"], cart["up_to"]) == (188, 78, None, None, None)
    links = rows_of(sample, what="dead_link")
    assert {row["item"].partition(" ← ")[0] for row in links} == {"/product/sold-out"}
    assert (links[0]["item"], links[0]["met"], links[0]["loses"]) == ("/product/sold-out ← /product/*", 20, None)
    assert all(row["funnel"] is None and row["step"] is None for row in links)


@pytest.mark.parametrize("width", [80, 120])
def test_screens_name_what_was_tested_and_what_loses(width: int) -> None:
    text = runs.render(runs.sample("friction"), "table", width=width)
    screen = " ".join(text.split())
    assert max(map(len, text.splitlines())) <= width
    assert "checkout: 3 checkout → 4 purchase the form shown again 21 4.8% 77%" in screen
    assert "15 14 purchases loses" in screen
    assert "Tested: forms shown again, error pages, " in screen
    assert "slow responses" not in screen, "the log has no durations"
    assert "DEAD LINKS the site's own pages link to what does not exist" in screen
    assert ("times, likely" in screen) == (width == 120)


def visits(number: int, harm: float = 0.0) -> Iterator[str]:
    """Yield the lines of visitors of whom half go on at once and half look around for long; any page may have an error that nobody sees."""
    chance = Random(5)
    for visitor in range(number):
        who, at = f"198.{visitor >> 8}.{visitor & 255}.7 - -", chance.randint(0, 20 * 86_400)
        is_ready = chance.random() < 0.5
        pages = ["/checkout", *(["/thank-you"] if chance.random() < 0.6 else [])] if is_ready else ["/product/1"] * chance.randint(4, 14)
        for path in ("/product/2", "POST /cart/add", "/cart", *pages):
            yield line(path if path.startswith("POST") else f"GET {path}", at, 302 if path.startswith("POST") else 200, who=who)
            if not path.startswith("POST") and chance.random() < 0.06:
                yield line("GET /avatars/me", at + 1, 404, who=who)
                if chance.random() < harm:
                    break
            at += chance.randint(11, 90)


def test_errors_that_harm_nobody_are_no_finding(tmp_path: Path) -> None:
    """Those who drop off look around for longer, so they meet more of everything."""
    made = document(tmp_path, visits(1_200), SHOP)
    (row,) = made.reports["drop-off"].frame.filter(step=2, what="error", item="(any)").rows(named=True)
    assert row["dropped_share"] > 5 * row["went_on_share"]
    assert not row["more"]
    assert [finding for finding in made.findings if "chance" in finding.text] == []
    assert not document(tmp_path, visits(1_200), SHOP, "friction").reports["friction"].frame["loses"].fill_null(value=False).any()


def test_errors_that_make_half_of_those_who_meet_them_leave_are_found(tmp_path: Path) -> None:
    made = document(tmp_path, visits(1_200, harm=0.5), SHOP)
    sentence = "checkout: 35 sessions got an error page; 8 of them went on (23%), against 61% of others at the same point."
    assert made.findings[0].text.startswith(sentence)
    rows = rows_of(document(tmp_path, visits(1_200, harm=0.5), SHOP, "friction"), what="error", funnel="shop")
    assert [(row["step"], row["loses"]) for row in rows] == [(3, True), (2, True), (1, True)]
    assert rows == sorted(rows, key=lambda row: -row["up_to"])


def export(folder: Path) -> Path:
    """Write an export: of 200 who pay, 35 get an error, after which 6 try again and buy; of the others, 120 buy. Some read the terms first."""
    chance, rows = Random(3), ["user_id,event,timestamp"]
    for user in range(200):
        failed = user < 35
        buys = user < 6 if failed else user < 155
        events = ["begin_checkout", *(["view_terms"] if chance.random() < 0.3 else []), "add_payment_info"]
        events += [*(["payment_error"] if failed else []), *(["purchase"] if buys else [])]
        rows += [f"u{user},{event},2026-10-{1 + user % 20:02d}T10:{place:02d}:00Z" for place, event in enumerate(events)]
    return written(folder / "events.csv", rows)


EVENTS = "macro: {purchase: {event: purchase}}\nmicro: {checkout: {event: begin_checkout}}\nfunnels: {shop: [checkout, purchase]}\n"


@pytest.mark.parametrize("goal", ["", "pay_error: {event: payment_error}"])
def test_an_event_is_found_by_its_name(tmp_path: Path, goal: str) -> None:
    goals = written(tmp_path / "goals.yaml", [EVENTS.replace("micro: {", f"micro: {{{goal}{', ' if goal else ''}")])
    made = runs.document([export(tmp_path)], None, goals)
    sentence = "35 sessions reached pay_error" if goal else "35 sessions had the event payment_error"
    assert made.findings[0].text.startswith(f"checkout: {sentence}; 6 of them went on (17%), against 73% of others at the same point.")
    friction = runs.document([export(tmp_path)], ["friction"], goals)
    (row,) = rows_of(friction, what="event", item="payment_error")
    assert (row["met"], row["went_on"], row["loses"]) == (35, 6, True)
    (terms,) = rows_of(friction, what="event", item="view_terms")
    assert not terms["loses"]
    (shown,) = [text.split() for text in runs.render(friction, "table", width=80).splitlines() if " 35 " in text]
    assert shown[:2] == (["goal", "pay_error"] if goal else ["event", "payment_error"]), "an event with a goal of its own is shown once"


def test_the_page_that_all_see_next_is_looked_through(tmp_path: Path) -> None:
    """Whoever adds to the cart sees it; what matters is where they go from there."""
    goals = "macro: {bought: /thanks}\nmicro: {add: POST /add}\nfunnels: {shop: [add, /checkout, bought]}\n"
    plans = [["/cart", "/help", "/"]] * 6 + [["/cart", "/cart"]] * 5 + [["/cart", "/checkout"]] * 9 + [["/"]]
    lines = [
        line(text if text.startswith("POST") else f"GET {text}", number * 100 + place, 302 if place == 0 else 200, who=f"198.51.100.{number} - -")
        for number, plan in enumerate(plans)
        for place, text in enumerate(["POST /add", *plan])
    ]
    made = document(tmp_path, lines, goals, "drop-off", "funnel")
    rows = made.reports["drop-off"].frame.filter(step=1)
    shown = {what: dict(rows.filter(what=what).select("item", "dropped").rows()) for what in ("next", "then")}
    assert shown == {"next": {"/cart": 11, "/": 1}, "then": {"/help": 6, "(left)": 5, "/": 1, "/checkout": 0}}
    screen = " ".join(runs.render(made, "table", width=80, limit=0).split())
    assert "12 dropped off after /cart: 6 /help, 5 left, 1 /" in screen
    assert "next page after /cart dropped /help 6" in screen


def test_every_value_of_a_key_is_judged_among_its_own(tmp_path: Path) -> None:
    """In Firefox the form never gets through; in Chrome it is the same whether it is shown again or not."""
    agents = {"firefox": "Gecko/20100101 Firefox/140.0", "chrome": "(KHTML, like Gecko) Chrome/137.0.0.0 Safari/537.36"}
    lines = []
    for place, (browser, agent) in enumerate(agents.items()):
        for number in range(120):
            again = number % 3 == 0
            buys = number % 2 == 0 and not (again and browser == "firefox")
            requests = ["GET /checkout", *(["POST /checkout"] if again else []), *(["GET /thank-you"] if buys else [])]
            who = f"198.51.{place}.{number} - -"
            lines += [
                line(text, number * 100 + second * 15, who=who, agent=f"Mozilla/5.0 (X11; Linux x86_64; rv:140.0) {agent}")
                for second, text in enumerate(requests)
            ]
    goals = "macro: {purchase: /thank-you}\nmicro: {checkout: /checkout}\nfunnels: {shop: [checkout, purchase]}\n"
    made = document(tmp_path, lines, goals, "friction", by="browser")
    rows = rows_of(made, what="form_again", funnel="shop")
    assert [(row["browser"], row["met"], row["went_on"], row["loses"]) for row in rows] == [("chrome", 40, 20, False), ("firefox", 40, 0, True)]
    screen = runs.render(made, "table", width=80)
    assert "by browser" in screen
    assert screen.index("chrome  120 sessions") < screen.index("firefox  120 sessions")
    narrowed = document(tmp_path, lines, goals, "friction", where=["browser=firefox"])
    assert [(row["met"], row["loses"]) for row in rows_of(narrowed, what="form_again", funnel="shop")] == [(40, True)]


def test_a_site_without_a_funnel_is_judged_as_a_whole(tmp_path: Path) -> None:
    """Of those who land on the form and get it back, nobody views anything else."""
    lines = []
    for number in range(160):
        requests = ["GET /form", *(["POST /form"] if number % 4 == 0 else ["GET /other"])]
        lines += [line(text, number * 100 + place * 11, who=f"198.51.100.{number} - -") for place, text in enumerate(requests)]
    made = document(tmp_path, lines, "macro: {sent: /sent}\n", "friction")
    (row,) = rows_of(made, what="form_again")
    assert (row["funnel"], row["step"], row["met"], row["went_on"], row["loses"], row["lost"], row["up_to"]) == (None, None, 40, 0, True, 40, None)
    whole = document(tmp_path, lines, "macro: {sent: /sent}\n")
    assert whole.findings[0].text.startswith("Anywhere on the site: 40 sessions were shown the form again; 0 of them went on (0%), against 100%")


def test_a_log_with_nothing_to_compare_says_so(tmp_path: Path) -> None:
    screen = runs.render(document(tmp_path, [line("GET /")], SHOP, "friction"), "table", width=80)
    assert "At no step did enough meet anything that is tested" in screen
