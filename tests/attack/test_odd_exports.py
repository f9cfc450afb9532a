"""Exports without events, tables with open quotes, and quoted users: nothing in them stops a report or costs other rows."""

from __future__ import annotations

import gzip
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest
from small_logs import FIREFOX, figures, line, overview, written

import convkit

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import Run

ROWS = {
    "F33": "test_exports_without_events_are_empty_logs",
    "F34": "test_open_quotes_cost_their_own_rows_only",
    "F45": "test_quoted_users_are_read",
    "A19": "tests/ingest/test_load.py::test_invalid_utf_8_is_replaced_and_the_lines_are_counted",
    "A27": "test_exports_without_events_are_empty_logs",
    "A30": "test_quoted_users_are_read",
    "A32": "test_open_quotes_cost_their_own_rows_only",
}
"""The test of each row."""

NOTHING = ["[]", "{}", "[\n]", "[ ]", "null", "[{}]", "{}\n{}", "\n\n", " \n[\n\n]\n", ""]
HEADER = "user_id,event,timestamp,note"
DAY = "2026-10-{:02}T10:00:00Z"


@pytest.mark.parametrize("text", NOTHING)
def test_exports_without_events_are_empty_logs(text: str, tmp_path: Path, convkit_command: Run) -> None:
    log = tmp_path / "events.json"
    log.write_text(text, encoding="utf-8")
    code, out, err = convkit_command("overview", str(log), "-f", "csv")
    assert (code, "sessions,0" in out, "no session was counted" in err) == (3, True, True)
    assert convkit_command("overview", str(log), "--allow-empty")[0] == 0
    packed = tmp_path / "events.json.gz"
    packed.write_bytes(gzip.compress(text.encode()))
    assert convkit_command("overview", str(packed), "--allow-empty")[0] == 0


def test_tables_without_rows_are_empty_logs(tmp_path: Path, convkit_command: Run) -> None:
    pl.DataFrame(schema={"user_id": pl.String, "event": pl.String, "timestamp": pl.Datetime("us")}).write_parquet(tmp_path / "events.parquet")
    for log in (written(tmp_path / "events.csv", [HEADER]), tmp_path / "events.parquet"):
        assert convkit_command("overview", str(log), "--allow-empty")[0] == 0


def test_an_empty_export_among_others_is_no_error(tmp_path: Path) -> None:
    logs = [written(tmp_path / "a.json", ["[]"]), written(tmp_path / "b.csv", [HEADER, f"u1,seen,{DAY.format(1)},x"])]
    assert overview(figures(*logs))["visitors"] == 1


@pytest.mark.parametrize("text", ["[", "[1]", "{}}", "nullnull", '[{"a": null}]', "[[1], {}]"])
def test_what_is_no_empty_export_is_refused(text: str, tmp_path: Path, convkit_command: Run) -> None:
    log = written(tmp_path / "events.json", [text])
    code, _, err = convkit_command("overview", str(log), "--allow-empty")
    assert (code, err.startswith("convkit: error: ")) == (3, True)


def quoted(odd: dict[int, str]) -> list[str]:
    """Return the rows of a table, some with other notes."""
    return [HEADER, *(f"u{number},seen,{DAY.format(1 + number)},{odd.get(number, 'x')}" for number in range(20))]


TABLES: dict[str, tuple[dict[int, str], int]] = {
    "one open quote": ({3: '"open'}, 1),
    "two open quotes": ({3: '"open', 9: '"open, too'}, 2),
    "three open quotes": ({3: '"open', 9: '"open', 15: '"open'}, 3),
    "an open quote before a record of two lines": ({3: '"open', 9: '"two\nlines"'}, 1),
    "records of two lines": ({3: '"two\nlines"', 9: '"a ""quote""\n\nin it"', 15: "x"}, 0),
    "an open quote between records of two lines": ({3: '"two\nlines"', 9: '"open', 12: '"two\n""lines"""'}, 1),
    "an open quote at the end": ({19: '"open'}, 1),
}


@pytest.mark.parametrize("table", TABLES)
def test_open_quotes_cost_their_own_rows_only(table: str, tmp_path: Path) -> None:
    odd, lost = TABLES[table]
    document = figures(written(tmp_path / "events.csv", quoted(odd)))
    assert (document["input"]["lines"], document["input"]["unparsed"]) == (21, lost)
    assert overview(document)["visitors"] == 20 - lost


USERS = {'""': None, '"ann"': "ann", '"ann lee"': None, "-": None, "ann lee": None}
"""The user by the text of the field; of a name with spaces, only the IP address is known."""


@pytest.mark.parametrize("user", USERS)
def test_quoted_users_are_read(user: str, tmp_path: Path) -> None:
    usual = f'198.51.100.9 - - [10/Oct/2026:12:00:00 +0000] "GET /a.css HTTP/1.1" 200 5 "-" "{FIREFOX}"'
    text = f'203.0.113.7 - {user} [10/Oct/2026:12:00:00 +0000] "GET /a.css HTTP/1.1" 401 5 "-" "{FIREFOX}"'
    expected: dict[str, Any] = {"address": "203.0.113.7", "user": USERS[user], "target": "/a.css", "status": 401, "user_agent": FIREFOX}
    for lines in ([text], [text, usual], [f"shop.example:443 {text}"] * 2, [*[usual] * 30_000, text, text]):
        log = written(tmp_path / "access.log", lines)
        assert figures(log)["input"]["unparsed"] == 0
        records = convkit.read_records([log]).filter(pl.col("address") == "203.0.113.7").collect().to_dicts()
        assert records
        assert all({name: record[name] for name in expected} == expected for record in records)


def test_a_few_zero_bytes_are_no_other_encoding(tmp_path: Path) -> None:
    lines = [line("GET /p", number) for number in range(40)]
    lines[3] = lines[3].replace("/p", "/p\0\0\0")
    assert figures(written(tmp_path / "access.log", lines))["input"]["unparsed"] <= 1
