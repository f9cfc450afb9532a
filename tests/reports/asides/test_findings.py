"""The findings under "worth a look": planted differences are reported in the exact words, and random ones are not.

Every log consists of planned sessions, so each count in a sentence can be checked against the plan next to it.
"""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING

import pytest
import runs
from small_logs import line, report, written

from convkit.core import stats
from convkit.funnels.points import ANY_PATH

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

Plan = list[tuple[int, str]]
"""How many sessions send which requests: paths of pages, `again` for a form that is shown again, or `error` for a missing page."""

SHOP = """
macro: {purchase: /thanks}
micro: {cart: /cart, checkout: /checkout}
funnels: {shop: [cart, checkout, purchase]}
"""
SHORT = "macro: {purchase: /thanks}\nmicro: {checkout: /checkout}\nfunnels: {shop: [checkout, purchase]}\n"
NO_FUNNEL = "macro: {purchase: /thanks}\nmicro: {cart: /cart}\n"
MONTH = {"since": "2026-10-01", "until": "2026-10-30"}
OCTOBER = {"since": "2026-10-01", "until": "2026-10-31"}

CHANCE = 0.05
"""The share of logs without any difference in which `more` may appear."""


def sessions(plan: Plan) -> Iterator[str]:
    """Yield the lines of the planned sessions, all on one afternoon and each by a different visitor."""
    number = 0
    for count, requests in plan:
        for _ in range(count):
            number += 1
            who = f"10.{number >> 16}.{number >> 8 & 255}.{number & 255} - -"
            shown = ""
            for place, word in enumerate(requests.split()):
                request = {"again": f"POST {shown}", "error": "GET /missing"}.get(word, f"GET {word}")
                yield line(request, number * 5 + place * 20, 404 if word == "error" else 200, who=who)
                shown = word if word.startswith("/") else shown


def findings(folder: Path, goals: str, plan: Plan, period: dict[str, str] = MONTH) -> list[str]:
    """Return the findings in the whole report on planned sessions."""
    (folder / "goals.yaml").write_text(goals, encoding="utf-8")
    document = runs.document([written(folder / "access.log", sessions(plan))], goals=folder / "goals.yaml", **period)
    return [finding.text for finding in document.findings]


def at_checkout(item: str, dropped: tuple[int, int], went_on: tuple[int, int], before: str = "") -> Plan:
    """Return a plan of sessions at the checkout; each side gives the number of sessions with the item and without it."""
    start = f"{before} /checkout".strip()
    sides = [(dropped, ""), (went_on, "/thanks")]
    return [row for (with_item, without_item), end in sides for row in ((with_item, f"{start} {item} {end}"), (without_item, f"{start} {end}"))]


DIFFERENCES = {
    "forms": (
        SHORT,
        at_checkout("again", (20, 30), (2, 48)),
        (
            # Of the 78 others, 48 went on: 22 times 48/78, less 2, is 11.5.
            "checkout: 22 sessions were shown the form again; 2 of them went on (9.1%), against 62% of others at the same point."
            " That is more than chance would explain. At most 11 purchases a month are at stake."
        ),
    ),
    "errors, rounded down from 8.3": (
        SHORT,
        at_checkout("error", (15, 35), (1, 49)),
        (
            "checkout: 16 sessions got an error page; 1 of them went on (6.2%), against 58% of others at the same point."
            " That is more than chance would explain. At most 8 purchases a month are at stake."
        ),
    ),
    "the largest gain, not the largest count": (
        SHOP,
        # Cart: 24 got an error, and of the 176 others 100 went on: 24 times 100/176 is 13.6, of whom 50/100 would buy. Checkout: 11.5.
        [(24, "/cart error"), (76, "/cart"), *at_checkout("again", (20, 30), (2, 48), before="/cart")],
        (
            # Of the 78 others, 48 went on: 22 times 48/78, less 2, is 11.5.
            "checkout: 22 sessions were shown the form again; 2 of them went on (9.1%), against 62% of others at the same point."
            " That is more than chance would explain. At most 11 purchases a month are at stake."
        ),
    ),
    "a gain of less than one purchase": (
        "macro: {purchase: /bought}\nmicro: {checkout: /checkout, sent: /thanks}\nfunnels: {shop: [checkout, sent, purchase]}\n",
        at_checkout("again", (15, 15), (0, 30)),
        (
            "checkout: 15 sessions were shown the form again; 0 of them went on (0%), against 67% of others at the same point."
            " That is more than chance would explain."
        ),
    ),
}

TWO_FUNNELS = "macro: {purchase: /thanks}\nmicro: {checkout: /checkout}\nfunnels: {later: [checkout, /never], shop: [checkout, purchase]}\n"


