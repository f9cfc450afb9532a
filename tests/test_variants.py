"""Variants: who was shown which, from when on, and what becomes of visitors who saw two."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from small_logs import line, written

import convkit
from convkit.errors import GoalsFileError, UsageError
from convkit.goals import parse_goals

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from convkit.tables import Document

GOALS = "site: {variants: {checkout: query.v}}\nmacro: {sale: /sale}\nmicro: {cart: /cart}\nfunnels: {shop: [cart, sale]}\n"
HOUR = 3_600

READ: dict[str, dict[str, Any]] = {
    "{checkout: query.v}": {"checkout": "query.v"},
    "{a: prop.arm, b: path}": {"a": "prop.arm", "b": "path"},
    "{checkout: {path: [/checkout-a/**, '/checkout-b*']}}": {"checkout": ("/checkout-a/**", "/checkout-b*")},
    "{checkout: {path: /new/**}}": {"checkout": ("/new/**",)},
}
REFUSED = {
    "query.v": "`variants` says what tells them, like {checkout: query.v}",
    "{the checkout: query.v}": "'the checkout' is no name: use letters, digits, `_` and `-`",
    "{checkout: cookie.arm}": "no format of logs says cookies yet; write query.NAME, prop.NAME, path, or {path: [/a/**, /b/**]}",
    "{checkout: v}": "a variant is told by query.NAME, prop.NAME, path, or {path: [/a/**, /b/**]}",
    "{checkout: query.}": "a variant is told by",
    "{checkout: [query.v]}": "a variant is told by",
    "{checkout: {query: v}}": "a variant is told by",
    "{checkout: {path: [checkout]}}": "is no path: a path begins with `/`, as /checkout",
    "{checkout: {path: []}}": "an empty list; write a path",
}


@pytest.mark.parametrize(("text", "expected"), READ.items())
def test_variants_are_read(text: str, expected: dict[str, Any]) -> None:
    assert parse_goals(f"site: {{variants: {text}}}\nmacro: {{sale: /sale}}", "goals.yaml").site.variants == expected


@pytest.mark.parametrize(("text", "expected"), REFUSED.items())
def test_what_tells_no_variant_is_refused(text: str, expected: str) -> None:
    with pytest.raises(GoalsFileError) as raised:
        parse_goals(f"site:\n  variants: {text}\nmacro: {{sale: /sale}}", "goals.yaml")
    assert [problem.line for problem in raised.value.problems] == [2]
    assert expected in raised.value.problems[0].message


def visits(visitor: int, *sessions: str) -> Iterable[str]:
    """Yield the lines of a visitor's sessions, an hour after each other: paths with blanks between."""
    for hour, paths in enumerate(sessions):
        for second, path in enumerate(paths.split()):
            yield line(f"GET {path}", hour * HOUR + second * 5 + visitor, who=f"10.0.0.{visitor} - -")


VISITORS: tuple[tuple[str, ...], ...] = (
    ("/ /cart?v=a /sale",),  # a, and bought
    ("/", "/cart?v=a", "/cart /sale"),  # (none), then a twice: nothing says so in the last session
    ("/cart?v=b",),
    ("/cart?v=b /cart?v=b&x=1",),
    ("/cart?v=a", "/", "/cart?v=b /sale"),  # both: left out, whole
    ("/ /sale",),  # (none)
    ("/cart?v=",),  # Nothing is no variant.
)


def log(folder: Path, visitors: Iterable[Iterable[str]] = VISITORS) -> Path:
    """Return a log of visitors."""
    return written(folder / "access.log", sorted((text for number, one in enumerate(visitors, 1) for text in visits(number, *one)), key=_time))


def _time(text: str) -> str:
    return text.partition("[")[2]


def rows(document: Document, report: str) -> list[dict[str, Any]]:
    """Return a report's rows."""
    found: list[dict[str, Any]] = json.loads(convkit.render(document, "json"))["reports"][report]
    return found


def by_variant(document: Document, goal: str, figure: str = "reached") -> dict[str, int]:
    """Return a figure of a goal by variant."""
    return {row["variant.checkout"]: row[figure] for row in rows(document, "goals") if row["goal"] == goal}


