"""Variants: which visitor was shown which variant and since when, and how visitors who saw two are treated."""

from __future__ import annotations

import json
import random
from typing import TYPE_CHECKING, Any

import pytest
import runs
from small_logs import line, written

from convkit.errors import GoalsFileError, UsageError
from convkit.goals.loader import parse_goals

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from convkit.core.document import Document

GOALS = "site: {variants: {checkout: query.v}}\nmacro: {sale: /sale}\nmicro: {cart: /cart}\nfunnels: {shop: [cart, sale]}\n"
HOUR = 3_600

READ: dict[str, dict[str, Any]] = {
    "{checkout: query.v}": {"checkout": "query.v"},
    "{a: prop.arm, b: path}": {"a": "prop.arm", "b": "path"},
    "{checkout: {path: [/checkout-a/**, '/checkout-b*']}}": {"checkout": ("/checkout-a/**", "/checkout-b*")},
    "{checkout: {path: /new/**}}": {"checkout": ("/new/**",)},
}
REFUSED = {
    "query.v": "`variants` maps names to how each is recognised, like {checkout: query.v}",
    "{the checkout: query.v}": "'the checkout' is not a valid name; use letters, digits, `_` and `-`",
    "{checkout: cookie}": "a variant is recognised by query.NAME, cookie.NAME, prop.NAME, path, or {path: [/a/**, /b/**]}",
    "{checkout: v}": "a variant is recognised by query.NAME, cookie.NAME, prop.NAME, path, or {path: [/a/**, /b/**]}",
    "{checkout: query.}": "a variant is recognised by",
    "{checkout: [query.v]}": "a variant is recognised by",
    "{checkout: {where: {a: b}}}": "a variant is recognised by one of prop, query, cookie and path, like {prop: variant",
    "{checkout: {query: v, split: [1]}}": "`split` needs the planned sizes of two variants",
    "{checkout: {path: [checkout]}}": "is not a path; paths begin with `/`, like /checkout",
    "{checkout: {path: []}}": "this list is empty; add a path",
}


@pytest.mark.parametrize(("text", "expected"), READ.items())
def test_variants_are_read(text: str, expected: dict[str, Any]) -> None:
    assert parse_goals(f"site: {{variants: {text}}}\nmacro: {{sale: /sale}}", "goals.yaml").site.variants == expected


@pytest.mark.parametrize(("text", "expected"), REFUSED.items())
def test_a_wrong_variant_is_reported(text: str, expected: str) -> None:
    with pytest.raises(GoalsFileError) as raised:
        parse_goals(f"site:\n  variants: {text}\nmacro: {{sale: /sale}}", "goals.yaml")
    assert [problem.line for problem in raised.value.problems] == [2]
    assert expected in raised.value.problems[0].message


def visits(visitor: int, *sessions: str) -> Iterable[str]:
    """Yield the lines of a visitor's sessions, an hour apart; each session is a string of paths separated by spaces."""
    for hour, paths in enumerate(sessions):
        for second, path in enumerate(paths.split()):
            yield line(f"GET {path}", hour * HOUR + second * 5 + visitor, who=f"10.0.0.{visitor} - -")


VISITORS: tuple[tuple[str, ...], ...] = (
    ("/ /cart?v=a /sale",),  # a, and bought
    ("/", "/cart?v=a", "/cart /sale"),  # (none), then a twice, although the last session does not show it
    ("/cart?v=b",),
    ("/cart?v=b /cart?v=b&x=1",),
    ("/cart?v=a", "/", "/cart?v=b /sale"),  # both: all sessions are excluded
    ("/ /sale",),  # (none)
    ("/cart?v=",),  # An empty value is not a variant.
)


def log(folder: Path, visitors: Iterable[Iterable[str]] = VISITORS) -> Path:
    """Write the log of these visitors."""
    return written(
        folder / "access.log",
        sorted((text for number, visitor_sessions in enumerate(visitors, 1) for text in visits(number, *visitor_sessions)), key=_time),
    )


