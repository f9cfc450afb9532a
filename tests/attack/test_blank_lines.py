"""Blank lines: they are counted, and millions of them cost next to nothing."""

from __future__ import annotations

import gzip
import json
from typing import TYPE_CHECKING

import pytest
from engine.test_partition import both
from small_logs import fates, figures, line

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import Run

LINES = [line(f"GET /p/{number % 7}", number * 40, who=f"198.51.100.{number % 9} - -").encode() for number in range(60)]
ODD = LINES[0].replace(b"HTTP", b"HT TP", 1).replace(b'"', b"", 1)
TEXTS = {
    "some": b"\n\n" + b"\n".join([*LINES[:20], b"", b"   ", b"", *LINES[20:]]) + b"\n\n\n",
    "CR LF": b"\r\n" + b"\r\n\r\n".join(LINES) + b"\r\n\r\n",
    "an end without a newline": b"\n".join([*LINES, b"", b"  "]),
    "an unfinished line": b"\n".join([*LINES, b"", LINES[0][:50]]),
    "an odd line before blank ones": b"\n".join([*LINES, ODD, b"", b""]),
    "an odd line before a blank end": b"\n".join([*LINES, ODD, b"  "]),
    "many": b"\n" * 300_000 + b"\n".join(LINES) + b"\n" * 200_000,
    "nothing else": b"\n \n\n\t\n",
    "only empty lines": b"\n" * 5_000,
    "none": b"\n".join(LINES) + b"\n",
}


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_packed_and_plain_logs_have_the_same_counts(text: bytes, tmp_path: Path) -> None:
    """A plain log with few blank lines keeps them as rows; a packed one only counts them."""
    plain, packed = tmp_path / "a.log", tmp_path / "a.log.gz"
    plain.write_bytes(text)
    packed.write_bytes(gzip.compress(text))
    documents = [figures(log) for log in (plain, packed)]
    assert fates(documents[0]) == fates(documents[1])
    assert documents[0]["reports"]["overview"] == documents[1]["reports"]["overview"]
    assert documents[0]["input"]["files"][0]["lines"] == documents[1]["input"]["files"][0]["lines"] == documents[0]["input"]["lines"]
    blank = sum(not row.strip() for row in text.replace(b"\r", b"").split(b"\n")) - text.endswith(b"\n")
    assert documents[1]["input"]["blank"] == blank


def test_parts_count_them_once(tmp_path: Path) -> None:
    log = tmp_path / "a.log.gz"
    lines = [line(f"GET /p/{number % 7}", number * 40, who=f"198.51.{number % 90}.7 - -").encode() for number in range(6_000)]
    log.write_bytes(gzip.compress(b"\n\n".join(lines) + b"\n"))
    number, in_one_piece, in_parts = both([log, log], 300_000)
    assert number > 1
    assert in_parts == in_one_piece
    assert json.loads(in_parts)["input"]["blank"] == 5_999


def test_a_blank_line_can_be_explained(tmp_path: Path, convkit_command: Run) -> None:
    (tmp_path / "a.log.gz").write_bytes(gzip.compress(TEXTS["some"]))
    code, out, err = convkit_command("explain", str(tmp_path / "a.log.gz"), "--line", "a.log.gz:2")
    assert (code, "an empty line" in out) == (0, True), err


def test_a_record_keeps_the_empty_lines_inside(tmp_path: Path) -> None:
    rows = b'time,event,user,note\n2026-10-10 12:00:00,view,u1,"a\n\nb"\n\n2026-10-10 12:00:10,view,u2,c\n'
    (tmp_path / "a.csv").write_bytes(rows)
    (tmp_path / "b.csv.gz").write_bytes(gzip.compress(rows))
    plain, packed = (figures(tmp_path / name) for name in ("a.csv", "b.csv.gz"))
    assert fates(plain) == fates(packed)
    assert (packed["input"]["kept"], packed["input"]["unparsed"]) == (2, 0)
