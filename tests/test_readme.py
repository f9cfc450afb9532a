"""Every block of the README is run: consoles print what is pasted, goals files load, Python runs, and tables say what the product says.

After a change that is wanted, `python tests/test_readme.py --write` pastes the outputs of all consoles and the table of formats anew. The two
commands of the quick start need a network and minutes: `.ci/run` runs the second, and `-m slow` runs both in a clean copy.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING

import click
import pytest

import convkit
from convkit.authoring.checks import KINDS
from convkit.cli.cli import cli
from convkit.comparison import compare_rows
from convkit.core import plugins
from convkit.core.definitions import Site
from convkit.core.schema import FATES
from convkit.errors import ExitCode
from convkit.goals.funnel_reader import OPTIONS, STEP_OPTIONS
from convkit.goals.goals import parse_goals

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parents[1]
README = ROOT / "README.md"
TEXT = README.read_text(encoding="utf-8")

FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
BLOCKS = FENCE.findall(TEXT)
PROMPT = "$ "
COLUMNS = "80"
FORMATS = "Formats of logs"
TABLE_OF_FORMATS = re.compile(r"(?<=^\| format \| what it is \|\n\|---\|---\|\n)(?:\|.*\n)*", re.MULTILINE)
GOAL_ATTRIBUTES = ("value", "target")
CAUSES = re.compile(r"\b(?:because|leads? to|led to|drives?|thanks to|due to|results? in|boosts?)\b", re.IGNORECASE)
BOT_LIST = re.compile(r"crawler-user-agents \d+(?:\.\d+)*")
"""Changes without a change of the product."""

NOT_IN_A_CLONE = shutil.ignore_patterns(".git", ".venv*", "__pycache__", ".*_cache", ".hypothesis", ".coverage*", "*.egg-info", "dist")


def blocks(language: str) -> list[str]:
    """Return what stands in the fences of a language."""
    return [text for name, text in BLOCKS if name == language]


def section(title: str) -> str:
    """Return the text under a heading, up to the next one of any depth."""
    found = re.search(rf"^#+ {re.escape(title)}\n(.*?)(?=^#+ |\Z)", FENCE.sub("", TEXT), re.MULTILINE | re.DOTALL)
    assert found, f"no heading {title}"
    return found[1]


def table(title: str, heading: str) -> dict[str, str]:
    """Return first and last cell of the rows of a section's table whose first heading is `heading`."""
    rows: dict[str, str] = {}
    inside = False
    for text in section(title).splitlines():
        cells = [cell.strip() for cell in text.strip("|").split(" | ")] if text.startswith("|") else []
        inside = bool(cells) and (inside or cells[0] == heading)
        if inside and cells[0] != heading and not set(cells[0]) <= set("-|"):
            rows[cells[0].replace("`", "")] = cells[-1]
    return rows


def furnish(folder: Path) -> Path:
    """Put what the README's commands name into a folder, and `convkit` itself; return the folder to be put on the path."""
    (folder / "here").mkdir()
    (folder / "bin").mkdir()
    (folder / "here" / "sample_logs").symlink_to(ROOT / "sample_logs")
    shutil.copy(ROOT / "goals.example.yaml", folder / "here")
    command = folder / "bin" / "convkit"
    command.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m convkit "$@"\n', encoding="utf-8")
    command.chmod(0o755)
    return command.parent


def played(console: str, folder: Path) -> str:
    """Return a console as it looks when its commands are run in a folder, errors included."""
    commands = [text.removeprefix(PROMPT) for text in console.splitlines() if text.startswith(PROMPT)]
    script = "exec 2>&1\n" + "".join(f"printf '%s\\n' {shlex.quote(PROMPT + command)}\n{command}\n" for command in commands)
    path = f"{furnish(folder)}{os.pathsep}{os.environ.get('PATH', '')}"
    environment = {"PATH": path, "PYTHONPATH": str(ROOT), "COLUMNS": COLUMNS, "LC_ALL": "C.UTF-8", "HOME": str(folder)}
    done = subprocess.run(["/bin/bash", "-c", script], cwd=folder / "here", env=environment, stdout=subprocess.PIPE, check=False)
    return done.stdout.decode()


