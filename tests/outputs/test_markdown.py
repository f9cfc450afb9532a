"""Markdown for people: tables with the same figures as the screen, in which text from a log is nothing but text."""

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
AUTOLINKS = re.compile(r"@|://|\bwww\.|:[\w+-]+:", re.IGNORECASE)
"""Plain text that sites which render Markdown turn into links, mentions or pictures."""
ATTACKS = (
    *FORMULAS, *NASTY,
    "|", "||", "\\|", "\\\\|", "\\", "`", "``x``", "`|`", "<b>", "<!--", "<http://evil.example>", "&lt;", "&#124;", "*a*", "__a__", "~~a~~",
    "[a](http://evil.example)", "![a](x)", "[^1]", "[a]: x", "http://evil.example", "HTTPS://evil.example",
    "www.evil.example", "WWW.x.de", "a@evil.example", "@me", "@@", "@:smile:", ":+1:", "`@`", "www.@", "$x$",
    "# a", "a #", "- a", "-", "1. a", "2) a", "> a", "```", "~~~", "---", "===", " a ", "\u3000a\u3000", "",
)  # fmt: skip


def document_of(texts: list[str], note: str = "", log: str = "access.log") -> Document:
    """Return a document with a single report that has one row per string."""
    frame = pl.DataFrame({"page": texts, "sessions": range(len(texts))}, schema={"page": pl.String, "sessions": pl.Int64})
    report = Report("pages", (Column("page", "text"), Column("sessions", "count")), frame, lambda _: [], (Note("code", note),))
    period = Period(datetime(2026, 10, 1, tzinfo=UTC), datetime(2026, 10, 31, tzinfo=UTC), "UTC")
    return Document("0", (log,), None, "", {}, {}, period, {"pages": report})


def shown(token: Token) -> str:
    """Return the part of a token that a reader sees, and check that it contains only plain text and code."""
    children = token.children or []
    assert {child.type for child in children} <= {"text", "code_inline"}
    assert [child.content for child in children if child.type == "text" and AUTOLINKS.search(child.content)] == []
    return "".join(child.content for child in children)


def read(text: str) -> dict[str, list[str]]:
    """Return the headings, cells and notes that a Markdown parser finds, as text."""
    texts: dict[str, list[str]] = {"heading": [], "th": [], "td": [], "list_item": [], "paragraph": []}
    open_blocks: list[str] = []
    for token in PARSER.parse(text):
        kind = re.sub(r"_(open|close)$", "", token.type)
        assert kind in BLOCKS, text
        if token.nesting == 1:
            open_blocks.append(kind)
        elif token.nesting == -1:
            open_blocks.pop()
        elif token.type == "inline":
            texts["list_item" if "list_item" in open_blocks else open_blocks[-1]].append(shown(token))
    return texts


def harmless(text: str) -> str:
    """Return a string as it is shown in outputs."""
    return safe(text, longest=None)


@pytest.mark.parametrize("text", ATTACKS)
def test_text_is_shown_unchanged(text: str) -> None:
    """The text is in a cell, in a note and in the name of a log."""
    texts = read(runs.render(document_of([text, "/next"], f"{text}", f"{text}.log"), "markdown"))
    assert texts["td"] == [harmless(text), "0", "/next", "1"]
    assert texts["list_item"] == ([harmless(text)] if text else [])
    assert texts["heading"] == [f"{harmless(text)}.log · 1–31 Oct 2026 (UTC) · built-in goals, based on typical shops", "pages"]


@given(st.lists(st.text(st.sampled_from("\\`*_[]<>|~&$#@:.!-+=()w1a/ é\u00a0\n\t\u202e"), max_size=9), min_size=1, max_size=5))
def test_any_mixture_of_markup_characters_is_shown_unchanged(texts: list[str]) -> None:
    text = runs.render(document_of(texts), "markdown")
    assert read(text)["td"] == [cell for number, page in enumerate(texts) for cell in (harmless(page), str(number))]
    assert {pipes(row) for row in text.splitlines() if row.startswith("| ")} == {3}


def pipes(row: str) -> int:
    """Return the number of unescaped vertical bars in a row."""
    return re.sub(r"\\.", "", row).count("|")


@pytest.mark.parametrize("report", [None, *plugins.names("reports")])
def test_every_row_of_a_table_has_as_many_cells_as_its_heading(report: str | None) -> None:
    document = runs.sample_report(report)
    tables = re.split(r"^## .*\n\n", runs.render(document, "markdown"), flags=re.MULTILINE)[1:]
    assert len(tables) == len(document.reports)
    for table, report_of_table in zip(tables, document.reports.values(), strict=True):
        rows = [row for row in table.splitlines() if row.startswith("|")]
        assert len({pipes(row) for row in rows}) == 1
        assert len(rows) - 2 == (len(report_of_table.columns) if report_of_table.metrics else report_of_table.frame.height)


def test_figures_equal_those_on_the_screen() -> None:
    cells: dict[str, Any] = {
        "text": "a_b", "count": 12_345, "step": 3, "rate": 0.0123, "ratio": 3.14, "change": -0.224, "seconds": 192.0, "money": -1_234_500_000,
        "number": 0.0123, "time": datetime(2026, 10, 31, 17, 14, 22, tzinfo=UTC), "flag": True,
    }  # fmt: skip
    assert set(cells) == set(UNITS)
    columns = tuple(Column(f"the_{unit}", unit) for unit in cells)
    frame = pl.DataFrame({f"the_{unit}": [value, None] for unit, value in cells.items()})
    empty_document = document_of([])
    document = replace(empty_document, reports={"x": Report("x", columns, frame, lambda _: [])})
    texts = read(runs.render(document, "markdown"))
    assert texts["th"] == [f"the {unit}" for unit in cells]
    assert texts["td"] == [
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


def test_small_rates_are_not_markup() -> None:
    frame = pl.DataFrame({"rate": [0.0001, 0.9999]})
    document = replace(document_of([]), reports={"x": Report("x", (Column("rate", "rate"),), frame, lambda _: [])})
    assert read(runs.render(document, "markdown"))["td"] == ["<0.1%", ">99%"]


def test_the_first_line_is_the_screen_s_header_and_the_last_ones_are_the_notes() -> None:
    document = runs.sample()
    text = runs.render(document, "markdown")
    texts = read(text)
    assert texts["heading"] == [runs.render(document, width=400).splitlines()[0], *document.reports]
    assert texts["list_item"] == [note.text for note in document.notes]
    assert len(text.splitlines()[-len(document.notes) :]) == len([row for row in text.splitlines() if row.startswith("- ")])


def test_all_rows_are_written_whatever_a_screen_shows(tmp_path: Path) -> None:
    document = runs.document([written(tmp_path / "a.log", [line(f"GET /page/{number}", number) for number in range(30)])], ["pages"])
    assert runs.render(document, "markdown", limit=3, width=20).count("| /page/") == 30


def test_a_report_without_rows_has_only_a_heading(tmp_path: Path) -> None:
    texts = read(runs.render(runs.document([written(tmp_path / "empty.log", [])], ["pages"]), "markdown"))
    assert texts["th"] == [column.name.replace("_", " ") for column in plugins.load("reports", "pages").COLUMNS]
    assert texts["td"] == []
