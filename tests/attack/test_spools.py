"""Input that is copied to the directory for temporary files leaves nothing there, not even after SIGKILL."""

from __future__ import annotations

import gzip
import json
import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import polars as pl
import pytest
from as_program import COMMAND, PATIENCE, environment, wait_for_spool
from small_logs import fates, figures, line, written
from web_servers import SILENCE, answering, response

from convkit.core import filesystem
from convkit.errors import InputError, OutputError
from convkit.files import lines, reader, remote
from convkit.files.lines import CSV_AS_LINES

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

ROWS = {"F16": "test_a_killed_run_leaves_nothing"}
LINES = [line(f"GET /page/{number % 7}", number * 3, who=f"198.51.100.{number % 50} - -") for number in range(2_000)]
TEXT = "".join(f"{text}\n" for text in LINES).encode()
pytestmark = pytest.mark.skipif(not filesystem.OPEN_FILES.exists(), reason="only Linux has paths to files without a name")


IN_PARTS = """
from convkit.cli.main import main
from convkit.engine.memory import BASE, MemoryBudget
MemoryBudget.of = classmethod(lambda cls, _: cls(BASE + 20_000))
main()
"""


def started(folder: Path, *arguments: str, in_parts: bool = False) -> subprocess.Popen[bytes]:
    """Start convkit with a directory for temporary files."""
    pipe, command = subprocess.PIPE, [sys.executable, "-c", IN_PARTS] if in_parts else COMMAND
    return subprocess.Popen([*command, *arguments], env=environment(TMPDIR=str(folder)), stdin=pipe, stdout=pipe, stderr=pipe)


def killed(process: subprocess.Popen[bytes], folder: Path) -> list[Path]:
    """Kill a process once it has a temporary file, and return what is left in the folder."""
    with process:
        wait_for_spool(process, folder)
        # The file loses its name right after it was made.
        time.sleep(0.05)
        process.kill()
        assert process.wait(PATIENCE) == -signal.SIGKILL
    return list(folder.iterdir())


def test_a_killed_run_leaves_nothing(tmp_path: Path) -> None:
    """While it reads standard input, a named pipe, or a URL."""
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    with started(temporary, "report", "-") as process:
        assert process.stdin
        process.stdin.write(TEXT)
        process.stdin.flush()
        assert killed(process, temporary) == []
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = started(temporary, "report", str(pipe))
    with pipe.open("wb") as writer:
        writer.write(TEXT)
        writer.flush()
        assert killed(reader, temporary) == []
    with answering(lambda _: (response(TEXT, size=2 * len(TEXT)), SILENCE)) as address:
        assert killed(started(temporary, "report", f"{address}/a.log"), temporary) == []


def test_a_run_in_parts_that_is_killed_leaves_nothing(tmp_path: Path) -> None:
    log, temporary = tmp_path / "access.log", tmp_path / "temporary"
    temporary.mkdir()
    with log.open("wb") as file:
        for _ in range(100):
            file.write(TEXT)
    assert killed(started(temporary, "report", str(log), in_parts=True), temporary) == []


def test_a_spool_has_no_name_while_it_is_open(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """All that is read in another form is such a file: text in Windows-1252, JSON arrays, zstd that is compared, objects of a store."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with lines.spool([TEXT], "a.log") as source, lines.respool(source, [b"x\n"]) as other:
        assert list(tmp_path.iterdir()) == []
        assert source.path.read_bytes() == TEXT
        assert other.path.read_bytes() == b"x\n"
        assert other.name == "a.log"
    assert not source.path.exists() or source.path.stat().st_size != len(TEXT)


def test_a_spool_can_be_read_by_several_readers_at_once() -> None:
    """Each of them opens the path anew, so each begins at the start; a path in /proc is no pattern either."""
    with lines.spool([TEXT], "a.log") as source:
        with ThreadPoolExecutor(4) as pool:
            heights = list(pool.map(lambda _: reader.scan(source, 0).collect().height, range(8)))
        assert heights == [len(LINES)] * 8
        assert pl.scan_csv(source.path, **CSV_AS_LINES).collect(engine="streaming").height == len(LINES)
        with source.path.open("rb") as one, source.path.open("rb") as other:
            assert one.read(10) == other.read(10) == TEXT[:10]


def test_inputs_that_are_copied_give_the_figures_of_files(tmp_path: Path) -> None:
    """In one piece and in parts, packed or not, one after the other on the same descriptors."""
    expected = fates(figures(written(tmp_path / "access.log", LINES[:100])))
    content = b"".join(TEXT.splitlines(keepends=True)[:100])
    for data, in_parts in ((content, False), (gzip.compress(content), True)):
        with started(tmp_path, "report", "-", "-f", "json", in_parts=in_parts) as process:
            out, _ = process.communicate(data, PATIENCE)
        assert fates(json.loads(out)) == expected
    assert [path.name for path in tmp_path.iterdir()] == ["access.log"]


def test_without_proc_a_spool_keeps_its_name_and_is_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(filesystem, "OPEN_FILES", tmp_path / "none")
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with lines.spool([TEXT], "a.log") as source:
        assert [source.path] == list(tmp_path.iterdir())
        assert source.path.stat().st_mode & 0o777 == 0o600
        assert figures(source.path)["input"]["lines"] == len(LINES)
    assert list(tmp_path.iterdir()) == []


def test_outputs_are_still_renamed_into_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is written needs a name next to its target."""
    seen: list[str] = []
    write_all = filesystem.write_all
    monkeypatch.setattr(filesystem, "write_all", lambda *given: (seen.extend(path.name for path in tmp_path.iterdir()), write_all(*given))[1])
    filesystem.write_file(str(tmp_path / "out.csv"), b"a\n")
    assert [name.startswith(".convkit-") for name in seen] == [True]
    assert [path.name for path in tmp_path.iterdir()] == ["out.csv"]


def test_errors_while_a_stream_is_copied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A full disk is told with its directory, and a stream that cannot be read with its name; nothing is left."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))

    def failing(number: int) -> Iterator[bytes]:
        yield TEXT
        raise OSError(number, os.strerror(number))

    for number, kind, text in (
        (
            28,
            OutputError,
            rf"the directory for temporary files \({tmp_path}\) cannot be written: No space left on device; free some space, or set TMPDIR",
        ),
        (21, InputError, "standard input cannot be read: Is a directory; .*"),
        (5, InputError, "standard input cannot be read: Input/output error; .*"),
    ):
        with pytest.raises(kind, match=f"^{text}$"), lines.spool(failing(number), "standard input"):
            pytest.fail("not reached")
    assert list(tmp_path.iterdir()) == []


def test_copies_of_zstd_are_compared_without_a_trace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log = written(tmp_path / "access.log", LINES[:20])
    packed = tmp_path / "access.zst"
    pl.scan_csv(log, **CSV_AS_LINES).sink_csv(packed, include_header=False, quote_style="never", compression="zstd", check_extension=False)
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(temporary))
    document = figures(log, packed)
    assert document["input"]["copies"]
    assert list(temporary.iterdir()) == []


def test_a_download_without_a_name_is_read_like_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with answering(lambda _: (response(TEXT),)) as address, remote.fetch(f"{address}/a.log") as source:
        assert list(tmp_path.iterdir()) == []
        assert source.path.read_bytes() == TEXT
