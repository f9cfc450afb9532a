"""goals.yaml is read strictly: all problems at once, each with its position."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from goals_texts import SINGLE
from hypothesis import given
from hypothesis import strategies as st
from places import EXAMPLE_GOALS as EXAMPLE
from places import GOLDEN

from convkit.core import plugins
from convkit.core.model import Exclusion, Funnel, Goals, Step, Target
from convkit.errors import ExitCode, GoalsFileError, UsageError
from convkit.goals.loader import load_goals, parse_goals

if TYPE_CHECKING:
    from collections.abc import Iterator


def problems(text: str) -> Iterator[str]:
    """Return the messages for a rejected file, without the file's name."""
    with pytest.raises(GoalsFileError) as raised:
        parse_goals(text, "goals.yaml")
    return (message.removeprefix("goals.yaml:") for message in str(raised.value).splitlines())


def test_all_mistakes_of_a_file_are_reported_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(GOLDEN)
    with pytest.raises(GoalsFileError) as raised:
        load_goals("bad_goals.yaml")
    assert raised.value.exit_code == ExitCode.USAGE == 2
    golden = (GOLDEN / "bad_goals.txt").read_text(encoding="utf-8").replace("KEYS OF GOALS", ", ".join(plugins.keys("goals.kinds")))
    assert str(raised.value).splitlines() == golden.splitlines()
    assert len(raised.value.problems) > 40


def test_every_line_with_content_in_the_bad_file_has_a_problem() -> None:
    """Lines that only start a block have no problem."""
    lines = (GOLDEN / "bad_goals.yaml").read_text(encoding="utf-8").splitlines()
    reported_lines = {int(text.split(":")[1]) for text in (GOLDEN / "bad_goals.txt").read_text(encoding="utf-8").splitlines()}
    without_problem = [text.strip() for number, text in enumerate(lines, start=1) if number not in reported_lines]
    assert without_problem[1:] == ["site:", "ignore:", "macro:", "micro:", "funnels:"]


@pytest.mark.parametrize(("text", "expected"), SINGLE.items())
def test_a_mistake_is_reported_once_with_its_position(text: str, expected: str) -> None:
    messages = list(problems(text))
    assert len(messages) == 1
    assert messages[0].startswith(expected)


def test_one_mistake_does_not_hide_the_next_of_its_kind() -> None:
    messages = list(problems("macro: {a: {query: []}, b: {query: {}}, c: {query: {x: []}}, d: {status: [], page: []}}"))
    assert [text.partition(": ")[0] for text in messages] == ["1:20", "1:36", "1:56", "1:74", "1:84"]


def test_goals_that_are_defined_in_terms_of_themselves_are_reported_with_the_cycle() -> None:
    text = "macro:\n  a: {page: /x, except: b}\n  b: {page: /x, except: c}\n  c: {page: /x, except: a}"
    assert list(problems(text)) == [
        "2:25: 'b' refers to itself (b -> c -> a -> b); remove one of these references",
        "3:25: 'c' refers to itself (c -> a -> b -> c); remove one of these references",
        "4:25: 'a' refers to itself (a -> b -> c -> a); remove one of these references",
    ]


def test_goals_that_are_reached_after_themselves_are_reported_with_the_cycle() -> None:
    text = "macro:\n  a: {page: /x, after: [/y, b]}\n  b: {page: /x, after: {page: /z, after: c}}\n  c: [/y, {page: /x, after: a}]\n  d: {after: a}"
    assert list(problems(text)) == [
        "2:29: 'b' comes after itself (b -> c -> a -> b); remove one of these references",
        "3:42: 'c' comes after itself (c -> a -> b -> c); remove one of these references",
        "4:29: 'a' comes after itself (a -> b -> c -> a); remove one of these references",
    ]


def test_the_goal_under_after_does_not_name_hits() -> None:
    """Therefore, a goal may exclude another one that is defined with `after`."""
    text = "macro: {a: {page: '/*', except: b}, b: {page: /x, after: a}}"
    a, b = goals_of(text).goals
    assert [goal.required_columns for goal in (a, b)] == [set(), {"goal:a"}]
    assert [{*goal.named} for goal in (a, b)] == [{"names:a"}, {"names:b"}]


def test_a_goal_without_a_what_is_a_condition() -> None:
    text = "macro: {a: {visits: 2}, b: {referrer: t.co}, c: {after: a}, d: [{visits: 3}, {after: a}], e: {page: /x, visits: 2}, f: [{visits: 3}, /x]}"
    assert [goal.is_condition for goal in goals_of(text).goals] == [True, True, True, True, False, False]


def test_an_unreadable_file_is_reported_with_the_reason(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"none\.yaml cannot be read: No such file or directory; choose another one with --goals"):
        load_goals(tmp_path / "none.yaml")
    with pytest.raises(UsageError, match="cannot be read: Is a directory"):
        load_goals(tmp_path)
    (tmp_path / "latin.yaml").write_bytes(b"macro: {sale: /caf\xe9}")
    with pytest.raises(GoalsFileError, match="not valid UTF-8 at byte 19; save the file as UTF-8"):
        load_goals(tmp_path / "latin.yaml")


def test_a_byte_order_mark_is_accepted(tmp_path: Path) -> None:
    file = tmp_path / "goals.yaml"
    file.write_bytes(b"\xef\xbb\xbfmacro: {sale: /x}\r\n")
    assert [goal.name for goal in load_goals(file).goals] == ["sale"]


def goals_of(text: str) -> Goals:
    """Return the goals in the text of a goals file."""
    return parse_goals(text, "goals.yaml")