@pytest.mark.parametrize(("goals", "step"), [(SHORT, "checkout"), (TWO_FUNNELS, "shop.checkout")])
def test_the_command_explains_the_step_of_the_funnel_that_differs(tmp_path: Path, goals: str, step: str) -> None:
    """If several funnels have a step with this name, the funnel is named too."""
    (tmp_path / "goals.yaml").write_text(goals, encoding="utf-8")
    log = written(tmp_path / "access.log", sessions(at_checkout("again", (20, 30), (2, 48))))
    (finding,) = (
        finding_with_command
        for finding_with_command in runs.document([log], goals=tmp_path / "goals.yaml", **MONTH).findings
        if finding_with_command.command
    )
    assert finding.command == f"convkit explain {log} -g {tmp_path / 'goals.yaml'} --dropped-at {step}"


NO_DIFFERENCES = {
    "9 met it": at_checkout("again", (9, 41), (0, 50)),
    "29 others": at_checkout("again", (20, 9), (0, 20)),
    "fewer than 5 would go on": at_checkout("again", (13, 70), (0, 40)),
    "who leaves looks around longer": [(40, "/checkout /a /b error /c"), (10, "/checkout /a /b /c"), (50, "/checkout /thanks")],
    "equal shares": at_checkout("again", (20, 30), (20, 30)),
    "more often among those who continued": at_checkout("error", (2, 48), (20, 30)),
    "more, but not more than by chance": at_checkout("error", (8, 42), (4, 46)),
}


@pytest.mark.parametrize(("goals", "plan", "sentence"), DIFFERENCES.values(), ids=DIFFERENCES)
def test_a_planted_difference_is_named(tmp_path: Path, goals: str, plan: Plan, sentence: str) -> None:
    assert findings(tmp_path, goals, plan)[0] == sentence


@pytest.mark.parametrize("plan", NO_DIFFERENCES.values(), ids=NO_DIFFERENCES)
def test_nothing_is_named_if_there_is_no_difference(tmp_path: Path, plan: Plan) -> None:
    assert not [text for text in findings(tmp_path, SHORT, plan) if "more than chance" in text]


def test_a_gain_is_per_thirty_days(tmp_path: Path) -> None:
    """The same sessions in a period of ten days are three times as many per month."""
    texts = findings(tmp_path, SHORT, at_checkout("again", (20, 30), (2, 48)), {"since": "2026-10-01", "until": "2026-10-10"})
    assert texts[0].endswith(" At most 34 purchases a month are at stake.")


def landings(landed: int, bounced: int, rest: tuple[int, int] = (150, 60)) -> Plan:
    """Return a plan of sessions that land on a post or on the rest of the site, from the landings and bounces of each."""
    return [(bounced, "/post"), (landed - bounced, "/post /cart"), (rest[1], "/"), (rest[0] - rest[1], "/ /cart")]


LANDING_PAGES = {
    "90% against 40%": (
        landings(150, 135),
        "/post: 150 sessions landed here; 90% of them viewed nothing else (the rest of the site: 40%), and 0 converted.",
    ),
    "the one with most landings": (
        # /post: 150 of 200 bounce, against 210 of 450; /news: 135 of 150, against 225 of 500.
        [*landings(200, 150, (300, 75)), (135, "/news"), (15, "/news /thanks")],
        "/post: 200 sessions landed here; 75% of them viewed nothing else (the rest of the site: 47%), and 0 converted.",
    ),
    "100 landings, with conversions": (
        [*landings(97, 90), (3, "/post /thanks")],
        "/post: 100 sessions landed here; 90% of them viewed nothing else (the rest of the site: 40%), and 3 converted.",
    ),
}
NO_LANDING_PAGES = {"99 landings": landings(99, 90), "as the rest": landings(150, 60), "below the rest": landings(150, 30, (90, 60))}


@pytest.mark.parametrize(("plan", "sentence"), LANDING_PAGES.values(), ids=LANDING_PAGES)
def test_a_landing_page_with_many_bounces_is_named(tmp_path: Path, plan: Plan, sentence: str) -> None:
    assert findings(tmp_path, NO_FUNNEL, plan)[0] == sentence


@pytest.mark.parametrize("plan", NO_LANDING_PAGES.values(), ids=NO_LANDING_PAGES)
def test_no_other_landing_page_is_named(tmp_path: Path, plan: Plan) -> None:
    assert not [text for text in findings(tmp_path, NO_FUNNEL, plan) if "landed here" in text]


def test_without_a_macro_goal_conversions_are_not_mentioned(tmp_path: Path) -> None:
    texts = findings(tmp_path, "micro: {cart: /cart}\n", landings(150, 135))
    assert texts == ["/post: 150 sessions landed here; 90% of them viewed nothing else (the rest of the site: 40%)."]


