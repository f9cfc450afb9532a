"""The README and the reference pages: their blocks, tables and links, and what their commands print.

Commands run in this process, and each distinct command runs only once, because several pages may show the same screen. After an intended change,
`PYTHONPATH=.:tests python tests/documentation.py --write` updates the output of every command in the pages, and the tables that can be
generated from the product: commands, formats, exit codes and report columns.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from contextlib import ExitStack, chdir
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple
from unittest import mock

from convkit import reports
from convkit.cli import main, topics
from convkit.comparison import rows as comparison_rows
from convkit.core import plugins
from convkit.errors import ExitCode

ROOT = Path(__file__).resolve().parents[1]
REWRITE = "run `PYTHONPATH=.:tests python tests/documentation.py --write`"
"""The advice that is shown if a page differs from the product."""
COLUMNS = 80
PROMPT = "$ "
LEFT_OUT = "  ..."
_FENCE = re.compile(r"^(?:<!-- cut: (?P<cut>.*) -->\n)?```(?P<language>\w*)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
_HEADING = re.compile(r"^#+ (.*)$", re.MULTILINE)
_LINK = re.compile(r"\[[^\]]+\]\(([^)\s]+)\)")
_CODE = re.compile(r"(?<!`)`([^`\n]+)`(?!`)")
_FIRST_COMMAND = re.compile(r"""((?:\w+=\S+ )*)convkit ((?:[^'"|&;>]|'[^']*'|"[^"]*")*)(.*)""")
_SCREEN_SECTION = re.compile(r"^(?=[A-Z]{4,}[A-Z ]*\b)", re.MULTILINE)


class Block(NamedTuple):
    """A fenced block: its language, its text and, if it shows only some sections of a screen, which ones."""

    language: str
    text: str
    cut: str | None = None


@dataclass(frozen=True)
class Page:
    """The README or a reference page."""

    path: Path

    @property
    def name(self) -> str:
        """Return the topic, or `README`."""
        return self.path.stem

    @cached_property
    def text(self) -> str:
        """Return the whole Markdown."""
        return self.path.read_text(encoding="utf-8")

    @cached_property
    def prose(self) -> str:
        """Return the Markdown without fenced blocks."""
        return _FENCE.sub("", self.text)

    def blocks(self, *languages: str) -> list[Block]:
        """Return the fenced blocks in these languages, or all blocks if no language is given."""
        blocks = [Block(match["language"], match["text"], match["cut"]) for match in _FENCE.finditer(self.text)]
        return [block for block in blocks if not languages or block.language in languages]

    def table(self, heading: str) -> dict[str, str]:
        """Return the first and last cells of each row of the table with this first heading."""
        rows: dict[str, str] = {}
        in_table = False
        for line in self.prose.splitlines():
            cells = [cell.strip() for cell in line.strip("|").split(" | ")] if line.startswith("|") else []
            in_table = bool(cells) and (in_table or cells[0] == heading)
            if in_table and cells[0] != heading and not set(cells[0]) <= set("-|"):
                rows[cells[0].replace("`", "")] = cells[-1]
        return rows

    def anchors(self) -> set[str]:
        """Return the anchors of the headings, as GitHub makes them."""
        return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in _HEADING.findall(self.prose)}

    def links(self) -> list[str]:
        """Return the targets of all links."""
        return _LINK.findall(self.prose)

    def code(self) -> list[str]:
        """Return the inline code in sentences and tables."""
        return [code.replace("\\|", "|") for code in _CODE.findall(self.prose)]


README = Page(ROOT / "README.md")
PAGES = {name: Page(topics.FOLDER / f"{name}.md") for name in topics.names()}
DOCUMENTS = (README, *PAGES.values())


def furnish(folder: Path) -> None:
    """Put the files that the commands use into a folder: the sample logs, one of them also as `access.log`, and the sample's goals."""
    (folder / "sample_logs").symlink_to(ROOT / "sample_logs")
    (folder / "access.log").symlink_to(ROOT / "sample_logs" / "access.log.gz")
    shutil.copy(ROOT / "goals.example.yaml", folder)


class Outcome(NamedTuple):
    """What a command wrote to standard output and standard error, and its exit code."""

    out: str
    err: str
    code: int


_outcomes: dict[tuple[str, ...], Outcome] = {}
"""The outcome of each command, keyed by the commands that ran earlier in the same folder followed by the command itself."""


def outcome(command: str, folder: Path, before: tuple[str, ...] = ()) -> Outcome:
    """Run `convkit ...`, preceded by any variables, in a folder and in this process; after the same earlier commands, it is run only once."""
    if (*before, command) not in _outcomes:
        match = _FIRST_COMMAND.fullmatch(command)
        assert match, command
        _outcomes[*before, command] = _run(shlex.split(match[2]), dict(setting.split("=", 1) for setting in match[1].split()), folder)
    return _outcomes[*before, command]


def _run(arguments: list[str], settings: dict[str, str], folder: Path) -> Outcome:
    names = [folder.parent / f"{folder.name}.{name}" for name in ("out", "err")]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("CONVKIT_") and name != "FORCE_COLOR"}
    environment |= {"COLUMNS": str(COLUMNS), "HOME": str(folder), "XDG_CONFIG_HOME": str(folder), **settings}
    with ExitStack() as stack:
        out, err = (stack.enter_context(name.open("w", encoding="utf-8")) for name in names)
        stack.enter_context(mock.patch.dict(os.environ, environment, clear=True))
        stack.enter_context(mock.patch.multiple(sys, argv=["convkit", *arguments], stdout=out, stderr=err))
        stack.enter_context(chdir(folder))
        code = 0
        try:
            main.main()
        except SystemExit as end:
            code = int(end.code or 0)
        out.flush()
        err.flush()
        return Outcome(*(name.read_text(encoding="utf-8") for name in names), code)


