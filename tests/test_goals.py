"""goals.yaml is read strictly: all problems at once, each with its place."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from convkit.core.definitions import Funnel, Goals, Step, Without
from convkit.errors import ExitCode, GoalsFileError, UsageError
from convkit.goals.goals import load_goals, parse_goals

if TYPE_CHECKING:
    from collections.abc import Iterator

GOLDEN = Path(__file__).parent / "golden"
EXAMPLE = Path(__file__).parents[1] / "goals.example.yaml"

SINGLE = {
    "macro: {sale: {path: /x}}": "1:16: unknown key 'path' in a goal",
    "macro: {sale: {pages: /x}}": "1:16: unknown key 'pages' in a goal, did you mean 'page'?",
    "macros: {sale: /x}": "1:1: unknown key 'macros', did you mean 'macro'?; at the top stand site, macro, micro, funnels",
    "macro: {sale: /x}\nmicro: {SALE: /y}": "2:9: 'SALE' is called like the one in line 1; rename one of them",
    "macro: {sale: /x}\nmicro: {sale: /y}": "2:9: 'sale' is called like the one in line 1; rename one of them",
    "macro: {größe: /x}": "1:9: 'größe' is no name: use letters, digits, `_` and `-`",
    "macro: {a.b: /x}": "1:9: 'a.b' is no name: use letters, digits, `_` and `-`",
    "macro: {sale: /x}\nsite: {notes: {7 Oct: checkout}}": "2:16: '7 Oct' is no day; write one like 2026-10-07",
    "macro: {sale: /x}\nsite: {notes: {2026-10-07: [a, '']}}": "2:32: what happened on a day is text here",
    "macro: {sale: /x}\nsite: {variants: {a: v}}": "2:22: a variant is told by query.NAME, cookie.NAME, prop.NAME, path, or {path: [/a/**, /b/**]}",
    "macro: [/x]": "1:8: `macro` takes names, each with what it means, like `name: /path`",
    "macro: {sale: {page: 2026}}": "1:22: a path like /thank-you is text here; write '2026' in quotes",
    "macro: {sale: {page: [/x, []]}}": "1:27: a path like /thank-you is text here",
    "macro: {sale: {page: /x, value: 1e15}}": "1:33: `value` is a number like 60 or 19.90, query.NAME, cookie.NAME or prop.NAME",
    "macro: {sale: {page: /x, value: true}}": "1:33: `value` is a number like 60 or 19.90, query.NAME, cookie.NAME or prop.NAME",
    "macro: {sale: {page: /x, value: query.}}": "1:33: `value` is a number like 60 or 19.90, query.NAME, cookie.NAME or prop.NAME",
    "macro: {sale: {page: /x, target: 1.5}}": "1:34: `target` is a rate like 1.5%",
    "macro: {sale: {page: /x, target: 0%}}": "1:34: `target` is a rate like 1.5%",
    "macro: {sale: {page: /x, at_least: 2, stayed: 5m}}": "1:39: a goal has one of at_least and stayed, not both",
    "macro: {sale: {page: /x, at_least: 2, visits: 3}}": "1:39: a goal has one of at_least and visits, not both",
    "macro: {sale: {stayed: 5m, visits: 3, within: 7d}}": "1:28: a goal has one of stayed and visits, not both",
    "macro: {sale: {visits: 0}}": "1:24: `visits` takes a whole number of 1 or more",
    "macro: {sale: {visits: 2.5}}": "1:24: `visits` takes a whole number of 1 or more",
    "macro: {sale: {visits: true}}": "1:24: `visits` takes a whole number of 1 or more",
    "macro: {sale: {visits: 3, within: 7}}": "1:35: '7' is no length of time",
    "macro: {sale: {within: 7d}}": "1:16: `within` belongs to `visits`; write {visits: 3, within: 14d}",
    "macro: {sale: {page: /x, at_least: 2, within: 7d}}": "1:39: `within` belongs to `visits`; write {visits: 3, within: 14d}",
    "macro: {sale: {referrer: https://t.co/x}}": "1:26: a referrer is its host and path; write t.co/x",
    "macro: {sale: {referrer: /post}}": "1:26: a referrer begins with its host; write one, like news.example/post",
    "macro: {sale: {referrer: [t.co, 'x.example/?q=*']}}": "1:33: a referrer ends before `?` and `#`",
    "macro: {sale: {referrer: 'x.example:80/a'}}": "1:26: a referrer has no port; leave out :80",
    "macro: {sale: {referrer: 7}}": "1:26: a referrer like news.example or news.example/post is text here; write '7' in quotes",
    "macro: {sale: {referrer: 're:('}}": "1:26: this regular expression cannot be used",
    "macro: {sale: {page: /x, after: cart}}": "1:33: no goal is called 'cart'",
    "macro: {sale: {page: /x, after: salf}}": "1:33: no goal is called 'salf', did you mean 'sale'?",
    "macro: {sale: {page: /x, after: {pag: /y}}}": "1:34: unknown key 'pag' in a goal, did you mean 'page'?",
    "macro: {sale: {page: /x, after: []}}": "1:33: `any` takes a list of goals",
    "macro: {sale: {page: /x, after: sale}}": "1:33: 'sale' is reached after itself: sale -> sale",
    "macro: {sale: [/y, {page: /x, after: {after: [/z, sale]}}]}": "1:51: 'sale' is reached after itself: sale -> sale",
    "macro: {sale: {page: /x, status: []}}": "1:34: an empty list; write a status like 404 or 3xx",
    "macro:\n  sale:\n    page:\n      - /x\n      - y": "5:9: 'y' is no path: a path begins with `/`, as /y",
    "macro:\n  sale:\n    request:\n      - POST /x\n      - post /y": "5:9: 'post /y' is no request",
    "site:\n  visitor:\n    - user\n    - browser\nmacro: {sale: /x}": "4:7: 'browser' tells no visitor",
    "site:\n  ignore:\n    addresses: [203.0.113.7,\n      office]\nmacro: {sale: /x}": "4:7: 'office' is no address and no network",
    "macro: {sale: /x}\nfunnels: {f: [sale, cart]}": "2:21: no goal is called 'cart'",
    "macro: {sale: /x}\nfunnels: {f: [sale, {pag: /x}]}": "2:22: unknown key 'pag' in a goal, did you mean 'page'?",
    "macro: {sale: /x}\nfunnels: {f: {steps: [sale, sale], window: 7}}": "2:44: '7' is no length of time",
    "macro: {sale: /x}\nfunnels: {f: {steps: [sale, sale], within: 1h}}": "2:36: unknown key 'within' in a funnel",
    **{
        f"macro: {{sale: /x}}\nfunnels: {{f: {{{text}}}}}": expected
        for text, expected in {
            "steps: [sale, sale], order: all": "2:43: `order` is ordered, strict or any",
            "steps: [sale, sale], open: maybe": "2:42: `open` is true or false",
            "steps: [{goal: sale, optional: true}, sale]": "2:23: the first and the last step cannot be optional",
            "steps: [sale, {goal: sale, optional: true}]": "2:29: the first and the last step cannot be optional",
            "steps: [{goal: sale, within: 1h}, sale]": "2:23: `within` is the time since the step before; the first step has none",
            "steps: [sale, {goal: sale, within: soon}]": "2:50: 'soon' is no length of time",
            "steps: [sale, {page: /a, within: 1h}, sale], order: any": "2:22: `within` needs `order: ordered` or strict: in any order no step",
            "steps: [sale, {page: /a, optional: true}, sale], order: any": "2:22: `optional` needs `order: ordered`: in any order",
            "steps: [sale, {page: /a, optional: true}, sale], order: strict": "2:22: `optional` needs `order: ordered`: where nothing",
            "steps: [sale, sale], order: strict, open: true": "2:57: `open` needs `order: ordered`: where nothing may come between",
            "steps: [sale, sale], order: any, open: true": "2:54: `open` needs `order: ordered`: in any order",
            "steps: [sale, sale], order: any, without: /x": "2:57: `without` needs `order: ordered`: in any order",
            "steps: [sale, sale], order: strict, without: /x": "2:60: `without` needs `order: ordered`: where nothing may come between",
            "steps: [sale, /a], without: {after: sale}": "2:43: `without` takes a goal, like {goal: help, after: cart, before: purchase}",
            "steps: [sale, /a], without: {goal: sale, behind: sale}": "2:56: unknown key 'behind' in `without`",
            "steps: [sale, /a], without: {goal: sale, after: sail}": "2:63: no step is called 'sail', did you mean 'sale'?; steps are sale, /a",
            "steps: [sale, /a, sale], without: {goal: /b, after: sale}": "2:67: 2 steps are called 'sale'; write the number of one",
            "steps: [sale, /a], without: {goal: /b, after: 2}": "2:43: step 2 does not come behind step 2; nothing lies between them",
            "steps: [sale, {goal: /a, optional: true}, /b], without: {goal: /c, after: 2}": "2:89: '2' is optional: a chain without it",
            "steps: [sale, /a], same: sku": "2:40: `same` is path, query.NAME, cookie.NAME or prop.NAME",
            "steps: [sale, /a], where: landed=/x": "2:41: landed=/x: 'landed' is no field, did you mean 'landing'?",
            "steps: [sale, /a], where: {goal: sail}": "2:48: goal=sail: no goal is called 'sail', did you mean 'sale'?",
            "steps: [sale, {goal: /a, page: /b}]": "2:30: unknown key 'goal' in a goal",
            "steps: [sale, " + ", ".join(f"{{goal: /{number}, optional: true}}" for number in range(7)) + ", sale]": (
                "2:22: at most 6 steps of a funnel can be optional; leave some out"
            ),
        }.items()
    },
    "- macro": "1:1: a goals file has the blocks site, macro, micro, funnels, like `macro:`",
    "": " empty; write at least a macro goal, or run `convkit init` for a start",
}


def problems(text: str) -> Iterator[str]:
    """Return what is said of a file that is refused, without the file's name."""
    with pytest.raises(GoalsFileError) as raised:
        parse_goals(text, "goals.yaml")
    return (message.removeprefix("goals.yaml:") for message in str(raised.value).splitlines())


