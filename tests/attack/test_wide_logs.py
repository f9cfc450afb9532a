"""Logs with very many columns, names or layouts: read in reasonable time, or refused in one sentence."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING

import pytest
from small_logs import written

from convkit.formats.parsers.delimited import MOST_COLUMNS

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from conftest import Run

ROWS = {"F44": "test_a_table_with_too_many_columns_is_refused"}

TIMES = [f"2026-10-10T12:0{n}:00Z" for n in range(5)]


def export(width: int, separator: str = ",") -> list[str]:
    """Return an export with this many columns that have no role."""
    names = separator.join(["time", "event", "user_id", *(f"c{n}" for n in range(width))])
    return [names, *(separator.join([when, "buy", "u1", *"1" * width]) for when in TIMES)]


def access_log(width: int) -> list[str]:
    """Return an access log as a table with this many further columns."""
    names = ["ClientIP", "ClientRequestHost", "ClientRequestMethod", "ClientRequestURI", "EdgeResponseStatus", "EdgeStartTimestamp"]
    names += [f"c{n}" for n in range(width)]
    return [",".join(names), *(",".join(["203.0.113.7", "shop.example", "GET", "/cart", "200", when, *"1" * width]) for when in TIMES)]


def json_log(width: int) -> list[str]:
    """Return a JSON log with this many further names."""
    fields = {"remote_addr": "203.0.113.7", "request": "GET /a HTTP/1.1", "status": 200, **{f"c{n}": 1 for n in range(width)}}
    return [json.dumps({"time": when} | fields) for when in TIMES]


def ndjson(width: int) -> list[str]:
    """Return an export with this many further properties."""
    return [json.dumps({"time": when, "event": "buy", "user_id": "u1"} | {f"c{n}": 1 for n in range(width)}) for when in TIMES]


def w3c(width: int) -> list[str]:
    """Return a W3C log with this many further columns."""
    names = " ".join(f"x-c{n}" for n in range(width))
    rows = (f"{when[:10]} {when[11:19]} 203.0.113.7 GET /a 200 {' '.join('1' * width)}" for when in TIMES)
    return ["#Version: 1.0", f"#Fields: date time c-ip cs-method cs-uri-stem sc-status {names}", *rows]


def headers(number: int) -> list[str]:
    """Return a W3C log with this many different headers, of two lines each."""
    lines = ["#Version: 1.0"]
    for place in range(number):
        lines += [f"#Fields: date time c-ip cs-method cs-uri-stem sc-status x-{place}", "2026-10-10 12:00:00 203.0.113.7 GET /a 200 1"]
    return lines


def refusal(convkit_command: Run, log: Path, *more: str) -> str:
    """Return the error for a log that is refused, without the name of the program."""
    code, out, err = convkit_command("overview", str(log), *more)
    assert (code, out) == (3, ""), err
    return err.removeprefix("convkit: error: ").strip()


@pytest.mark.parametrize(("separator", "more"), [(",", ()), (";", ()), ("\t", ()), (",", ("--log-format", "csv"))])
def test_a_table_with_too_many_columns_is_refused(convkit_command: Run, tmp_path: Path, separator: str, more: tuple[str, ...]) -> None:
    log = written(tmp_path / "wide.csv", export(MOST_COLUMNS - 2, separator))
    assert refusal(convkit_command, log, *more) == f"{log.name} has 10,001 columns, but at most 10,000 can be read; export only the ones you need"


def test_an_access_log_with_too_many_columns_is_refused(convkit_command: Run, tmp_path: Path) -> None:
    log = written(tmp_path / "wide.csv", access_log(100_000))
    assert "has 100,006 columns, but at most 10,000 can be read" in refusal(convkit_command, log)


def test_a_log_with_too_many_headers_is_refused(convkit_command: Run, tmp_path: Path) -> None:
    log = written(tmp_path / "u_ex.log", headers(201))
    assert refusal(convkit_command, log) == f"{log.name} has 201 different #Fields lines, but at most 200 can be read; split it"


def test_the_same_headers_may_come_again_and_again(convkit_command: Run, tmp_path: Path) -> None:
    log = written(tmp_path / "u_ex.log", headers(3) * 200)
    assert convkit_command("overview", str(log), "-f", "csv")[0] == 0


@pytest.mark.parametrize("lines", [export, access_log, json_log, ndjson, w3c])
def test_logs_with_a_thousand_names_are_read_in_reasonable_time(convkit_command: Run, tmp_path: Path, lines: Callable[[int], list[str]]) -> None:
    log = written(tmp_path / "wide.log", lines(3_000))
    begun = time.process_time()
    code, _, err = convkit_command("overview", str(log), "-f", "csv")
    assert code == 0, err
    assert time.process_time() - begun < 15


@pytest.mark.slow
@pytest.mark.parametrize("lines", [export, access_log, json_log, ndjson, w3c])
def test_logs_with_ten_thousand_names_are_read(convkit_command: Run, tmp_path: Path, lines: Callable[[int], list[str]]) -> None:
    log = written(tmp_path / "wide.log", lines(MOST_COLUMNS - 10))
    assert convkit_command("overview", str(log), "-f", "csv")[0] == 0


def test_a_format_string_of_ten_thousand_fields_is_refused(convkit_command: Run, tmp_path: Path) -> None:
    log = written(tmp_path / "access.log", ["203.0.113.1 " + "1 " * 10_000])
    string = "$remote_addr " + " ".join(f"$x{n}" for n in range(10_000))
    code, _, err = convkit_command("overview", str(log), "--log-format", string)
    assert code == 2
    assert "--log-format: the format is too long" in err
