"""A new plug-in of each kind is a single file: added to its package's path, it works and appears in the help."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import as_program
import pytest

if TYPE_CHECKING:
    from pathlib import Path

LOG_FORMAT = '''
"""A server of ours: time, IP address, request, status and percent-encoded user agent, separated by semicolons."""

from __future__ import annotations

from convkit.core.escapes import percent_decode
from convkit.formats.parsers.regex import Template

SAMPLES = ("10/Oct/2026:13:55:36 +0000;203.0.113.7;GET /cart;200;Mozilla/5.0%20(X11;%20Linux%20x86_64)",)
FORMAT = Template(
    r"^(?P<time>[^;]+);(?P<address>[^;]+);(?P<method>[A-Z]+) (?P<target>[^;]+);(?P<status>[0-9]{3});(?P<agent>.*)$",
    names_month=True,
    clean={"agent": percent_decode},
)
'''
JSON_FORMAT = '''
"""A server of ours that writes JSON."""

from __future__ import annotations

from convkit.formats.parsers.json_log import JsonLog

SAMPLES = (
    '{"our_shard":1,"time":"2026-10-10T13:55:36Z","client_ip":"203.0.113.7","method":"GET","uri":"/cart","status":200,"user_agent":"Opera/12.0"}',
)
FORMAT = JsonLog(
    names={
        "time": "time",
        "address": "client_ip",
        "method": "method",
        "target": "uri",
        "status": "status",
        "agent": "user_agent",
    },
    needed=("our_shard", "uri"),
)
'''
REPORT = '''
"""Sessions and conversions by the hour in which they began."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from convkit.core.blocks import Line
from convkit.core.document import Column, Report

if TYPE_CHECKING:
    from collections.abc import Mapping

    from convkit.analysis.analysis import Analysis, View
    from convkit.core.blocks import Block, Screen

PLACE = 95
IN_REPORT = False
COLUMNS = (Column("hour", "text"), Column("sessions", "count"), Column("converted", "count"))


def tally(analysis: Analysis) -> dict[str, pl.LazyFrame]:
    """Return `hours`: sessions and conversions by hour."""
    hour = pl.col("started").dt.convert_time_zone(analysis.goals.site.timezone).dt.strftime("%H")
    rows = analysis.sessions.group_by(hour=hour).agg(sessions=pl.len().cast(pl.Int64), converted=pl.col("converted").sum().cast(pl.Int64))
    return {"hours": rows}


def present(tally: Mapping[str, pl.DataFrame], _: View) -> Report:
    """Return the report, by hour."""
    return Report("by-hour", COLUMNS, tally["hours"].sort("hour"), draw)


def draw(rows: pl.DataFrame, _: Screen) -> list[Block]:
    """Return a line per hour."""
    return [Line.of(f"{hour}: {sessions} sessions, {converted} converted") for hour, sessions, converted in rows.rows()]
'''
GOAL_KEY = '''
"""The hour in which a hit came."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

if TYPE_CHECKING:
    from convkit.errors import Problem
    from convkit.goals import values
    from convkit.goals.strict_yaml import Node

ROLE = "which"
EXAMPLE = "{page: /cart, at_hour: 13}"
SCHEMA = {"type": "integer", "minimum": 0, "maximum": 23}


def read(node: Node, problems: list[Problem]) -> int:
    """Read an hour."""
    if node.text.isdecimal() and int(node.text) < 24:
        return int(node.text)
    problems.append(node.problem("an hour is a number from 0 to 23"))
    return 0


def names(value: int, _: values.GoalContext) -> pl.Expr:
    """Name the hits of an hour."""
    return pl.col("time").dt.hour() == value
'''
OUTPUT = '''
"""The number of rows of each report."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from convkit.core.blocks import Screen
    from convkit.core.document import Document

ENDINGS = ("row-counts",)


def render(document: Document, _: Screen) -> Iterator[str]:
    """Yield a line per report."""
    return (f"{name} has {report.frame.height} rows\\n" for name, report in document.reports.items())
'''
COMMAND = '''
"""Count the lines of logs."""

from __future__ import annotations

from pathlib import Path

from convkit.cli import messages, options


def count_lines(logs: tuple[str, ...], **_: object) -> None:
    """Count lines."""
    messages.write(f"{sum(len(Path(log).read_text(encoding='utf-8').splitlines()) for log in logs)} lines")


