"""Text from a log is harmless in every output, wherever it occurs: in paths, parameters, events, steps or file names.

It cannot control a terminal, hide, run in a spreadsheet, or break the file format.
"""

from __future__ import annotations

import csv
import io
import json
import re
import sys
import unicodedata
from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import polars as pl
import pytest
import runs
from payloads import FORMULAS, NASTY
from small_logs import line, written

from convkit.core import plugins
from convkit.core.text import escape_formula, safe

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from convkit.core.document import Document

    Documents = Callable[[str | None], Document]

OUTPUTS, REPORTS = plugins.names("outputs"), (None, *plugins.names("reports"))
CONTROL = {"Cc", "Cf", "Cs", "Zl", "Zp"}
"""Unicode categories of characters that control, hide or break what displays them."""
OWN_CHARACTERS = {"csv": "\r\n", "tsv": "\t\n", "parquet": ""}
"""The control characters that an output itself contains; by default, line ends."""
RUN = re.compile(r"^[\s\ufeff\u200b]*[=+\-@\t\r\n\0\uff1d\uff0b\uff0d\uff20]")
NUMBER = re.compile(r"-?\d+(\.\d+)?")

TEXTS = (
    *FORMULAS,
    *NASTY,
    "\u3000=1",
    "a|b",
    "\\|",
    "NaN",
    "Infinity",
    "null",
    "<img src=x>",
    "![a](http://evil.example)",
    "`x`",
    "@me",
    "www.evil.example",
)
LOG = "=1+1|\x1b[31m\t[bold]:smile:\n.log"
NOT_UTF_8 = "\udcff"
"""A byte in a file name that is not UTF-8, as Python represents it."""
GOALS_FILE = "@\u202egoals|\x9b*.yaml"
GOALS = """
site: {keep_query: [q]}
macro: {'-sale': {page: /sale, value: query.total}}
micro: {'-x': {page: '/**'}}
funnels:
  '-f': [{page: "/**"}, {page: ["/\\x1b[31mstep|*", "/\\u202e**"]}, '-sale']
  '-g': ['-x', '-sale']
"""


@pytest.fixture(scope="module")
def documents(tmp_path_factory: pytest.TempPathFactory) -> Documents:
    """Return a function that returns a report on logs full of hostile strings."""
    folder = tmp_path_factory.mktemp("hostile")
    goals = folder / GOALS_FILE
    goals.write_text(GOALS, encoding="utf-8")
    requests = [f"GET {before}{form}" for text in TEXTS for form in forms(text) for before in ("", "/", "/step/", "/?q=")]
    lines = [line(request, 9 * number) for number, request in enumerate(requests)]
    lines += [line(request, 9 * number, who=f"192.0.2.{number % 250} - -") for number, request in enumerate([*requests, "GET /sale?total=-5.5"])]
    links = [f"GET /?utm_source={form}&utm_campaign={form}" for text in TEXTS for form in forms(text)]
    lines += [line(request, number, who=f"198.51.100.{number} - -", referrer=f"https://{number}.example/") for number, request in enumerate(links)]
    log = written(folder / LOG, [*lines, line("GET /sale?total=-5.5", 9 * len(lines)), line("GET /sale/last", 9 * len(lines))])

    rows = [
        {"user": f"{text}{number}", "time": f"2026-10-10T12:00:{number % 60:02}Z", "event": text, "url": f"/{text}"}
        for number, text in enumerate(TEXTS)
    ]
    pages = [{**row, "event": "page_view"} for row in rows]
    export = written(folder / f"export{LOG}", [json.dumps(row) for row in (*rows, *pages)])

    def document(report: str | None) -> Document:
        # The names of channels do not come from a log, but those of campaigns do.
        report_document = runs.document([log, export], report and [report], goals=goals, by="campaign" if report == "channels" else None)
        return replace(report_document, logs=tuple(f"{name}{NOT_UTF_8}" for name in report_document.logs))

    return cache(document)


def forms(text: str) -> tuple[str, str]:
    """Return the two forms in which a path may contain a string: encoded, or raw without the characters that end a line or a request."""
    return quote(text, safe="=+-@"), re.sub(r"[\0\r\n \"]", "", text)


def rendered(document: Document, output: str) -> str | bytes:
    """Return all rows of a document in an output format."""
    return runs.render(document, output, limit=0, width=200)


def texts_of(output: str | bytes) -> list[str]:
    """Return the strings in an output: the whole text, or the names and cells of a Parquet file."""
    if isinstance(output, str):
        return [output]
    frame = pl.read_parquet(output)
    return [*frame.columns, *(text for name in frame.columns for text in frame[name].cast(pl.String).drop_nulls())]