def test_every_block_is_of_a_language_that_is_run() -> None:
    assert {language for language, _ in BLOCKS} == {"console", "python", "sh", "yaml"}
    assert TEXT.count("```") == 2 * len(BLOCKS)


@pytest.mark.parametrize("console", blocks("console"))
def test_a_console_prints_what_is_pasted(console: str, tmp_path: Path) -> None:
    shown = BOT_LIST.sub("crawler-user-agents VERSION", played(console, tmp_path))
    assert shown.splitlines() == BOT_LIST.sub("crawler-user-agents VERSION", console).splitlines()


def test_the_first_console_is_a_whole_report_of_80_columns() -> None:
    assert blocks("console")[0].startswith(f"{PROMPT}convkit report ")
    assert max(map(len, blocks("console")[0].splitlines())) <= int(COLUMNS)


@pytest.mark.parametrize("goals_file", blocks("yaml"))
def test_a_goals_file_loads(goals_file: str, tmp_path: Path) -> None:
    (tmp_path / "goals.yaml").write_text(goals_file, encoding="utf-8")
    assert convkit.load_goals(tmp_path / "goals.yaml").macros


def test_what_the_built_in_goals_file_explains_loads_too() -> None:
    """`init` writes it: its commented blocks are goals as they stand, and show every key."""
    text = (ROOT / "convkit" / "data" / "builtin_goals.yaml").read_text(encoding="utf-8")
    explained = "\n".join(re.findall(r"^# (\w+:|  .*)$", text, re.MULTILINE))
    assert parse_goals(explained, "goals.yaml").funnels
    keys = (*plugins.keys("goals.kinds"), *GOAL_ATTRIBUTES, *(re.sub("^(ignore|bots)_", "", field.name) for field in fields(Site)))
    assert [key for key in keys if not re.search(rf"\b{key}:", explained)] == []


def test_every_goal_of_the_first_goals_file_is_reached_in_the_sample_log(tmp_path: Path) -> None:
    (tmp_path / "goals.yaml").write_text(blocks("yaml")[0], encoding="utf-8")
    goals = convkit.run([ROOT / "sample_logs" / "access.log.gz"], ["goals", "funnel"], tmp_path / "goals.yaml")
    assert all(goals.reports["goals"].frame["reached"])
    assert all(goals.reports["funnel"].frame["reached"])


@pytest.mark.parametrize("program", blocks("python"))
def test_a_program_runs(program: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    furnish(tmp_path)
    monkeypatch.chdir(tmp_path / "here")
    exec(compile(program, str(README), "exec"), {})  # noqa: S102 (it is what the README tells people to run)
    assert capsys.readouterr().out.startswith("purchase ")


def test_the_quick_start_is_two_commands_of_one_line() -> None:
    start = TEXT.partition("## Quick start\n")[2].partition("\n## ")[0]
    assert [language for language, _ in FENCE.findall(start)] == ["sh", "sh"]
    assert [text for _, text in FENCE.findall(start)] == blocks("sh")
    assert [text.count("\n") for text in blocks("sh")] == [1, 1]


def test_ci_takes_its_command_from_the_readme() -> None:
    script = ROOT / ".ci" / "run"
    assert os.access(script, os.X_OK)
    program = re.search(r"awk '.*?' README\.md", script.read_text(encoding="utf-8"), re.DOTALL)
    assert program
    done = subprocess.run(["/bin/bash", "-c", program[0]], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == blocks("sh")[1]


@pytest.mark.slow
@pytest.mark.parametrize("command", blocks("sh"), ids=["report", "tests"])
def test_the_quick_start_works_in_a_clean_clone(command: str, tmp_path: Path) -> None:
    clone = shutil.copytree(ROOT, tmp_path / "convkit", ignore=NOT_IN_A_CLONE)
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "PYTEST", "COV", "CONVKIT"))}
    done = subprocess.run(["/bin/bash", "-c", command], cwd=clone, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-2_000:] + done.stderr[-2_000:]