def test_a_visitor_has_the_only_variant_from_the_first_session_on(tmp_path: Path) -> None:
    document = convkit.run([log(tmp_path)], ["overview", "goals", "funnel"], parse_goals(GOALS, "goals.yaml"), by="variant.checkout")
    figures = {(row["variant.checkout"], row["metric"]): row["value"] for row in rows(document, "overview")}
    assert {value: figures[value, "sessions"] for value, _ in figures} == {"a": 3, "b": 2, "(none)": 3}
    assert by_variant(document, "sale") == {"a": 2, "b": 0, "(none)": 1}
    assert by_variant(document, "cart") == {"a": 3, "b": 2, "(none)": 1}
    assert {row["variant.checkout"]: row["reached"] for row in rows(document, "funnel") if row["step"] == 2} == {"a": 2, "b": 0, "(none)": 0}
    note = "1 visitor saw more than one variant of checkout; their 3 sessions are left out."
    assert [one.text for one in document.notes if one.code == "several-variants"] == [note]


def test_what_was_read_decides_and_not_the_period(tmp_path: Path) -> None:
    """A variant that was shown before the period is known; a second one behind it makes two."""
    goals = parse_goals(GOALS, "goals.yaml")
    late = convkit.run([log(tmp_path)], ["goals"], goals, by="variant.checkout", since="2026-10-10T14:00")
    assert by_variant(late, "sale") == {"a": 1}
    early = convkit.run([log(tmp_path)], ["goals"], goals, by="variant.checkout", until="2026-10-10T12:30")
    assert by_variant(early, "cart") == {"a": 1, "b": 2, "(none)": 1}


def test_questions_about_variants(tmp_path: Path) -> None:
    goals = parse_goals(f"{GOALS.rstrip()[:-1]}, only_a: {{steps: [cart, sale], where: {{variant.checkout: a}}}}}}\n", "goals.yaml")
    kept = convkit.run([log(tmp_path)], ["goals", "funnel"], goals, where=["variant.checkout=a"])
    assert {row["goal"]: row["reached"] for row in rows(kept, "goals")} == {"sale": 2, "cart": 3}
    others = convkit.run([log(tmp_path)], ["goals"], goals, where=["variant.checkout!=a"])
    assert {row["goal"]: row["reached"] for row in rows(others, "goals")} == {"sale": 1, "cart": 3}
    whole = rows(convkit.run([log(tmp_path)], ["funnel"], goals), "funnel")
    assert [(row["funnel"], row["reached"]) for row in whole if row["step"] == 1] == [("shop", 6), ("only_a", 3)]


def test_paths_tell_variants(tmp_path: Path) -> None:
    visitors = (("/checkout-a/1 /sale",), ("/checkout-a/2 /checkout-a/3",), ("/checkout-b /",), ("/checkout-a/1", "/checkout-b"), ("/",))
    of_patterns = parse_goals(GOALS.replace("query.v", "{path: [/checkout-a/**, /checkout-b]}"), "goals.yaml")
    document = convkit.run([log(tmp_path, visitors)], ["goals"], of_patterns, by="variant.checkout")
    assert by_variant(document, "sale") == {"/checkout-a/**": 1, "/checkout-b": 0, "(none)": 0}
    of_paths = parse_goals(GOALS.replace("query.v", "path"), "goals.yaml")
    assert by_variant(convkit.run([log(tmp_path, (("/a /a",), ("/b",), ("/a /b",)))], ["goals"], of_paths, by="variant.checkout"), "sale") == {
        "/a": 0,
        "/b": 0,
    }


def test_unknown_variants_are_told_with_the_closest(tmp_path: Path) -> None:
    goals = parse_goals(GOALS, "goals.yaml")
    with pytest.raises(UsageError, match=r"--by variant.chekout: 'variant.chekout' is no key, did you mean 'variant.checkout'\?; keys are day, "):
        convkit.run([log(tmp_path)], ["goals"], goals, by="variant.chekout")
    with pytest.raises(UsageError, match=r"'variant.chekout' is no field, did you mean 'variant.checkout'\?; fields are page, "):
        convkit.run([log(tmp_path)], ["goals"], goals, where=["variant.chekout=a"])
    with pytest.raises(UsageError, match=r"--by variant.checkout: 'variant.checkout' is no key"):
        convkit.run([log(tmp_path)], ["goals"], parse_goals("macro: {sale: /sale}", "goals.yaml"), by="variant.checkout")
