"""Text from logs is safe to show: nothing runs, changes colours, hides or breaks a line."""

from __future__ import annotations

import csv
import io
import unicodedata
from typing import TYPE_CHECKING
from urllib.parse import quote

import pytest
import runs
from hypothesis import given
from hypothesis import strategies as st
from payloads import FORMULAS, HARMLESS, NASTY
from profiles import share_of_examples
from small_logs import line, written

from convkit.core.text import MAX_LENGTH, escape_formula, safe

if TYPE_CHECKING:
    from pathlib import Path

INVISIBLE = {"Cc", "Cf", "Cs", "Zl", "Zp"}


def visible(text: str) -> bool:
    """Return whether every character of a string is visible or a space."""
    return not {unicodedata.category(letter) for letter in text} & INVISIBLE


def test_every_invisible_character_is_shown_as_text() -> None:
    hidden = [chr(code) for code in range(0x110000) if unicodedata.category(chr(code)) in INVISIBLE]
    assert len(hidden) > 2_000
    assert [letter for letter in hidden if not visible(safe(letter))] == []
    assert len({safe(letter) for letter in hidden}) == len(hidden)


def test_visible_characters_are_unchanged() -> None:
    text = "/caf\u00e9/ف/日本/😀/[bold]:x:'\"<>&\u00a0|"
    assert safe(text) == text


@pytest.mark.parametrize(
    ("text", "expected"),
    [("\x1b[31m", "␛[31m"), ("\n\t", "␊␉"), ("\x7f", "␡"), *((letter, ascii(letter)[1:-1]) for letter in "\x9b\u202e\U000e0041\ud800")],
)
def test_how_invisible_characters_are_written(text: str, expected: str) -> None:
    assert safe(text) == expected


@given(st.text(max_size=400))
def test_text_is_made_visible_and_short(text: str) -> None:
    assert visible(safe(text))
    assert len(safe(text)) <= MAX_LENGTH
    assert safe(text, longest=None).startswith(safe(text).removesuffix("…"))


def test_long_text_ends_in_an_ellipsis() -> None:
    assert safe("x" * MAX_LENGTH) == "x" * MAX_LENGTH
    assert safe("x" * (MAX_LENGTH + 1)) == "x" * (MAX_LENGTH - 1) + "…"
    assert safe("abcdef", longest=3) == "ab…"


@pytest.mark.parametrize("text", FORMULAS)
def test_formulas_get_an_apostrophe(text: str) -> None:
    assert escape_formula(text) == "'" + text


@pytest.mark.parametrize("text", HARMLESS)
def test_harmless_text_is_unchanged(text: str) -> None:
    assert escape_formula(text) == text


@pytest.mark.parametrize("output", ["csv", "json", "table"])
def test_no_output_contains_invisible_characters(tmp_path: Path, output: str) -> None:
    """They appear neither in paths, raw or percent-encoded, nor in the names of logs and groups."""
    requests = [f"GET /{form}" for text in NASTY for form in (quote(text), text.replace("\n", " ").replace("\0", "").replace("\r", " "))]
    log = written(tmp_path / "\x1b[31m\u202eevil.log", [line(request, 10 * number) for number, request in enumerate(requests)])
    text = runs.render(runs.document([log]), output)
    rows = "".join(text.split("\r\n")) if output == "csv" else "".join(text.split("\n"))
    assert visible(rows)
    assert "evil" in rows


@share_of_examples(0.15)
@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=20))
def test_a_path_comes_back_from_csv_as_one_cell(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    log = written(tmp_path_factory.mktemp("log") / "access.log", [line(f"GET /a/{quote(text, safe='')}")])
    goals = written(log.with_name("goals.yaml"), ["macro: {sale: /sale}"])
    rows = list(csv.reader(io.StringIO(runs.render(runs.document([log], ["pages"], goals=goals), "csv"))))
    assert [len(row) for row in rows] == [len(rows[0])] * 2
    assert visible(rows[1][0])