def test_the_table_of_commands_is_that_of_the_product() -> None:
    context = click.Context(cli)
    helps = {name: command.get_short_help_str(limit=200) for name in cli.list_commands(context) if (command := cli.get_command(context, name))}
    assert table("Commands", "command") == helps


def flags(name: str) -> Iterator[tuple[str, ...]]:
    """Yield the ways to write each option of a command."""
    context = click.Context(cli)
    command = cli.get_command(context, name)
    assert command
    for parameter in command.params:
        if isinstance(parameter, click.Option):
            yield tuple(parameter.opts)


def test_the_table_of_options_is_that_of_the_product() -> None:
    told = {tuple(re.findall(r"(?<!\S)--?[a-z-]+", row.replace(",", " "))) for row in table("Commands", "option")}
    assert told == {*flags("report"), ("-h", "--help")}
    others = {flag for name in plugins.names("cli.commands") for option in flags(name) for flag in option}
    assert [flag for flag in sorted(others) if not re.search(rf"`{flag}[ `]", README.read_text(encoding="utf-8"))] == []


def test_the_table_of_formats_is_that_of_the_product() -> None:
    """After a new format, or another first line of one's docstring: `python tests/test_readme.py --write`."""
    assert table(FORMATS, "format") == {name: plugins.headline("formats", name) for name in plugins.names("formats")}


def test_outputs_are_named() -> None:
    assert [name for name in plugins.names("outputs") if f"- **{name}**" not in section("Outputs")] == []


def test_the_tables_of_keys_are_those_of_the_product() -> None:
    assert set(table("Goals", "key")) == {*plugins.keys("goals.kinds"), *GOAL_ATTRIBUTES}
    assert set(table("Funnels", "key")) == set(OPTIONS)
    assert set(table("Funnels", "key of a step")) == {"goal", *STEP_OPTIONS}
    assert set(table("Site", "key")) == {re.sub("^(ignore|bots)_", r"\1.", field.name) for field in fields(Site)}


def test_every_key_stands_in_a_goals_file() -> None:
    written = "\n".join(blocks("yaml"))
    keys = (*table("Goals", "key"), *table("Funnels", "key"), *(key.rpartition(".")[2] for key in table("Site", "key")))
    assert [key for key in keys if not re.search(rf"\b{key}:", written)] == []


def test_the_tables_of_columns_are_those_of_the_product() -> None:
    columns = {name: [column.name for column in plugins.load("reports", name).COLUMNS] for name in plugins.names("reports")}
    columns["compare"] = [column.name for column in compare_rows.COLUMNS]
    told = {name: cell.rpartition("`")[0].rpartition("`")[2].split(", ") for name, cell in table("Outputs", "report").items()}
    assert told == columns


def test_the_table_of_fates_is_that_of_the_product() -> None:
    assert tuple(table("Outputs", "fate")) == FATES


def test_the_table_of_codes_of_check_is_that_of_the_product() -> None:
    assert tuple(table("Checking it", "code")) == tuple(KINDS)


def test_the_table_of_exit_codes_is_that_of_the_product() -> None:
    assert [int(code) for code in table("Exit codes", "code")] == [int(code) for code in ExitCode]


def test_no_cause_is_named() -> None:
    assert CAUSES.findall(TEXT) == []


def paste() -> None:
    """Run every console and write its output into the README, and what the formats are."""
    rows = "".join(f"| `{name}` | {plugins.headline('formats', name)} |\n" for name in plugins.names("formats"))

    def again(found: re.Match[str]) -> str:
        if found[1] != "console":
            return found[0]
        with tempfile.TemporaryDirectory() as folder:
            return f"```console\n{played(found[2], Path(folder))}```"

    README.write_text(FENCE.sub(again, TABLE_OF_FORMATS.sub(lambda _: rows, TEXT)), encoding="utf-8")


if __name__ == "__main__":
    if sys.argv[1:] != ["--write"]:
        sys.exit(f"{__doc__}")
    paste()
