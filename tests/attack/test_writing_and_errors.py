"""Mistakes in options and environments end with one sentence and the right code, and no old file is lost."""

from __future__ import annotations

import csv
import io
import os
import re
import resource
import threading
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from as_program import environment, run, shell
from ordinary_user import open_folder
from small_logs import line, written

from convkit.cli import main, process
from convkit.core.durations import parse_duration
from convkit.engine.memory import MemoryBudget
from convkit.errors import ExitCode, GoalsFileError, OutputError, UsageError
from convkit.formats import strings
from convkit.formats.strings.template import FormatStringError
from convkit.goals.loader import load_goals
from convkit.traffic import visitor_ids

if TYPE_CHECKING:
    from conftest import Run

ROWS = {
    "F19": "test_no_more_of_a_goals_file_is_read_than_one_may_have",
    "F22": "test_dates_near_the_limits_of_the_calendar_are_mistakes",
    "F23": "test_names_that_are_too_long_are_errors_of_their_kind",
    "F25": "test_a_lack_of_memory_says_what_to_do",
    "F26": "test_a_limit_on_threads_says_what_to_do",
    "F39": "test_formats_that_are_too_long_are_mistakes",
    "F42": "test_comparisons_write_rates_as_all_reports_do",
    "F43": "test_a_weak_key_is_noted",
    "A1": "tests/outputs/test_csv.py",
    "A2": "tests/cli/test_deliver.py::test_an_unknown_extension_needs_f",
    "A3": "tests/outputs/test_table.py::test_any_text_is_harmless",
    "A4": "tests/outputs/test_hostile_text.py",
    "A6": "tests/outputs/test_markdown.py::test_any_mixture_of_markup_characters_is_shown_unchanged",
    "A7": "tests/outputs/test_json.py::test_any_text_as_a_path_or_parameter_is_strict_json",
    "A33": "tests/cli/test_main.py::test_standard_input_is_a_log",
    "A36": "tests/files/test_copies.py",
    "A39": "tests/program/test_manners.py::test_the_reader_of_a_pipe_may_close_it_early",
    "A40": "tests/program/test_manners.py::test_a_new_file_that_gets_too_large_leaves_the_old_one_in_place",
    "A42": "tests/program/test_signals.py::test_runs_killed_at_random_moments_leave_no_partial_file",
    "A43": "test_a_lack_of_memory_leaves_the_old_file",
    "A44": "tests/program/test_manners.py::test_a_lack_of_space_for_temporary_files_is_reported",
    "A47": "tests/program/test_manners.py::test_pipes_get_utf_8_in_every_locale",
    "A48": "tests/program/test_manners.py::test_a_terminal_gets_colours_and_lines_of_its_width",
    "A49": "test_polars_variables_that_polars_cannot_read_are_dropped",
}
TEXTS = [line("GET /", 60 * number) for number in range(3)]


@pytest.fixture(autouse=True)
def log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Return a small log in the current directory, where a key file is looked for, too."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    return str(written(tmp_path / "access.log", TEXTS * 3))


@pytest.mark.parametrize("size", [(1 << 20) + 1, 1 << 40])
@pytest.mark.parametrize("start", [b"macro: {}\n", b"\xff\xfe binary"])
def test_no_more_of_a_goals_file_is_read_than_one_may_have(size: int, start: bytes, log: str, convkit_command: Run) -> None:
    with Path("goals.yaml").open("wb") as file:
        file.write(start)
        file.truncate(size)
    for arguments in (["overview", log, "-g", "goals.yaml"], ["check"], ["init", log, "-g", "goals.yaml", "-o", "made"]):
        code, _, err = convkit_command(*arguments)
        assert (code, "goals.yaml: larger than 1 MiB" in err) == (2, True)


def test_devices_and_pipes_may_be_named_as_goals() -> None:
    with pytest.raises(GoalsFileError, match="larger than 1 MiB"):
        load_goals("/dev/zero")
    with pytest.raises(GoalsFileError, match="this file is empty"):
        load_goals(os.devnull)
    with pytest.raises(UsageError, match="Is a directory; choose another one"):
        load_goals(".")
    os.mkfifo("pipe")
    writer = threading.Thread(target=lambda: Path("pipe").write_text("macro: {thanks: /thanks}\n", encoding="utf-8"))
    writer.start()
    assert load_goals("pipe").macros
    writer.join()


