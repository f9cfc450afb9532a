"""Wrappers around lines do not change what is read, except that they supply a time for lines without one."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest
import runs
from format_samples import SAMPLES
from small_logs import figures, line, written

import convkit
from convkit.files import wrappers
from convkit.files.lines import Source

if TYPE_CHECKING:
    from collections.abc import Callable

    from convkit.files.wrappers import Wrapping

COMBINED = [line("GET /", 1), line('GET /?q=\\"x\\"', 2, agent='Opera/9 An agent with a 10\\" screen'), line("POST /cart/add", 3, 302)]
COMMON = [text.partition(' "-" ')[0] for text in COMBINED]
AS_JSON = [json.dumps({"user": "ann", "event": "page", "timestamp": f"2026-10-10T12:00:0{second}Z"}) for second in (1, 2, 3)]
BARE_LINES = {"combined": COMBINED, "common": COMMON, "json": AS_JSON}


def docker(text: str) -> str:
    return json.dumps({"log": f"{text}\n", "stream": "stdout", "attrs": {"tag": "web"}, "time": "2026-10-11T00:00:00.123456789Z"})


def collected(text: str) -> str:
    return json.dumps({"@timestamp": "2026-10-11T00:00:00Z", "log": {"file": {"path": "/var/log/x"}, "type": "x"}, "message": text})


def journal(text: str) -> str:
    return json.dumps({"__REALTIME_TIMESTAMP": "1791676800000000", "_PID": "12", "MESSAGE": text})


WRAPPERS: dict[str, Callable[[str], str]] = {
    "docker": docker,
    "docker --timestamps": "2026-10-11T00:00:00.123456789Z {}".format,
    "cluster": "2026-10-11T00:00:00.123456789+00:00 stdout F {}".format,
    "compose": "web-1  | {}".format,
    "compose in colour": "\x1b[36mweb-1  |\x1b[0m {}".format,
    "kubectl": "[pod/web-7d4b9c-x2x/nginx] {}".format,
    "syslog": "Oct 11 00:00:00 web nginx: {}".format,
    "syslog with a priority": "<190>Oct  1 00:00:00 web nginx[12]: {}".format,
    "syslog without a host": "<190>2026-10-11T00:00:00+00:00 nginx: {}".format,
    "syslog of RFC 5424": "<190>1 2026-10-11T00:00:00.123Z web nginx 12 - - {}".format,
    "a drain": '313 <190>1 2026-10-11T00:00:00.123Z web nginx 12 - [a@1 b="c"][d@1] {}'.format,
    "collected": collected,
    "journal": journal,
    "compose around docker": lambda text: f"web-1  | {docker(text)}",
    "syslog around cluster around docker": lambda text: f"Oct 11 00:00:00 web k8s: 2026-10-11T00:00:00Z stdout F {docker(text)}",
}


def detected_wrapping(lines: list[str]) -> Wrapping | None:
    """Return the wrapping of some lines."""
    return wrappers.detect_wrapping(pl.Series(lines), Source(Path(__file__), "log"))


def records(log: Path) -> list[dict[str, Any]]:
    """Return the records of a log."""
    return convkit.read_records([log]).collect().to_dicts()


@pytest.fixture(scope="module")
def bare_records(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[dict[str, Any]]]:
    """Return the records of the lines of each format."""
    folder = tmp_path_factory.mktemp("bare")
    return {name: records(written(folder / "bare.log", lines)) for name, lines in BARE_LINES.items()}


@pytest.mark.parametrize("name", WRAPPERS)
def test_a_wrapped_log_reads_like_the_bare_one(name: str, bare_records: dict[str, list[dict[str, Any]]], tmp_path: Path) -> None:
    """Three formats are tested, each with one line that is not wrapped."""
    for log_format, lines in BARE_LINES.items():
        bare = bare_records[log_format]
        wrapped = written(tmp_path / "wrapped.log", [*map(WRAPPERS[name], lines[:2]), lines[2]])
        assert len(bare) == len(lines)
        assert records(wrapped) == bare


def test_a_run_on_a_wrapped_log_has_the_figures_of_the_bare_one(tmp_path: Path) -> None:
    bare, wrapped = (written(tmp_path / f"{name}.log", map(wrap, COMBINED)) for name, wrap in (("bare", str), ("wrapped", docker)))
    assert figures(wrapped)["reports"] == figures(bare)["reports"]


@pytest.mark.parametrize(
    ("wrapper", "expected"),
    [
        ("Mar 24 14:02:50 web tomcat: {}", "2026-03-24T14:02:50"),
        ("2026-03-24T14:02:50.5+02:00 web tomcat: {}", "2026-03-24T12:02:50"),
        ("2026-03-24T14:02:50.123456789Z stdout F {}", "2026-03-24T14:02:50"),
        ('{{"MESSAGE": "198.51.100.1 - - \\"GET / HTTP/1.1\\" 200 5 4.386", "__REALTIME_TIMESTAMP": "1774360970000000"}}', "2026-03-24T14:02:50"),
    ],
)
def test_a_line_without_a_time_has_that_of_the_wrapper(wrapper: str, expected: str, tmp_path: Path) -> None:
    log = written(tmp_path / "access.log", [wrapper.format('198.51.100.1 - - "GET / HTTP/1.1" 200 5 4.386')])
    os.utime(log, (datetime(2026, 6, 1, tzinfo=UTC).timestamp(),) * 2)
    (record,) = records(log)
    assert f"{record['time']:%Y-%m-%dT%H:%M:%S}" == expected
    assert (record["address"], record["target"], record["status"], record["bytes"]) == ("198.51.100.1", "/", 200, 5)


def test_a_time_without_a_year_is_the_latest_before_the_log_was_written(tmp_path: Path) -> None:
    """In a log written on 1 January, most days belong to the previous year; a clock may be a day ahead."""
    days = ["Dec 30", "Dec 31", "Jan  1", "Jan  2", "Feb 29"]
    log = written(tmp_path / "access.log", [f'{day} 23:00:00 web tomcat: 198.51.100.1 - - "GET / HTTP/1.1" 200 5' for day in days])
    os.utime(log, (datetime(2025, 1, 1, 23, 30, tzinfo=UTC).timestamp(),) * 2)
    assert [f"{record['time']:%Y-%m-%d}" for record in records(log)] == ["2024-12-30", "2024-12-31", "2025-01-01", "2025-01-02", "2024-02-29"]


def test_other_programs_lines_in_a_syslog_are_comments(tmp_path: Path) -> None:
    """If most lines are not from the web server, its lines are read without warnings about the others."""
    other = [f"Oct 10 12:00:0{second} web {program}" for second in range(3) for program in ("sudo: ann : TTY=pts/6", "cron[7]: job", "kernel: [1] x")]
    log = written(
        tmp_path / "messages",
        [*other, *map("Oct 10 12:00:00 web nginx[3]: {}".format, COMBINED), "Oct 10 12:00:05 --- last message repeated 2 times ---"],
    )
    assert len(records(log)) == len(COMBINED)
    lines = figures(log)["input"]
    assert (lines["lines"], lines["comment"], lines["unparsed"]) == (len(COMBINED) + 10, 10, 0)


def test_a_line_split_by_the_container_runtime_is_rejected_with_a_reason(tmp_path: Path) -> None:
    """Neither part is read as something else."""
    whole = [f"2026-10-11T00:00:00Z stdout F {text}" for text in COMBINED]
    halves = [f"2026-10-11T00:00:00Z stdout P {COMBINED[0][:60]}", f"2026-10-11T00:00:00Z stdout F {COMBINED[0][60:]}"]
    document = runs.document([written(tmp_path / "access.log", [*whole, *halves])], rejects=True)
    assert document.rejects is not None
    assert document.rejects["reason"].to_list() == ["split by the container runtime", "no time before the request"]


@pytest.mark.parametrize(
    "text",
    [
        '{"ts": 1791633600.5, "msg": "handled request", "message": "GET / took \\"5 ms\\" 1", "request": {"uri": "/"}, "status": 200}',
        '{"event": "chat", "user": "ann", "timestamp": "2026-10-10T12:00:00Z", "message": "{\\"a\\": 1}"}',
        '{"user": "ann", "timestamp": "2026-10-10T12:00:00Z", "message": "see you tomorrow"}',
        '{"log": 7, "timestamp": "2026-10-10T12:00:00Z"}',
        '{"log": "',
    ],
)
def test_an_object_that_wraps_no_line_is_unchanged(text: str) -> None:
    assert detected_wrapping([text] * 3) is None


def test_server_lines_are_not_mistaken_for_wrapped_ones() -> None:
    """A line does not count as wrapped merely because it begins with a time, a name or a number."""
    for name in ("combined", "common", "vhost-combined", "traefik", "ingress-nginx", "time-first", "bracketed-time", "squid"):
        assert detected_wrapping([*SAMPLES[name]]) is None


def test_rows_of_a_table_that_begin_with_a_time_are_not_wrapped() -> None:
    """A field in JSON is no program that wrote the rest of the row."""
    row = '2026-10-01 09:00:00+00,page_view,"{""url"": ""https://a.example/?utm_medium=email"", ""plan"": ""pro""}",u1'
    assert detected_wrapping([row] * 3) is None
    assert detected_wrapping([row.replace("+00,", ";").replace(",", ";")] * 3) is None
