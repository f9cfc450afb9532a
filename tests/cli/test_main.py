"""The command line: help, exit codes, one sentence per error, and options that reach the report."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import runs
from places import ROOT
from small_logs import line, written

import convkit
from convkit.cli import main
from convkit.core import plugins
from convkit.engine import run, stages
from convkit.errors import ExitCode
from convkit.reports import names_in_report
from convkit.version import __version__

if TYPE_CHECKING:
    from collections.abc import Callable

    Run = Callable[..., tuple[int, str, str]]

REPORTS = ("report", *plugins.names("reports"))
COMMANDS = (*REPORTS, *plugins.names("cli.commands"))
ONE_SCREEN = 40

LINES = [
    line("GET /"),
    line("GET /about", 10),
    line("GET /pricing", 20),
    line("GET /", 86_400, who="198.51.100.2 - -"),
    line("GET /about", 86_410, who="198.51.100.2 - -"),
    line("GET /", 2 * 86_400, who="198.51.100.3 - -"),
]
"""Three sessions on 10, 11 and 12 October, at noon UTC."""


@pytest.fixture(autouse=True)
def alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run in an empty directory with a log and without the settings of the user who runs the tests."""
    written(tmp_path / "access.log", LINES)
    monkeypatch.chdir(tmp_path)
    for name in ("CONVKIT_GOALS", "COLUMNS", "NO_COLOR", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)


def overview(out: str) -> dict[str, Any]:
    """Return the metrics of an overview in JSON."""
    return {row["metric"]: row["value"] for row in json.loads(out)["reports"]["overview"]}


def test_help_lists_each_report_with_its_headline(convkit_command: Run) -> None:
    code, out, err = convkit_command("--help")
    assert (code, err) == (0, "")
    shown = [text.strip() for text in out.splitlines()]
    for report in plugins.names("reports"):
        first = (plugins.load("reports", report).__doc__ or "").partition("\n")[0]
        assert any(text.split(maxsplit=1) == [report, first] for text in shown)
    assert len(shown) <= ONE_SCREEN
    assert re.search(r"^  report +Everything on one screen; start here\.$", out, re.MULTILINE)


@pytest.mark.parametrize("command", COMMANDS)
def test_help_of_a_command_shows_two_examples_and_fits_a_screen(command: str, convkit_command: Run) -> None:
    code, out, err = convkit_command(command, "--help")
    assert (code, err) == (0, "")
    before, _, options = out.partition("Options:")
    assert len([text for text in before.splitlines() if text.startswith(f"  convkit {command}")]) == 2
    assert options
    assert len(out.splitlines()) <= ONE_SCREEN
    assert max(map(len, out.splitlines())) <= 80


@pytest.mark.parametrize("report", REPORTS)
def test_help_of_a_report_begins_with_its_examples(report: str, convkit_command: Run) -> None:
    assert convkit_command(report, "-h")[1].splitlines()[2].startswith(f"  convkit {report} access.log")


def test_version(convkit_command: Run) -> None:
    assert convkit_command("--version") == convkit_command("-V") == (0, f"convkit {__version__}\n", "")


ERRORS = {
    "no such command": (["funel", "access.log"], 2, "funel"),
    "no such option": (["funnel", "--limt", "3", "access.log"], 2, "--limit"),
    "no log": (["funnel"], 2, "name a log"),
    "no such output": (["funnel", "-f", "cvs", "access.log"], 2, "'csv', 'json', 'markdown'"),
    "no such extension": (["funnel", "-o", "funnel.xls", "access.log"], 2, ", or choose one with -f"),
    "an empty path": (["funnel", "-o", "", "access.log"], 2, "name a file"),
    "a log as the file to write": (["funnel", "-f", "csv", "-o", "./access.log", "access.log"], 2, "is one of the files to read"),
    "no directory to write in": (["funnel", "-o", "missing/funnel.csv", "missing.log"], 6, "missing/funnel.csv cannot be written"),
    "not a number": (["funnel", "-n", "-1", "access.log"], 2, "-1"),
    "no such zone": (["funnel", "--tz", "Berlin", "access.log"], 2, "did you mean 'Europe/Berlin'?"),
    "not a date": (["funnel", "--since", "octobre", "access.log"], 2, "use 2026-10-31"),
    "backwards": (["funnel", "--since", "2026-10-12", "--until", "2026-10-11", "access.log"], 2, "swap them"),
    "two ways to choose a period": (["funnel", "--since", "2026-10-12", "--last", "7d", "access.log"], 2, "use one or the other"),
    "not whole days": (["funnel", "--last", "36h", "access.log"], 2, "whole days"),
    "no such field": (["funnel", "--where", "lading=/", "missing.log"], 2, "did you mean 'landing'?"),
    "no such column": (["pages", "--sort", "landing", "missing.log"], 2, "did you mean 'landings'?"),
    "no such format": (["funnel", "--log-format", "combind", "access.log"], 2, "combined"),
    "no such log": (["funnel", "missing.log"], 3, "missing.log cannot be read: No such file or directory"),
    "no such goals file": (["funnel", "-g", "missing.yaml", "access.log"], 2, "missing.yaml"),
    "an unknown format": (["funnel", "notes.txt"], 3, "--log-format"),
}