def test_a_goals_file_as_large_as_allowed_is_read() -> None:
    text = "macro: {thanks: /thanks}\n#"
    Path("goals.yaml").write_text(text + "x" * ((1 << 20) - len(text)), encoding="utf-8")
    assert load_goals("goals.yaml").macros


@pytest.mark.parametrize(
    "options",
    ["--since 9999-12-31", "--until 9999-12-31", "--until 0001-01-01", "--since 9999-12-31T23:59:59Z", "--until 9999-12-31 --by month",
     "--tz Pacific/Kiritimati --since 0001-01-01", "--last 999999d", "--last 900000w", "--since 1899-12-31", "--until 3000-01-01",
     "--set session_timeout=999999w"],
)  # fmt: skip
def test_dates_near_the_limits_of_the_calendar_are_mistakes(options: str, log: str, convkit_command: Run) -> None:
    code, out, err = convkit_command("goals", log, *options.split())
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert "use a year from 1900 to 2999" in err or "is too long; use at most 5200w" in err


@pytest.mark.parametrize("options", ["--at 9999-12-31", "--at 0001-01-01", "--with 0001-01-01..2026-10-01", "--with 9999-12-31..9999-12-31"])
def test_comparisons_and_notes_have_the_same_limits(options: str, log: str, convkit_command: Run) -> None:
    assert convkit_command("compare", log, *options.split())[0] == 2
    Path("goals.yaml").write_text("site: {notes: {9999-12-31: end}}\nmacro: {a: /a}\n", encoding="utf-8")
    code, _, err = convkit_command("goals", log, "--by", "day")
    assert (code, err) == (2, "convkit: error: goals.yaml:1:16: no log is from 9999-12-31; use a year from 1900 to 2999\n")


def test_dates_and_durations_within_the_limits_are_taken(log: str, convkit_command: Run) -> None:
    assert parse_duration("5200w") == timedelta(weeks=5200)
    for options in ("--since 1900-01-01 --until 2999-12-31", "--last 36400d", "--since 1970-01-01"):
        assert convkit_command("goals", log, *options.split())[0] == 0


LONG = "x" * 300


@pytest.mark.parametrize(
    ("command", "code"),
    [("overview LONG", 3), ("overview LONG*", 3), ("overview LONG/", 3), ("overview access.log -o LONG.csv", 6), ("overview access.log -o LONG/", 6),
     ("overview access.log --rejects LONG", 6), ("overview access.log -g LONG", 2), ("check -g LONG", 2), ("init -o LONG", 6), ("explain LONG", 3)],
)  # fmt: skip
def test_names_that_are_too_long_are_errors_of_their_kind(command: str, code: int, convkit_command: Run) -> None:
    ended, out, err = convkit_command(*command.replace("LONG", LONG).split())
    assert (ended, out, err.count("\n")) == (code, "", 1)
    assert "a bug" not in err


