"""The table: nothing is wider than the screen, columns are aligned, and text from a log reaches the terminal only as harmless text."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import termios
import unicodedata
from typing import TYPE_CHECKING

import pytest
import runs
from hypothesis import given
from hypothesis import strategies as st
from places import DATA, EXAMPLE_GOALS, ROOT
from profiles import share_of_examples
from rich.cells import cell_len
from small_logs import line, written

import convkit
from convkit.core import plugins
from convkit.core.text import safe

if TYPE_CHECKING:
    from pathlib import Path

    from convkit.core.document import Document

EXAMPLE = EXAMPLE_GOALS
HAND_MADE = DATA / "by_hand.log"

WIDTHS = (40, 60, 80, 100, 120, 200)
REPORTS = (None, *plugins.names("reports"))
DANGEROUS = {"Cc", "Cf", "Cs", "Zl", "Zp"}
"""Unicode categories of characters that control what displays them."""
_SGR = re.compile(r"\x1b\[[0-9;]*m")

GOALS = "macro: {purchase: /thanks}\nmicro: {saw: '/**'}\nfunnels: {shop: [saw, '/missing/**', purchase]}\n"
HOSTILE = (
    "/[/x]", "/[bold]", "/:smile:", "/[link=http://e]a[/link]", "/\x1b[2J", "/\x1b]52;c;ZXZpbA==\x07", "/\x9b31m", "/\x7f\x08",
    "/\u202ecod", "/\u2066a\u2069", "/a\u200bb", "/\ufeffbom", "/\U000e0041tag", "/\u2028line", "/tab\there", "/%1b%5b2J",
    "/" + "long" * 200, "/日本語" * 30, "/e\u0301" * 9, "/👩\u200d👩\u200d👧",
)  # fmt: skip


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Document:
    """Return the whole report on a log whose paths, user agents and user names are hostile."""
    folder = tmp_path_factory.mktemp("hostile")
    (folder / "goals.yaml").write_text(GOALS, encoding="utf-8")
    lines = []
    for number, path in enumerate(HOSTILE):
        who, agent = f"192.0.2.{number} - {path[1:9]}", f"Mozilla/5.0 ({path.replace('http:', '')})"
        lines += [line(f"{method} {path}", 0, who=who, agent=agent) for method in ("GET", "POST")]
        lines += [line(f"GET /missing{path}", number, 404, who="198.51.100.9 - -")] * 2
    return runs.document([written(folder / "a\x1b[31m\u202e\nname.log", lines)], goals=folder / "goals.yaml")


def too_wide(text: str, width: int) -> list[str]:
    """Return the lines that are wider than the screen, measured in terminal cells."""
    return [text_line for text_line in _SGR.sub("", text).splitlines() if cell_len(text_line) > width]


def dangerous(text: str) -> set[str]:
    """Return the control and format characters in a string, except line ends and colours."""
    return {character for character in _SGR.sub("", text) if character != "\n" and unicodedata.category(character) in DANGEROUS}


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("report", REPORTS)
def test_no_line_is_wider_than_the_screen(report: str | None, width: int) -> None:
    for limit in (None, 0, 3):
        text = runs.render(runs.sample_report(report), width=width, limit=limit)
        assert too_wide(text, width) == []
        assert [text_line for text_line in text.splitlines() if text_line != text_line.rstrip()] == []


@pytest.mark.parametrize("width", WIDTHS)
def test_no_line_is_wider_whatever_the_log_contains(hostile: Document, width: int) -> None:
    assert too_wide(runs.render(hostile, width=width, limit=0), width) == []


@pytest.mark.parametrize("width", WIDTHS)
def test_long_words_in_sentences_are_not_wider(tmp_path: Path, width: int) -> None:
    """Sentences wrap between words, but a path in a sentence may be a word that is longer than a line."""
    lines = [line("GET /"), *(line(f"GET /{'gone' * 60}", 1, 404, who=f"192.0.2.{number} - -") for number in range(3))]
    document = runs.document([written(tmp_path / f"{'long' * 30}.log", lines)])
    assert too_wide(runs.render(document, width=width), width) == []


@pytest.mark.parametrize("width", [80, 120])
@pytest.mark.parametrize("colour", [False, True])
def test_text_from_a_log_is_harmless(hostile: Document, width: int, *, colour: bool) -> None:
    text = runs.render(hostile, width=width, limit=0, colour=colour)
    assert dangerous(text) == set()
    assert ("\x1b" in text) == colour


def test_text_from_a_log_is_shown_as_it_is(hostile: Document) -> None:
    """Neither markup nor emoji codes in it are interpreted."""
    text = runs.render(hostile, width=200, limit=0)
    for path in ("/[/x]", "/[bold]", "/:smile:", "/[link=http:/e]a[/link]"):
        assert f"  {path} " in text
    assert "/␛[2J" in text
    assert "\\u202ecod" in text


def test_every_format_character_is_made_visible() -> None:
    control_characters = [chr(code) for code in range(sys.maxunicode + 1) if unicodedata.category(chr(code)) in DANGEROUS]
    assert [f"{ord(character):x}" for character in control_characters if safe(character) == character] == []


ANY = st.characters(exclude_characters="\0", exclude_categories=["Cs"])
PATHS = st.lists(st.text(ANY, min_size=1, max_size=40), min_size=1, max_size=12)


@share_of_examples(0.25)
@given(paths=PATHS, width=st.sampled_from(WIDTHS))
def test_any_text_is_harmless(paths: list[str], width: int, tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("any")
    lines = [line(f"GET /{path}", number, 200 + number % 3 * 102, agent=f"Mozilla/5.0 ({path})") for number, path in enumerate(paths)]
    # A log is rejected if most of its lines are broken in two.
    lines += [line("GET /good", number) for number in range(sum(len(path) + 3 for path in paths))]
    document = runs.document([written(folder / "access.log", lines)], log_format="combined")
    plain, coloured = (runs.render(document, width=width, limit=0, colour=colour) for colour in (False, True))
    assert dangerous(plain) | dangerous(coloured) == set()
    assert "\x1b" not in plain
    assert _SGR.sub("", coloured) == plain
    assert too_wide(plain, width) == []


@pytest.mark.parametrize("width", [80, 120])
def test_wide_characters_keep_columns_in_line(tmp_path: Path, width: int) -> None:
    paths = ["/日本語/ページ", "/a", "/한국어-페이지", "/" + "漢" * 60, "/x" + "漢" * 60, "/" + "n" * 90]
    lines = [line(f"GET {path}", number) for number, path in enumerate(paths)]
    text = runs.render(runs.document([written(tmp_path / "access.log", lines)], ["pages"]), width=width)
    rows = [row for row in text.splitlines() if row.startswith("  /")]
    assert len(rows) == len(paths)
    assert len({cell_len(row) for row in rows}) == 1, "the last column is aligned to the right"
    heading = next(row for row in text.splitlines() if "landings" in row)
    edge = heading.index("landings") + len("landings")
    assert all(cell_len(re.match(r".*?\s+\d+(?=\s)", row)[0]) == edge for row in rows)
    assert sum("…" in row for row in rows) == 3


def test_a_name_that_fits_is_not_cut(tmp_path: Path) -> None:
    lines = [line(f"GET /{'n' * length}", length) for length in (5, 15)]
    text = runs.render(runs.document([written(tmp_path / "access.log", lines)], ["pages"]), width=80)
    assert "…" not in text


def output(*arguments: str | Path, **environment: str) -> str:
    """Return what the program writes to a pipe."""
    clean = {name: value for name, value in os.environ.items() if name not in {"COLUMNS", "NO_COLOR", "CONVKIT_GOALS"}}
    process = subprocess.run([sys.executable, "-m", "convkit", *arguments], cwd=ROOT, env=clean | environment, capture_output=True, check=True)
    assert process.stderr == b""
    return process.stdout.decode()


def on_terminal(columns: int, *arguments: str | Path, **environment: str) -> str:
    """Return the program's output on a terminal with this number of columns."""
    controller, terminal = os.openpty()
    termios.tcsetwinsize(terminal, (24, columns))
    clean = {name: value for name, value in os.environ.items() if name not in {"COLUMNS", "NO_COLOR", "CONVKIT_GOALS"}} | {"TERM": "xterm"}
    with subprocess.Popen([sys.executable, "-m", "convkit", *arguments], cwd=ROOT, env=clean | environment, stdout=terminal) as process:
        os.close(terminal)
        parts = []
        try:
            while part := os.read(controller, 65_536):
                parts.append(part)
        except OSError:  # Linux reports EIO instead of an end of file when the other side is closed.
            pass
    os.close(controller)
    assert process.returncode == 0
    return b"".join(parts).decode().replace("\r\n", "\n")


