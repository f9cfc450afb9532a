"""The rules of wording, applied to the sentences that the product can print: those on several screens, and the strings in its source.

A count precedes its rate, the range is called likely, no cause is named, and no word claims more than a log can show.
"""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING

import pytest
import runs
from places import PACKAGE
from rich.text import Text
from small_logs import line, written
from wording_rules import FORBIDDEN, block_texts, forbidden, rates_alone

from convkit.core import plugins
from convkit.core.blocks import Screen

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from convkit.core.document import Document


REPORTS = (None, *plugins.names("reports"))

PATTERN = re.compile(r"\(\?P<|%p| fits best, ")
"""Strings that are not claims: groups of regular expressions, a time directive, and how well a format fits."""


def small_site(converting: int, others: int, goals: str, folder: Path) -> Document:
    """Return the full report on a log with this many sessions with and without a purchase."""
    lines = []
    for number in range(converting + others):
        who = f"10.1.{number >> 8}.{number & 255} - -"
        requests = ["GET /", "GET /cart", *(["POST /cart", "GET /thanks"] if number < converting else ["GET /away"] * (number % 2))]
        lines += [line(request, number * 40 + place * 9, who=who) for place, request in enumerate(requests)]
        lines += [line("GET /gone", number * 40, 404, who=f"10.2.{number >> 8}.{number & 255} - -")] if number % 9 == 0 else []
        lines += [line("GET /style.css", number * 40, who=who)] if number % 3 else []
    (folder / "goals.yaml").write_text(goals, encoding="utf-8")
    return runs.document([written(folder / "access.log", lines)], goals=folder / "goals.yaml")


@pytest.fixture(scope="module")
def documents(tmp_path_factory: pytest.TempPathFactory) -> list[Document]:
    """Return reports that together contain most of the product's sentences."""
    folder = tmp_path_factory.mktemp("wording")
    shop = "macro: {purchase: {page: /thanks, value: query.total}}\nmicro: {cart: /cart}\nfunnels: {shop: [cart, purchase]}\n"
    bought = "macro: {bought: /thanks, a: /a, b: /b}\nfunnels: {shop: {steps: [/cart, bought], per: visitor, window: 1h}}\n"
    sites = [
        small_site(converting, others, goals, folder)
        for converting, others, goals in ((0, 0, shop), (0, 60, shop), (1, 400, shop), (40, 300, shop), (40, 30, bought), (200, 400, shop))
    ]
    return [*(runs.sample_report(report) for report in REPORTS), runs.sample(goals=None), *sites]


@pytest.fixture(scope="module")
def texts(documents: list[Document]) -> list[str]:
    """Return every sentence of these reports once, in order."""
    return list(dict.fromkeys(text for document in documents for text in sentences(document)))


def sentences(document: Document) -> Iterator[str]:
    """Yield every sentence, line and row of a document, before lines are wrapped."""
    yield from (finding.text for finding in document.findings)
    yield from (note.text for note in document.notes)
    for screen in (Screen(width, limit, part=part) for width in (80, 120) for limit in (None, 0) for part in (True, False)):
        for report in document.reports.values():
            yield from block_texts(report.draw(report.frame, screen))


def test_the_checks_detect_forbidden_wording() -> None:
    wrong = ("more because of it", "leads to sales", "p = 0.03", "±2%", "not significant", "a lift", "95% confidence", "thanks to you")
    assert [text for text in wrong if not FORBIDDEN.search(text)] == []
    assert not forbidden("3 sessions came after /thanks")
    assert rates_alone("41% of them") == ["41%"]
    assert rates_alone("likely 39 – 42%, 40 of them") == ["42%"]
    assert rates_alone("40 of 3,412, about 1 in 85 (1.2%)") == []


def test_no_sentence_on_a_screen_claims_too_much(texts: list[str]) -> None:
    assert len(texts) > 200
    assert [text for text in texts if forbidden(text)] == []


def test_a_count_precedes_every_rate(texts: list[str]) -> None:
    """The rule applies to sentences and to the rows of tables."""
    assert [text for text in texts if rates_alone(text)] == []


def constants(module: Path) -> list[str]:
    """Return the string constants in a module's source, without docstrings."""
    tree = ast.parse(module.read_text(encoding="utf-8"))
    bare = {node.value for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    return [node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and node not in bare and isinstance(node.value, str)]


def test_no_string_in_the_source_claims_too_much() -> None:
    texts = [text for module in PACKAGE.rglob("*.py") for text in constants(module)]
    sentences_only = [PATTERN.sub("", text) for text in texts if " " in text and not text.startswith("^")]
    assert len(sentences_only) > 2_000
    assert [text for text in sentences_only if forbidden(text)] == []


def test_with_fewer_than_a_hundred_conversions_the_odds_follow_the_rate(texts: list[str]) -> None:
    """The headline shows count, rate and odds, and the range if there is room for it."""
    heads = [text for text in texts if re.match(r"Converted +[1-9]\d? ", text)]
    assert len(heads) >= 8
    assert [text for text in heads if not re.match(r"Converted +\d+ +[\d.]+%(?:, about 1 in \d+|; |$| \(likely)", text)] == []
    assert any(re.match(r"Converted +40 +12%, about 1 in 8 \(likely 9 – 16%\)", text) for text in heads)


def test_a_finding_on_too_few_conversions_says_what_to_do(documents: list[Document]) -> None:
    """It gives the time needed, and the goal to judge by in the meantime, or says that there is none."""
    few = [finding.text for document in documents for finding in document.findings if finding.text.startswith(("With only ", "Only "))]
    assert len(few) >= 3
    assert all(re.search(r"would take about [\d,]+ (?:day|month|year)s? of logs before and after it", text) for text in few)
    assert all(re.search(r"Judge by \w+ \(\d+ of \d+ \w[\w ]* came after it\)|[Nn]o micro goal can stand in for \w+ yet", text) for text in few)


def test_gains_are_upper_bounds_per_month(documents: list[Document]) -> None:
    gains = [text for document in documents for finding in document.findings for text in re.findall(r"[^.]*a month are at stake\.", finding.text)]
    assert gains
    assert all(re.fullmatch(r" At most [\d,]+ (?:\w+s?|with [\w -]+) a month are at stake\.", gain) for gain in gains)


def test_the_range_is_called_likely(documents: list[Document]) -> None:
    wide = [runs.render(document, width=120) for document in documents]
    assert any("likely range" in text for text in wide)
    assert not [text for text in wide if re.search(r"interval|margin", text)]


def test_colours_are_few(documents: list[Document]) -> None:
    """Bars have one colour, and items more common than chance would explain have another; nothing is green or red."""
    for document in documents:
        text = Text.from_ansi(runs.render(document, width=120, colour=True))
        colours = {style.color.name for span in text.spans if not isinstance(style := span.style, str) and style.color}
        assert colours <= {"color(6)", "color(3)"}