def _printed(command: str, folder: Path, before: tuple[str, ...]) -> str:
    """Return what a command prints, including errors; bash runs the part after `|`, `||` or `>`."""
    match = _FIRST_COMMAND.fullmatch(command)
    if match is None:
        return _bash(command, folder)
    result = outcome(command.removesuffix(match[3]).strip(), folder, before)
    if not match[3]:
        return result.out + result.err
    with TemporaryDirectory() as place:
        for name in ("out", "err"):
            Path(place, name).write_text(getattr(result, name), encoding="utf-8", newline="")
        return _bash(f"{{ cat {place}/out; cat {place}/err >&2; (exit {result.code}); }} {match[3]}", folder)


def _bash(script: str, folder: Path) -> str:
    process = subprocess.run(["/bin/bash", "-c", f"exec 2>&1\n{script}"], cwd=folder, stdout=subprocess.PIPE, check=False)
    return process.stdout.decode()


def played(block: Block, folder: Path) -> str:
    """Return a console block with the current output of its commands, run in order in a folder, and only the sections that the block shows."""
    furnish(folder)
    shown, before = "", ()
    for line in block.text.splitlines():
        if line.startswith(PROMPT):
            command = line.removeprefix(PROMPT)
            shown += f"{line}\n{_printed(command, folder, before)}"
            writes = not command.partition("convkit ")[2] or "convkit init" in command or " -o " in command
            before = (*before, command) if writes else before
    return shown if block.cut is None else _cut(shown, block.cut)


def _cut(screen: str, sections: str) -> str:
    """Return the requested sections of a screen: `TOP, GOALS 6` is everything above the sections, and the first 6 lines of GOALS."""
    lines_of = {re.match(r"\D*?(?=(?: \d+)?$)", part)[0]: re.search(r"\d+$", part) for part in sections.split(", ")}  # type: ignore[index]
    pieces: list[str] = []
    for number, section in enumerate(_SCREEN_SECTION.split(screen)):
        name = next((name for name in lines_of if section.startswith(name)), None) if number else "TOP"
        lines = section.rstrip("\n").split("\n")
        limit = (int(size[0]) if (size := lines_of[name]) else len(lines)) if name in lines_of and name else 0
        pieces += ["\n".join(lines[:limit]), ""] if limit >= len(lines) else ["\n".join([*lines[:limit], LEFT_OUT]), ""] if limit else []
        if not limit and pieces and not pieces[-2].endswith(LEFT_OUT):
            pieces[-2] += f"\n{LEFT_OUT}"
    return "\n".join(pieces)


def tables() -> dict[tuple[str, str], dict[str, str]]:
    """Return the rows of the tables that can be generated from the product, by page and headings."""
    commands = main.cli.list_commands(main.click.Context(main.cli))
    return {
        ("report", "command | what it does"): {f"`{name}`": _headline(name) for name in commands},
        ("formats", "format | what it is"): {f"`{name}`": plugins.headline("formats", name) for name in plugins.names("formats")},
        ("exit-codes", "code | meaning"): {str(code.value): code.meaning for code in ExitCode},
    }


def _headline(name: str) -> str:
    command = main.cli.get_command(main.click.Context(main.cli), name)
    assert command is not None
    return command.get_short_help_str(limit=200)


def report_columns() -> dict[str, list[str]]:
    """Return the column names of every report and of `compare`."""
    columns = {name: reports.load(name).COLUMNS for name in plugins.names_in_order("reports")}
    return {name: [column.name for column in of] for name, of in (columns | {"compare": comparison_rows.COLUMNS}).items()}


def _with_columns(text: str) -> str:
    """Return a page with an updated table of columns: rows keep their order and the text before the columns; new rows are added at the end."""
    before, head, after = text.partition("| report | columns |\n|---|---|\n")
    assert head, "there is no table of columns"
    names, rows = report_columns(), re.match(r"(?:\|.*\n)*", after)[0].splitlines()  # type: ignore[index]
    old_rows = {row.split("`")[1]: row for row in rows}
    updated = {name: re.sub(r"`[^`]*` \|$", f"`{', '.join(names[name])}` |", row) for name, row in old_rows.items() if name in names}
    added = {name: f"| `{name}` | `{', '.join(columns)}` |" for name, columns in names.items() if name not in updated}
    return before + head + "".join(f"{row}\n" for row in (updated | added).values()) + after.removeprefix("".join(f"{row}\n" for row in rows))


def renewed(page: Page) -> str:
    """Return a page with the output of its commands and its generated tables up to date."""

    def pasted(match: re.Match[str]) -> str:
        if match["language"] != "console":
            return match[0]
        with TemporaryDirectory() as folder:
            (place := Path(folder, "here")).mkdir()
            shown = played(Block(match["language"], match["text"], match["cut"]), place)
        return f"{match[0].partition('```')[0]}```console\n{shown}```"

    text = _FENCE.sub(pasted, page.text)
    if page.name == "outputs":
        text = _with_columns(text)
    for (name, headings), rows in tables().items():
        if name == page.name:
            head = f"| {headings} |\n|---|---|\n"
            before, heading, after = text.partition(head)
            assert heading, f"{name} has no table {headings}"
            text = before + head + "".join(f"| {key} | {value} |\n" for key, value in rows.items()) + re.sub(r"\A(?:\|.*\n)*", "", after)
    return text


if __name__ == "__main__":
    if sys.argv[1:] != ["--write"]:
        sys.exit(f"{__doc__}")
    for document in DOCUMENTS:
        document.path.write_text(renewed(document), encoding="utf-8")