def _time(text: str) -> str:
    return text.partition("[")[2]


def rows(document: Document, report: str) -> list[dict[str, Any]]:
    """Return the rows of a report."""
    report_rows: list[dict[str, Any]] = json.loads(runs.render(document, "json"))["reports"][report]
    return report_rows


def by_variant(document: Document, goal: str, figure: str = "reached") -> dict[str, int]:
    """Return one of a goal's figures by variant."""
    return {row["variant.checkout"]: row[figure] for row in rows(document, "goals") if row["goal"] == goal}


def test_a_visitor_s_only_variant_counts_from_the_first_session_that_shows_it(tmp_path: Path) -> None:
    document = runs.document([log(tmp_path)], ["overview", "goals", "funnel"], parse_goals(GOALS, "goals.yaml"), by="variant.checkout")
    figures = {(row["variant.checkout"], row["metric"]): row["value"] for row in rows(document, "overview")}
    assert {value: figures[value, "sessions"] for value, _ in figures} == {"a": 3, "b": 2, "(none)": 3}
    assert by_variant(document, "sale") == {"a": 2, "b": 0, "(none)": 1}
    assert by_variant(document, "cart") == {"a": 3, "b": 2, "(none)": 1}
    assert {row["variant.checkout"]: row["reached"] for row in rows(document, "funnel") if row["step"] == 2} == {"a": 2, "b": 0, "(none)": 0}
    note = "1 visitor saw more than one variant of checkout; their 3 sessions were excluded."
    assert [one.text for one in document.notes if one.code == "several-variants"] == [note]


def test_variants_depend_on_all_lines_not_on_the_period(tmp_path: Path) -> None:
    """A variant shown before the period counts; a visitor who sees another one after the period counts as having seen two."""
    goals = parse_goals(GOALS, "goals.yaml")
    late = runs.document([log(tmp_path)], ["goals"], goals, by="variant.checkout", since="2026-10-10T14:00")
    assert by_variant(late, "sale") == {"a": 1}
    early = runs.document([log(tmp_path)], ["goals"], goals, by="variant.checkout", until="2026-10-10T12:30")
    assert by_variant(early, "cart") == {"a": 1, "b": 2, "(none)": 1}


def test_pages_seen_before_a_variant_count_for_none(tmp_path: Path) -> None:
    """Otherwise a page would have more landings than views, or be left out although it has a landing."""
    visitors = (("/ /cart?v=a",), ("/?v=a /cart",), ("/ POST:/cart?v=a",))
    lines = [text.replace("GET POST:", "POST ") for number, sessions in enumerate(visitors, 1) for text in visits(number, *sessions)]
    goals = parse_goals(GOALS.replace("{cart: /cart}", "{cart: /cart, sent: POST /cart}"), "goals.yaml")
    document = runs.document([written(tmp_path / "access.log", sorted(lines, key=_time))], ["overview", "pages"], goals, by="variant.checkout")
    pages = {row["page"]: [row[name] for name in ("sessions", "pageviews", "landings", "bounces", "exits")] for row in rows(document, "pages")}
    assert pages == {"/": [1, 1, 1, 0, 0], "/cart": [2, 2, 0, 0, 2]}
    overview = {row["metric"]: row["value"] for row in rows(document, "overview")}
    assert [overview[name] for name in ("sessions", "pageviews", "pages_per_session", "bounces")] == [3, 3, 1.0, 0]
    assert overview["median_session_seconds"] == 5
    by_channel = rows(runs.document([tmp_path / "access.log"], ["channels"], goals, where=["variant.checkout=a"]), "channels")
    assert [row["pages_per_session"] for row in by_channel] == [1.0]


