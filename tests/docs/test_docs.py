"""Every block of the README and the reference pages is run, and their tables and links are compared with the product.

After an intended change, `PYTHONPATH=.:tests python tests/documentation.py --write` updates the output of every command and some of the tables.
The two commands of the quick start need a network and a few minutes: `.ci/run` runs the second one, and `-m slow` runs both in a clean copy.
"""

from __future__ import annotations

import gzip
import os
import re
import shlex
import shutil
import subprocess
import sys
from contextlib import chdir
from dataclasses import fields
from typing import TYPE_CHECKING

import click
import pytest
import runs
from documentation import COLUMNS, DOCUMENTS, PAGES, README, REWRITE, ROOT, Block, Page, furnish, outcome, played, report_columns, tables

import convkit
from convkit.authoring.check import KINDS
from convkit.cli import options, topics
from convkit.cli.main import cli
from convkit.core import plugins
from convkit.core.model import Site
from convkit.core.schema import FATES
from convkit.goals.loader import FUNNEL_OPTIONS, STEP_OPTIONS, parse_goals

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

GOAL_ATTRIBUTES = ("value", "target")
CAUSES = re.compile(r"\b(?:because|leads? to|led to|drives?|thanks to|due to|results? in|boosts?)\b", re.IGNORECASE)
BOT_LIST = re.compile(r"crawler-user-agents \d+(?:\.\d+)*")
"""The version of the bot list, which changes independently of the product."""
NOT_IN_A_CLONE = shutil.ignore_patterns(".git", ".venv*", "__pycache__", ".*_cache", ".hypothesis", ".coverage*", "*.egg-info", "dist")


def every(*languages: str) -> list[object]:
    """Return parameters for all blocks in these languages, with ids that name their pages."""
    return [pytest.param(block, id=f"{page.name} {number}") for page in DOCUMENTS for number, block in enumerate(page.blocks(*languages))]


def test_every_block_has_a_language_that_is_run() -> None:
    assert {block.language for page in DOCUMENTS for block in page.blocks()} == {"console", "crontab", "python", "sh", "yaml"}
    assert {page.name for page in DOCUMENTS if page.blocks("sh")} == {"README"}
    assert [page.name for page in DOCUMENTS if page.text.count("```") != 2 * len(page.blocks())] == []


@pytest.mark.parametrize("console", every("console"))
def test_a_console_prints_what_is_pasted(console: Block, tmp_path: Path) -> None:
    shown = BOT_LIST.sub("crawler-user-agents VERSION", played(console, tmp_path))
    assert shown.splitlines() == BOT_LIST.sub("crawler-user-agents VERSION", console.text).splitlines(), REWRITE


@pytest.mark.parametrize("goals_file", every("yaml"))
def test_a_goals_file_loads(goals_file: Block, tmp_path: Path) -> None:
    (tmp_path / "goals.yaml").write_text(goals_file.text, encoding="utf-8")
    assert convkit.load_goals(tmp_path / "goals.yaml").macros


