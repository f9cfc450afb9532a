"""YAML without surprises: no code runs, no values are shared, text stays text, and every problem has a position and a fix."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from convkit.errors import ExitCode, GoalsFileError
from convkit.goals import strict_yaml

if TYPE_CHECKING:
    from convkit.goals.strict_yaml import Node

ANCHORS = "anchors and aliases are not supported; quote a value that starts with `*` or `&` with '...'"
QUOTE = "quote it with '...'; this character has a special meaning in YAML at the start of a value"
CHECK = "check the brackets, quotes and indentation just before this position, or quote the text with '...'"

TYPED = {
    "on": "on",
    "yes": "yes",
    "NO": "NO",
    "off": "off",
    "30:00": "30:00",
    "12:30:45": "12:30:45",
    "2026-10-10": "2026-10-10",
    "0x1F": "0x1F",
    "1_000": "1_000",
    "1.5%": "1.5%",
    "30m": "30m",
    "19.90 EUR": "19.90 EUR",
    ".inf": ".inf",
    ".nan": ".nan",
    "/a #frag": "/a",
    "/a#frag": "/a#frag",
    "'/a #frag'": "/a #frag",
    "'12'": "12",
    "'true'": "true",
    "''": "",
    r"'^/a\d+$'": r"^/a\d+$",
    "10": 10,
    "010": 10,
    "-3": -3,
    "1.5": 1.5,
    "1e3": 1000.0,
    ".5": 0.5,
    "true": True,
    "False": False,
    "~": None,
    "null": None,
    "": None,
}
"""Values as in the core schema of YAML 1.2, not as in YAML 1.1."""

REFUSED = {
    "a: !!python/object:os.system {}": ["1:4: the tag 'tag:yaml.org,2002:python/object:os.system' is not supported; remove it"],
    "a: !!binary aGk=": ["1:4: the tag 'tag:yaml.org,2002:binary' is not supported; remove it"],
    "a: !own x": ["1:4: the tag '!own' is not supported; remove it"],
    "a: &x 1\nb: *x": [f"1:4: {ANCHORS}", f"2:4: {ANCHORS}"],
    "a: &a [*a]": [f"1:4: {ANCHORS}", f"1:8: {ANCHORS}"],
    "a:\n  <<: {b: 1}": ["2:3: merge keys (`<<`) are not supported; write the keys out"],
    "a: *.pdf": ["1:5: quote it with '...'; `*` and `&` have a special meaning in YAML at the start of a value"],
    "a: @x": [f"1:4: {QUOTE}"],
    "a: `x`": [f"1:4: {QUOTE}"],
    "a: %x": [f"1:4: {QUOTE}"],
    "a: /x: y": ["1:6: quote it with '...', or check the indentation; YAML reads this `: ` as a new key"],
    r'a: "^/a\d+$"': ["1:8: quote it with '...' instead of \"...\"; in single quotes a backslash is an ordinary character"],
    "a:\n\tb: 1": ["2:1: indent with spaces; YAML does not allow tabs here"],
    "a: 1\n---\nb: 2": ["2:1: only one YAML document is allowed; remove the `---` line and everything after it"],
    "a: [1]]": [f"1:7: {CHECK}"],
    "a:\n  b: 1\n c: 2": [f"3:2: {CHECK}"],
    "a: 1\nb: 2\na: 3\nb: 4": [
        "3:1: duplicate key 'a', first used on line 1; keep one of them",
        "4:1: duplicate key 'b', first used on line 2; keep one of them",
    ],
    "1: a\ntrue: b": ["1:1: a key must be text; write '1' in quotes", "2:1: a key must be text; write 'true' in quotes"],
    "[a]: b": ["1:1: a key must be text"],
}

TOO_DEEP = "nested more than 30 levels deep; remove levels, and check for unclosed brackets"
DEEP = {
    "40 pairs of brackets": "a: " + "[" * 40 + "]" * 40,
    "5,000 pairs of brackets": "[" * 5_000 + "]" * 5_000,
    "5,000 brackets": "[" * 5_000,
    "brackets on 5,000 lines": "[\n" * 5_000,
    "5,000 braces": "{" * 5_000,
    "alternating brackets and braces": "[{" * 2_500,
    "5,000 flow mappings": "{a: " * 5_000,
    "5,000 dashes": "- " * 5_000,
    "5,000 keys of mappings": "? " * 5_000,
    "200 indented lines": "".join(f"{' ' * depth}a:\n" for depth in range(200)),
}
LOADERS = [name for name in ("CSafeLoader", "SafeLoader") if hasattr(yaml, name)]
"""PyYAML has the first loader only if it was built with libyaml; the second one is written in Python and builds the tree recursively."""


def problems(text: str) -> list[str]:
    """Return the messages for rejected YAML, without the file's name."""
    with pytest.raises(GoalsFileError) as raised:
        strict_yaml.load(text, "goals.yaml")
    assert raised.value.exit_code == ExitCode.USAGE == 2
    return [line.removeprefix("goals.yaml:") for line in str(raised.value).splitlines()]