@pytest.mark.parametrize("per", ["session", "visitor"])
def test_a_funnel_begins_when_its_variant_is_first_shown(tmp_path: Path, per: str) -> None:
    """A visitor who goes through the funnel again after seeing the variant is in it, whatever happened before."""
    goals = parse_goals(GOALS.replace("[cart, sale]", f"{{steps: [cart, sale], per: {per}}}"), "goals.yaml")
    visitors = (("/cart /sale /?v=a /cart /sale",), ("/cart /sale?v=a /sale",), ("/cart /sale?v=a /cart",), ("/cart?v=b /sale",))
    document = runs.document([log(tmp_path, visitors)], ["funnel", "drop-off"], goals, by="variant.checkout")
    reached = {(row["variant.checkout"], row["step"]): row["reached"] for row in rows(document, "funnel")}
    assert reached == {("a", 1): 2, ("a", 2): 1, ("b", 1): 1, ("b", 2): 1}


def test_filters_by_pages_are_about_whole_sessions(tmp_path: Path) -> None:
    """A session keeps its landing page, although it counts as no landing if it was seen before the variant."""
    text = GOALS.replace("[cart, sale]}", "[cart, sale], from_home: {steps: [cart, sale], where: landing=/}}")
    logs, goals = [log(tmp_path, (("/ /cart?v=a /sale",), ("/cart?v=a /",), ("/sale /?v=a /cart",)))], parse_goals(text, "goals.yaml")
    document = runs.document(logs, ["funnel"], goals, by="variant.checkout")
    assert [(row["funnel"], row["reached"]) for row in rows(document, "funnel")] == [("shop", 3), ("shop", 1), ("from_home", 1), ("from_home", 1)]
    for field, number in (("landing=/", 1), ("page=/", 3), ("page=/sale", 2), ("exit=/cart", 1), ("goal=sale", 1)):
        kept = rows(runs.document(logs, ["overview"], goals, where=["variant.checkout=a", field]), "overview")
        assert (field, {row["metric"]: row["value"] for row in kept}["sessions"]) == (field, number)


def test_a_variant_that_only_a_funnel_tests_changes_no_other_figure(tmp_path: Path) -> None:
    visitors = (("/cart /sale /?v=a",), ("/?v=a /cart /sale",), ("/cart?v=a /cart?v=b /sale",), ("/cart /sale",))
    where = GOALS.replace("[cart, sale]}", "[cart, sale], not_b: {steps: [cart, sale], where: variant.checkout!=b}}")
    logs = [log(tmp_path, visitors)]
    plain, tested = (runs.document(logs, ["overview", "goals", "funnel"], parse_goals(text, "goals.yaml")) for text in (GOALS, where))
    assert [rows(tested, name) for name in ("overview", "goals")] == [rows(plain, name) for name in ("overview", "goals")]
    assert [(row["funnel"], row["reached"]) for row in rows(tested, "funnel") if row["step"] == 2] == [("shop", 4), ("not_b", 2)]
    assert [note.text for note in tested.notes if note.code in {"several-variants", "before-variant"}] == [
        "1 visitor saw more than one variant of checkout; their 1 session was excluded from not_b.",
        "1 visitor reached a step of not_b before a variant of checkout was first shown; that does not count.",
    ]


def test_a_goal_reached_before_two_variants_is_in_the_notes_on_both(tmp_path: Path) -> None:
    """One of them is the key, and the other is tested by a funnel only."""
    text = GOALS.replace("query.v}", "query.v, banner: query.v}").replace("[cart, sale]}", "{steps: [cart, sale], where: variant.banner=a}}")
    document = runs.document([log(tmp_path, (("/cart /?v=a",),))], ["goals"], parse_goals(text, "goals.yaml"), by="variant.checkout")
    assert [note.text for note in document.notes if note.code == "before-variant"] == [
        "1 visitor reached a goal before a variant of checkout was first shown; that counts for no variant.",
        "1 visitor reached a step of shop before a variant of banner was first shown; that does not count.",
    ]


