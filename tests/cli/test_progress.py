"""Progress: on a terminal only, not in the first second, gone when the report comes; and every byte of every log is told once."""

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
    """A standard error that is a terminal."""

    def isatty(self) -> bool:
        """Say that it is one."""
        return True


class Watching:
    """Hears of bytes."""

    def __init__(self) -> None:
        """Have heard nothing yet."""
        self.total, self.heard = 0, list[int]()

    def begin(self, total: int) -> None:
        """Keep the total."""
        self.total = total

    def advance(self, size: int) -> None:
        """Keep a part of it."""
        self.heard.append(size)


@pytest.mark.parametrize(
    "pack", [bytes, gzip.compress, bz2.compress, lambda plain: gzip.compress(plain)[:-20], lambda plain: plain.replace(b"GET", b"GE\0", 1)]
)
@pytest.mark.parametrize("number", [1, 3])
def test_every_byte_of_every_log_is_told(tmp_path: Path, pack: object, number: int) -> None:
    """In whatever way a log is read, at once or piece by piece."""
    logs = [tmp_path / f"{place}.log" for place in range(number)]
    for place, log in enumerate(logs):
        log.write_bytes(pack(line("GET /first", place).encode() + b"\n" + CONTENT))  # type: ignore[operator]
    watching = Watching()
    runs.document(logs, ["overview"], progress=watching)
    assert watching.total == sum(watching.heard) == sum(log.stat().st_size for log in logs)


def drawn(monkeypatch: pytest.MonkeyPatch, *, wait: float, after: float = 0.0, is_wanted: bool = True) -> str:
    """Return what is drawn of a reading that takes so long."""
    screen = Screen()
    monkeypatch.setattr(sys, "stderr", screen)
    monkeypatch.setattr(cli_progress, "_AFTER", after)
    monkeypatch.setenv("TERM", "xterm")
    with cli_progress.display(is_wanted=is_wanted) as watching:
        watching.begin(4_000_000)
        time.sleep(wait / 2)
        watching.advance(1_000_000)
        time.sleep(wait / 2)
    return screen.getvalue()


def test_a_terminal_shows_the_bytes_read_of_all_and_the_cursor_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    text = drawn(monkeypatch, wait=1.2)
    assert "reading" in text
    assert "1.0/4.0 MB" in text
    assert "0:00:0" in text
    assert "\x1b[?25" not in text, "who is killed leaves the cursor as it was"


@pytest.mark.parametrize("options", [{"after": 60.0}, {"is_wanted": False}])
def test_a_short_run_and_a_quiet_one_show_nothing(monkeypatch: pytest.MonkeyPatch, options: dict[str, float]) -> None:
    assert drawn(monkeypatch, wait=0.3, **options) == ""  # type: ignore[arg-type]


def test_what_is_no_terminal_shows_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    for stream in (io.StringIO(), None):
        monkeypatch.setattr(sys, "stderr", stream)
        with cli_progress.display(is_wanted=True) as watching:
            assert watching is progress.NO_PROGRESS
