"""Markdown for people: tables whose figures are those of the screen, and no text of a log that is more than text."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest
import runs
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from payloads import FORMULAS, NASTY
from places import EXAMPLE_GOALS
from small_logs import line, written

from convkit.core import plugins
from convkit.core.document import UNITS, Column, Document, Note, Period, Report
from convkit.core.text import safe

if TYPE_CHECKING:
    from pathlib import Path

    from markdown_it.token import Token

EXAMPLE = EXAMPLE_GOALS
PARSER = MarkdownIt("commonmark").enable(["table", "strikethrough"])
BLOCKS = {"heading", "table", "thead", "tbody", "tr", "th", "td", "bullet_list", "list_item", "paragraph", "inline"}
FOUND_LATER = re.compile(r"@|://|\bwww\.|:[\w+-]+:", re.IGNORECASE)
"""What hosts of Markdown make links, mentions and pictures of in text without markup."""
ATTACKS = (
    *FORMULAS, *NASTY,
    "|", "||", "\\|", "\\\\|", "\\", "`", "``x``", "`|`", "<b>", "<!--", "<http://evil.example>", "&lt;", "&#124;", "*a*", "__a__", "~~a~~",
    "[a](http://evil.example)", "![a](x)", "[^1]", "[a]: x", "http://evil.example", "HTTPS://evil.example",
    "www.evil.example", "WWW.x.de", "a@evil.example", "@me", "@@", "@:smile:", ":+1:", "`@`", "www.@", "$x$",
    "# a", "a #", "- a", "-", "1. a", "2) a", "> a", "```", "~~~", "---", "===", " a ", "\u3000a\u3000", "",
)  # fmt: skip


def document_of(texts: list[str], note: str = "", log: str = "access.log") -> Document:
    """Return a document whose one report has a row a text."""
    frame = pl.DataFrame({"page": texts, "sessions": range(len(texts))}, schema={"page": pl.String, "sessions": pl.Int64})
    report = Report("pages", (Column("page", "text"), Column("sessions", "count")), frame, lambda _: [], (Note("code", note),))
    period = Period(datetime(2026, 10, 1, tzinfo=UTC), datetime(2026, 10, 31, tzinfo=UTC), "UTC")
    return Document("0", (log,), None, "", {}, {}, period, {"pages": report})


def shown(token: Token) -> str:
    """Return what a reader sees of a piece of text, which may be nothing but text."""
    children = token.children or []
    assert {child.type for child in children} <= {"text", "code_inline"}
    assert [child.content for child in children if child.type == "text" and FOUND_LATER.search(child.content)] == []
    return "".join(child.content for child in children)


def read(text: str) -> dict[str, list[str]]:
    """Return the texts of headings, cells and notes, as a Markdown parser finds them."""
    found: dict[str, list[str]] = {"heading": [], "th": [], "td": [], "list_item": [], "paragraph": []}
    inside: list[str] = []
    for token in PARSER.parse(text):
        kind = re.sub(r"_(open|close)$", "", token.type)
        assert kind in BLOCKS, text
        if token.nesting == 1:
            inside.append(kind)
        elif token.nesting == -1:
            inside.pop()
        elif token.type == "inline":
            found["list_item" if "list_item" in inside else inside[-1]].append(shown(token))
    return found


def harmless(text: str) -> str:
    """Return a text as outputs show it."""
    return safe(text, longest=None)


@pytest.mark.parametrize("text", ATTACKS)
def test_a_text_comes_back_as_it_is(text: str) -> None:
    """From a cell, a note and the name of a log."""
    found = read(runs.render(document_of([text, "/next"], f"{text}", f"{text}.log"), "markdown"))
    assert found["td"] == [harmless(text), "0", "/next", "1"]
    assert found["list_item"] == ([harmless(text)] if text else [])
    assert found["heading"] == [f"{harmless(text)}.log · 1–31 Oct 2026 (UTC) · built-in goals, based on typical shops", "pages"]


@given(st.lists(st.text(st.sampled_from("\\`*_[]<>|~&$#@:.!-+=()w1a/ é\u00a0\n\t\u202e"), max_size=9), min_size=1, max_size=5))
def test_any_mixture_of_marks_comes_back(texts: list[str]) -> None:
    text = runs.render(document_of(texts), "markdown")
    assert read(text)["td"] == [cell for number, page in enumerate(texts) for cell in (harmless(page), str(number))]
    assert {pipes(row) for row in text.splitlines() if row.startswith("| ")} == {3}


def pipes(row: str) -> int:
    """Return how many bars of a row are not escaped."""
    return re.sub(r"\\.", "", row).count("|")


@pytest.mark.parametrize("report", [None, *plugins.names("reports")])
def test_every_row_of_a_table_has_the_cells_of_its_heading(report: str | None) -> None:
    document = runs.sample_report(report)
    tables = re.split(r"^## .*\n\n", runs.render(document, "markdown"), flags=re.MULTILINE)[1:]
    assert len(tables) == len(document.reports)
    for table, found in zip(tables, document.reports.values(), strict=True):
        rows = [row for row in table.splitlines() if row.startswith("|")]
        assert len({pipes(row) for row in rows}) == 1
        assert len(rows) - 2 == (len(found.columns) if found.metrics else found.frame.height)


def test_figures_are_those_of_the_screen() -> None:
    cells: dict[str, Any] = {
        "text": "a_b", "count": 12_345, "step": 3, "rate": 0.0123, "ratio": 3.14, "change": -0.224, "seconds": 192.0, "money": -1_234_500_000,
        "number": 0.0123, "time": datetime(2026, 10, 31, 17, 14, 22, tzinfo=UTC), "flag": True,
    }  # fmt: skip
    assert set(cells) == set(UNITS)
    columns = tuple(Column(f"the_{unit}", unit) for unit in cells)
    frame = pl.DataFrame({f"the_{unit}": [value, None] for unit, value in cells.items()})
    told = document_of([])
    document = replace(told, reports={"x": Report("x", columns, frame, lambda _: [])})
    found = read(runs.render(document, "markdown"))
    assert found["th"] == [f"the {unit}" for unit in cells]
    assert found["td"] == [
        "a_b",
        "12,345",
        "3",
        "1.2%",
        "3.1",
        "\N{MINUS SIGN}22%",
        "3m 12s",
        "-1,234.50",
        "0.012",
        "2026-10-31 17:14",
        "yes",
        *(["–"] * len(cells)),
    ]


def test_small_rates_are_no_markup() -> None:
    frame = pl.DataFrame({"rate": [0.0001, 0.9999]})
    document = replace(document_of([]), reports={"x": Report("x", (Column("rate", "rate"),), frame, lambda _: [])})
    assert read(runs.render(document, "markdown"))["td"] == ["<0.1%", ">99%"]


def test_the_first_line_is_the_header_of_the_screen_and_the_last_are_the_notes() -> None:
    document = runs.sample()
    text = runs.render(document, "markdown")
    found = read(text)
    assert found["heading"] == [runs.render(document, width=400).splitlines()[0], *document.reports]
    assert found["list_item"] == [note.text for note in document.notes]
    assert len(text.splitlines()[-len(document.notes) :]) == len([row for row in text.splitlines() if row.startswith("- ")])


def test_all_rows_are_there_whatever_a_screen_shows(tmp_path: Path) -> None:
    document = runs.document([written(tmp_path / "a.log", [line(f"GET /page/{number}", number) for number in range(30)])], ["pages"])
    assert runs.render(document, "markdown", limit=3, width=20).count("| /page/") == 30


def test_a_report_without_rows_is_its_heading(tmp_path: Path) -> None:
    found = read(runs.render(runs.document([written(tmp_path / "empty.log", [])], ["pages"]), "markdown"))
    assert found["th"] == [column.name.replace("_", " ") for column in plugins.load("reports", "pages").COLUMNS]
    assert found["td"] == []
