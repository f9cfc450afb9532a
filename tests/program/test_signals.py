"""Signals are handled at any moment, with an exit code, one line and no unfinished file; for users of the library nothing changes."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest
from as_program import COMMAND, PATIENCE, SAMPLE, environment, run, wait_for_spool
from small_logs import line

from convkit.cli import process as cli_process

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

ANSWERED = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

LONG_QUERY = """
import sys
import polars as pl
from convkit.cli import process
text = pl.LazyFrame({"text": ["a" * 1_000_000]})
with process.answered_signals():
    print("ready", flush=True)
    text.select(pl.col("text").str.count_matches(".*z|a")).collect(engine=sys.argv[1])
"""
"""A query that takes many minutes but little memory, because each match searches the rest of the text; Python's own handlers would wait for it."""


@pytest.fixture(autouse=True)
def no_signal_is_ignored() -> Iterator[None]:
    """Let signals end the processes that the tests start, even if the tests run under `nohup` or in the background of a script.

    A program inherits its parent's ignored signals, but not its handlers; the tests themselves still do nothing when they receive these signals.
    """
    ignored = [number for number in ANSWERED if signal.getsignal(number) is signal.SIG_IGN]
    for number in ignored:
        signal.signal(number, lambda *_: None)
    yield
    for number in ignored:
        signal.signal(number, signal.SIG_IGN)


@contextmanager
def started(command: Sequence[str], folder: Path, **more: str) -> Iterator[subprocess.Popen[bytes]]:
    """Run a command in a folder with all its streams piped, and always kill it after the test."""
    pipe = subprocess.PIPE
    with subprocess.Popen(command, cwd=folder, env=environment(**more), stdin=pipe, stdout=pipe, stderr=pipe) as process:
        try:
            yield process
        finally:
            process.kill()


@pytest.mark.parametrize("number", ANSWERED)
def test_a_signal_ends_a_run_with_its_exit_code_and_one_line(number: signal.Signals, tmp_path: Path) -> None:
    with started([*COMMAND, "report", "-"], tmp_path, TMPDIR=str(tmp_path)) as process:
        wait_for_spool(process, tmp_path)
        process.send_signal(number)
        assert process.wait(PATIENCE) == 128 + number
        assert process.stdout
        assert process.stderr
        assert process.stdout.read() == b""
        assert process.stderr.read() == f"convkit: stopped by {number.name}; unfinished files were removed\n".encode()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("engine", ["in-memory", "streaming"])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_a_run_during_a_long_query(number: signal.Signals, engine: str, tmp_path: Path) -> None:
    with started([sys.executable, "-c", LONG_QUERY, engine], tmp_path) as process:
        assert process.stdout
        assert process.stdout.readline() == b"ready\n"
        time.sleep(0.2)
        process.send_signal(number)
        assert process.wait(PATIENCE) == 128 + number


def test_ignored_signals_stay_ignored(tmp_path: Path) -> None:
    """`nohup` relies on this."""
    command = ["/bin/sh", "-c", 'trap "" HUP; exec "$@"', "sh", *COMMAND, "overview", "-", "-q", "-o", "made.csv"]
    with started(command, tmp_path, TMPDIR=str(tmp_path)) as process:
        wait_for_spool(process, tmp_path)
        process.send_signal(signal.SIGHUP)
        _, error_text = process.communicate(f"{line('GET /')}\n".encode(), PATIENCE)
        assert (process.returncode, error_text) == (0, b"")
    assert [path.name for path in tmp_path.iterdir()] == ["made.csv"]


def killed_at_random(folder: Path, times: int, seed: int) -> None:
    """Check that runs killed at random moments leave the old file or the complete new one."""
    rng = random.Random(seed)
    out = folder / "made.csv"
    begin = time.monotonic()
    run("report", SAMPLE, "-o", str(out))
    duration, new = time.monotonic() - begin, out.read_bytes()
    for _ in range(times):
        out.write_bytes(b"old")
        number = rng.choice(ANSWERED)
        with started([*COMMAND, "report", SAMPLE, "-o", "made.csv"], folder) as process:
            time.sleep(rng.uniform(0, duration))
            process.send_signal(number)
            code = process.wait(PATIENCE)
        # Before the program has started and after it has ended, Python itself handles signals.
        assert code in {0, 128 + number, -number}
        assert out.read_bytes() in {b"old", new}
        assert code or out.read_bytes() == new
        assert [path.name for path in folder.iterdir()] == ["made.csv"]


def test_runs_killed_at_random_moments_leave_no_partial_file(tmp_path: Path) -> None:
    killed_at_random(tmp_path, 4, 1)


@pytest.mark.slow
def test_runs_killed_at_many_random_moments_leave_no_partial_file(tmp_path: Path) -> None:
    killed_at_random(tmp_path, 30, 2)


def test_signal_handlers_are_restored() -> None:
    before = [signal.getsignal(number) for number in ANSWERED]
    with cli_process.answered_signals():
        assert {*before}.isdisjoint(signal.getsignal(number) for number in ANSWERED)
    assert [signal.getsignal(number) for number in ANSWERED] == before
    unused = signal.set_wakeup_fd(-1)
    assert unused == -1


def test_the_signal_thread_ends_with_the_run() -> None:
    with cli_process.answered_signals():
        threads = [thread for thread in threading.enumerate() if thread.name == "convkit signals"]
        assert threads
    for thread in threads:
        thread.join(PATIENCE)
        assert not thread.is_alive()


def test_handlers_do_not_change_in_other_threads() -> None:
    handlers: list[object] = []

    def record_handlers() -> None:
        with cli_process.answered_signals():
            handlers.extend(signal.getsignal(number) for number in ANSWERED)

    thread = threading.Thread(target=record_handlers)
    thread.start()
    thread.join()
    assert handlers == [signal.getsignal(number) for number in ANSWERED]


def test_the_library_leaves_signals_alone(tmp_path: Path) -> None:
    program = f"""
import signal, convkit
before = [signal.getsignal(number) for number in signal.valid_signals()]
convkit.report([{SAMPLE!r}], ["overview"]).render("csv")
assert before == [signal.getsignal(number) for number in signal.valid_signals()]
assert signal.set_wakeup_fd(-1) == -1
"""
    process = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, env=environment(), capture_output=True, check=False)
    assert (process.returncode, process.stderr) == (0, b"")