@pytest.mark.parametrize(("arguments", "code", "words"), ERRORS.values(), ids=ERRORS)
def test_an_error_is_one_sentence_with_the_fix(arguments: list[str], code: int, words: str, convkit_command: Run) -> None:
    Path("notes.txt").write_text("a line\nanother line\n", encoding="utf-8")
    exit_code, out, err = convkit_command(*arguments)
    assert (exit_code, out) == (code, "")
    assert words in err
    assert "Traceback" not in err
    examples_of_lines = "convkit:   "
    messages = [text for text in err.splitlines() if text and not text.startswith(examples_of_lines)]
    assert len(messages) == 1


def test_the_most_similar_command_is_suggested(convkit_command: Run) -> None:
    assert "did you mean 'funnel'?" in convkit_command("funel", "access.log")[2]


def test_all_problems_of_a_goals_file_are_reported(convkit_command: Run) -> None:
    Path("bad.yaml").write_text("macro:\n  bought: {pge: /thanks}\nfunels: {}\n", encoding="utf-8")
    code, out, err = convkit_command("goals", "-g", "bad.yaml", "access.log")
    assert (code, out) == (2, "")
    assert [text.partition(": bad.yaml:")[2][:4] for text in err.splitlines()] == ["2:12", "3:1:"]


@pytest.mark.parametrize("arguments", [["{}"], ["access.log", "-g", "{}"], ["access.log", "-o", "{}"], ["{}*"], ["access.log", "-f", "{}"]])
def test_names_in_messages_are_harmless(arguments: list[str], convkit_command: Run) -> None:
    """They cannot colour the screen, nor use a line break to look like another message."""
    code, _, err = convkit_command("goals", *(argument.format("no\x1b[31m\nconvkit: all is well.log") for argument in arguments))
    assert code in {2, 3}
    assert "\x1b" not in err
    assert err.count("\n") == 1
    assert "all is well" in err


def test_standard_input_is_a_log(convkit_command: Run, tmp_path: Path) -> None:
    process = subprocess.run(
        [sys.executable, "-m", "convkit", "overview", "-f", "json", "-"], cwd=ROOT, input=(tmp_path / "access.log").read_bytes(),
        capture_output=True, check=True,
    )  # fmt: skip
    assert overview(process.stdout.decode()) == overview(convkit_command("overview", "access.log", "-f", "json")[1])


def test_a_bug_is_one_line(convkit_command: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stages, "tally", _broken)
    code, out, err = convkit_command("goals", "access.log")
    assert (code, out) == (1, "")
    assert err == "convkit: error: a bug in convkit: KeyError: 'broken'; run it again with --debug and report it\n"
    monkeypatch.setattr(sys, "argv", ["convkit", "goals", "access.log", "--debug"])
    with pytest.raises(KeyError, match="broken"):
        main.main()


def _broken(*_: object) -> None:
    raise KeyError("broken")


