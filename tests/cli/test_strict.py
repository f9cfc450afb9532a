"""`--strict` and `--rejects`: lost input is never hidden, and rejected lines can be saved."""

from __future__ import annotations

import gzip
import json
import stat
from typing import TYPE_CHECKING

import pytest
from small_logs import line, written

from convkit.cli import messages

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import Run

TEXT = "".join(f"{line('GET /', 60 * number)}\n" for number in range(200)).encode()
ODD = b"\x1b[2J odd 203.0.113.7\n"


@pytest.mark.parametrize(
    ("content", "code", "message"),
    [
        (TEXT, 0, ""),
        (TEXT + ODD, 4, "convkit: error: 1 line could not be read; save it with --rejects FILE. Exit code 4, as --strict requires\n"),
        (TEXT + ODD[:9], 0, ""),
        (TEXT.replace(b"GET /", b"GET /\xff", 1), 4, "convkit: error: input was lost; see the warnings. Exit code 4, as --strict requires\n"),
        (gzip.compress(TEXT)[:-30], 4, "convkit: error: input was lost; see the warnings. Exit code 4, as --strict requires\n"),
        (ODD + gzip.compress(TEXT), 3, "unrecognised format"),
    ],
)
def test_lost_input_is_an_error_only_with_strict(tmp_path: Path, convkit_command: Run, content: bytes, code: int, message: str) -> None:
    (tmp_path / "access.log").write_bytes(content)
    goals = written(tmp_path / "goals.yaml", ["macro: {thanks: /thanks}"])
    log, rest = str(tmp_path / "access.log"), ("--log-format", "combined", "-f", "csv", "-g", str(goals))
    strict, out, err = convkit_command("report", log, *rest, "--strict")
    usual, usual_out, _ = convkit_command("report", log, *rest)
    assert (strict, usual) == (code, 3 if code == 3 else 0)
    assert message in err
    assert out == usual_out
    if not code:
        assert err == ""


def test_rejects_are_private_and_have_no_addresses(tmp_path: Path, convkit_command: Run) -> None:
    (tmp_path / "access.log").write_bytes(TEXT + ODD + TEXT)
    rejects = tmp_path / "rejects.ndjson"
    rejects.write_text("old")
    rejects.chmod(0o644)
    assert convkit_command("goals", str(tmp_path / "access.log"), "--rejects", str(rejects))[0] == 0
    assert stat.S_IMODE(rejects.stat().st_mode) == 0o600
    (row,) = [json.loads(text) for text in rejects.read_text().splitlines()]
    assert row == {"file": "access.log", "line": 201, "reason": "no request in quotes", "text": "␛[2J odd x.x.x.x"}


def test_rejects_never_overwrite_the_log(tmp_path: Path, convkit_command: Run) -> None:
    (tmp_path / "access.log").write_bytes(TEXT)
    assert convkit_command("goals", str(tmp_path / "access.log"), "--rejects", str(tmp_path / "access.log"))[0] == 2
    assert (tmp_path / "access.log").read_bytes() == TEXT


def test_settings_are_set_for_one_run(tmp_path: Path, convkit_command: Run) -> None:
    (tmp_path / "access.log").write_bytes("".join(f"{line('GET /', number * 120)}\n" for number in range(5)).encode())
    log = str(tmp_path / "access.log")
    usual, short = (convkit_command("overview", log, "-f", "csv", *more)[1] for more in ((), ("--set", "session_timeout=1m")))
    assert "sessions,1\r\n" in usual
    assert "sessions,5\r\n" in short
    code, _, err = convkit_command("overview", log, "--set", "sesion_timeout=1m")
    assert (code, "did you mean 'session_timeout'" in err) == (2, True)


def test_an_unfinished_last_line_is_not_a_loss() -> None:
    assert messages.loss_sentence((), {messages.UNFINISHED: 1}) == ""
    assert messages.loss_sentence(("x",), {messages.UNFINISHED: 1, "no address": 2_000}).startswith(
        "2,000 lines could not be read; save them with --rejects FILE. Other input was lost; see the warnings."
    )
