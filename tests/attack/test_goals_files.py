"""Goals files of any size: limits, memory, and regular expressions written by users."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING

import polars as pl
import pytest
import runs
from as_program import PEAK, environment
from engine.test_partition import both
from goals_schema import is_valid
from small_logs import conversions, line, report, written

from convkit.core import patterns
from convkit.errors import GoalsFileError
from convkit.formats.strings import parse_option
from convkit.goals import loader, matching
from convkit.goals.loader import parse_goals

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from conftest import Run

ROWS = {
    "F9": "test_many_goals_take_little_memory",
    "A9": "tests/goals/test_strict_yaml.py::test_problems_have_a_position_and_a_fix",
    "A10": "tests/goals/test_strict_yaml.py::test_an_alias_bomb_is_refused_before_its_tree_is_built",
    "A11": "tests/goals/test_strict_yaml.py::test_deep_nesting_is_refused_before_it_costs_anything",
    "A12": "tests/goals/test_strict_yaml.py::test_problems_have_a_position_and_a_fix",
    "A13": "tests/goals/test_strict_yaml.py::test_values_are_read_as_they_are_written",
    "A14": "tests/goals/test_loader.py::test_all_mistakes_of_a_file_are_reported_at_once",
    "A15": "tests/core/test_patterns.py::test_an_invalid_pattern_is_explained_in_one_line",
    "A16": "test_many_goals_take_little_memory",
    "A17": "test_check_shows_which_paths_a_goal_matches",
    "A18": "tests/goals/test_loader.py::test_a_goals_file_opens_no_other_file",
    "A69": "tests/traffic/test_bot_behaviour.py::test_bots_of_every_kind_are_separated_from_people",
    "A70": "tests/traffic/test_visitors.py::test_the_first_rule_that_applies_identifies_the_visitor",
    "A71": "tests/traffic/test_hits.py::test_the_first_rule_that_fits_decides_the_kind",
    "A72": "test_a_note_says_if_one_visitor_converts_again_and_again",
    "A73": "tests/core/test_formatting.py::test_no_rate_on_a_base_under_thirty",
    "F38": "test_a_regular_expression_may_end_in_a_comment",
}


COMMENTED = ["(?x) /a  # the first page", "(?ix)/A#", "(?x)/a | /c # either", "(?x: /a # inside\n)", "(?x)/a # one\n | /b # two"]
PLAIN = ["/a#x", "/(?:a)x?# no comment"]


@pytest.mark.parametrize("regex", COMMENTED)
def test_a_regular_expression_may_end_in_a_comment(tmp_path: Path, regex: str) -> None:
    assert patterns.problem(f"re:{regex}") is None
    text = f"micro: {{a: {json.dumps(f're:{regex}')}}}"
    assert conversions(report(tmp_path, [line("GET /a"), line("GET /axe", 9)], text)) == {"a": 1}


@pytest.mark.parametrize("regex", PLAIN)
def test_a_number_sign_is_no_comment_by_itself(regex: str) -> None:
    assert patterns.to_regex(f"re:{regex}") == f"^(?:{regex})$"


@pytest.mark.parametrize("regex", ["a)(b", "a)|(b", "(?x) a # b\n)(c", "("])
def test_a_regular_expression_has_to_be_valid_by_itself(regex: str) -> None:
    assert str(patterns.problem(f"re:{regex}")).startswith("this regular expression is not valid: un")


def test_a_format_string_may_end_in_a_comment() -> None:
    template = parse_option(r"(?x) (?P<address>\S+)\ \[(?P<time>[^]]+)\]\ (?P<status>\d+)  # and more")
    assert template is not None
    assert template.sniff(pl.Series(["203.0.113.1 [10/Oct/2026:13:55:36 +0000] 200 more"])) == 1.0


def bought(*numbers: int) -> list[str]:
    """Return a log in which each visitor buys this many times."""
    return [
        line(f"GET /thanks?order={visitor}-{n}", n * 40 + visitor, who=f"198.51.100.{visitor} - -")
        for visitor, number in enumerate(numbers)
        for n in range(number)
    ]


BOUGHT = "macro: {bought: {page: /thanks, once_per: query.order}}\nmicro: {thanked: {page: /thanks, once_per: hit}}"
BY_ONE = {
    "a fifth and one": ([*[1] * 19, 5], "bought: one visitor made 5 of 24 conversions (21%)"),
    "nearly all": ([50, 1], "bought: one visitor made 50 of 51 conversions (98%)"),
    "one visitor": ([5], "bought: one visitor made 5 of 5 conversions (100%)"),
    "a fifth": ([*[1] * 20, 5], ""),
    "too few": ([4, 1], ""),
    "none": ([], ""),
}


@pytest.mark.parametrize("what", BY_ONE)
def test_a_note_says_if_one_visitor_converts_again_and_again(tmp_path: Path, what: str) -> None:
    numbers, start = BY_ONE[what]
    document = report(tmp_path, [*bought(*numbers), line("GET /other", who="203.0.113.9 - -")], BOUGHT)
    notes = [note["text"] for note in document["notes"] if note["code"] == "one-visitor"]
    fix = "; if that is a test or your own office, leave it out with ignore.addresses or ignore.users."
    assert notes == ([start + fix] if start else [])


def test_the_note_on_one_visitor_is_the_same_in_parts(tmp_path: Path) -> None:
    log = written(tmp_path / "access.log", bought(*[1] * 19, 7))
    file = written(tmp_path / "goals.yaml", BOUGHT.splitlines())
    parts, whole, in_parts = both([log], 100, goals=file)
    assert parts > 1
    assert whole == in_parts
    assert "one visitor made 7 of 26" in whole


CHECKED = """
macro: {bought: /thanks}
micro:
  viewed: /p/*
  either: re:/p/1|/p/2
  loose: 're:/.*2'
  one: /p/*/nothing
  exact: /p/1
  only: re:/p/3.*