FEW = {
    "eleven months, and a stand-in": (
        [(35, "/ /cart /thanks"), (5, "/ /thanks"), (161, "/ /cart"), (3_211, "/ /about")],
        (
            "With only 40 purchases, a change of 20% would take about 11 months of logs before and after it to show up; in cart, about 2 months."
            " Too few sessions reach purchase to judge by. Judge by cart (35 of 40 purchases came after it), and check that purchase does not drop."
        ),
    ),
    "no stand-in that nearly all of them come after": (
        [(36, "/ /cart /thanks"), (4, "/ /thanks"), (160, "/ /cart"), (3_212, "/ /about")],
        (
            "With only 40 purchases, a change of 20% would take about 11 months of logs before and after it to show up."
            " Too few to judge by, and no micro goal can stand in for purchase yet."
        ),
    ),
    "no stand-in before half of them": (
        [(19, "/ /cart /thanks"), (21, "/ /thanks /cart"), (156, "/ /cart"), (3_216, "/ /about")],
        (
            "With only 40 purchases, a change of 20% would take about 11 months of logs before and after it to show up."
            " Too few to judge by, and no micro goal can stand in for purchase yet."
        ),
    ),
    "months that can be waited for": (
        [(80, "/ /cart /thanks"), (19, "/ /thanks"), (20, "/ /cart"), (181, "/ /about")],
        (
            "With only 99 purchases, a change of 20% would take about 3 months of logs before and after it to show up; in cart, about 3 months."
            " Judge by cart (80 of 99 purchases came after it), and check that purchase does not drop."
        ),
    ),
    "no goal that more than a third of the sessions reach": (
        [(80, "/ /cart /thanks"), (19, "/ /thanks"), (30, "/ /cart"), (200, "/ /about")],
        (
            "With only 99 purchases, a change of 20% would take about 3 months of logs before and after it to show up."
            " Too few to judge by, and no micro goal can stand in for purchase yet."
        ),
    ),
    "none": (
        [(60, "/ /cart"), (40, "/ /about")],
        "No session has reached purchase yet, so no change in it can be seen. No micro goal can stand in for purchase yet.",
    ),
}


@pytest.mark.parametrize(("plan", "sentence"), FEW.values(), ids=FEW)
def test_with_few_conversions_a_sentence_says_how_to_detect_a_change(tmp_path: Path, plan: Plan, sentence: str) -> None:
    assert findings(tmp_path, NO_FUNNEL, plan, OCTOBER) == [sentence]


@pytest.mark.parametrize("goals", [NO_FUNNEL, "micro: {cart: /cart}\n"], ids=["100 conversions", "no macro goal"])
def test_with_enough_conversions_or_without_a_macro_goal_there_is_no_finding(tmp_path: Path, goals: str) -> None:
    assert findings(tmp_path, goals, [(100, "/ /cart /thanks"), (400, "/ /about")]) == []


def test_sessions_needed_equal_the_published_numbers() -> None:
    """The numbers are for a 20 % change in rates of 40 and 196 per 3,412 sessions, at a level of 5 % and a power of 80 %."""
    assert stats.sessions_needed(40 / 3_412) == 36_347
    assert stats.sessions_needed(196 / 3_412) == 7_039


def test_a_single_report_has_no_findings(tmp_path: Path) -> None:
    (tmp_path / "goals.yaml").write_text(SHORT, encoding="utf-8")
    log = written(tmp_path / "access.log", sessions(at_checkout("again", (20, 30), (2, 48))))
    assert runs.document([log], ["funnel"], tmp_path / "goals.yaml").findings == ()


def without_difference(chance: Random) -> Plan:
    """Draw sessions of three steps in which errors and forms shown again are equally common on both sides."""
    plan = []
    for _ in range(chance.randint(200, 400)):
        words: list[str] = []
        for step in ("/cart", "/checkout", "/thanks"):
            words += [step, *(["again"] if chance.random() < 0.2 else []), *(["error"] if chance.random() < 0.15 else [])]
            if chance.random() < 0.45:
                break
        plan.append((1, " ".join(words)))
    return plan


def false_alarms(folder: Path, logs: int) -> int:
    """Return the number of logs without a difference whose reports nevertheless show something as `more`."""
    alarms = 0
    for seed in range(logs):
        rows = report(folder, sessions(without_difference(Random(seed))), SHOP)["reports"]["drop-off"]
        assert {row["what"] for row in rows if row["item"] == ANY_PATH and row["dropped"] >= 5} == {"error", "form_again"}
        alarms += any(row["more"] for row in rows)
    return alarms


def test_chance_alone_raises_few_alarms(tmp_path: Path) -> None:
    assert false_alarms(tmp_path, 20) <= 20 * CHANCE


@pytest.mark.slow
def test_chance_alone_raises_few_alarms_on_many_logs(tmp_path: Path) -> None:
    assert false_alarms(tmp_path, 200) <= 200 * CHANCE