def test_ctrl_c_is_one_line(convkit_command: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(stages, "tally", interrupted)
    code, out, err = convkit_command("goals", "access.log")
    assert (code, out) == (130, "")
    assert err.strip() == "convkit: stopped by SIGINT; unfinished files were removed"


def test_init_writes_goals_that_load(convkit_command: Run) -> None:
    code, out, err = convkit_command("init")
    assert (code, out) == (0, "")
    assert err.startswith("Wrote goals.yaml with the built-in goals.")
    names = [goal.name for goal in convkit.load_goals("goals.yaml").goals]
    assert names == [goal.name for goal in convkit.load_goals().goals]


def test_init_overwrites_a_file_only_with_force(convkit_command: Run) -> None:
    Path("shop.yaml").write_text("mine", encoding="utf-8")
    code, out, err = convkit_command("init", "-o", "shop.yaml")
    assert (code, out) == (2, "")
    assert "--force" in err
    assert Path("shop.yaml").read_text(encoding="utf-8") == "mine"
    assert convkit_command("init", "-o", "shop.yaml", "--force")[0] == 0
    assert convkit.load_goals("shop.yaml").macros


def test_init_reports_that_it_cannot_write(convkit_command: Run) -> None:
    code, _, err = convkit_command("init", "-o", "missing/goals.yaml")
    assert code == 6
    why = "No such file or directory; create the directory first, or choose another place"
    assert err == f"convkit: error: missing/goals.yaml cannot be written: {why}\n"


def goals_of(out: str) -> list[str]:
    """Return the goals of a report in JSON."""
    return [row["goal"] for row in json.loads(out)["reports"]["goals"]]


def test_goals_files_are_looked_for_in_order(convkit_command: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """The order is -g, CONVKIT_GOALS, ./goals.yaml, built-in goals."""
    command = ("goals", "access.log", "-f", "json")
    for name in ("current", "variable", "named"):
        Path(f"{name}.yaml").write_text(f"macro: {{{name}: /pricing}}\n", encoding="utf-8")
    assert "purchase" in goals_of(convkit_command(*command)[1])
    Path("current.yaml").rename("goals.yaml")
    assert goals_of(convkit_command(*command)[1]) == ["current"]
    monkeypatch.setenv("CONVKIT_GOALS", "variable.yaml")
    assert goals_of(convkit_command(*command)[1]) == ["variable"]
    assert goals_of(convkit_command(*command, "-g", "named.yaml")[1]) == ["named"]


PERIODS = [
    (["--since", "2026-10-11"], 2),
    (["--until", "2026-10-11"], 2),
    (["--since", "2026-10-11", "--until", "2026-10-11"], 1),
    (["--since", "2026-10-11T12:00:00", "--until", "2026-10-11T12:00:00"], 1),
    (["--since", "2026-10-11T12:00:01"], 1),
    (["--last", "1d"], 1),
    (["--last", "2d"], 2),
    (["--last", "1w"], 3),
    (["--tz", "Pacific/Kiritimati", "--until", "2026-10-11"], 1),
    (["--tz", "Pacific/Kiritimati", "--since", "2026-10-13"], 1),
    (["--since", "2027-01-01"], 0),
]


@pytest.mark.parametrize(("options", "sessions"), PERIODS)
def test_periods_reach_the_report(options: list[str], sessions: int, convkit_command: Run) -> None:
    code, out, err = convkit_command("overview", "access.log", "-f", "json", "-q", "--allow-empty", *options)
    assert (code, err) == (0, "")
    assert overview(out)["sessions"] == sessions


def test_the_header_shows_the_time_zone(convkit_command: Run) -> None:
    assert "(Asia/Tokyo)" in convkit_command("overview", "access.log", "--tz", "Asia/Tokyo")[1].splitlines()[0]


@pytest.mark.parametrize(
    ("options", "days"),
    [
        (["--until", "2026-10-11"], "10–11 Oct 2026 "),
        (["--since", "2026-10-11", "--until", "2026-10-11"], "11 Oct 2026 "),
        (["--last", "1d"], " 12 Oct 2026 "),
    ],
)
def test_the_header_shows_the_requested_days(options: list[str], days: str, convkit_command: Run) -> None:
    assert f"· {days.strip()} (" in convkit_command("overview", "access.log", *options)[1].splitlines()[0]


@pytest.mark.parametrize(("options", "rows"), [([], 20), (["-n", "0"], 30), (["-n", "3"], 3), (["--limit", "25"], 25)])
def test_limit_applies_to_rows_on_a_screen(options: list[str], rows: int, convkit_command: Run) -> None:
    written(Path("many.log"), [line(f"GET /page/{number}", number) for number in range(30)])
    out = convkit_command("pages", "many.log", *options)[1]
    assert out.count("  /page/") == rows
    assert convkit_command("pages", "many.log", "-f", "csv", *options)[1].count("/page/") == 30, "files hold all rows"


def test_several_logs_are_read(convkit_command: Run) -> None:
    written(Path("older.log"), [line("GET /", -86_400)])
    _, out, _ = convkit_command("overview", "access.log", "older.log", "-f", "json")
    assert overview(out)["sessions"] == 4
    assert sorted(json.loads(out)["logs"]) == ["access.log", "older.log"]


@pytest.mark.parametrize(
    ("report", "output"), [*((report, "csv") for report in REPORTS), *(("report", output) for output in plugins.names("outputs"))]
)
def test_every_report_and_every_output_is_written(report: str, output: str, convkit_command: Run) -> None:
    rendered = runs.render(runs.document(["access.log"], None if report == "report" else [report]), output)
    assert convkit_command(report, "access.log", "-f", output, "-o", "made", "-q") == (0, "", "")
    assert Path("made").read_bytes() == (rendered.encode() if isinstance(rendered, str) else rendered)


def test_filters_and_order_reach_the_report(convkit_command: Run) -> None:
    code, out, err = convkit_command("pages", "access.log", "--where", "page!=/pricing", "--where", "landing=/", "--sort", "page", "-f", "csv", "-q")
    assert (code, err) == (0, "")
    rows = [row.split(",") for row in out.splitlines()]
    assert [(row[0], row[rows[0].index("exits")]) for row in rows[1:]] == [("/about", "1"), ("/", "1")]


def test_standard_output_may_be_named(convkit_command: Run) -> None:
    outcome = convkit_command("goals", "access.log", "-f", "csv")
    assert outcome[1].startswith("goal,")
    assert convkit_command("goals", "access.log", "-f", "csv", "-o", "-") == outcome


@pytest.mark.parametrize("place", ["made/", "made"])
def test_a_directory_gets_one_file_per_report(place: str, convkit_command: Run) -> None:
    if not place.endswith("/"):
        Path(place).mkdir()
    assert convkit_command("report", "access.log", "-o", place, "-q") == (0, "", "")
    assert {path.name for path in Path("made").iterdir()} == {f"{name}.csv" for name in names_in_report()}
    for name in names_in_report():
        assert Path("made", f"{name}.csv").read_bytes().decode() == convkit_command(name, "access.log", "-f", "csv")[1]
    assert convkit_command("goals", "access.log", "-o", place, "-f", "markdown", "-q") == (0, "", "")
    assert Path("made/goals.md").is_file()


def test_verbose_shows_what_was_read_and_quiet_shows_nothing(convkit_command: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    assert convkit_command("goals", "access.log", "-v")[2].splitlines()[2:] == ["convkit: read 6 lines from 1 log: 6 kept"]
    plain = run.report
    monkeypatch.setattr(run, "report", lambda *given, **more: replace(plain(*given, **more), losses=("access.log ends early",)))
    warnings = convkit_command("goals", "access.log")[2].splitlines()
    assert warnings[0] == "convkit: warning: access.log ends early"
    verbose = convkit_command("goals", "access.log", "-v")[2].splitlines()
    assert verbose[: len(warnings)] == warnings
    assert verbose[len(warnings)].startswith("convkit: log: access.log: combined; 6 lines")
    assert convkit_command("goals", "access.log", "-q")[2] == ""
    assert convkit_command("goals", "access.log", "-q", "-v")[2] == ""


def test_verbose_shows_the_top_bots_first(convkit_command: Run, tmp_path: Path) -> None:
    """People's user agents are never shown."""
    planted = [line("GET /", 5, agent="curl/8\u202e"), line("GET /", 6, agent="curl/8\u202e"), line("GET /", 7, agent="-")]
    written(tmp_path / "access.log", [*LINES, *planted])
    messages = convkit_command("goals", "access.log", "-v")[2].splitlines()
    assert messages[2].endswith(": 2 http-library (67%), 1 no-agent (33%)")
    assert [*messages[3:5], *messages[6:]] == [
        "convkit: bot: 2 lines (http-library: user agent is on the crawler list) from curl/8\\u202e",
        "convkit: bot: 1 line (no-agent: no user agent) from -",
        "convkit: read 9 lines from 1 log: 3 bot, 6 kept",
    ]


def test_bots_are_dropped_kept_or_shown_alone(convkit_command: Run, tmp_path: Path) -> None:
    written(tmp_path / "access.log", [*LINES, line("GET /bot", 5, agent="curl/8")])
    rows = {mode: convkit_command("pages", "access.log", "--bots", mode, "-f", "csv")[1].count("\n") - 1 for mode in ("drop", "keep", "only")}
    assert rows == {"drop": 3, "keep": 4, "only": 1}
    assert "Only bots are counted" in convkit_command("pages", "access.log", "--bots", "only")[1]
    code, _, err = convkit_command("pages", "access.log", "--bots", "none")
    assert (code, err.count("\n")) == (ExitCode.USAGE, 1)


def test_without_arguments_the_help_is_shown(convkit_command: Run) -> None:
    code, out, err = convkit_command()
    assert (code, out) == (2, "")
    assert err == convkit_command("--help")[1]


def test_help_lists_the_exit_codes(convkit_command: Run) -> None:
    text = " ".join(convkit_command("--help")[1].split())
    assert ", ".join(f"{code} {code.name.lower()}" for code in ExitCode) in text


def test_an_empty_log_has_a_report_and_is_an_error_unless_it_may_be_empty(convkit_command: Run) -> None:
    Path("empty.log").touch()
    code, out, err = convkit_command("report", "empty.log", "-q")
    assert (code, err) == (3, "convkit: error: no session was counted. The log is empty. Exit code 3; with --allow-empty it is 0\n")
    assert convkit_command("report", "empty.log", "-q", "--allow-empty") == (0, out, "")
    assert re.search(r"^  Sessions +0 ", out, re.MULTILINE)
