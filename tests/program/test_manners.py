"""Behaviour as a process: closed pipes, full disks, unusual encodings, colours, hostile environments. Each test runs the program itself."""

from __future__ import annotations

import json
import os
import re
import subprocess
from functools import cache
from pathlib import Path
from typing import Any

import as_program
import pytest
from as_program import SAMPLE, environment, on_screen, run, shell
from places import EXAMPLE_GOALS
from small_logs import line, written

FULL = "/dev/full"
needs_full = pytest.mark.skipif(not Path(FULL).exists(), reason="no device that is always full")
ESCAPE = b"\x1b["


def before_a_release(*values: Any) -> list[Any]:  # noqa: ANN401 (the parameters of any test)
    """Return parameters that only a release tries: each is a process that proves little more than the others."""
    return [pytest.param(value, marks=pytest.mark.slow) for value in values]


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Return a log of a few hundred lines."""
    texts = [line(f"GET /page/{number % 40}", number * 7, who=f"198.51.100.{number % 90} - -") for number in range(400)]
    return str(written(tmp_path_factory.mktemp("manners") / "access.log", [*texts, line("GET /größe", 3_000)]))


@cache
def usual(report: str, log: str) -> bytes:
    """Return a report made in an environment without settings."""
    return run(report, log).stdout


@pytest.mark.parametrize("output", ["table", "parquet", *before_a_release("csv", "json")])
def test_the_reader_of_a_pipe_may_close_it_early(output: str, log: str, tmp_path: Path) -> None:
    script = f'$CONVKIT pages -q -n 0 -f {output} "$1" | head -c 1 > /dev/null; exit ${{PIPESTATUS[0]}}'
    done = shell(script, log, folder=tmp_path)
    assert (done.returncode, done.stderr) == (0, b"")


@pytest.mark.parametrize("arguments", ["--help", "report -q -o /dev/stdout -f json $1", *before_a_release("report -h", "report -q -n 0 -f json $1")])
def test_a_pipe_that_is_already_closed_is_not_an_error(arguments: str, log: str, tmp_path: Path) -> None:
    done = shell(f"($CONVKIT {arguments}; echo $? > code) | true; cat code", log, folder=tmp_path)
    assert (done.stdout, done.stderr) == (b"0\n", b"")


@needs_full
@pytest.mark.parametrize("arguments", [("goals", "$1"), ("--help",), *before_a_release(("goals", "$1", "-f", "parquet"), ("goals", "-h"))])
def test_a_full_disk_under_standard_output_is_reported(arguments: tuple[str, ...], log: str) -> None:
    with Path(FULL).open("wb") as full:
        done = run(*(log if argument == "$1" else argument for argument in arguments), stdout=full)
    assert done.returncode == 6
    assert done.stderr.count(b"\n") == 1
    assert b"standard output" in done.stderr
    assert b"No space left on device; free some space" in done.stderr


@needs_full
def test_a_device_is_written_directly(log: str) -> None:
    done = run("goals", log, "-o", FULL)
    assert (done.returncode, done.stdout) == (6, b"")
    assert done.stderr == b"convkit: error: /dev/full cannot be written: No space left on device; free some space, or choose another place\n"


def test_a_new_file_that_gets_too_large_leaves_the_old_one_in_place(log: str, tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "pages.json").write_text("old", encoding="utf-8")
    done = shell('ulimit -f 1; $CONVKIT report "$1" -o out/pages.json', log, folder=tmp_path)
    assert done.returncode == 6
    assert done.stderr == b"convkit: error: out/pages.json cannot be written: File too large; free some space, or choose another place\n"
    assert {path.name: path.read_bytes() for path in out.iterdir()} == {"pages.json": b"old"}


def test_standard_output_that_gets_too_large_is_reported(log: str, tmp_path: Path) -> None:
    done = shell('ulimit -f 1; $CONVKIT report -f json "$1" > made', log, folder=tmp_path)
    assert done.returncode == 6
    assert done.stderr.startswith(b"convkit: error: standard output cannot be written: File too large; ")


@pytest.mark.parametrize("command", ['$CONVKIT goals - < "$1"', 'mkfifo pipe; (cat "$1" > pipe &); $CONVKIT goals pipe', "$CONVKIT goals array.json"])
def test_a_lack_of_space_for_temporary_files_is_reported(command: str, log: str, tmp_path: Path) -> None:
    """Input that can be read only once is copied first, and a JSON array is split into lines: both need disk space."""
    rows = [{"user": f"u{number}", "time": 1_791_640_000 + number, "event": "a", "note": "x" * 100} for number in range(1_000)]
    (tmp_path / "array.json").write_text(json.dumps(rows), encoding="utf-8")
    done = shell(f"ulimit -f 1; {command}", log, folder=tmp_path)
    assert (done.returncode, done.stdout) == (6, b"")
    assert re.fullmatch(
        rb"convkit: error: .*the directory for temporary files \(/.*\) cannot be written: File too large; free some space, or set TMPDIR\n",
        done.stderr,
    )


def test_standard_streams_may_be_closed(log: str, tmp_path: Path) -> None:
    done = shell('$CONVKIT goals "$1" >&-', log, folder=tmp_path)
    assert (done.returncode, done.stderr) == (6, b"convkit: error: standard output is closed; choose another place with -o\n")
    assert shell('$CONVKIT goals "$1" -o goals.csv >&-', log, folder=tmp_path).returncode == 0
    assert (tmp_path / "goals.csv").read_bytes().startswith(b"goal,")
    assert shell("$CONVKIT goals missing.log 2>&-", folder=tmp_path).returncode == 3


def test_a_file_that_a_shell_appends_to_is_not_truncated(log: str, tmp_path: Path) -> None:
    shell('echo before > made; $CONVKIT goals "$1" -f csv -o /dev/stdout >> made', log, folder=tmp_path)
    assert (tmp_path / "made").read_bytes().startswith(b"before\ngoal,")
    shell('$CONVKIT goals "$1" -f csv -o /dev/fd/5 5> other', log, folder=tmp_path)
    assert (tmp_path / "other").read_bytes().startswith(b"goal,")


def test_a_named_pipe_is_written_directly(log: str, tmp_path: Path) -> None:
    done = shell('mkfifo named; (cat named > made) & $CONVKIT goals -q "$1" -f csv -o named; wait', log, folder=tmp_path)
    assert (done.returncode, done.stderr) == (0, b"")
    assert (tmp_path / "made").read_bytes().startswith(b"goal,")
    assert (tmp_path / "named").is_fifo()


def test_a_non_blocking_standard_output_gets_everything(log: str) -> None:
    read_end, write_end = os.pipe()
    os.set_blocking(write_end, False)
    with subprocess.Popen([*as_program.COMMAND, "hits", "-f", "json", "-n", "0", log], stdout=write_end, env=environment()) as process:
        os.close(write_end)
        with os.fdopen(read_end, "rb") as pipe:
            output = pipe.read()
        assert process.wait(as_program.PATIENCE) == 0
    assert len(output) > 1 << 16, "more than a pipe holds"
    assert output.endswith(b"}\n")


ODD = [
    {"PYTHONIOENCODING": "ascii", "LC_ALL": "xx_YY.ISO-8859-1"},
    {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
    *before_a_release({"PYTHONIOENCODING": "latin-1"}, {"LC_ALL": "xx_YY.ISO-8859-1"}, {"LC_ALL": "POSIX"}),
]


@pytest.mark.parametrize("odd", ODD, ids=str)
def test_pipes_get_utf_8_in_every_locale(odd: dict[str, str], log: str) -> None:
    done = run("report", log, "-q", env=environment(**odd))
    assert "–" in usual("report", log).decode()
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout == usual("report", log)


def test_a_missing_file_is_reported_if_the_locale_cannot_encode_its_name(tmp_path: Path) -> None:
    env = environment(LC_ALL="C", PYTHONUTF8="0", PYTHONCOERCECLOCALE="0")
    assert run("report", str(tmp_path / "fehlt-ü.log"), env=env).returncode == 3
    assert run("--help", env=env).returncode == 0


def test_a_terminal_without_unicode_gets_ascii_characters() -> None:
    goals = str(EXAMPLE_GOALS)
    code, screen = on_screen("funnel", SAMPLE, "-g", goals, PYTHONIOENCODING="ascii", NO_COLOR="1")
    assert code == 0
    shown = screen.decode("ascii")
    assert "########################################" in shown
    assert "\\u2588" not in shown
    assert max(map(len, shown.splitlines())) <= 80


def test_a_terminal_gets_colours_and_lines_of_its_width(log: str) -> None:
    code, screen = on_screen("overview", log, columns=60)
    assert code == 0
    assert ESCAPE in screen
    plain = on_screen("overview", log, columns=60, NO_COLOR="1")[1]
    assert max(map(len, plain.decode().splitlines())) <= 60
    assert plain == run("overview", log, env=environment(COLUMNS="60")).stdout


COLOURS = [
    ({"NO_COLOR": "1", "FORCE_COLOR": "1"}, False),
    ({"NO_COLOR": ""}, True),
    ({"TERM": "dumb"}, False),
    ({"TERM": "dumb", "FORCE_COLOR": "1"}, True),
    *before_a_release(({"NO_COLOR": "1"}, False), ({"FORCE_COLOR": "0"}, False)),
]


@pytest.mark.parametrize("case", COLOURS, ids=str)
def test_colours_are_as_requested(case: tuple[dict[str, str], bool], log: str) -> None:
    environment_variables, coloured = case
    assert (ESCAPE in on_screen("overview", log, **environment_variables)[1]) == coloured


def test_a_pipe_gets_colours_only_if_forced(log: str) -> None:
    assert ESCAPE not in run("overview", log).stdout
    assert ESCAPE in run("overview", log, env=environment(FORCE_COLOR="1")).stdout


def test_a_file_gets_no_colours(log: str, tmp_path: Path) -> None:
    run("overview", log, "-o", str(tmp_path / "made.txt"), env=environment(FORCE_COLOR="1"))
    assert (tmp_path / "made.txt").read_bytes() == usual("overview", log)


def test_binary_output_is_not_written_to_a_terminal(log: str) -> None:
    assert on_screen("goals", log, "-f", "parquet") == (2, b"")


HOSTILE = [
    {
        "POLARS_ENGINE_AFFINITY": "gpu",
        "POLARS_VERBOSE": "1",
        "POLARS_FMT_MAX_ROWS": "1",
        "POLARS_FORCE_PARTITION": "1",
        "PYTHONWARNINGS": "error",
        "PYTHONDEVMODE": "1",
        "COLUMNS": "²",
        "TMPDIR": "/nonexistent",
        "TZ": "Mars/Base",
    },
    {
        "POLARS_ENGINE_AFFINITY": "streaming",
        "POLARS_WARN_UNSTABLE": "1",
        "POLARS_PANIC_ON_ERR": "1",
        "POLARS_IDEAL_MORSEL_SIZE": "3",
        "PYTHONOPTIMIZE": "2",
        "PYTHONHASHSEED": "7",
        "PYTHONUNBUFFERED": "1",
        "COLUMNS": "0",
        "POLARS_REGEX_SIZE_LIMIT": "1",
        "POLARS_MAX_THREADS": "1",
    },
]
"""Groups of as many variables as possible that do not contradict each other: every group starts the program only once."""


@pytest.mark.parametrize("hostile", HOSTILE, ids=["gpu", "streaming"])
def test_environment_variables_do_not_change_a_report(hostile: dict[str, str], log: str) -> None:
    done = run("report", log, "-q", env=environment(**hostile))
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout == usual("report", log)


def test_the_working_directory_may_be_deleted_and_home_unset(log: str, tmp_path: Path) -> None:
    done = shell('mkdir gone; cd gone; rmdir ../gone; unset HOME; $CONVKIT overview -q "$1"', log, folder=tmp_path)
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout == usual("overview", log)
    done = shell('mkdir gone; cd gone; rmdir ../gone; $CONVKIT overview "$1" -o made.csv', log, folder=tmp_path)
    assert (done.returncode, done.stdout) == (6, b"")
    assert done.stderr.startswith(b"convkit: error: made.csv cannot be written: No such file or directory")


@pytest.mark.parametrize(("umask", "mode"), [("000", 0o666), ("027", 0o640)])
def test_the_umask_applies_to_a_new_file(umask: str, mode: int, log: str, tmp_path: Path) -> None:
    shell(f'umask {umask}; $CONVKIT overview "$1" -o made.csv', log, folder=tmp_path)
    assert (tmp_path / "made.csv").stat().st_mode & 0o777 == mode
