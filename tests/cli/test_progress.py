"""Progress: shown only on a terminal and after the first second, removed before the report; every byte of every log is counted once."""

from __future__ import annotations

import bz2
import gzip
import io
import sys
import time
from typing import TYPE_CHECKING

import pytest
import runs
from small_logs import line

from convkit.cli import progress as cli_progress
from convkit.core import progress

if TYPE_CHECKING:
    from pathlib import Path

CONTENT = "".join(f"{line(f'GET /{number}', number)}\n" for number in range(300)).encode()


class Screen(io.StringIO):
    """A standard error stream that is a terminal."""

    def isatty(self) -> bool:
        """Return True, as a terminal does."""
        return True


class Recorder:
    """A display that records the calls."""

    def __init__(self) -> None:
        """Start with no calls recorded."""
        self.total, self.sizes = 0, list[int]()

    def begin(self, total: int) -> None:
        """Record the total."""
        self.total = total

    def advance(self, size: int) -> None:
        """Record the number of bytes that were read."""
        self.sizes.append(size)


@pytest.mark.parametrize(
    "pack", [bytes, gzip.compress, bz2.compress, lambda plain: gzip.compress(plain)[:-20], lambda plain: plain.replace(b"GET", b"GE\0", 1)]
)
@pytest.mark.parametrize("number", [1, 3])
def test_every_byte_of_every_log_is_counted(tmp_path: Path, pack: object, number: int) -> None:
    """It makes no difference whether a log is read at once or in pieces."""
    logs = [tmp_path / f"{place}.log" for place in range(number)]
    for place, log in enumerate(logs):
        log.write_bytes(pack(line("GET /first", place).encode() + b"\n" + CONTENT))  # type: ignore[operator]
    display = Recorder()
    runs.document(logs, ["overview"], progress=display)
    assert display.total == sum(display.sizes) == sum(log.stat().st_size for log in logs)


def drawn(monkeypatch: pytest.MonkeyPatch, *, wait: float, after: float = 0.0, is_wanted: bool = True) -> str:
    """Return everything that is drawn while a log is read for this long."""
    screen = Screen()
    monkeypatch.setattr(sys, "stderr", screen)
    monkeypatch.setattr(cli_progress, "_AFTER", after)
    monkeypatch.setenv("TERM", "xterm")
    with cli_progress.display(is_wanted=is_wanted) as display:
        display.begin(4_000_000)
        time.sleep(wait / 2)
        display.advance(1_000_000)
        time.sleep(wait / 2)
    return screen.getvalue()


def test_a_terminal_shows_the_bytes_read_and_keeps_its_cursor(monkeypatch: pytest.MonkeyPatch) -> None:
    text = drawn(monkeypatch, wait=1.2)
    assert "reading" in text
    assert "1.0/4.0 MB" in text
    assert "0:00:0" in text
    assert "\x1b[?25" not in text, "who is killed leaves the cursor as it was"


@pytest.mark.parametrize("options", [{"after": 60.0}, {"is_wanted": False}])
def test_a_short_run_and_a_quiet_one_show_nothing(monkeypatch: pytest.MonkeyPatch, options: dict[str, float]) -> None:
    assert drawn(monkeypatch, wait=0.3, **options) == ""  # type: ignore[arg-type]


def test_a_pipe_shows_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    for stream in (io.StringIO(), None):
        monkeypatch.setattr(sys, "stderr", stream)
        with cli_progress.display(is_wanted=True) as display:
            assert display is progress.NO_PROGRESS