def test_a_pipe_gets_the_wide_form_without_colour() -> None:
    document = convkit.report(HAND_MADE).document
    assert output("report", HAND_MADE, "-q") == runs.render(document, width=120)
    assert output("report", HAND_MADE, "-q", COLUMNS="80") == runs.render(document, width=80)


def test_a_terminal_gets_its_width_and_colours() -> None:
    document = convkit.report(HAND_MADE, ["funnel"]).document
    assert on_terminal(80, "funnel", HAND_MADE) == runs.render(document, width=80, colour=True)
    assert on_terminal(150, "funnel", HAND_MADE, NO_COLOR="1") == runs.render(document, width=150)
    assert on_terminal(80, "funnel", HAND_MADE, TERM="dumb", COLUMNS="100") == runs.render(document, width=100)


def test_notes_are_a_list_in_groups_and_definitions_come_on_request() -> None:
    document = runs.sample()
    usual, verbose = runs.render(document, width=200), runs.render(document, width=200, verbose=True)
    assert re.search(r"\n  Data +\d.*\n +\d.*\n  Funnels +first_order: ", usual)
    assert re.search(r"\n  Definitions  -v, or convkit help definitions\n", usual)
    assert "A session ends after" not in usual
    assert re.search(r"\n  Definitions  A session ends after .*\n +Bots .*\n +More: convkit help definitions\.\n", verbose)
    assert usual.count("convkit help definitions") == verbose.count("convkit help definitions") == 1


@pytest.mark.parametrize(("report", "has_dots"), [("channels", True), ("overview", False)])
def test_a_dot_is_explained_only_on_screens_that_contain_one(report: str, has_dots: bool) -> None:  # noqa: FBT001 (a parameter of the test)
    text = runs.render(runs.sample(report), width=80)
    assert ("\n  ·  " in text) == has_dots
    assert ("too few to show; a rate needs at least 30" in text) == has_dots
