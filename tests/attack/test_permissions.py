"""Closed files and directories: one sentence for each, with who may read the file, and the code that belongs to it."""

from __future__ import annotations

import grp
import os
import pwd
import stat
from typing import TYPE_CHECKING

import pytest
from ordinary_user import needs_privileges, open_folder, ordinary_user
from small_logs import line, written

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from conftest import Run

ROWS = {
    "F7": "test_closed_inputs_and_outputs_are_named_with_a_code",
    "F30": "test_all_logs_that_cannot_be_read_are_named_at_once",
    "F36": "test_empty_names_are_mistakes",
    "A34": "test_closed_inputs_and_outputs_are_named_with_a_code",
    "A41": "tests/core/test_filesystem.py::test_another_user_s_link_in_a_shared_directory_is_not_followed",
}
GROUP, OWNER = grp.getgrall()[-1], pwd.getpwall()[-1]
TEXTS = [line("GET /", 60 * number) for number in range(3)]


@pytest.fixture
def folder(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Return the current directory, which any user may enter, but which has closed files and directories."""
    with open_folder() as place:
        monkeypatch.chdir(place)
        for name in ("closed", "listed", "entered", "member", "open"):
            (place / name).mkdir()
            for log in ("a.log", "b.log"):
                written(place / name / log, TEXTS)
        written(place / "closed.log", TEXTS)
        written(place / "open.log", TEXTS)
        (place / "closed.yaml").write_text("macro: {thanks: /thanks}\n", encoding="utf-8")
        (place / "goals.yaml").write_text("macro: {thanks: /thanks}\n", encoding="utf-8")
        for name in ("closed", "closed.log", "closed.yaml", "member/b.log"):
            (place / name).chmod(0)
        (place / "listed").chmod(0o444)
        (place / "entered").chmod(0o111)
        (place / "open").chmod(0o555)
        yield place


CLOSED = {
    "a log": ("overview closed.log", 3, "closed.log cannot be read"),
    "a log in a closed directory": ("report closed/a.log", 3, "closed/a.log cannot be read"),
    "a missing log in a closed directory": ("report closed/none.log", 3, "closed/none.log cannot be read"),
    "a closed directory": ("goals closed", 3, "closed cannot be read"),
    "a pattern in a closed directory": ("goals closed/*.log", 3, "closed cannot be read"),
    "a pattern of directories in a closed directory": ("goals closed/*/a.log", 3, "closed cannot be read"),
    "a directory that can only be listed": ("overview listed/", 3, "listed/ cannot be read"),
    "a pattern in a directory that can only be listed": ("overview listed/*", 3, "listed cannot be read"),
    "a directory that can only be entered": ("overview entered", 3, "entered cannot be read"),
    "a pattern in a directory that can only be entered": ("overview entered/?.log", 3, "entered cannot be read"),
    "a member of a directory": ("overview member", 3, "member/b.log cannot be read"),
    "a log to compare": ("compare closed.log", 3, "closed.log cannot be read"),
    "a log to explain": ("explain closed.log", 3, "closed.log cannot be read"),
    "a log to check": ("check -g goals.yaml closed.log", 3, "closed.log cannot be read"),
    "a log to suggest goals": ("init closed/a.log -o /dev/null --force", 3, "closed/a.log cannot be read"),
    "a log whose format is asked for": ("formats closed.log", 3, "closed.log cannot be read"),
    "a goals file": ("overview open.log -g closed.yaml", 2, "the goals file closed.yaml cannot be read"),
    "a goals file in a closed directory": ("check -g closed/goals.yaml", 2, "the goals file closed/goals.yaml cannot be read"),
    "a report": ("overview open.log -o open/made.csv", 6, "open/made.csv cannot be written"),
    "a report in a closed directory": ("overview open.log -o closed/made.csv", 6, "closed/made.csv cannot be written"),
    "a directory of reports": ("report open.log -o open/", 6, "open/ cannot be written"),
    "a new directory of reports": ("report open.log -o open/more/new/", 6, "open/more/new/ cannot be written"),
    "rejects": ("overview open.log --rejects closed/rejects", 6, "closed/rejects cannot be written"),
    "a new goals file": ("init -o open/goals.yaml", 6, "open/goals.yaml cannot be written"),
    "a new goals file in a closed directory": ("init open.log -o closed/goals.yaml", 6, "closed/goals.yaml cannot be written"),
}


@pytest.mark.parametrize(("command", "code", "start"), CLOSED.values(), ids=CLOSED)
def test_closed_inputs_and_outputs_are_named_with_a_code(command: str, code: int, start: str, folder: Path, convkit_command: Run) -> None:
    # Whatever the command imports must be imported by the user who can read it.
    name, *rest = command.split()
    convkit_command(name, "open.log", *(["-o", "made"] if name == "init" else []))
    with ordinary_user():
        ended, out, err = convkit_command(name, *rest)
    assert (ended, out, err.count("\n")) == (code, "", 1)
    assert err.startswith(f"convkit: error: {start}: Permission denied; ")
    assert err.partition("; ")[2].startswith("choose another place" if code == 6 else ("run convkit as ", "allow it with chmod u+r"))
    assert sorted(path.name for path in (folder / "open").iterdir()) == ["a.log", "b.log"]


def test_what_can_be_read_is_read(folder: Path, convkit_command: Run) -> None:
    """A directory that nobody may list has logs that can be named."""
    usual = convkit_command("overview", "open.log", "-f", "csv")
    assert usual[0] == 0
    with ordinary_user():
        for names in (["entered/a.log"], ["member/a.log"], ["open"], [str(folder / "entered" / "a.log"), "entered/b.log"]):
            code, out, _ = convkit_command("overview", *names, "-f", "csv")
            assert (code, out.splitlines()[0]) == (0, usual[1].splitlines()[0])
        assert convkit_command("formats", *(f"entered/{name}.log" for name in "abab"), "entered/a.log")[0] == 0


@needs_privileges
@pytest.mark.parametrize(
    ("who", "fix"),
    [
        ((0o640, OWNER.pw_uid, GROUP.gr_gid), f"run convkit as a member of the group {GROUP.gr_name}, or copy the file"),
        ((0o600, OWNER.pw_uid, GROUP.gr_gid), f"run convkit as {OWNER.pw_name}, or copy the file"),
        ((0o640, 54_321, 54_322), "run convkit as a member of the group 54322, or copy the file"),
        ((0o600, 54_321, 54_322), "run convkit as the user 54321, or copy the file"),
    ],
)
@pytest.mark.parametrize("name", ["it's closed.log", "log.d/a.log"])
def test_the_fix_names_the_group_or_the_user_who_may_read_the_log(
    name: str, who: tuple[int, int, int], fix: str, folder: Path, convkit_command: Run
) -> None:
    mode, *owner = who
    (folder / "log.d").mkdir()
    written(folder / name, TEXTS)
    closed = folder / name.partition("/")[0]
    closed.chmod(mode | (mode & 0o444) >> 2)
    os.chown(closed, *owner)
    convkit_command("overview", name)
    with ordinary_user():
        code, _, err = convkit_command("overview", name)
    assert (code, err) == (3, f"convkit: error: {name} cannot be read: Permission denied; {fix}\n")


def test_the_owner_gets_the_command_that_opens_the_file(folder: Path, convkit_command: Run) -> None:
    with ordinary_user():
        (mine := folder.parent / f"{folder.name}'s log").mkdir()
        try:
            mine.chmod(0)
            _, _, err = convkit_command("overview", str(mine))
        finally:
            mine.rmdir()
    assert "; allow it with chmod u+rx '/" in err


def test_all_logs_that_cannot_be_read_are_named_at_once(folder: Path, convkit_command: Run) -> None:
    written(folder / "access.log.xz", [])
    (folder / "access.log.xz").write_bytes(b"\xfd7zXZ\x00")
    (folder / "nothing").mkdir()
    names = ["open.log", "missing.log", "none*.log", "nothing", "closed.log", "access.log.xz", "open.log/a.log", "missing.log"]
    for command in ("report", "compare", "check", "formats"):
        convkit_command(command, "open.log", "-g", "goals.yaml")
        with ordinary_user():
            code, out, err = convkit_command(command, *names, "-g", "goals.yaml")
        assert (code, out) == (3, "")
        errors = [text.removeprefix("convkit: error: ") for text in err.splitlines()]
        if command == "formats":
            continue  # It reads one log after the other.
        starts = ["missing.log cannot be read: No such file", "no file matches none*.log", "nothing contains no files", "closed.log cannot be read"]
        starts += ["access.log.xz is compressed with xz", "open.log/a.log cannot be read: Not a directory; check its name"]
        assert [text[: len(start)] for text, start in zip(errors, starts, strict=True)] == starts


@pytest.mark.parametrize(
    "command",
    ["overview |", "check |", "overview open.log | -f csv", "overview open.log -g |", "overview open.log -o |", "overview open.log --rejects |",
     "init -o |", "init | -o made", "formats |", "explain |", "compare |", "check -g |"],
)  # fmt: skip
def test_empty_names_are_mistakes(command: str, folder: Path, convkit_command: Run) -> None:
    before = sorted(folder.iterdir())
    code, out, err = convkit_command(*(word.replace("|", "") for word in command.split()))
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert "empty" in err
    assert sorted(folder.iterdir()) == before


def test_an_empty_variable_names_no_goals_file(folder: Path, convkit_command: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CONVKIT_GOALS", "")
    assert convkit_command("overview", str(folder / "open.log"))[0] == 0


def test_a_private_file_stays_private(folder: Path, convkit_command: Run) -> None:
    assert convkit_command("overview", "open.log", "--rejects", "rejects")[0] == 0
    assert stat.S_IMODE((folder / "rejects").stat().st_mode) == 0o600