def test_a_lack_of_memory_says_what_to_do(log: str, convkit_command: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise MemoryError

    monkeypatch.setattr(main, "parse_options", fail)
    code, _, err = convkit_command("overview", log)
    assert (code, err) == (
        ExitCode.OUTPUT,
        "convkit: error: not enough memory or threads; raise the limit (ulimit -v or -u, or the container's), or use --memory 256MiB\n",
    )
    assert process.is_shortage(ImportError("polars.so: failed to map segment from shared object"))
    assert not process.is_shortage(ValueError("no memory of it"))


def test_a_limit_on_memory_that_allows_no_run_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    process.check_resources()
    monkeypatch.setattr(resource, "getrlimit", lambda _: (700 << 20, -1))
    with pytest.raises(OutputError, match="the memory limit of 700 MiB is too low for any run; raise it, with ulimit -v, to at least 2 GiB"):
        process.check_resources()
    monkeypatch.setattr(resource, "getrlimit", lambda _: (1536 << 20, -1))
    process.check_resources()


@pytest.mark.parametrize(("limit", "budget"), [(1536 << 20, 256 << 20), (2 << 30, 256 << 20), (3 << 30, 768 << 20), (1 << 40, None)])
def test_a_limit_on_addresses_lowers_the_memory_that_a_run_uses(limit: int, budget: int | None, monkeypatch: pytest.MonkeyPatch) -> None:
    usual = MemoryBudget.of(None)
    monkeypatch.setattr(resource, "getrlimit", lambda _: (limit, -1))
    assert MemoryBudget.of(None).size == min(budget or usual.size, usual.size)
    assert MemoryBudget.of("300MiB").size == 300 << 20


@pytest.mark.parametrize("limit", [100_000, 600_000, 1_000_000, 1_300_000, pytest.param(1_700_000, marks=pytest.mark.slow)])
def test_a_lack_of_memory_leaves_the_old_file(limit: int, log: str, tmp_path: Path) -> None:
    """Above the limit that is refused, the system may end the run; it never waits for ever."""
    Path("made.csv").write_text("old", encoding="utf-8")
    done = shell(f'ulimit -v {limit}; $CONVKIT overview "$1" -o made.csv', log, folder=tmp_path)
    if limit <= 1536 << 10:
        assert (done.returncode, done.stderr.count(b"\n")) == (6, 1)
        assert b"is too low for any run" in done.stderr
    else:
        assert done.returncode in {0, 6, -6, 134}
    assert Path("made.csv").read_text(encoding="utf-8") == "old" or not done.returncode
    assert sorted(path.name for path in tmp_path.iterdir()) == ["access.log", "made.csv"]


@pytest.mark.parametrize("allowed", [0, 5, 13])
def test_a_limit_on_threads_says_what_to_do(allowed: int, log: str, convkit_command: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    start, started = threading.Thread.start, list[object]()

    def limited(thread: threading.Thread) -> None:
        if len(started) >= allowed:
            message = "can't start new thread"
            raise RuntimeError(message)
        started.append(thread)
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", limited)
    monkeypatch.setenv("POLARS_MAX_THREADS", "2")
    code, out, err = convkit_command("overview", log)
    assert (code, out, err) == (
        6,
        "",
        "convkit: error: the limit on processes leaves too few threads; raise it (ulimit -u, or the container's), or set POLARS_MAX_THREADS=1\n",
    )


def test_enough_threads_are_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POLARS_MAX_THREADS", "1")
    before = threading.active_count()
    process.check_resources()
    # A thread of an earlier test may end meanwhile.
    assert threading.active_count() <= before


@pytest.mark.parametrize("string", ["%h " * 10_000, "$remote_addr " * 10_000, '$http_a "' * 10_000])
def test_formats_that_are_too_long_are_mistakes(string: str, log: str, convkit_command: Run) -> None:
    for command in ("overview", "formats"):
        code, out, err = convkit_command(command, log, "--log-format", string)
        assert (code, out) == (2, "")
        assert err == "convkit: error: --log-format: the format is too long; leave out what follows the last variable that you need\n"
    Path("goals.yaml").write_text(f"site: {{log_format: '{string}'}}\nmacro: {{a: /a}}\n", encoding="utf-8")
    code, _, err = convkit_command("check", "-g", "goals.yaml")
    assert (code, "the format is too long" in err) == (2, True)


def test_long_formats_that_fit_are_taken() -> None:
    assert strings.parse_string('$remote_addr [$time_local] "$request" $status' + " $http_a" * 200).groups
    with pytest.raises(FormatStringError, match="too long"):
        strings.parse_string('$remote_addr [$time_local] "$request" $status' + ' "$http_a"' * 20_000)


def test_comparisons_write_rates_as_all_reports_do(convkit_command: Run) -> None:
    texts = [line("GET /cart", 7 * number, who=f"198.51.100.{number % 200} - -", agent=f"Mozilla/5.0 Firefox/{number % 2}") for number in range(400)]
    written(Path("access.log"), texts)
    Path("goals.yaml").write_text("macro: {cart: /cart}\n", encoding="utf-8")
    for output, separator in (("csv", ","), ("tsv", "\t")):
        arguments = ("--where", "page=/cart", "--with", "page!=/cart", "-f", output)
        code, out, err = convkit_command("compare", "access.log", *arguments)
        assert code == 0, err
        rows = list(csv.DictReader(io.StringIO(out), delimiter=separator))
        rates = [row[name] for row in rows for name in row if name.endswith("_rate") or name.startswith("difference")]
        assert "1.000000" in rates
        assert all(re.fullmatch(r"-?\d+\.\d{6}|", rate) for rate in rates)
        assert {row["before"] for row in rows if row["item"] == "sessions"} & {"200", "0"}


@pytest.mark.parametrize(
    ("content", "mode", "weakness"),
    [
        ("a" * 64, 0o666, "is open to other users; close it with chmod 600"),
        ("a" * 64, 0o640, "is open to other users"),
        ("abc", 0o600, "has only 3 bytes, so that it can be guessed; delete it"),
        ("a" * 64, 0o600, ""),
        ("a" * 16, 0o400, ""),
    ],
)
def test_a_weak_key_is_noted(  # noqa: PLR0913, PLR0917 (the columns of a table)
    content: str, mode: int, weakness: str, log: str, convkit_command: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(visitor_ids.KEY_VARIABLE)
    file = Path("convkit/key")
    file.parent.mkdir()
    file.write_text(content, encoding="utf-8")
    file.chmod(mode)
    _, out, _ = convkit_command("sessions", log, "-f", "json")
    assert ("weak-key" in out, weakness in out) == (bool(weakness), True)
    assert "weak-key" not in convkit_command("overview", log, "-f", "json")[1]
    monkeypatch.setenv(visitor_ids.KEY_VARIABLE, "key")
    assert "weak-key" not in convkit_command("sessions", log, "-f", "json")[1]


def test_a_new_key_is_not_weak(log: str, convkit_command: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(visitor_ids.KEY_VARIABLE)
    assert "weak-key" not in convkit_command("sessions", log, "-f", "json")[1]
    assert Path("convkit/key").stat().st_mode & 0o777 == 0o600


UNREADABLE = ["MAX_THREADS=abc", "MAX_THREADS=0", "MAX_THREADS=-1", "MAX_THREADS=", "MAX_THREADS=99999999", "OOC_DRIFT_THRESHOLD=x",
              "OVERRIDE_TOTAL_MEMORY_MB=q", "PREFER_PKG=x", "FORCE_PKG=", "OOMKILL_THRESHOLD_MB=-"]  # fmt: skip


@pytest.mark.parametrize("setting", UNREADABLE)
def test_polars_variables_that_polars_cannot_read_are_dropped(setting: str, monkeypatch: pytest.MonkeyPatch) -> None:
    name, _, value = f"POLARS_{setting}".partition("=")
    monkeypatch.setenv(name, value)
    monkeypatch.setenv("RUST_BACKTRACE", "1")
    process.set_environment()
    assert name not in os.environ
    assert "RUST_BACKTRACE" not in os.environ


@pytest.mark.parametrize("setting", ["MAX_THREADS=7", "OOC_MEMORY_BUDGET_FRACTION=0.5", "OOC_SPILL_DIR=/tmp", "PREFER_PKG=compat", "TEMP_DIR=/a b"])
def test_values_that_polars_can_read_are_kept(setting: str, monkeypatch: pytest.MonkeyPatch) -> None:
    name, _, value = f"POLARS_{setting}".partition("=")
    monkeypatch.setenv(name, value)
    process.set_environment()
    assert os.environ[name] == value


def test_no_warning_of_polars_is_printed(log: str) -> None:
    done = run("overview", log, "-q", env=environment(POLARS_MAX_THREADS="abc", POLARS_OVERRIDE_TOTAL_MEMORY_MB="q", POLARS_PREFER_PKG="x"))
    assert (done.returncode, done.stderr) == (0, b"")


def test_a_full_directory_for_temporary_files_is_named(log: str) -> None:
    with open_folder() as folder:
        script = f'export TMPDIR={folder}; for n in 0 1; do (ulimit -f $n; cat "$1" "$1" "$1" | $CONVKIT overview -; echo $?); done'
        done = shell(script, log, folder=folder)
    assert done.stdout == b"6\n6\n"
    none, full = done.stderr.decode().splitlines()
    assert none == "convkit: error: no directory for temporary files can be written to; free some space, or set TMPDIR"
    assert full.endswith(f"the directory for temporary files ({folder}) cannot be written: File too large; free some space, or set TMPDIR")