"""
SEEN = [line(f"GET {path}", n * 20) for n, path in enumerate(["/p/1", "/p/1", "/p/1", "/p/2", "/p/2", "/p/3", "/p/4", "/p/5", "/q/12", "/thanks"])]
SEEN += [line("GET /p/77", 5, agent="Googlebot/2.1 (+http://www.google.com/bot.html)", who="198.51.100.99 - -")]


def test_check_shows_which_paths_a_goal_matches(convkit_command: Run, tmp_path: Path) -> None:
    log, file = written(tmp_path / "access.log", SEEN), written(tmp_path / "goals.yaml", CHECKED.splitlines())
    code, out, err = convkit_command("check", str(log), "-g", str(file))
    assert (code, err) == (0, "")
    assert [text.partition("matches: ")[2] for text in out.splitlines() if ": matches: " in text] == [
        "viewed matches 5 paths: /p/1 (3), /p/2 (2), /p/3 (1), 2 more.",
        "either matches 2 paths: /p/1 (3), /p/2 (2).",
        "loose matches 2 paths: /p/2 (2), /q/12 (1).",
    ]
    assert "1 warning" in out


def micros(number: int) -> str:
    """Return a goals file with this many micro goals of two patterns each."""
    return "micro:\n" + "".join(f"  g{n}: [/p/{n}, /q/{n}/**]\n" for n in range(number))


def macros(number: int) -> str:
    """Return a goals file with this many macro goals."""
    return "macro:\n" + "".join(f"  g{n}: /p/{n}\n" for n in range(number))


def funnels(number: int, steps: str = "a, b") -> str:
    """Return a goals file with this many funnels."""
    return "micro: {a: /a, b: /b}\nfunnels:\n" + "".join(f"  f{n}: [{steps}]\n" for n in range(number))


def paths(numbers: Iterable[int]) -> str:
    """Return steps that are defined in a funnel."""
    return ", ".join(f"/p/{n}" for n in numbers)


def with_values(number: int) -> str:
    """Return a goals file whose goals read this many values from hits, each of them twice."""
    return "micro:\n" + "".join(f"  g{n}: {{page: /p, value: query.a{n % number}}}\n" for n in range(2 * number))


AT_THE_LIMIT = {
    "values of hits": with_values(loader.MOST_VALUES),
    "goals": micros(loader.MOST_GOALS),
    "macro goals": macros(loader.MOST_MACROS),
    "funnels": funnels(loader.MOST_FUNNELS),
    "steps": funnels(1, paths(range(loader.MOST_STEPS))),
    "goals inside funnels": "funnels:\n" + "".join(f"  f{n}: [{paths(range(n * 50, n * 50 + 50))}]\n" for n in range(10)),
}
BEYOND = {
    "goals": (micros(501), "goals.yaml:502:3: this file has 501 goals, but at most 500 are possible; write one goal with a pattern"),
    "goals of both blocks": (macros(1) + micros(500), "goals.yaml:503:3: this file has 501 goals, but"),
    "macro goals": (macros(101), "goals.yaml:102:3: this file has 101 macro goals, but at most 100 are possible; list those"),
    "funnels": (funnels(1000), "goals.yaml:103:3: this file has 1,000 funnels, but at most 100 are possible; use several"),
    "values of hits": (
        with_values(31),
        "goals.yaml:1:1: `value` and `once_per` name 31 different parameters, cookies and properties, but at most 30",
    ),
    "steps": (funnels(1, paths(range(51))), "goals.yaml:3:348: this funnel has 51 steps, but at most 50 are possible; split it"),
    "goals inside funnels": (
        "micro: {one: /one}\n" + AT_THE_LIMIT["goals inside funnels"],
        "goals.yaml:3:3: this file has 501 goals, 500 of them inside funnels and `after`, but at most 500 are possible",
    ),
}


@pytest.mark.parametrize("what", AT_THE_LIMIT)
def test_a_goals_file_at_a_limit_is_read(what: str) -> None:
    assert parse_goals(AT_THE_LIMIT[what], "goals.yaml").all
    assert is_valid(AT_THE_LIMIT[what])


@pytest.mark.parametrize("what", BEYOND)
def test_a_goals_file_beyond_a_limit_is_refused_in_one_sentence(what: str) -> None:
    text, start = BEYOND[what]
    with pytest.raises(GoalsFileError) as raised:
        parse_goals(text, "goals.yaml")
    (problem,) = raised.value.problems
    assert str(raised.value).startswith(start), problem


def test_the_schema_knows_the_limits() -> None:
    assert not any(is_valid(BEYOND[what][0]) for what in ("goals", "macro goals", "funnels", "steps"))


def peak(folder: Path, goals: str, *arguments: str) -> int:
    """Return the memory, in MB, that a run on 30 lines takes at its peak."""
    log = written(folder / "access.log", (line(f"GET /p/{n}", n * 10) for n in range(30)))
    file = folder / "goals.yaml"
    file.write_text(goals, encoding="utf-8")
    process = subprocess.run(
        [sys.executable, "-c", PEAK, *arguments, str(log), "-g", str(file)], capture_output=True, text=True, check=True, env=environment()
    )
    return int(process.stderr.split()[-1]) // 1024


def test_many_goals_take_little_memory(tmp_path: Path) -> None:
    assert peak(tmp_path, micros(500), "goals") < 400


@pytest.mark.slow
@pytest.mark.parametrize("what", AT_THE_LIMIT)
def test_files_at_a_limit_take_little_memory(tmp_path: Path, what: str) -> None:
    assert peak(tmp_path, AT_THE_LIMIT[what], "report") < 700


def test_the_hits_of_a_goal_have_no_columns_of_other_goals(tmp_path: Path) -> None:
    log = written(tmp_path / "access.log", (line(f"GET /p/{n}?total={n}", n * 10) for n in range(9)))
    text = micros(40) + "  paid: {page: /p/3, value: query.total, once_per: query.order}\n"
    goals = parse_goals(text, "goals.yaml")
    analysis = runs.analysis([log], goals).analysis
    assert not [name for name in analysis.hits.collect_schema() if "~" in name]
    columns = {*matching.goal_hits(analysis.hits, goals.goals[-1]).collect_schema()}
    assert columns == {"inside", *("row", "session", "visitor", "started", "time"), "goal:paid", "shared:paid", "query.total", "query.currency"}
