"""Visitor IDs are keyed and stable for the same key; the key file is created once and readable only by its owner."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
import runs
from as_program import COMMAND, environment
from small_logs import line, written

from convkit.traffic import visitor_ids
from convkit.traffic.visitor_ids import KEY_VARIABLE

if TYPE_CHECKING:
    from pathlib import Path

TEXTS = ["address 198.51.100.1 Mozilla", "user ann", "", "é"]
NOTE = "Visitor IDs will change on every run, since no key file could be read or created; set CONVKIT_KEY."


@pytest.fixture(autouse=True)
def without_a_key(monkeypatch: pytest.MonkeyPatch) -> None:
    """Start each test without a key in the environment."""
    monkeypatch.delenv(KEY_VARIABLE)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return an empty home directory."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    return tmp_path


def codes(folder: Path) -> set[str]:
    """Return the codes of the notes of a report with visitor IDs."""
    return {note.code for note in runs.document([written(folder / "access.log", [line("GET /")])], ["sessions"]).notes}


def test_an_id_is_16_hex_digits_of_keyed_blake2b(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(KEY_VARIABLE, "secret")
    ids = visitor_ids.hash_identities(TEXTS)
    key = hashlib.blake2b(b"secret", digest_size=32).digest()
    assert ids == [hashlib.blake2b(text.encode(), digest_size=8, key=key).hexdigest() for text in TEXTS]
    assert {len(name) for name in ids} == {16}
    assert len(set(ids)) == len(TEXTS)
    monkeypatch.setenv(KEY_VARIABLE, "x" * 1000)
    assert set(visitor_ids.hash_identities(TEXTS)).isdisjoint(ids)


def test_a_key_in_the_environment_needs_no_file(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(KEY_VARIABLE, "secret")
    assert visitor_ids.key() == visitor_ids.Key(b"secret")
    assert list(home.iterdir()) == []


def test_a_key_file_is_created_once_and_only_for_its_owner(home: Path) -> None:
    old = os.umask(0)
    try:
        first = visitor_ids.hash_identities(TEXTS)
    finally:
        os.umask(old)
    file = home / ".config" / "convkit" / "key"
    assert file.stat().st_mode & 0o777 == 0o600
    assert file.parent.stat().st_mode & 0o777 == 0o700
    assert len(bytes.fromhex(file.read_text(encoding="ascii"))) == 32
    assert [path.name for path in file.parent.iterdir()] == ["key"]
    assert visitor_ids.hash_identities(TEXTS) == first
    assert codes(home) == set()


def test_the_file_in_the_configuration_home_takes_precedence(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(home / "xdg"))
    assert visitor_ids.key().is_lasting
    assert (home / "xdg" / "convkit" / "key").is_file()
    monkeypatch.setenv("XDG_CONFIG_HOME", "relative")
    assert visitor_ids.key().secret == (home / ".config" / "convkit" / "key").read_bytes().strip()


def test_a_key_of_your_own_is_read(home: Path) -> None:
    (home / ".config" / "convkit").mkdir(parents=True)
    (home / ".config" / "convkit" / "key").write_bytes(b"of my own\n")
    assert visitor_ids.key().secret == b"of my own"


@pytest.mark.parametrize("what", ["no home", "a file instead of the directory", "a directory instead of the file", "an empty file"])
def test_without_a_key_file_ids_last_for_one_run_and_there_is_a_note(what: str, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = home / ".config" / "convkit"
    if what == "no home":
        monkeypatch.setenv("HOME", str(home / "missing"))
    elif what.startswith("a file"):
        place.parent.mkdir()
        place.touch()
    else:
        place.mkdir(parents=True)
        place.joinpath("key").touch() if "empty" in what else place.joinpath("key").mkdir()
    assert not visitor_ids.key().is_lasting
    assert visitor_ids.hash_identities(TEXTS) == visitor_ids.hash_identities(TEXTS)
    assert codes(home) == {"visitor-ids"}
    assert not (home / "missing").exists()
    document = runs.document([home / "access.log"], ["hits"])
    assert [note.text for note in document.notes] == [NOTE]


def test_only_one_of_several_simultaneous_first_runs_creates_the_key(tmp_path: Path) -> None:
    program = "from convkit.traffic import visitor_ids; print(visitor_ids.hash_identities(['x'])[0], visitor_ids.key().is_lasting)"
    env = environment(HOME=str(tmp_path))
    del env[KEY_VARIABLE]
    runs = [subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, env=env) for _ in range(6)]
    outputs = {run.communicate()[0] for run in runs}
    assert len(outputs) == 1
    assert outputs.pop().endswith(b" True\n")


@pytest.mark.parametrize("report", ["report", "pages"])
def test_a_report_without_ids_creates_no_key_file(report: str, tmp_path: Path) -> None:
    log = written(tmp_path / "access.log", [line("GET /")])
    env = environment(HOME=str(tmp_path))
    del env[KEY_VARIABLE]
    subprocess.run([*COMMAND, report, str(log)], env=env, capture_output=True, check=True)
    assert [path.name for path in tmp_path.iterdir()] == ["access.log"]


def test_ids_are_short_on_a_screen() -> None:
    assert visitor_ids.shorten("3f9a1c0123456789-2") == "3f9a1c…-2"
    assert visitor_ids.shorten("3f9a1c0123456789") == "3f9a1c…"