@pytest.mark.parametrize("program", every("python"))
def test_a_program_runs(program: Block, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    furnish(tmp_path)
    with chdir(tmp_path):
        exec(compile(program.text, "python.md", "exec"), {})  # noqa: S102 (it is what the page asks people to run)
    assert capsys.readouterr().out


def test_a_crontab_line_sends_a_report(tmp_path: Path) -> None:
    """It runs as written, except that it reads the sample log and `mail` saves its input. It has no `%`, which cron turns into a line break."""
    (block,) = [block for page in DOCUMENTS for block in page.blocks("crontab")]
    schedule, command = re.fullmatch(r"((?:\S+ ){5}) *(.*)\n", block.text).groups()  # type: ignore[union-attr]
    assert re.fullmatch(r"(?:(?:\*|\d+) ){5}", schedule)
    assert "%" not in command
    furnish(tmp_path)
    shutil.copy(ROOT / "goals.example.yaml", tmp_path / "goals.yaml")
    for name, script in {"convkit": f'exec {shlex.quote(sys.executable)} -m convkit "$@"', "mail": "exec cat > mail"}.items():
        (tmp_path / name).write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
        (tmp_path / name).chmod(0o755)
    environment = {"PATH": f"{tmp_path}{os.pathsep}/usr/bin:/bin", "HOME": str(tmp_path), "PYTHONPATH": str(ROOT)}
    script = command.replace("/var/log/nginx/", "sample_logs/").replace("mail -s", "./mail -s")
    process = subprocess.run(["/bin/sh", "-c", script], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert (process.returncode, process.stdout, process.stderr) == (0, "", "")
    assert "25–31 Oct 2026" in (tmp_path / "mail").read_text(encoding="utf-8")


def commands(page: Page) -> list[str]:
    """Return the commands that are mentioned in sentences and tables."""
    return [code for code in page.code() if code.startswith("convkit ")]


@pytest.mark.parametrize("page", DOCUMENTS, ids=lambda page: page.name)
def test_commands_in_sentences_exist(page: Page) -> None:
    """Their options and topics exist, too."""
    context = click.Context(cli)
    for command in commands(page):
        words = shlex.split(command.partition("|")[0])[1:]
        if words[0] in {"COMMAND", "--help"}:
            continue
        subcommand = cli.get_command(context, words[0])
        assert subcommand, command
        options = {option for parameter in subcommand.params for option in parameter.opts} | {"--help"}
        assert {word for word in words if word.startswith("-") and word != "-"} <= options, command
        if words[0] == "help":
            assert {*words[1:]} <= {*topics.names(), "TOPIC", "COMMAND"}, command


def test_commands_of_the_readme_run(tmp_path: Path) -> None:
    """All commands on `access.log` in sentences and tables run with the sample's goals, here on some of its visitors."""
    furnish(tmp_path)
    lines = gzip.decompress((tmp_path / "access.log").read_bytes()).decode().splitlines(keepends=True)
    (tmp_path / "access.log").unlink()
    (tmp_path / "access.log").write_text("".join(text for text in lines if text.partition(" ")[0].endswith("7")), encoding="utf-8")
    goals = f"CONVKIT_GOALS={ROOT / 'goals.example.yaml'}"
    readme_commands = [command for command in commands(README) if " access.log" in command]
    assert len(readme_commands) >= 16
    assert {command: result.err for command in readme_commands if (result := outcome(f"{goals} {command}", tmp_path)).code} == {}


def test_the_readme_answers_twelve_questions() -> None:
    assert len(README.table("I want to know")) == 12


def test_the_readme_is_short() -> None:
    screen = README.blocks("console")[0].text.splitlines()
    assert len(README.text.splitlines()) <= 250
    assert 30 <= len(screen) <= 36
    assert max(map(len, screen)) <= COLUMNS


def test_the_examples_in_the_built_in_goals_file_load() -> None:
    """`init` writes this file; uncommented, its blocks are valid goals, and they show every key."""
    text = (ROOT / "convkit" / "data" / "builtin_goals.yaml").read_text(encoding="utf-8")
    explained = "\n".join(re.findall(r"^# (\w+:|  .*)$", text, re.MULTILINE))
    assert parse_goals(explained, "goals.yaml").funnels
    keys = (*plugins.keys("goals.kinds"), *GOAL_ATTRIBUTES, *(re.sub("^(ignore|bots)_(?!case$)", "", field.name) for field in fields(Site)))
    assert [key for key in keys if not re.search(rf"\b{key}:", explained)] == []


def test_every_goal_of_the_readme_s_goals_file_is_reached_in_the_sample_log(tmp_path: Path) -> None:
    (tmp_path / "goals.yaml").write_text(README.blocks("yaml")[0].text, encoding="utf-8")
    goals = runs.document([ROOT / "sample_logs" / "access.log.gz"], ["goals", "funnel"], tmp_path / "goals.yaml")
    assert all(goals.reports["goals"].frame["reached"])
    assert all(goals.reports["funnel"].frame["reached"])


def quick_start() -> list[str]:
    """Return the two commands of the quick start."""
    return [block.text for block in README.blocks("sh")]


def test_the_quick_start_is_two_one_line_commands() -> None:
    start = README.text.partition("## Quick start\n")[2].partition("\n## ")[0]
    assert re.findall(r"^```sh\n(.*?)^```$", start, re.MULTILINE | re.DOTALL) == quick_start()
    assert [text.count("\n") for text in quick_start()] == [1, 1]


def test_ci_takes_its_command_from_the_readme() -> None:
    script = ROOT / ".ci" / "run"
    assert os.access(script, os.X_OK)
    program = re.search(r"awk '.*?' README\.md", script.read_text(encoding="utf-8"), re.DOTALL)
    assert program
    process = subprocess.run(["/bin/bash", "-c", program[0]], cwd=ROOT, capture_output=True, text=True, check=True)
    assert process.stdout == quick_start()[1]


@pytest.mark.slow
@pytest.mark.parametrize("number", [0, 1], ids=["report", "tests"])
def test_the_quick_start_works_in_a_clean_clone(number: int, tmp_path: Path) -> None:
    """The first command also installs the documentation pages."""
    clone = shutil.copytree(ROOT, tmp_path / "convkit", ignore=NOT_IN_A_CLONE)
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "PYTEST", "COV", "CONVKIT"))}
    script = quick_start()[number] + ("cd / && ~-/.venv/bin/convkit help definitions" if number == 0 else "")
    process = subprocess.run(["/bin/bash", "-e", "-c", script], cwd=clone, env=environment, capture_output=True, text=True, check=False)
    assert process.returncode == 0, process.stdout[-2_000:] + process.stderr[-2_000:]
    assert number == 1 or process.stdout.endswith(PAGES["definitions"].text)