def control_characters(text: str, output: str) -> set[str]:
    """Return the control characters in a string, except those that are part of the output format."""
    return {letter for letter in text if unicodedata.category(letter) in CONTROL} - set(OWN_CHARACTERS.get(output, "\n"))


@pytest.mark.parametrize("report", REPORTS)
@pytest.mark.parametrize("output", OUTPUTS)
def test_no_output_contains_control_or_invisible_characters(output: str, report: str | None, documents: Documents) -> None:
    characters = [control_characters(text, output) for text in texts_of(rendered(documents(report), output))]
    assert set().union(*characters) == set()


@pytest.mark.parametrize("output", OUTPUTS)
def test_the_hostile_strings_are_in_the_outputs(output: str, documents: Documents) -> None:
    """Otherwise, the other tests would pass without proving anything."""
    text = "\n".join(texts_of(rendered(documents("pages"), output)))
    for mark in ("SUM(A1)", "Set-Cookie", "\\u202eevil", "link=http", "smile", "\\x9b31m", "\u241b"):
        assert mark in text.replace("\\=", "=").replace("\\\\", "\\").replace("`", "")
    whole = "\n".join(texts_of(rendered(documents(None), output)))
    assert "step" in whole
    if output in {"table", "markdown", "json"}:
        assert safe(NOT_UTF_8) in whole.replace("\\\\", "\\")


def strings(value: Any) -> Iterator[str]:  # noqa: ANN401 (any JSON value)
    """Yield the strings in a JSON value, including its keys."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield key
            yield from strings(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from strings(inner)
    elif isinstance(value, str):
        yield value


def strict(text: str) -> Any:  # noqa: ANN401 (any JSON value)
    """Parse JSON, and refuse NaN and Infinity."""
    return json.loads(text, parse_constant=lambda constant: pytest.fail(f"{constant} is not valid JSON"))


@pytest.mark.parametrize("report", REPORTS)
def test_json_is_harmless_after_it_is_parsed(report: str | None, documents: Documents) -> None:
    """JSON escapes could bring back characters that the text itself does not show."""
    whole = strict(str(rendered(documents(report), "json")))
    lines = [strict(text) for text in str(rendered(documents(report), "ndjson")).split("\n")[:-1]]
    assert [text for text in strings([whole, lines]) if control_characters(text, "parquet")] == []
    assert len(lines) == sum(len(rows) for rows in whole["reports"].values())


@pytest.mark.parametrize("report", REPORTS)
def test_no_cell_runs_as_a_formula_or_breaks_its_row(report: str | None, documents: Documents) -> None:
    document = documents(report)
    sheets = {
        "csv": list(csv.reader(io.StringIO(str(rendered(document, "csv")), newline=""), strict=True)),
        "tsv": [text.split("\t") for text in str(rendered(document, "tsv")).split("\n")[:-1]],
    }
    assert sheets["csv"] == sheets["tsv"]
    assert {len(row) for row in sheets["tsv"]} == {len(sheets["tsv"][0])}
    cells = [cell for row in sheets["tsv"] for cell in row]
    assert [cell for cell in cells if RUN.match(cell) and not NUMBER.fullmatch(cell)] == []
    frames = [part.frame for part in document.reports.values()]
    texts = [text for frame in frames for column in frame.select(pl.col(pl.String)) for text in column.drop_nulls()]
    assert any(cell.startswith("'") for cell in cells) == any(map(RUN.match, texts))


def test_most_reports_contain_escaped_formulas(documents: Documents) -> None:
    """Rows of paths begin with `(start)` and pages with a slash, and those of the other reports contain no text from a log."""
    would_run = {
        name
        for name in REPORTS
        if name and any(cell.startswith("'") for row in csv.reader(io.StringIO(str(rendered(documents(name), "csv")))) for cell in row)
    }
    assert would_run >= {"channels", "drop-off", "funnel", "goals", "hits", "sessions"}


def test_no_leading_blank_hides_a_formula() -> None:
    blanks = [letter for code in range(sys.maxunicode) if (letter := chr(code)).isspace() or letter in "\ufeff\u200b"]
    assert len(blanks) > 20
    assert [blank for blank in blanks if escape_formula(f"{blank} {blank}=1") != f"'{blank} {blank}=1"] == []
    assert [blank for blank in blanks if blank not in "\t\r\n" and escape_formula(f"{blank}a=1") != f"{blank}a=1"] == []
