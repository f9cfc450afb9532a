"""`convkit formats`: every format with a sample, the format of a log, and the position in a line where a format stops matching."""

from __future__ import annotations

import gzip
from typing import TYPE_CHECKING

import pytest
from small_logs import written

from convkit.core import plugins
from convkit.diagnosis import formats

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Run = Callable[..., tuple[int, str, str]]

LINE = '203.0.113.7 - - [10/Oct/2026:13:55:36 +0200] "GET /cart?a=\x1b[31m HTTP/1.1" 200 2326 "-" "Opera/12.0"'
ODD = '203.0.113.7 [10 Oct 2026 13:55:36] "GET /cart HTTP/1.1" 200'


@pytest.fixture(autouse=True)
def wide(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Run in an empty directory, on a wide screen."""
    monkeypatch.setenv("COLUMNS", "120")
    monkeypatch.chdir(tmp_path)


def test_every_format_is_listed_with_its_headline_and_a_sample(convkit_command: Run) -> None:
    code, out, err = convkit_command("formats")
    assert (code, err) == (0, "")
    assert [line.split()[0] for line in out.splitlines() if line.startswith("  ") and line[2:3].strip()][:-2] == list(plugins.names("formats"))
    assert '203.0.113.7 - - [10/Oct/2026:13:55:36 +0200] "GET /cart HTTP/1.1"' in out
    assert all(headline and (sample or name == "parquet") for name, (headline, sample) in formats.known_formats().items())


def test_a_log_is_shown_with_its_format_and_first_records(convkit_command: Run, tmp_path: Path) -> None:
    """It shows three records, assets last, with masked addresses and harmless text, also for a compressed log whose lines are wrapped."""
    asset = LINE.replace("/cart", "/site.css")
    lines = [asset, *[LINE] * 2, LINE.replace("/cart", "/from/192.0.2.1"), LINE.replace(" 200 ", " ")]
    with gzip.open(tmp_path / "access.log.gz", "wt", encoding="utf-8") as file:
        file.writelines(f"web-1  | {line}\n" for line in lines)
    code, out, err = convkit_command("formats", "access.log.gz")
    assert (code, err) == (0, "")
    assert out.startswith("access.log.gz  combined\n  4 of the 5 lines tested fit; ")
    assert "  1 line: no status after the request.\n" in out
    assert [line.split()[1] for line in out.splitlines() if line.strip().startswith("target ")] == [
        "/cart?a=␛[31m",
        "/cart?a=␛[31m",
        "/from/x.x.x.x?a=␛[31m",
    ]
    assert "203.0.113.7" not in out
    assert "time         2026-10-10 11:55:36 UTC" in out


@pytest.mark.parametrize("layer", ["2026-10-10T11:55:36.1Z stdout {} ", "Oct 10 11:55:36 host {}: "], ids=["cri", "syslog"])
def test_the_line_that_does_not_fit_is_shown(layer: str, convkit_command: Run, tmp_path: Path) -> None:
    """Lines that are left out, like split ones or those of other programs, do not shift the numbering."""
    left_out = layer.format("P" if "stdout" in layer else "cron[7]") + "(root) CMD x"
    bare_lines = [LINE.replace("/cart", f"/{number}") for number in range(4)] + [LINE.replace(" 200 ", " ")]
    written(tmp_path / "access.log", [*([] if "stdout" in layer else [left_out]), *[layer.format("F") + line for line in bare_lines]])
    out = convkit_command("formats", "access.log")[1]
    assert "4 of the 5 lines tested fit" in out
    assert '"GET /cart' in out[out.index("It stops at") :]


@pytest.mark.parametrize(
    ("more", "position", "marked"),
    [
        ([], 21, "2026 13:55:36"),
        (["--log-format", "$remote_addr [$time_local] $status"], 14, "10 Oct 2026"),
        (["--log-format", "%h [%{%d %b %Y, %T}t] %>s"], 14, "10 Oct 2026 "),
        (["--log-format", r"(?P<ip>\S+) \[(?P<date>\d+ \w+ \d+), "], 25, " 13:55:36"),
    ],
)
def test_the_position_where_a_format_stops_is_marked(more: list[str], position: int, marked: str, convkit_command: Run, tmp_path: Path) -> None:
    """The position is given for the line in the log; the mark is placed under the line as shown."""
    (tmp_path / "odd.log").write_text(f"{ODD}\n" * 3, encoding="utf-8")
    code, out, err = convkit_command("formats", "odd.log", *more)
    assert code == 3
    assert ("--log-format does not fit its lines; correct" if more else "unrecognised format; describe") in err
    lines = out.splitlines()
    under = next(number for number, line in enumerate(lines) if line.strip() == "^")
    assert lines[under - 1].strip() == ODD.replace("203.0.113.7", "x.x.x.x")
    assert lines[under - 1][lines[under].index("^") :].startswith(marked)
    assert f"It stops at position {position} of this line:" in out


def test_several_logs_are_shown_one_by_one_and_a_wrong_string_is_an_error(convkit_command: Run, tmp_path: Path) -> None:
    (tmp_path / "good.log").write_text(f"{LINE}\n", encoding="utf-8")
    (tmp_path / "odd.log").write_text(f"{ODD}\n", encoding="utf-8")
    code, out, _ = convkit_command("formats", "odd.log", "good.log")
    assert code == 3
    assert out.index("odd.log  unrecognised format") < out.index("good.log  combined")
    assert convkit_command("formats", "good.log", "--log-format", "%h %Z")[0] == 2
    assert convkit_command("formats", "missing.log")[0] == 3
