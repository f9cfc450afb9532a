"""Messages on standard error: harmless lines, wrapped on a terminal; warnings; how lines were classified."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from convkit.cli import messages

if TYPE_CHECKING:
    import pytest


def test_lines_are_harmless_and_begin_with_the_name(capsys: pytest.CaptureFixture[str]) -> None:
    messages.write("one\x1b[31m", "tw\u2028o\r\n")
    messages.write("three", with_name=False)
    assert capsys.readouterr() == ("", "convkit: one␛[31m\nconvkit: tw\\u2028o␍␊\nthree\n")


def test_long_lines_wrap_only_on_a_terminal(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """They break between words, and later lines are aligned with the text of the first; a word that is too long for a line is not split."""
    sentence = "a/very/long/path/to/access.log ends early and --rejects FILE saves its lines"
    messages.write(sentence)
    assert capsys.readouterr().err == f"convkit: {sentence}\n"
    monkeypatch.setattr(messages.terminal, "message_width", lambda: 30)
    messages.write(sentence)
    shown = capsys.readouterr().err
    assert shown == "convkit: a/very/long/path/to/access.log\n         ends early and\n         --rejects FILE saves\n         its lines\n"
    messages.write("three four five six seven eight", with_name=False)
    assert capsys.readouterr().err == "three four five six seven\neight\n"


def test_a_closed_or_full_standard_error_is_not_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError

    monkeypatch.setattr(messages.click, "echo", full)
    messages.write("one")
    monkeypatch.undo()
    monkeypatch.setattr(sys, "stderr", None)
    messages.write("two")


def test_warnings_come_before_other_lines(capsys: pytest.CaptureFixture[str]) -> None:
    messages.warn(["a.gz ends early\x1b", "b.gz too"], ["read 1 line"])
    assert capsys.readouterr() == ("", "convkit: warning: a.gz ends early␛\nconvkit: warning: b.gz too\nconvkit: read 1 line\n")
    messages.warn([], [])
    assert capsys.readouterr() == ("", "")


def test_one_sentence_says_how_lines_were_classified() -> None:
    assert (
        messages.fates_sentence({"lines": 12_345, "blank": 0, "bot": 1_345, "kept": 11_000}, 2)
        == "read 12,345 lines from 2 logs: 1,345 bot, 11,000 kept"
    )
    assert messages.fates_sentence({"lines": 0, "kept": 0}, 1) == "read 0 lines from 1 log"