def test_each_variant_has_its_own_note_on_early_goals(tmp_path: Path) -> None:
    goals = parse_goals(GOALS.replace("query.v}", "query.v, banner: query.w}"), "goals.yaml")
    logs = [log(tmp_path, (("/cart /?v=a&w=x",), ("/cart?v=a /?w=x",), ("/cart?w=x&v=b /",)))]
    document = runs.document(logs, ["goals"], goals, by="variant.checkout", where=["variant.banner=x"])
    notes = [note.text for note in document.notes if note.code == "before-variant"]
    assert notes == [
        "2 visitors reached a goal before a variant of banner was first shown; that counts for no variant.",
        "1 visitor reached a goal before a variant of checkout was first shown; that counts for no variant.",
    ]
    assert by_variant(document, "cart") == {"a": 0, "b": 1}


def test_filters_by_variant(tmp_path: Path) -> None:
    goals = parse_goals(f"{GOALS.rstrip()[:-1]}, only_a: {{steps: [cart, sale], where: {{variant.checkout: a}}}}}}\n", "goals.yaml")
    with_a = runs.document([log(tmp_path)], ["goals", "funnel"], goals, where=["variant.checkout=a"])
    assert {row["goal"]: row["reached"] for row in rows(with_a, "goals")} == {"sale": 2, "cart": 3}
    without_a = runs.document([log(tmp_path)], ["goals"], goals, where=["variant.checkout!=a"])
    assert {row["goal"]: row["reached"] for row in rows(without_a, "goals")} == {"sale": 1, "cart": 3}
    whole = rows(runs.document([log(tmp_path)], ["funnel"], goals), "funnel")
    assert [(row["funnel"], row["reached"]) for row in whole if row["step"] == 1] == [("shop", 8), ("only_a", 3)]


def test_paths_identify_variants(tmp_path: Path) -> None:
    visitors = (("/checkout-a/1 /sale",), ("/checkout-a/2 /checkout-a/3",), ("/checkout-b /",), ("/checkout-a/1", "/checkout-b"), ("/",))
    of_patterns = parse_goals(GOALS.replace("query.v", "{path: [/checkout-a/**, /checkout-b]}"), "goals.yaml")
    document = runs.document([log(tmp_path, visitors)], ["goals"], of_patterns, by="variant.checkout")
    assert by_variant(document, "sale") == {"/checkout-a/**": 1, "/checkout-b": 0, "(none)": 0}
    of_paths = parse_goals(GOALS.replace("query.v", "path"), "goals.yaml")
    assert by_variant(runs.document([log(tmp_path, (("/a /a",), ("/b",), ("/a /b",)))], ["goals"], of_paths, by="variant.checkout"), "sale") == {
        "/a": 0,
        "/b": 0,
    }


def test_unknown_variants_are_reported_with_the_closest_name(tmp_path: Path) -> None:
    goals = parse_goals(GOALS, "goals.yaml")
    with pytest.raises(UsageError, match=r"unknown key 'variant.chekout' for --by; did you mean 'variant.checkout'\? Keys: day, "):
        runs.document([log(tmp_path)], ["goals"], goals, by="variant.chekout")
    with pytest.raises(UsageError, match=r"unknown field 'variant.chekout'; did you mean 'variant.checkout'\?$"):
        runs.document([log(tmp_path)], ["goals"], goals, where=["variant.chekout=a"])
    with pytest.raises(UsageError, match=r"unknown key 'variant.checkout' for --by"):
        runs.document([log(tmp_path)], ["goals"], parse_goals("macro: {sale: /sale}", "goals.yaml"), by="variant.checkout")


def shown_to(a: int, b: int, sales: tuple[int, int]) -> list[str]:
    """Return the lines of visitors who see a or b, some of whom buy; visitors who see b have two sessions."""
    lines = []
    for place, (variant, number, bought) in enumerate((("a", a, sales[0]), ("b", b, sales[1]))):
        for visitor in range(number):
            paths = [f"/cart?v={variant}", *(["/sale"] if visitor < bought else [])]
            for hour in range(1 + place):
                who, second = f"10.{place}.{visitor >> 8}.{visitor & 255} - -", visitor * 40 + hour * 12 * HOUR
                lines += [line(f"GET {path}", second + step, who=who) for step, path in enumerate(paths)]
    return sorted(lines, key=_time)