def plain(node: Node) -> object:
    """Return the content of a node, without positions."""
    if isinstance(node.value, dict):
        return {name: plain(value) for name, value in node.value.items()}
    return [plain(item) for item in node.value] if isinstance(node.value, list) else node.value


@pytest.mark.parametrize(("text", "expected"), TYPED.items())
def test_values_are_read_as_they_are_written(text: str, expected: object) -> None:
    loaded = plain(strict_yaml.load(f"key: {text}", "goals.yaml"))
    assert loaded == {"key": expected}
    assert isinstance(loaded, dict)
    assert type(loaded["key"]) is type(expected)


@pytest.mark.parametrize(("text", "expected"), REFUSED.items())
def test_problems_have_a_position_and_a_fix(text: str, expected: list[str]) -> None:
    assert problems(text) == expected


def test_all_problems_are_reported_at_once_in_file_order() -> None:
    messages = problems("a: !x 1\nb: {<<: {c: 1}}\nd: 1\nd: 2\n5: 6")
    assert [line.partition(": ")[0] for line in messages] == ["1:4", "2:5", "4:1", "5:1"]


@pytest.mark.parametrize("loader", LOADERS)
@pytest.mark.parametrize("text", DEEP.values(), ids=DEEP)
def test_deep_nesting_is_refused_before_it_costs_anything(text: str, loader: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(strict_yaml, "_Loader", getattr(yaml, loader))
    assert [problem.partition(": ")[2] for problem in problems(text)] == [TOO_DEEP]


def test_thirty_levels_are_read() -> None:
    assert strict_yaml.load("[" * 30 + "]" * 30, "goals.yaml").value


def test_an_alias_bomb_is_refused_before_its_tree_is_built(monkeypatch: pytest.MonkeyPatch) -> None:
    levels = (f"{name}: &{name} [{', '.join([f'*{before}'] * 9)}]\n" for before, name in zip("abcdefgh", "bcdefghi", strict=True))
    bomb = "a: &a [x]\n" + "".join(levels)
    monkeypatch.setattr(yaml, "compose", lambda *_, **__: pytest.fail("the tree is built"))
    assert ANCHORS in problems(bomb)[0]


def test_a_file_of_more_than_a_mebibyte_is_refused() -> None:
    assert strict_yaml.load("#" * (1 << 20), "goals.yaml").value is None
    assert problems("#" * (1 << 20) + "\n") == [" larger than 1 MiB; goals files are usually a few thousand bytes long, so check that this is one"]


@pytest.mark.parametrize("text", ["", "\n", "# nothing\n", "---\n"])
def test_an_empty_file_is_an_empty_value(text: str) -> None:
    assert strict_yaml.load(text, "goals.yaml").value is None


def test_every_value_and_key_has_its_position() -> None:
    root = strict_yaml.load("site:\n  hosts: [a, b]\nmacro: {sale: /x}\n", "goals.yaml")
    places = {name: (key.line, key.column, value.line, value.column) for name, key, value in root.items()}
    assert places == {"site": (1, 1, 2, 3), "macro": (3, 1, 3, 8)}
    hosts = next(value for name, _, value in next(value for _, _, value in root.items()).items() if name == "hosts")
    assert isinstance(hosts.value, list)
    assert [(item.line, item.column) for item in hosts.value] == [(2, 11), (2, 14)]


@given(st.text(st.sampled_from("ab: -[]{}&*!|>'\"%@`#,?\n\t\r\u2028é\\"), max_size=30))
def test_any_text_is_read_or_rejected_with_a_message(text: str) -> None:
    try:
        strict_yaml.load(text, "goals.yaml")
    except GoalsFileError as error:
        refused = error.problems
    else:
        refused = []
    assert all(problem.message and problem.line <= text.count("\n") + text.count("\r") + text.count("\u2028") + 2 for problem in refused)
