"""The width and the encoding of the screen. Colours and real terminals are tested in test_manners."""

from __future__ import annotations

import io
import os
import sys

import pytest
from rich.cells import cell_len

from convkit.cli import terminal

WIDTHS = {"": 120, "80": 80, "0080": 80, "1": 1, "0": 120, "-5": 120, "²": 120, "٤٠": 120, "99999": 120, "9999": 9999, "8 0": 120, "80\n": 120}


class _Screen(io.TextIOWrapper):
    """A terminal with a given encoding."""

    def __init__(self, encoding: str) -> None:
        super().__init__(io.BytesIO(), encoding=encoding)

    def isatty(self) -> bool:
        """Return True, as a terminal does."""
        return True

    def fileno(self) -> int:
        """Return a file descriptor, which is used to look up the size of the screen."""
        return 1


@pytest.mark.parametrize(("columns", "width"), WIDTHS.items())
def test_columns_sets_the_width_if_it_is_a_number(columns: str, width: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    assert terminal.width(to_screen=False) == terminal.width(to_screen=True) == width


def test_messages_wrap_at_the_width_of_standard_error_if_it_is_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)
    monkeypatch.setattr(os, "get_terminal_size", lambda _: os.terminal_size((60, 24)))
    for stream, width in ((_Screen("utf-8"), 60), (io.StringIO(), None), (None, None)):
        monkeypatch.setattr(sys, "stderr", stream)
        assert terminal.message_width() == width
    monkeypatch.setattr(sys, "stderr", _Screen("utf-8"))
    monkeypatch.setenv("COLUMNS", "70")
    assert terminal.message_width() == 70


def test_a_screen_has_the_width_of_its_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)
    monkeypatch.setattr(sys, "stdout", _Screen("utf-8"))
    for columns, width in {60: 60, 0: 80}.items():
        monkeypatch.setattr(os, "get_terminal_size", lambda _, columns=columns: os.terminal_size((columns, 24)))
        assert terminal.width(to_screen=True) == width
        assert terminal.width(to_screen=False) == 120


ENCODED = {
    "utf-8": "█▍ ↳ 3 – 4 · größe …".encode(),
    "ascii": b"## > 3 - 4 - gr\\xf6\\xdfe ~",
    "latin-1": "## > 3 - 4 · größe ~".encode("latin-1"),
}


@pytest.mark.parametrize(("encoding", "shown"), ENCODED.items())
def test_a_screen_gets_only_characters_of_its_encoding(encoding: str, shown: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", _Screen(encoding))
    assert terminal.encoded("█▍ ↳ 3 – 4 · größe …", to_screen=True) == shown
    assert terminal.encoded("█▍ ↳ 3 – 4 · größe …", to_screen=False) == ENCODED["utf-8"]


def test_pipes_get_utf_8_without_lone_surrogates(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(io.BytesIO(), encoding="ascii"))
    assert terminal.encoded("ü\udc80", to_screen=True) == b"\xc3\xbc\\udc80"


def test_drawing_characters_keep_their_width() -> None:
    for code, plain in terminal._PLAIN.items():  # noqa: SLF001 (all of them are tested)
        assert cell_len(chr(code)) == cell_len(chr(plain)) == 1
        assert plain < 0x80


def test_messages_are_written_in_any_encoding(monkeypatch: pytest.MonkeyPatch) -> None:
    out = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    monkeypatch.setattr(sys, "stdout", out)
    monkeypatch.setattr(sys, "stderr", None)
    terminal.escape_unencodable()
    out.write("größe\udc80")
    out.flush()
    assert out.buffer.getvalue() == b"gr\\xf6\\xdfe\\udc80"  # type: ignore[attr-defined]
    monkeypatch.setattr(sys, "stdout", None)
    assert not terminal.is_screen()