def test_every_mistake_of_a_file_is_told_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(GOLDEN)
    with pytest.raises(GoalsFileError) as raised:
        load_goals("bad_goals.yaml")
    assert raised.value.exit_code == ExitCode.USAGE == 2
    assert str(raised.value).splitlines() == (GOLDEN / "bad_goals.txt").read_text(encoding="utf-8").splitlines()
    assert len(raised.value.problems) > 40


def test_every_line_of_the_bad_file_that_claims_something_has_a_problem() -> None:
    """Lines that only open a block have none of their own."""
    lines = (GOLDEN / "bad_goals.yaml").read_text(encoding="utf-8").splitlines()
    told = {int(text.split(":")[1]) for text in (GOLDEN / "bad_goals.txt").read_text(encoding="utf-8").splitlines()}
    silent = [text.strip() for number, text in enumerate(lines, start=1) if number not in told]
    assert silent[1:] == ["site:", "ignore:", "macro:", "micro:", "funnels:"]


@pytest.mark.parametrize(("text", "expected"), SINGLE.items())
def test_a_mistake_is_told_once_and_where_it_is(text: str, expected: str) -> None:
    found = list(problems(text))
    assert len(found) == 1
    assert found[0].startswith(expected)


def test_one_mistake_does_not_hide_the_next_of_its_kind() -> None:
    found = list(problems("macro: {a: {query: []}, b: {query: {}}, c: {query: {x: []}}, d: {status: [], page: []}}"))
    assert [text.partition(": ")[0] for text in found] == ["1:20", "1:36", "1:56", "1:74", "1:84"]