def compared(folder: Path, lines: list[str], **options: Any) -> tuple[Document, dict[str, dict[str, Any]]]:  # noqa: ANN401 (the options of `compare`)
    """Return the comparison of two variants, and its rows by item."""
    goals = parse_goals(
        f"{GOALS}  ever: {{steps: [cart, sale], per: visitor}}\n".replace("{shop: [cart, sale]}", "\n  shop: [cart, sale]"), "goals.yaml"
    )
    document = runs.comparison([written(folder / "access.log", lines)], goals, variant="checkout", **options)
    return document, {row["item"]: row for row in rows(document, "compare")}


def test_two_variants_are_compared_by_visitors(tmp_path: Path) -> None:
    both = [line("GET /cart?v=a", 9, who="10.9.0.1 - -"), line("GET /cart?v=b", 12, who="10.9.0.1 - -")]
    document, rows_by_item = compared(tmp_path, [*shown_to(100, 110, (20, 60)), *both])
    sale = rows_by_item["sale"]
    assert (sale["before"], sale["now"], sale["before_rate"], round(sale["now_rate"], 4)) == (20, 60, 0.2, round(60 / 110, 4))
    assert (rows_by_item["sessions"]["before"], rows_by_item["sessions"]["now"]) == (100, 220)
    assert sale["verdict"] == "higher"
    # Figures counted in sessions have no verdict, and a funnel per session has no rows.
    assert (rows_by_item["bounces"]["verdict"], [item for item in rows_by_item if item.startswith("shop")]) == (None, [])
    assert [item for item in rows_by_item if item.startswith("ever")] == ["ever / 1 / cart", "ever / 2 / sale"]
    notes = {note.code: note.text for note in document.notes}
    assert notes["several-variants"] == "1 visitor saw more than one variant of checkout; their 1 session was excluded."
    assert notes["sides"].startswith("checkout, counted in visitors: b (110 visitors, 220 sessions) with a (100 visitors, 100 sessions); ")
    assert "sample-ratio" not in notes
    text = str(runs.render(document, width=100))
    assert text.splitlines()[2].startswith("COMPARE  checkout, counted in visitors: b (110 visitors")


def test_an_uneven_split_is_the_first_note(tmp_path: Path) -> None:
    """A split is uneven if chance alone would produce it less than once in 1,000 times: (now - before)^2 / (now + before) is above 10.83."""
    even, _ = compared(tmp_path, shown_to(100, 152, (20, 30)))
    uneven, _ = compared(tmp_path, shown_to(100, 154, (20, 30)))
    assert [note.code for document in (even, uneven) for note in document.notes if note.code == "sample-ratio"] == ["sample-ratio"]
    screen_lines = [text for text in str(runs.render(uneven, width=250)).splitlines()[3:] if text.strip()]
    assert screen_lines[0] == (
        "  154 visitors saw b and 100 saw a; an even split would come out this uneven less than once in 1,000 times. Unless you planned this, "
        "the two groups are not comparable: trust none of the verdicts."
    )


