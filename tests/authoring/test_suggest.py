"""Runs without a goals file: their goals are those that `convkit init` would write for the same logs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import as_program
import pytest
from engine.test_partition import WHOLE, memory
from small_logs import line, written

import convkit
from convkit.engine.memory import BASE

if TYPE_CHECKING:
    from collections.abc import Callable

    Run = Callable[..., tuple[int, str, str]]

SAVED = "shop.yaml"


pytestmark = pytest.mark.usefixtures("suggested_goals")


@pytest.fixture(autouse=True)
def empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run in an empty directory."""
    monkeypatch.chdir(tmp_path)


def shop_log() -> str:
    """Write a log of a small shop with 12 visitors, every third of whom buys, and return its name."""
    pages = ["/", "/offers", "/cart", "/checkout", "/thank-you"]
    visits = [(visitor, pages[: 5 if visitor % 3 == 0 else 3]) for visitor in range(12)]
    lines = [line(f"GET {page}", 20 * place, who=f"198.51.100.{visitor} - -") for visitor, pages in visits for place, page in enumerate(pages)]
    return str(written(Path("shop.log"), lines))


def without_heads(document: str) -> dict[str, Any]:
    """Return a report in JSON without the name of the goals file and the note that there is none."""
    content = json.loads(document)
    notes = [note for note in content["notes"] if note["code"] != "suggested-goals"]
    return {**content, "goals_file": None, "notes": notes}


COMMANDS = (
    ("report",),
    ("report", "--last", "1d", "--where", "goal=cart", "--sort", "exits"),
    ("goals", "--by", "device"),
    ("paths", "--to", "cart"),
    ("compare", "--where", "landing=/", "--with", "landing=/offers"),
)


@pytest.mark.parametrize(("size", "commands"), [(WHOLE, COMMANDS), (BASE + 100_000, COMMANDS[:1])])
def test_without_a_goals_file_the_goals_are_those_that_init_would_write(
    size: int, commands: tuple[tuple[str, ...], ...], convkit_command: Run
) -> None:
    shop_log()
    assert convkit_command("init", "shop.log", "-o", SAVED)[0] == 0
    for command in commands:
        with memory(size):
            suggested, saved = (convkit_command(*command, "shop.log", "-f", "json", *given) for given in ((), ("-g", SAVED)))
        assert suggested[0] == saved[0] == 0, (command, suggested)
        assert without_heads(suggested[1]) == without_heads(saved[1]), command
        assert "goals that these logs suggest were used: purchase, " in suggested[2]
        assert suggested[2].endswith("save and correct them with `convkit init shop.log`\n")


def test_explain_knows_the_goals_that_init_would_write(convkit_command: Run) -> None:
    shop_log()
    assert convkit_command("init", "shop.log", "-o", SAVED)[0] == 0
    explained = [convkit_command("explain", "shop.log", "--reached", "cart", "--limit", "1", *given)[1] for given in ((), ("-g", SAVED))]
    assert explained[0] == explained[1] != ""


def test_the_first_line_says_that_the_logs_suggested_the_goals_and_how_to_save_them(convkit_command: Run) -> None:
    shop_log()
    out = " ".join(convkit_command("report", "shop.log", "-f", "table")[1].split())
    assert "goals suggested by these logs; save them with convkit init shop.log Sessions" in out
    assert "No goals file was found, so these logs suggested the goals. Save and correct them" in out
    assert "built-in" not in out


def test_logs_that_suggest_nothing_get_the_built_in_goals(convkit_command: Run) -> None:
    written(Path("quiet.log"), [line("GET /", 0)])
    code, out, err = convkit_command("report", "quiet.log", "-f", "table")
    assert code == 0
    assert "built-in goals, based on typical shops" in " ".join(out.split())
    assert "so the built-in goals were used: purchase, lead, " in err


def test_standard_input_suggests_goals_although_it_is_read_only_once() -> None:
    log, env = shop_log(), as_program.environment(CONVKIT_GOALS="")
    from_file, piped = (
        as_program.run("goals", name, "-f", "csv", cwd=Path.cwd(), env=env, input=Path(log).read_bytes()).stdout.decode() for name in (log, "-")
    )
    assert "purchase" in from_file
    assert piped == from_file


def test_settings_on_the_command_line_stay_in_force_without_a_goals_file(convkit_command: Run) -> None:
    shop_log()
    code, out, err = convkit_command("goals", "shop.log", "-f", "json", "--set", "session_timeout=10s", "--tz", "Asia/Tokyo")
    assert code == 0, err
    document = json.loads(out)
    assert document["period"]["timezone"] == "Asia/Tokyo"
    assert {goal["goal"]: goal["reached"] for goal in document["reports"]["goals"]}["cart"] == 12
    assert convkit.report("shop.log", settings=["session_timeout=10s"]).overview["sessions"].item() == 44


def test_a_wrong_option_is_the_error_even_if_the_log_cannot_be_read(convkit_command: Run) -> None:
    assert convkit_command("report", "missing.log", "--where", "goal=nothing")[0] == 2
    assert convkit_command("report", "missing.log")[0] == 3
    shop_log()
    code, _, err = convkit_command("report", "shop.log", "--where", "goal=cartt")
    assert code == 2
    assert "cart" in err


def test_the_api_uses_the_goals_that_the_logs_suggest() -> None:
    shop_log()
    reached = dict(convkit.report("shop.log").goals.select("goal", "reached").rows())
    assert reached["purchase"] == 4
    assert reached["cart"] == 12
    assert "names:cart" in convkit.read_hits("shop.log").collect_schema()
    assert "goal:cart" in convkit.read_sessions("shop.log").collect_schema()


def test_logs_may_be_given_by_a_generator() -> None:
    log = shop_log()
    assert convkit.report(path for path in [log]).goals.equals(convkit.report([log]).goals)