def test_goals_that_are_defined_by_themselves_name_the_way_round() -> None:
    text = "macro:\n  a: {page: /x, except: b}\n  b: {page: /x, except: c}\n  c: {page: /x, except: a}"
    assert list(problems(text)) == [
        "2:25: 'b' is defined by itself: b -> c -> a -> b",
        "3:25: 'c' is defined by itself: c -> a -> b -> c",
        "4:25: 'a' is defined by itself: a -> b -> c -> a",
    ]


def test_goals_that_are_reached_after_themselves_name_the_way_round() -> None:
    text = "macro:\n  a: {page: /x, after: [/y, b]}\n  b: {page: /x, after: {page: /z, after: c}}\n  c: [/y, {page: /x, after: a}]\n  d: {after: a}"
    assert list(problems(text)) == [
        "2:29: 'b' is reached after itself: b -> c -> a -> b",
        "3:42: 'c' is reached after itself: c -> a -> b -> c",
        "4:29: 'a' is reached after itself: a -> b -> c -> a",
    ]


def test_what_a_goal_comes_after_is_no_part_of_what_it_names() -> None:
    """So a goal may leave out one that comes after it."""
    text = "macro: {a: {page: '/*', except: b}, b: {page: /x, after: a}}"
    a, b = goals_of(text).goals
    assert [goal.asked for goal in (a, b)] == [set(), {"goal:a"}]
    assert [{*goal.named} for goal in (a, b)] == [{"names:a"}, {"names:b"}]