def test_groups_of_variants_are_named(tmp_path: Path) -> None:
    lines = [*shown_to(40, 40, (12, 12)), *(line("GET /cart?v=c*", 5, who=f"10.7.0.{visitor} - -") for visitor in range(35))]
    with pytest.raises(
        UsageError,
        match=r"--variant checkout: 3 variants were seen \(a, b, c\*\); name two of them, like --where 'variant.checkout=b' --with 'variant.ch",
    ):
        compared(tmp_path, lines)
    document, rows_by_item = compared(tmp_path, lines, where=["variant.checkout=b"], against="variant.checkout=a")
    assert (rows_by_item["sale"]["before"], rows_by_item["sale"]["now"]) == (12, 12)
    assert "b (40 visitors, 80 sessions) with a (40 visitors, 40 sessions)" in str(runs.render(document, width=200))
    two, rows_by_item = compared(tmp_path, [text for text in lines if "v=b" not in text])
    assert (rows_by_item["sessions"]["before"], rows_by_item["sessions"]["now"]) == (40, 35)
    assert "c* (35 visitors" in str(runs.render(two, width=200))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"variant": "chekout"}, "--variant chekout: unknown name; did you mean 'checkout'? Names under `site.variants`: checkout"),
        ({"at": "2026-10-10"}, "--at 2026-10-10 and --variant checkout both choose the sides; use one of them"),
        ({"against": "last-year"}, "--with last-year: with --variant checkout, name the other variant, like variant.checkout=a"),
        ({"where": ["variant.checkout=a"]}, "--where variant.checkout: name the other variant as well, like --with variant.checkout=a"),
        ({"last": "1d"}, "--variant checkout: only a was seen; choose another period, or correct `site.variants`"),
        ({"where": ["goal=sale"]}, "--variant checkout: no variant was seen; choose another period, or correct `site.variants`"),
    ],
)
def test_a_wrong_pair_of_variants_is_reported_with_the_fix(options: dict[str, Any], message: str, tmp_path: Path) -> None:
    log = written(tmp_path / "access.log", [*shown_to(3, 0, (0, 0)), line("GET /sale", 60)])
    with pytest.raises(UsageError) as raised:
        runs.comparison([log], parse_goals(GOALS, "goals.yaml"), **{"variant": "checkout", **options})
    assert str(raised.value) == message


def test_without_variants_the_fix_is_the_goals_file(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"the goals file defines no variants; define them under `site.variants`"):
        runs.comparison([written(tmp_path / "access.log", [line("GET /")])], parse_goals("macro: {sale: /sale}", "goals.yaml"), variant="checkout")


def expected_of(visitors: list[list[list[str]]]) -> tuple[dict[str, list[int]], int]:
    """Compute, in plain Python, sessions and sales by variant and the number of visitors who saw several; a session is a list of paths."""
    counts_by_variant: dict[str, list[int]] = {}
    several = 0
    for sessions in visitors:
        shown = [[path.partition("?v=")[2] for path in paths if "?v=" in path] for paths in sessions]
        values = {value for seen in shown for value in seen if value}
        several += len(values) > 1
        has_seen_one = False
        for paths, seen in zip(sessions, shown, strict=True):
            # In the first session with a variant, only what follows it counts.
            first = next((place for place, path in enumerate(paths) if path.partition("?v=")[2]), 0) if not has_seen_one else 0
            has_seen_one = has_seen_one or any(seen)
            counts = counts_by_variant.setdefault(next(iter(values)) if has_seen_one else "(none)", [0, 0]) if len(values) < 2 else [0, 0]
            counts[0] += 1
            counts[1] += any(path.startswith("/sale") for path in paths[first:])
    return counts_by_variant, several


def test_variants_of_random_visitors_equal_those_in_plain_python(tmp_path: Path) -> None:
    draw = random.Random(7)
    paths = ("/", "/cart", "/sale", "/cart?v=a", "/cart?v=a", "/sale?v=b", "/?v=")
    visitors = [[[draw.choice(paths) for _ in range(draw.randint(1, 3))] for _ in range(draw.randint(1, 4))] for _ in range(200)]
    lines = [
        line(f"GET {path}", visitor + hour * HOUR + second * 5, who=f"10.0.0.{visitor} - -")
        for visitor, sessions in enumerate(visitors)
        for hour, one in enumerate(sessions)
        for second, path in enumerate(one)
    ]
    document = runs.document(
        [written(tmp_path / "access.log", sorted(lines, key=_time))], ["goals"], parse_goals(GOALS, "goals.yaml"), by="variant.checkout"
    )
    expected, several = expected_of(visitors)
    assert by_variant(document, "sale") == {value: sales for value, (_, sales) in expected.items()}
    assert [note.text.partition(" ")[0] for note in document.notes if note.code == "several-variants"] == [str(several)]
