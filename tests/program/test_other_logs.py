"""Every command on all logs of others that are at hand: nothing fails unexpectedly, and nothing is said that the text of the log refutes.

`CONVKIT_TEST_DATA` names the folder with these logs; without it, these tests are skipped.
"""

from __future__ import annotations

import gzip
import os
import re
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    Command = Callable[..., tuple[int, str, str]]

FOLDER = os.environ.get("CONVKIT_TEST_DATA")
pytestmark = [pytest.mark.slow, pytest.mark.skipif(FOLDER is None, reason="CONVKIT_TEST_DATA names no folder")]
_NO_LOGS = {".yaml", ".md", ".py"}
_PLACES = ("real", "field/access", "field/events")
_EXPECTED = {0, 1, 3}
"""The exit codes of a result, of problems that `check` finds, and of a log that cannot be read."""
_MISSING = re.compile(r"(?:nothing in the log resembles|no hit in the log matches) (.+?); ")


def logs() -> list[Path]:
    """Return all logs at hand; a directory is read as one log."""
    entries = chain.from_iterable(Path(FOLDER or "/nonexistent", place).glob("*") for place in _PLACES)
    return sorted(entry for entry in entries if entry.suffix not in _NO_LOGS)


def text_of(log: Path) -> str:
    """Return the text of a log, or of all files in a directory."""
    if log.is_dir():
        return "".join(text_of(file) for file in sorted(log.rglob("*")) if file.is_file())
    content = gzip.decompress(log.read_bytes()) if log.suffix == ".gz" else log.read_bytes()
    return content.decode(errors="replace")


def goals_for(log: Path) -> Path | None:
    """Return the goals file that lies beside a log of the same number or name, if there is one."""
    beside = [
        log.with_suffix(".yaml"),
        *log.parent.glob(f"{log.name.partition('_')[0]}_goals.yaml"),
        log.parent / "goals.yaml",
        log.parent / "buy.yaml",
    ]
    return next((file for file in beside if file.exists()), None)


def refuted(printed: str, text: str) -> list[str]:
    """Return the patterns of which a text is said to have nothing, although it does."""
    joined = " ".join(printed.split())
    patterns = [pattern for names in _MISSING.findall(joined) for pattern in names.split(" or ")]
    return [pattern for pattern in patterns if re.search(expression(pattern), text)]


def expression(pattern: str) -> str:
    """Return a regular expression for a path or the name of an event as a whole word of a text."""
    inner = re.escape(pattern).replace(r"\*\*", r'[^\s"?]*').replace(r"\*", r'[^\s"/?]*')
    return rf'(?<![\w/.-]){inner}(?=[\s"?,;]|$)'


def test_a_refuted_sentence_is_detected() -> None:
    printed = "buy: nothing in the log resembles /thanks; check\nits spelling. cart: no hit in the log matches /cart/* or add_cart; the closest is /"
    assert refuted(printed, '"GET /thank HTTP/1.1" "GET /cart/ HTTP/1.1" add_cart2') == ["/cart/*"]
    assert refuted(printed, '"GET /thanks?a HTTP/1.1"\n1,add_cart,2') == ["/thanks", "add_cart"]


@pytest.mark.parametrize("log", logs(), ids=lambda log: log.name)
def test_every_command_gives_a_result_or_an_error(log: Path, convkit_command: Command, tmp_path: Path) -> None:
    text, goals = text_of(log), goals_for(log)
    own = tmp_path / "own.yaml"
    written = ["-g", str(goals)] if goals else []
    commands = [
        ["formats"],
        ["init", "-o", str(own)],
        ["report", *written],
        ["check", *written],
        ["check", "-g", str(own)],
        ["report", "-g", str(own)],
    ]
    for command, *arguments in commands:
        has_goals = "-g" in arguments and (str(own) not in arguments or own.exists())
        if (command == "check" or str(own) in arguments) and command != "init" and not has_goals:
            continue
        code, out, err = convkit_command(command, str(log), *arguments)
        assert (code in _EXPECTED, "bug in convkit" in err, "Traceback" in err) == (True, False, False), f"{command} {arguments}: {code} {err}"
        assert refuted(out + err, text) == [], f"{command} {arguments}: {out}{err}"