EXAMPLES = ("convkit count-lines access.log", "convkit count-lines access.log*")
COMMAND = options.add_options(options.command_of("count-lines", __doc__, count_lines, *EXAMPLES), only=("debug",))
PLACE = 105
'''
PLUGINS = {
    "formats": {"our_json": JSON_FORMAT, "our_server": LOG_FORMAT},
    "reports": {"by_hour": REPORT},
    "goals.kinds": {"at_hour": GOAL_KEY},
    "outputs": {"row_counts": OUTPUT},
    "cli.commands": {"count_lines": COMMAND},
}
PROGRAM = """
import sys
from importlib import import_module
from pathlib import Path

for folder in Path(sys.argv.pop(1)).iterdir():
    import_module(f"convkit.{folder.name}").__path__.append(str(folder))

from convkit.cli.main import main

main()
"""
LINES = tuple(
    f"10/Oct/2026:{hour}:55:{second};203.0.113.{visitor};GET {path};200;Mozilla/5.0%20(X11)%20Firefox/140.0"
    for visitor, hour in ((7, 13), (8, 13), (9, 14))
    for second, path in ((36, "/"), (46, "/cart"))
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a log, a goals file and, in `plugins`, the plug-ins by package."""
    root = tmp_path_factory.mktemp("new")
    for package, modules in PLUGINS.items():
        (root / "plugins" / package).mkdir(parents=True)
        for name, source in modules.items():
            (root / "plugins" / package / f"{name}.py").write_text(source.lstrip(), encoding="utf-8")
    (root / "our.log").write_text("".join(f"{line}\n" for line in LINES), encoding="utf-8")
    (root / "goals.yaml").write_text("macro: {early: {page: /cart, at_hour: 13}}\n", encoding="utf-8")
    return root


def convkit(folder: Path, *arguments: str) -> tuple[int, str, str]:
    """Run convkit with the new plug-ins, and return the exit code, standard output and standard error."""
    command = [sys.executable, "-c", PROGRAM, str(folder / "plugins"), *arguments]
    process = subprocess.run(command, env=as_program.environment(CONVKIT_GOALS=""), cwd=folder, capture_output=True, check=False, text=True)
    return process.returncode, process.stdout, process.stderr


def test_a_new_log_format_is_listed_detected_and_read(folder: Path) -> None:
    code, out, _ = convkit(folder, "formats")
    assert code == 0
    assert "our-server" in out
    code, out, _ = convkit(folder, "formats", "our.log")
    assert (code, out.splitlines()[0].split()) == (0, ["our.log", "our-server"])
    assert "Mozilla/5.0 (X11) Firefox/140.0" in out
    assert convkit(folder, "overview", "our.log", "--log-format", "our-server")[0] == 0


def test_a_new_json_format_is_preferred_to_the_generic_one(folder: Path) -> None:
    line = '{"our_shard":1,"time":"2026-10-10T13:55:36Z","client_ip":"203.0.113.7","method":"GET","uri":"/a","status":200,"user_agent":"Opera/12.0"}'
    for text, expected in ((line, "our-json"), (line.replace("our_shard", "their_shard"), "nginx-json")):
        (folder / "some.json").write_text(f"{text}\n", encoding="utf-8")
        code, out, _ = convkit(folder, "formats", "some.json")
        assert (code, out.splitlines()[0].split()) == (0, ["some.json", expected])


def test_a_new_report_is_a_command(folder: Path) -> None:
    assert "Sessions and conversions by the hour" in convkit(folder, "--help")[1]
    assert convkit(folder, "by-hour", "--help")[1].startswith("Usage: convkit by-hour [OPTIONS] LOG...")
    assert convkit(folder, "by-hour", "our.log", "-f", "csv")[1].split() == ["hour,sessions,converted", "13,2,2", "14,1,0"]
    assert "13: 2 sessions, 2 converted" in convkit(folder, "by-hour", "our.log")[1]


def test_a_new_goal_key_can_be_used_in_goals(folder: Path) -> None:
    """The suggestion for a misspelt key includes it too."""
    assert convkit(folder, "goals", "our.log", "-f", "csv")[1].splitlines()[1].split(",")[0] == "early"
    (folder / "wrong.yaml").write_text("macro: {early: {page: /cart, at_hours: 13}}\n", encoding="utf-8")
    code, _, err = convkit(folder, "goals", "our.log", "-g", "wrong.yaml")
    assert code == 2
    assert "did you mean 'at_hour'" in err


def test_a_new_output_is_an_output_format(folder: Path) -> None:
    code, out, _ = convkit(folder, "pages", "our.log", "-f", "row-counts")
    assert (code, out) == (0, "pages has 2 rows\n")
    assert convkit(folder, "pages", "our.log", "-o", "pages.row-counts")[0] == 0
    assert (folder / "pages.row-counts").read_text(encoding="utf-8") == out
    assert "row-counts" in "".join(convkit(folder, "pages", "--help")[1].split())


def test_a_new_command_is_in_the_help_and_runs(folder: Path) -> None:
    assert "Count the lines of logs." in convkit(folder, "--help")[1]
    code, _, err = convkit(folder, "count-lines", "our.log")
    assert (code, err.strip()) == (0, f"convkit: {len(LINES)} lines")