def test_the_count_and_the_value_of_a_goal() -> None:
    text = "macro: {sale: {page: /x, value: 19.90, once_per: query.order, target: 1.5%}}\nmicro: {seen: /y}"
    sale, seen = goals_of(text).goals
    assert (sale.macro, sale.value, sale.once_per, sale.target, sale.counts_hits) == (True, 19_900_000, "query.order", Target(0.015), True)
    assert (seen.macro, seen.value, seen.once_per, seen.target, seen.counts_hits) == (False, None, "session", None, False)
    assert goals_of("macro: {sale: {page: /x, value: query.total}}").goals[0].value == "query.total"
    assert goals_of("macro: {sale: {page: /x, value: 0.000001}}").goals[0].value == 1


def test_options_of_a_funnel_and_its_steps() -> None:
    text = "macro: {sale: /x}\nmicro: {seen: /p/*, helped: /help}\nfunnels:\n  all:\n"
    text += "    steps: [seen, {goal: [helped, /b], optional: true, within: 1h}, sale]\n"
    text += "    open: true\n    same: query.sku\n    where: [landing=/a, goal!=helped]\n"
    text += "    without: [helped, {goal: [helped, /c], after: seen, before: 3}]"
    (funnel,) = goals_of(text).funnels
    assert funnel.steps[1] == Step("helped or /b", ("goal:helped", "goal:all#2/1"), within=timedelta(hours=1), is_optional=True)
    assert (funnel.is_open, funnel.same, funnel.where) == (True, "query.sku", ("landing=/a", "goal!=helped"))
    assert funnel.without == (Exclusion("helped", ("goal:helped",), 1, 3), Exclusion("helped or /c", ("goal:helped", "goal:all#without1/1"), 1, 3))
    assert goals_of("macro: {sale: /x}\nfunnels: {f: {steps: [sale, sale], where: {landing: /a}}}").funnels[0].where == ("landing=/a",)


def test_a_funnel_is_a_list_or_has_steps() -> None:
    text = "macro: {sale: /x}\nmicro: {mail: {query: utm_source}}\nfunnels:\n  short: [mail, sale]\n"
    text += "  long: {steps: [mail, [sale, mail], /cart, {request: POST /pay, status: 3xx}], per: visitor, order: ordered, window: 7d}"
    short, long = goals_of(text).funnels
    assert short == Funnel("short", (Step("mail", ("goal:mail",), is_condition=True), Step("sale", ("goal:sale",))))
    assert (long.per, long.window) == ("visitor", timedelta(days=7))
    assert [step.name for step in long.steps] == ["mail", "sale or mail", "/cart", "request POST /pay status 3xx"]
    assert [step.is_condition for step in long.steps] == [True, False, False, False]
    assert [len(step.columns) for step in long.steps] == [1, 2, 1, 1]


def test_a_goal_and_a_funnel_may_share_a_name() -> None:
    goals = goals_of("macro: {sale: /x}\nfunnels: {sale: [/cart, sale]}")
    assert (goals.goals[0].name, goals.funnels[0].name) == ("sale", "sale")


def test_goals_written_out_in_steps_are_matched_and_not_listed() -> None:
    goals = goals_of("macro: {sale: /x}\nfunnels: {f: [/cart, POST /pay, sale]}")
    assert [goal.name for goal in goals.goals] == ["sale"]
    assert len(goals.unlisted) == 2
    assert [goal.column for goal in goals.all] == ["goal:sale", *(step.columns[0] for step in goals.funnels[0].steps[:2])]


def test_the_example_and_the_built_in_goals_have_no_mistakes() -> None:
    example, built_in = load_goals(EXAMPLE), load_goals()
    assert example.file == str(EXAMPLE)
    assert (built_in.file, [goal.name for goal in built_in.macros]) == (None, ["purchase", "lead"])
    assert [funnel.name for funnel in built_in.funnels] == ["shop"]


def test_a_goals_file_opens_no_other_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """There are no `include`s, environment variables or commands."""
    opened = []
    monkeypatch.setenv("SECRET", "/secret")
    monkeypatch.setattr(Path, "read_text", lambda path, **_: opened.append(path))
    file = tmp_path / "goals.yaml"
    file.write_bytes(b"macro: {a: '/${SECRET}', b: '/$(id)', c: /~}")
    names = {name for goal in load_goals(file).goals for expr in goal.named.values() for name in expr.meta.root_names()}
    assert {"path~/${SECRET}", "path~/$(id)", "path~/~"} <= names
    assert opened == []


KEYS = ["page", "request", "any", "status", "at_least", "stayed", "except", "query", "after", "visits", "within", "referrer"]


@given(st.recursive(st.sampled_from(["/a", "POST /b", "re:(", 3, None, True, "sale", "", "5m", []]), lambda inner: st.one_of(
    st.lists(inner, max_size=3),
    st.dictionaries(st.sampled_from(KEYS), inner, max_size=3),
), max_leaves=8))  # fmt: skip
def test_any_goal_is_read_or_rejected_with_its_position(goal: object) -> None:
    text = f"macro: {{sale: {_yaml(goal)}}}\nfunnels: {{f: [sale, {_yaml(goal)}]}}"
    try:
        goals_of(text)
    except GoalsFileError as error:
        places = [(problem.line, problem.message) for problem in error.problems]
    else:
        places = [(1, "none")]
    assert all(line in {1, 2} and message for line, message in places)


def _yaml(value: object) -> str:
    """Return a value in YAML's inline notation."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{name}: {_yaml(item)}" for name, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_yaml, value)) + "]"
    return f"'{value}'" if isinstance(value, str) else {None: "null", True: "true"}.get(value, str(value))  # type: ignore[call-overload, no-any-return]