def test_a_goal_without_a_what_is_a_condition() -> None:
    text = "macro: {a: {visits: 2}, b: {referrer: t.co}, c: {after: a}, d: [{visits: 3}, {after: a}], e: {page: /x, visits: 2}, f: [{visits: 3}, /x]}"
    assert [goal.is_condition for goal in goals_of(text).goals] == [True, True, True, True, False, False]


def test_a_file_that_cannot_be_read_says_why(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"none\.yaml cannot be read: No such file or directory; name another with --goals"):
        load_goals(tmp_path / "none.yaml")
    with pytest.raises(UsageError, match="cannot be read: Is a directory"):
        load_goals(tmp_path)
    (tmp_path / "latin.yaml").write_bytes(b"macro: {sale: /caf\xe9}")
    with pytest.raises(GoalsFileError, match="not UTF-8 at byte 19; save it as UTF-8"):
        load_goals(tmp_path / "latin.yaml")


def test_a_byte_order_mark_is_no_mistake(tmp_path: Path) -> None:
    file = tmp_path / "goals.yaml"
    file.write_bytes(b"\xef\xbb\xbfmacro: {sale: /x}\r\n")
    assert [goal.name for goal in load_goals(file).goals] == ["sale"]


def goals_of(text: str) -> Goals:
    """Return the goals of a text."""
    return parse_goals(text, "goals.yaml")


def test_what_a_goal_counts_and_is_worth() -> None:
    text = "macro: {sale: {page: /x, value: 19.90, once_per: query.order, target: 1.5%}}\nmicro: {seen: /y}"
    sale, seen = goals_of(text).goals
    assert (sale.macro, sale.value, sale.once_per, sale.target, sale.counts_hits) == (True, 19_900_000, "query.order", 0.015, True)
    assert (seen.macro, seen.value, seen.once_per, seen.target, seen.counts_hits) == (False, None, "session", None, False)
    assert goals_of("macro: {sale: {page: /x, value: query.total}}").goals[0].value == "query.total"
    assert goals_of("macro: {sale: {page: /x, value: 0.000001}}").goals[0].value == 1


def test_what_a_funnel_and_its_steps_may_say() -> None:
    text = "macro: {sale: /x}\nmicro: {seen: /p/*, helped: /help}\nfunnels:\n  all:\n"
    text += "    steps: [seen, {goal: [helped, /b], optional: true, within: 1h}, sale]\n"
    text += "    open: true\n    same: query.sku\n    where: [landing=/a, goal!=helped]\n"
    text += "    without: [helped, {goal: [helped, /c], after: seen, before: 3}]"
    (funnel,) = goals_of(text).funnels
    assert funnel.steps[1] == Step("helped or /b", ("goal:helped", "goal:all#2/1"), within=timedelta(hours=1), is_optional=True)
    assert (funnel.is_open, funnel.same, funnel.where) == (True, "query.sku", ("landing=/a", "goal!=helped"))
    assert funnel.without == (Without("helped", ("goal:helped",), 1, 3), Without("helped or /c", ("goal:helped", "goal:all#without1/1"), 1, 3))
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


def test_the_example_and_the_built_in_goals_are_free_of_mistakes() -> None:
    example, built_in = load_goals(EXAMPLE), load_goals()
    assert example.file == str(EXAMPLE)
    assert (built_in.file, [goal.name for goal in built_in.macros]) == (None, ["purchase", "lead"])
    assert [funnel.name for funnel in built_in.funnels] == ["shop"]


def test_a_goals_file_opens_no_other_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The schema has no `include`, no environment and no commands."""
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
def test_any_goal_is_read_or_refused_with_its_place(goal: object) -> None:
    text = f"macro: {{sale: {_yaml(goal)}}}\nfunnels: {{f: [sale, {_yaml(goal)}]}}"
    try:
        goals_of(text)
    except GoalsFileError as error:
        places = [(problem.line, problem.message) for problem in error.problems]
    else:
        places = [(1, "none")]
    assert all(line in {1, 2} and message for line, message in places)


def _yaml(value: object) -> str:
    """Write a value in YAML's short notation."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{name}: {_yaml(item)}" for name, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_yaml, value)) + "]"
    return f"'{value}'" if isinstance(value, str) else {None: "null", True: "true"}.get(value, str(value))  # type: ignore[call-overload, no-any-return]
