"""Formats are detected, and every line either becomes a record or is counted."""

from __future__ import annotations

import bz2
import gzip
import os
import threading
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import pytest
from small_logs import fates, figures, line, overview, written

import convkit
from convkit.errors import InputError, UsageError
from convkit.ingest import load
from convkit.ingest.logs import open_logs

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

LINES = [line("GET /"), line("GET /cart", 10), line("GET /style.css", 20)]


def names(*paths: Path | str) -> list[str]:
    """Return the names of the logs that paths stand for."""
    with ExitStack() as stack:
        return [log.source.name for log in open_logs(paths, "auto", stack).logs]


def format_of(path: Path) -> str:
    """Return the detected format of a log."""
    with ExitStack() as stack:
        return open_logs([path], "auto", stack).logs[0].name.replace("-", "_")


def numbers(document: dict[str, Any]) -> dict[str, Any]:
    """Return all figures of a report, leaving out the names of logs and files."""
    return {"input": fates(document), **{name: document[name] for name in ("period", "reports")}}


def test_equal_lines_in_two_files_are_two_requests(tmp_path: Path) -> None:
    other = written(tmp_path / "other.log", [LINES[1], *LINES])
    log = written(tmp_path / "b.log", LINES)
    document = figures(log, other)
    assert fates(document) == fates(figures(log)) | {"lines": 7, "asset": 2, "kept": 5}


@pytest.mark.parametrize("content", [b"hello\nworld\n", b'{"time": "2026-10-10", "path": "/", "status": 200, "method": "GET"}\n'])
def test_a_log_of_an_unknown_format_exits_with_code_3(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "odd.log").write_bytes(content)
    with pytest.raises(InputError, match=r"odd\.log: unrecognised format \(the closest, .*, or force a format with --log-format"):
        names(tmp_path / "odd.log")


def test_a_requested_format_is_used_in_spite_of_odd_lines(tmp_path: Path) -> None:
    log = written(tmp_path / "odd.log", ["hello", "world", *LINES[:2]])
    document = figures(log, log_format="combined")
    assert document["input"]["unparsed"] == 2
    assert document["input"]["unparsed_by_reason"] == {"no request in quotes": 2}
    assert document["input"]["kept"] == 2


def test_an_unknown_format_is_reported_with_the_closest_name(tmp_path: Path) -> None:
    log = written(tmp_path / "access.log", LINES)
    with pytest.raises(UsageError, match="unknown log format 'combned'; did you mean 'combined'"):
        figures(log, log_format="combned")


@pytest.mark.parametrize(
    ("beginning", "end", "expected"),
    [("", "", "combined"), ("", ' "203.0.113.9" 0.012', "combined"), ("shop.example:443 ", "", "vhost_combined"), ("", "cut", "common")],
)
def test_a_format_is_detected_from_most_of_the_lines(tmp_path: Path, beginning: str, end: str, expected: str) -> None:
    lines = [(beginning + (text.partition(' "-"')[0] if end == "cut" else text + end)) for text in LINES]
    assert format_of(written(tmp_path / "access.log", [*lines, "half a li"])) == expected


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ([], {}),
        (["", "", "  "], {"lines": 3, "blank": 3}),
        (["# comment", "#Fields: x"], {"lines": 2, "comment": 2}),
        (["", "# comment", *LINES, "half a li"], {"lines": 6, "blank": 1, "comment": 1, "asset": 1, "unparsed": 1, "kept": 2}),
    ],
)
def test_every_line_is_counted(tmp_path: Path, lines: list[str], expected: dict[str, int]) -> None:
    counts = {name: count for name, count in figures(written(tmp_path / "access.log", lines))["input"].items() if count}
    assert {name: count for name, count in counts.items() if isinstance(count, int)} == expected


def test_compression_line_ends_and_byte_order_marks_change_nothing(tmp_path: Path) -> None:
    text = "".join(f"{text}\n" for text in LINES).encode()
    forms = {
        "a": text,
        "b": gzip.compress(text),
        "c": text.replace(b"\n", b"\r\n"),
        "d": b"\xef\xbb\xbf" + text,
        "e": text.removesuffix(b"\n"),
    }
    reports = []
    for name, content in forms.items():
        (tmp_path / name).write_bytes(content)
        reports.append(numbers(figures(tmp_path / name)))
    assert all(other == reports[0] for other in reports)
    assert overview({"reports": reports[0]["reports"]})["pageviews"] == 2


def test_the_order_of_logs_on_the_command_line_changes_nothing(tmp_path: Path) -> None:
    """Hits from two logs in the same second are ordered by the logs' first times, not by their order on the command line."""
    first = written(tmp_path / "z.log", [line("GET /one", -60, who="198.51.100.9 - -"), line("GET /a")])
    second = written(tmp_path / "a.log", [line("GET /b"), line("GET /c", 5)])
    reports = [numbers(figures(*order)) for order in ((first, second), (second, first), (tmp_path,))]
    assert reports[0] == reports[1] == reports[2]
    landings = {row["page"]: row["landings"] for row in reports[0]["reports"]["pages"]}
    assert landings == {"/a": 1, "/b": 0, "/c": 0, "/one": 1}


def test_logs_whose_first_times_are_equal_are_ordered_by_name(tmp_path: Path) -> None:
    logs: Sequence[Path] = [written(tmp_path / name, [line(f"GET /{name[0]}")]) for name in ("b.log", "a.log")]
    for order in (logs, logs[::-1]):
        landings = {row["page"]: row["landings"] for row in figures(*order)["reports"]["pages"]}
        assert landings == {"/a": 1, "/b": 0}


def test_a_pipe_gives_hits_and_records(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    for read, number in ((convkit.read_hits, 2), (convkit.read_records, 3)):
        writer = threading.Thread(target=written, args=(pipe, LINES))
        writer.start()
        assert read([pipe], log_format="combined").collect().height == number
        writer.join()


def test_records_of_a_large_log_are_read_like_those_of_a_small_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Large logs are read lazily, except those that only the tolerant reader can read."""
    log, packed = written(tmp_path / "a.log", LINES), tmp_path / "a.bz2"
    packed.write_bytes(bz2.compress(log.read_bytes()))
    at_once = convkit.read_records([log]).collect()
    monkeypatch.setattr(load, "_MAX_READ_AT_ONCE", -1)
    for path in (log, packed):
        later = convkit.read_records([path])
        assert later.collect().equals(at_once)
