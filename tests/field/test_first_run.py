"""The first run: commands that end with the next one, the columns that are asked for, and the goals that `init` proposes for logs of each kind."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from small_logs import line, written

import convkit

if TYPE_CHECKING:
    from collections.abc import Callable

    Run = Callable[..., tuple[int, str, str]]

ROWS = {
    "F7": "test_columns_given_on_the_command_line_are_used_and_kept",
}
FEW_COLUMNS = ["user_id,visitor,account_id,event,ts,time", *(f"{number},v,1,signup,x,17601045{number}" for number in range(10, 16))]
CHOICES = ("--set", "columns.user=user_id", "--set", "columns.time=time")


@pytest.fixture(autouse=True)
def empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run in an empty directory."""
    monkeypatch.chdir(tmp_path)


def next_command(text: str) -> list[str]:
    """Return the arguments of the command that the last line suggests."""
    last = text.splitlines()[-1]
    assert last.startswith("Next: convkit ")
    return shlex.split(last.removeprefix("Next: convkit "))


def shop_lines(visitors: int = 12, prefix: str = "") -> list[str]:
    """Return the log lines of visitors to a small shop, every third of whom buys."""
    pages = ["/", "/offers", "/cart", "/checkout", "/thank-you"]
    return [
        line(f"GET {prefix}{page}", 20 * place, who=f"198.51.100.{visitor} - -")
        for visitor in range(visitors)
        for place, page in enumerate(pages[: 5 if visitor % 3 == 0 else 3])
    ]


@pytest.mark.parametrize("command", ["init", "check", "formats", "report"])
def test_all_unclear_columns_are_asked_for_at_once(command: str, convkit_command: Run) -> None:
    written(Path("two.csv"), FEW_COLUMNS)
    written(Path("none.csv"), ["who,when,what", "7,1760104536,signup"])
    written(Path("goals.yaml" if command == "check" else "unused.yaml"), ["macro: {signup: {event: signup}}"])
    code, _, err = convkit_command(command, "two.csv")
    assert code == 3
    assert "for the time column, ts and time, and for the user column, user_id and account_id" in err
    assert "with --set columns.time=ts --set columns.user=user_id" in err
    code, _, err = convkit_command(command, "none.csv", "--log-format", "csv")
    assert code == 3
    assert "name them with --set columns.time=NAME --set columns.user=NAME --set columns.event=NAME" in err


def test_a_single_question_keeps_its_sentence(convkit_command: Run) -> None:
    written(Path("a.csv"), ["user_id,account_id,event,time", "1,2,signup,1760104510"])
    assert (
        "two candidates for the user column, user_id and account_id; choose one with --set columns.user=user_id"
        in convkit_command("init", "a.csv")[2]
    )
    written(Path("b.csv"), ["user_id,what,time", "1,signup,1760104510"])
    err = convkit_command("formats", "b.csv", "--log-format", "csv")[2]
    assert "no column that looks like an event or a page; name it with --set columns.event=NAME" in err


def test_columns_given_on_the_command_line_are_used_and_kept(convkit_command: Run) -> None:
    """Each command ends with one that works as it stands; what was set is part of the proposed file."""
    written(Path("two.csv"), FEW_COLUMNS)
    code, out, _ = convkit_command("formats", "two.csv", *CHOICES)
    assert (code, next_command(out)) == (0, ["init", "two.csv", *CHOICES])
    code, _, err = convkit_command(*next_command(out), "-o", "my goals.yaml")
    assert (code, next_command(err)) == (0, ["report", "two.csv", "-g", "my goals.yaml"])
    assert convkit.load_goals("my goals.yaml").site.columns == {"user": "user_id", "time": "time"}
    assert convkit_command(*next_command(err), "-f", "json")[0] == 0
    code, out, _ = convkit_command("check", "two.csv", "-g", "my goals.yaml", "--set", "session_timeout=10m")
    assert next_command(out) == ["report", "two.csv", "-g", "my goals.yaml", "--set", "session_timeout=10m"]
    assert convkit_command(*next_command(out))[0] == 0
    code, out, _ = convkit_command("formats", "two.csv", "-g", "my goals.yaml")
    assert (code, next_command(out)) == (0, ["report", "two.csv", "-g", "my goals.yaml"])


def test_init_keeps_the_settings_of_a_goals_file(convkit_command: Run) -> None:
    """The file next to the log is read like for reports, and a file that is replaced only on request; lists of paths are extended."""
    site = "site: {session_timeout: 10m, group: /offers/*, ignore: {paths: ['/x/**'], users: [tester]}, notes: {2026-10-07: 'new: checkout'}}"
    written(Path("goals.yaml"), [site, "macro: {x: /x}"])
    written(Path("access.log"), [*shop_lines(), *(line(f"GET /mugs/{name}", 900) for name in "abcdef" for _ in range(3))])
    assert convkit_command("init", "access.log", "-o", "other.yaml")[0] == 0
    goals, old = convkit.load_goals("other.yaml"), convkit.load_goals("goals.yaml")
    assert goals.site.session_timeout == old.site.session_timeout
    assert (goals.site.notes, goals.site.ignore_users) == (old.site.notes, old.site.ignore_users)
    assert [goal.name for goal in goals.macros] == ["purchase"]
    assert convkit_command("init", "access.log", "--force")[0] == 0
    assert convkit.load_goals("goals.yaml").site.notes != old.site.notes
    assert convkit_command("init", "access.log", "--force", "-g", "other.yaml")[0] == 0
    assert convkit.load_goals("goals.yaml").site.notes == old.site.notes


def test_the_next_command_names_the_logs_as_they_were_typed(convkit_command: Run) -> None:
    for name in ("a b.log", "site.log.1", "site.log.2", "site.log.3", "site.log.4"):
        written(Path(name), shop_lines())
    assert convkit_command("init", "a b.log")[2].splitlines()[-1] == "Next: convkit report 'a b.log'"
    logs = [f"site.log.{number}" for number in range(1, 5)]
    assert convkit_command("check", *logs)[1].splitlines()[-1] == "Next: convkit report site.log.*"
    assert convkit_command("check", *logs[:2])[1].splitlines()[-1] == "Next: convkit report site.log.1 site.log.2"
    assert convkit_command("check")[1].splitlines()[-1] == "Next: convkit check LOG"
    out = convkit_command("check", *logs, "--log-format", "combined", "--tz", "Europe/Berlin", "--last", "3d")[1]
    assert out.splitlines()[-1] == "Next: convkit report site.log.* --log-format combined --tz Europe/Berlin"


def test_what_cannot_be_read_has_no_next_command(convkit_command: Run) -> None:
    written(Path("odd.log"), ["no log at all", "of any kind"])
    code, out, _ = convkit_command("formats", "odd.log")
    assert code == 3
    assert "Next:" not in out