@pytest.mark.parametrize("page", DOCUMENTS, ids=lambda page: page.name)
def test_links_go_somewhere(page: Page) -> None:
    for link in page.links():
        if link.startswith("https://"):
            continue
        target, _, anchor = link.partition("#")
        path = (page.path.parent / target).resolve() if target else page.path
        assert path.is_file(), link
        assert page is README or path.is_relative_to(ROOT / "convkit"), f"{link} is not installed"
        assert not anchor or anchor in Page(path).anchors(), link


@pytest.mark.parametrize("page", DOCUMENTS, ids=lambda page: page.name)
def test_files_in_sentences_exist(page: Page) -> None:
    paths_in_text = {mentioned for code in page.code() for mentioned in re.findall(r"(?:^|\s)((?:convkit|tests|sample_logs)/[\w./-]+)", code)}
    paths = {name: ROOT / name.replace("NAME.py", "__init__.py").replace("TOPIC", "goals") for name in paths_in_text}
    assert [name for name, path in paths.items() if not path.exists()] == []


def test_the_readme_links_to_every_page() -> None:
    assert {f"convkit/docs/{name}.md" for name in PAGES} <= set(README.links())


@pytest.mark.parametrize("page", PAGES.values(), ids=PAGES)
def test_a_page_begins_with_a_title_and_a_sentence_for_the_list(page: Page) -> None:
    title, sentence, _ = page.text.split("\n\n", 2)
    assert re.fullmatch(r"# \S[^\n]*", title)
    assert re.fullmatch(r"[^\n]{20,100}[.?!]", sentence)


def flags(name: str) -> Iterator[tuple[str, ...]]:
    """Yield the flags of each option of a command."""
    command = cli.get_command(click.Context(cli), name)
    assert command
    for parameter in command.params:
        if isinstance(parameter, click.Option):
            yield tuple(parameter.opts)


def test_the_table_of_options_matches_the_product() -> None:
    documented = {tuple(re.findall(r"(?<!\S)--?[a-z-]+", row.replace(",", " "))) for row in PAGES["report"].table("option")}
    assert documented == {*flags("report"), ("-h", "--help")}


def test_every_option_is_explained_somewhere() -> None:
    all_flags = {flag for name in plugins.names("cli.commands") for option in flags(name) for flag in option}
    all_flags |= {options.flag_of(name) for report in plugins.names("reports") for name in plugins.options("reports", report)}
    text = "\n".join(page.text for page in PAGES.values())
    assert [flag for flag in sorted(all_flags) if not re.search(rf"`[^`]*(?<![\w-]){flag}(?![\w-])[^`]*`", text)] == []


@pytest.mark.parametrize(("name", "headings"), tables())
def test_generated_tables_are_up_to_date(name: str, headings: str) -> None:
    rows = {key.replace("`", ""): value for key, value in tables()[name, headings].items()}
    documented = PAGES[name].table(headings.partition(" | ")[0])
    assert {key: documented.get(key) for key in rows} == rows, REWRITE
    assert list(rows) == [key for key in documented if key in rows], REWRITE


def test_all_outputs_are_listed() -> None:
    assert [name for name in plugins.names("outputs") if f"- **{name}**" not in PAGES["outputs"].text] == [], "add a line to convkit/docs/outputs.md"


def test_the_tables_of_keys_match_the_product() -> None:
    assert set(PAGES["goals"].table("key")) == {*plugins.keys("goals.kinds"), *GOAL_ATTRIBUTES}, "edit the table of keys in convkit/docs/goals.md"
    assert set(PAGES["funnels"].table("key")) == set(FUNNEL_OPTIONS)
    assert set(PAGES["funnels"].table("key of a step")) == {"goal", *STEP_OPTIONS}
    assert set(PAGES["site"].table("key")) == {re.sub("^(ignore|bots)_(?!case$)", r"\1.", field.name) for field in fields(Site)}


@pytest.mark.parametrize("name", ["goals", "funnels", "site"])
def test_every_key_is_used_in_an_example_of_its_page(name: str) -> None:
    written = "\n".join(block.text for page in (PAGES[name], PAGES["visitors"], PAGES["variants"]) for block in page.blocks("yaml"))
    keys = [key.rpartition(".")[2] for key in PAGES[name].table("key")]
    assert [key for key in keys if not re.search(rf"\b{key}:", written)] == []


def test_the_table_of_columns_matches_the_product() -> None:
    documented = {name: cell.rpartition("`")[0].rpartition("`")[2].split(", ") for name, cell in PAGES["outputs"].table("report").items()}
    assert documented == report_columns(), REWRITE


def test_the_table_of_fates_matches_the_product() -> None:
    assert tuple(PAGES["outputs"].table("fate")) == FATES


def test_the_table_of_check_codes_matches_the_product() -> None:
    assert tuple(PAGES["goals"].table("code")) == tuple(KINDS)


@pytest.mark.parametrize("page", DOCUMENTS, ids=lambda page: page.name)
def test_no_cause_is_named(page: Page) -> None:
    assert CAUSES.findall(page.text) == []
