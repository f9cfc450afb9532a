"""`paths`: the pages before a goal or after a page, compared with a simple walk through the model's sessions; its options and its screen."""

from __future__ import annotations

import csv
import io
from collections import Counter
from dataclasses import replace
from itertools import groupby
from typing import TYPE_CHECKING

import polars as pl
import pytest
import runs
from hypothesis import given
from hypothesis import strategies as st
from model.brute_force import analyze
from model.hits import matches
from model.streams import Example, examples, to_yaml
from profiles import share_of_examples
from small_logs import line, written
from tally_parts import parts_of

import convkit
from convkit.analysis import tallies as analysis_tallies
from convkit.engine.partial_result import add_tallies
from convkit.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path

    from model.brute_force import Model

    from convkit.core.document import Document

GOALS = "macro: {sale: /sale}\nmicro: {cart: /cart}\n"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a directory whose files each example overwrites."""
    return tmp_path_factory.mktemp("paths")


def path_of(model: Model, number: int, options: dict[str, str]) -> str | None:
    """Return the path of a session of the model, or None if it has no path."""
    pages, steps, shown = model.sessions[number].pages, int(options.get("steps", 3)), model.goals.site.shown
    if "from" in options:
        positions = [place for place, page in enumerate(pages) if matches(options["from"], page.path)]
        if not positions:
            return None
        after = [path for path, _ in groupby(shown(page.path) for page in pages[positions[0] :])][1:]
        return " > ".join(after[:steps] + (["(left)"] if len(after) <= steps else []))
    goal_hits = model.of(options.get("to", next(iter(model.goals.macro))))[number]
    if not goal_hits:
        return None
    reached = min(hit.order for hit in goal_hits)
    before = [path for path, _ in groupby(shown(page.path) for page in pages if page.order < reached)]
    return " > ".join((["(start)"] if len(before) <= steps else []) + before[-steps:])


path_options = st.one_of(
    st.just({}),
    st.fixed_dictionaries({"to": st.sampled_from(("bought", "saw", "sent", "took"))}, optional={"steps": st.sampled_from("123")}),
    st.fixed_dictionaries({"from": st.sampled_from(("/a", "/*", "/p/*", "/**", "/none"))}, optional={"steps": st.sampled_from("124")}),
)


@share_of_examples(0.1)
@given(example=st.one_of(examples(), examples(with_users=True)), options=path_options, day=st.booleans())
def test_every_path_equals_the_model_s(example: Example, options: dict[str, str], folder: Path, *, day: bool) -> None:
    log, goals = written(folder / "access.log", example.stream.lines), folder / "goals.yaml"
    goals.write_text(to_yaml(example.goals), encoding="utf-8")
    if options.get("to", "bought") not in example.goals.goals:
        options = {}
    model = analyze(list(example.stream.hits), example.goals)
    paths = {number: path for number in model.shown if (path := path_of(model, number, options)) is not None}
    sessions, converted = Counter(paths.values()), Counter(path for number, path in paths.items() if model.converted(number))
    is_macro = "from" not in options and options.get("to", "bought") in example.goals.macro
    expected = [
        (path, count, round(count / len(paths), 6), None if is_macro else converted[path])
        for path, count in sorted(sessions.items(), key=lambda item: (-item[1], item[0]))
    ]
    document = runs.document([log], ["paths"], goals, options=options, by="month" if day else None)
    rows = document.reports["paths"].frame.with_columns(pl.col("share").round(6)).select("path", "sessions", "share", "converted").rows()
    assert rows == expected, f"{options} {example!r}"


def run(folder: Path, lines: list[str], goals: str = GOALS, **options: str) -> Document:
    """Return the report on some lines."""
    (folder / "goals.yaml").write_text(goals, encoding="utf-8")
    by = options.pop("by", None)
    return runs.document([written(folder / "access.log", lines)], ["paths"], folder / "goals.yaml", options=options, by=by)


def walk(*paths: str, who: int = 1) -> list[str]:
    """Return the lines of a visitor, ten seconds apart."""
    return [line(f"GET {path}", 10 * place, who=f"198.51.100.{who} - -") for place, path in enumerate(paths)]


def paths(document: Document) -> list[str]:
    """Return the column `path` of the report."""
    return document.reports["paths"].frame["path"].to_list()


LINES = [*walk("/a", "/a", "/b", "/cart", "/b", "/sale"), *walk("/b", "/cart", who=2), *walk("/cart", who=3)]


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, ["/b > /cart > /b"]),
        ({"steps": "4"}, ["(start) > /a > /b > /cart > /b"]),
        ({"to": "sale", "steps": "1"}, ["/b"]),
        ({"to": "cart"}, ["(start)", "(start) > /a > /b", "(start) > /b"]),
        ({"from": "/a"}, ["/b > /cart > /b"]),
        ({"from": "/a", "steps": "4"}, ["/b > /cart > /b > /sale > (left)"]),
        ({"from": "/cart"}, ["(left)", "/b > /sale > (left)"]),
        ({"from": "/none"}, []),
    ],
)
def test_paths_by_hand(options: dict[str, str], expected: list[str], tmp_path: Path) -> None:
    """`(start)` and `(left)` appear if the path contains everything before or after."""
    assert paths(run(tmp_path, LINES, **options)) == expected


def test_pages_are_grouped_as_in_other_reports(tmp_path: Path) -> None:
    """Consecutive pages of one group are shown as one; `--from` matches paths before they are grouped."""
    goals = "site: {group: [/p/*]}\n" + GOALS
    lines = walk("/p/1", "/p/2", "/x", "/sale")
    assert paths(run(tmp_path, lines, goals)) == ["(start) > /p/* > /x"]
    assert paths(run(tmp_path, lines, goals, **{"from": "/p/2"})) == ["/x > /sale > (left)"]


def test_conversions_are_shown_unless_the_goal_is_a_macro_goal(tmp_path: Path) -> None:
    assert run(tmp_path, LINES, to="cart").reports["paths"].frame["converted"].to_list() == [0, 1, 0]
    assert run(tmp_path, LINES).reports["paths"].frame["converted"].to_list() == [None]
    assert "then sale" not in runs.render(run(tmp_path, LINES))
    assert "then sale" in runs.render(run(tmp_path, LINES, to="cart"))


def test_headings_describe_the_options(tmp_path: Path) -> None:
    screens = [str(runs.render(run(tmp_path, LINES, **options))) for options in ({}, {"to": "cart", "steps": "1"}, {"from": "/a"})]
    assert "PATHS  the last 3 pages before sale, the first macro goal; 1 session\n" in screens[0]
    assert "PATHS  the last page before cart; 3 sessions\n" in screens[1]
    assert "PATHS  the next 3 pages after /a; 1 session\n" in screens[2]


def test_without_a_macro_goal_a_sentence_names_the_options(tmp_path: Path) -> None:
    document = run(tmp_path, LINES, "micro: {cart: /cart}\n")
    assert paths(document) == []
    assert "No macro goal is known; name a goal with --to or a page with --from." in runs.render(document)
    assert len(paths(run(tmp_path, LINES, "micro: {cart: /cart}\n", to="cart"))) == 3


@pytest.mark.parametrize("width", [80, 120])
@pytest.mark.parametrize("by", [None, "landing"])
def test_long_and_hostile_pages_fit(width: int, by: str | None, tmp_path: Path) -> None:
    """Pages are shortened in the middle, because many begin alike and differ only at the end."""
    lines = walk("/" + "long/" * 30 + "a", "/" + "long/" * 30 + "b", "/%1b[31m", "/cart")
    document = run(tmp_path, lines, to="cart", **({"by": by} if by else {}))
    text = str(runs.render(document, width=width))
    assert max(map(len, text.splitlines())) <= width
    assert "\x1b" not in text
    if by is None:
        assert "(start) > /long/" in text
        assert "g/a > " in text
    assert "long/" * 30 in str(runs.render(document, "csv"))


def test_paths_can_be_split(tmp_path: Path) -> None:
    document = run(tmp_path, LINES, to="cart", by="landing")
    rows = list(csv.reader(io.StringIO(str(runs.render(document, "csv")))))
    assert rows[0] == ["landing", "path", "sessions", "share", "converted"]
    assert sorted(row[:3] for row in rows[1:]) == [["/a", "(start) > /a > /b", "1"], ["/b", "(start) > /b", "1"], ["/cart", "(start)", "1"]]
    assert {row[3] for row in rows[1:]} == {"1.000000"}


def test_parts_of_the_visitors_add_up(tmp_path: Path) -> None:
    """Only paths from a page are tested here; paths to a goal are covered by the tests of all tallies."""
    (tmp_path / "goals.yaml").write_text(GOALS, encoding="utf-8")
    analyzed = runs.analyzed([written(tmp_path / "access.log", LINES)], convkit.load_goals(tmp_path / "goals.yaml"))
    options = {"from": "/**", "steps": "2"}
    parts = [analysis_tallies.tally(replace(part, options=options), ["paths"]) for part in parts_of(analyzed.run.analysis, 3)]
    whole = analysis_tallies.tally(replace(analyzed.run.analysis, options=options), ["paths"])
    rendered = [
        runs.render(runs.finish(analyzed._replace(plan=replace(analyzed.plan, report_options=options)), tallies), "csv")
        for tallies in (whole, add_tallies(parts))
    ]
    assert rendered[0] == rendered[1]
    assert str(rendered[0]).count("\n") == 4


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"to": "sale", "from": "/a"}, "--to and --from cannot be used together; use one of them"),
        ({"to": "sal"}, "--to sal: unknown goal 'sal'; did you mean 'sale'? Goals: sale, cart"),
        ({"from": "a"}, "--from a/b: 'a/b' is not a path; paths begin with `/`, like /a/b"),
        ({"from": "re:("}, "--from re:(: this regular expression is not valid"),
        ({"steps": "0"}, "--steps 0: use a number from 1 to 10"),
        ({"steps": "x"}, "--steps x: use a number from 1 to 10"),
        ({"step": "2"}, "paths: unknown option 'step'; did you mean 'steps'? Options: to, from, steps"),
    ],
)
def test_mistakes_are_reported_with_the_fix_before_a_log_is_read(options: dict[str, str], message: str, tmp_path: Path) -> None:
    (tmp_path / "goals.yaml").write_text(GOALS, encoding="utf-8")
    options = {name: "a/b" if value == "a" else value for name, value in options.items()}
    with pytest.raises(UsageError) as raised:
        runs.document([tmp_path / "missing.log"], ["paths"], tmp_path / "goals.yaml", options=options)
    assert str(raised.value).startswith(message)


def test_other_reports_do_not_have_these_options(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"^pages: unknown option 'to'. Options: none$"):
        runs.document([tmp_path / "missing.log"], ["pages"], options={"to": "sale"})
