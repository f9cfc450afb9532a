"""Whatever bytes a log consists of, and however they are packed, it is read in little memory and time, and what is lost is told."""

from __future__ import annotations

import bz2
import gzip
import io
import os
import subprocess
import sys
import zipfile
from typing import TYPE_CHECKING

import pytest
import runs
from as_program import PEAK, environment
from backports import zstd
from hypothesis import given
from hypothesis import strategies as st
from profiles import share_of_examples
from small_logs import line, written

from convkit.engine import partition
from convkit.errors import InputError
from convkit.files import lines, reader, unpacking, zstandard
from convkit.files import paths as files_paths
from convkit.ingest import load

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from conftest import Run

ROWS = {
    "F1": "test_zero_bytes_take_little_memory",
    "F6": "test_endless_lines_and_blank_lines_take_little_memory",
    "F8": "tests/field/test_never_silent.py::test_lines_of_another_kind_are_warned_of_with_the_largest_reasons",
    "F14": "test_zstandard_is_read_like_any_other_packing",
    "F35": "test_a_log_that_is_renamed_while_it_is_read_is_read_whole",
    "A21": "test_zero_bytes_take_little_memory",
    "A22": "test_endless_lines_and_blank_lines_take_little_memory",
    "A23": "test_endless_lines_and_blank_lines_take_little_memory",
    "A26": "tests/ingest/test_load.py::test_every_line_has_a_fate",
    "A28": "tests/ingest/test_load.py::test_unsupported_files_are_rejected_with_the_fix",
    "A35": "tests/files/test_paths.py::test_a_file_name_that_looks_like_a_glob_stands_for_the_file",
    "A37": "test_a_log_that_is_renamed_while_it_is_read_is_read_whole",
    "A45": "test_endless_lines_and_blank_lines_take_little_memory",
    "A38": "test_lines_that_are_appended_while_a_log_is_read_are_left_out",
}

MEBIBYTE = 1 << 20
GOOD = [line(f"GET /page/{number}", number) for number in range(40)]
TEXT = "".join(f"{text}\n" for text in GOOD).encode()
MOST = 360
"""The peak in MiB of a run on any of these logs; one on an ordinary log takes 120."""
PACKINGS: dict[str, Callable[[bytes], bytes]] = {"plain": bytes, "gz": gzip.compress, "bz2": bz2.compress, "zst": zstd.compress}


def peak(log: Path, *options: str) -> tuple[int, str]:
    """Return the peak memory in MiB of a run on a log, and the number of its page views."""
    command = [sys.executable, "-c", PEAK, "overview", str(log), "-f", "csv", *options]
    process = subprocess.run(command, capture_output=True, text=True, check=True, env=environment())
    views = next(row for row in process.stdout.splitlines() if row.startswith("pageviews,"))
    return int(process.stderr.split()[-1]) // 1024, views.partition(",")[2]


def hole(path: Path, size: int) -> None:
    """Write a log that begins with a hole, as `copytruncate` leaves it."""
    with path.open("wb") as file:
        file.truncate(size)
        file.seek(size)
        file.write(TEXT)


@pytest.mark.skipif(sys.platform != "linux", reason="peaks are given in other units elsewhere")
@pytest.mark.parametrize(
    "write",
    [
        pytest.param(lambda path: hole(path, 1 << 40), id="a hole of a tebibyte"),
        pytest.param(lambda path: path.write_bytes(bytes(8 * MEBIBYTE) + TEXT), id="zero bytes on disk"),
        pytest.param(lambda path: path.write_bytes(TEXT[:1000] + bytes(8 * MEBIBYTE) + TEXT[1000:] + b"\n"), id="inside", marks=pytest.mark.slow),
        pytest.param(lambda path: path.write_bytes(gzip.compress(bytes(64 * MEBIBYTE) + TEXT)), id="packed", marks=pytest.mark.slow),
    ],
)
def test_zero_bytes_take_little_memory(tmp_path: Path, write: Callable[[Path], object]) -> None:
    write(tmp_path / "access.log")
    megabytes, views = peak(tmp_path / "access.log")
    assert megabytes < MOST
    assert int(views) in {39, 40}


ENDLESS = b"x" * (96 * MEBIBYTE) + b"\n"


def zipped(content: bytes) -> bytes:
    """Return a zip archive with one file."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("access.log", content)
    return packed.getvalue()


@pytest.mark.skipif(sys.platform != "linux", reason="peaks are given in other units elsewhere")
@pytest.mark.parametrize(
    "content",
    [
        pytest.param(lambda: zstd.compress(ENDLESS + TEXT), id="zst"),
        pytest.param(lambda: gzip.compress(ENDLESS, 1) + gzip.compress(TEXT), id="the first of two gzip members"),
        pytest.param(lambda: TEXT[:400] + b"\n" + ENDLESS + TEXT, id="plain", marks=pytest.mark.slow),
        pytest.param(lambda: bz2.compress(ENDLESS + TEXT), id="bz2", marks=pytest.mark.slow),
        pytest.param(lambda: zipped(ENDLESS + TEXT), id="zip", marks=pytest.mark.slow),
        pytest.param(lambda: gzip.compress(b"\n" * (16 * MEBIBYTE) + TEXT), id="newlines", marks=pytest.mark.slow),
    ],
)
def test_endless_lines_and_blank_lines_take_little_memory(tmp_path: Path, content: Callable[[], bytes]) -> None:
    (tmp_path / "access.log").write_bytes(content())
    megabytes, views = peak(tmp_path / "access.log", "--memory", "256MiB")
    assert megabytes < MOST
    assert int(views) >= 40


@pytest.mark.parametrize("pack", PACKINGS.values(), ids=PACKINGS)
def test_a_log_that_decompresses_to_too_much_is_refused_unless_it_is_allowed(
    convkit_command: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pack: Callable[[bytes], bytes]
) -> None:
    """Only the ratio and the size together are suspicious, so a small log and a log that is packed as usual are read."""
    monkeypatch.setattr(unpacking, "_LARGE", 100_000)
    bomb, usual = tmp_path / "bomb.log", tmp_path / "usual.log"
    bomb.write_bytes(pack(TEXT + b"x" * 5_000_000 + b"\n" + TEXT))
    usual.write_bytes(pack("".join(f"{line(f'GET /page/{number * 7919 % 99_991}', number)}\n" for number in range(1_500)).encode()))
    assert convkit_command("overview", str(usual), "--bots", "keep")[0] == 0
    code, _, err = convkit_command("overview", str(bomb))
    if pack is bytes:
        assert code == 0
        return
    assert code == 3
    assert "convkit: error: bomb.log decompresses to more than " in err
    assert err.endswith("over 200 times its compressed size; if it is a log, allow more with --max-unpacked SIZE\n")
    assert convkit_command("overview", str(bomb), "--max-unpacked", "1GiB")[0] == 0
    assert "more than 1 MiB; if it is a log" in convkit_command("overview", str(bomb), "--max-unpacked", "1MiB")[2]
    assert convkit_command("overview", str(bomb), "--max-unpacked", "lots")[0] == 2


def test_a_log_that_decompresses_to_too_much_is_refused_before_its_lines_are_parsed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unpacking, "_LARGE", 100_000)
    monkeypatch.setattr(unpacking, "_ENOUGH_TO_JUDGE", 1_000_000)
    monkeypatch.setattr(partition, "load_logs", lambda *_, **__: pytest.fail("its lines are parsed"))
    (tmp_path / "access.log").write_bytes(gzip.compress(TEXT + b"\n" * 5_000_000))
    with pytest.raises(InputError, match=r"decompresses to more than .* --max-unpacked SIZE"):
        runs.document([tmp_path / "access.log"], ["overview"])


SKIPPED = b"\x50\x2a\x4d\x18\x04\0\0\0abcd"
ZSTANDARD = {
    "a frame": zstd.compress(TEXT),
    "two frames": zstd.compress(TEXT[:1000]) + zstd.compress(TEXT[1000:]),
    "a skippable frame in front": SKIPPED + zstd.compress(TEXT),
    "a skippable frame between": zstd.compress(TEXT[:1000]) + SKIPPED + zstd.compress(TEXT[1000:]),
    "zero bytes in front of a line": zstd.compress(TEXT[: TEXT.index(b"\n") + 1] + bytes(100) + TEXT[TEXT.index(b"\n") + 1 :]),
}


@pytest.mark.parametrize("packed", ZSTANDARD.values(), ids=ZSTANDARD)
def test_zstandard_is_read_like_any_other_packing(tmp_path: Path, packed: bytes) -> None:
    (tmp_path / "access.log").write_bytes(packed)
    assert runs.document([tmp_path / "access.log"], ["overview"]).input["kept"] == 40


def test_a_damaged_zstandard_log_is_read_up_to_the_damage(tmp_path: Path) -> None:
    (tmp_path / "access.log").write_bytes(zstd.compress(TEXT) + zstd.compress(TEXT)[:-9])
    document = runs.document([tmp_path / "access.log"], ["overview"])
    assert document.input["kept"] >= 40
    assert document.losses == ("access.log is damaged and was read only up to the damage; copy it again to get the rest",)


def test_without_the_module_zstandard_is_read_by_polars_unless_it_may_be_a_bomb(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(zstandard, "_module", lambda: None)
    (tmp_path / "access.log").write_bytes(ZSTANDARD["two frames"])
    assert runs.document([tmp_path / "access.log"], ["overview"]).input["kept"] == 40
    refusals = {
        ZSTANDARD["two frames"][:-9]: "access.log is damaged, or compressed in a way that is not supported; copy it again, or install",
        ZSTANDARD["a skippable frame in front"]: "access.log contains data compressed with zstd; install",
    }
    for packed, refusal in refusals.items():
        (tmp_path / "access.log").write_bytes(packed)
        with pytest.raises(InputError, match=refusal):
            runs.document([tmp_path / "access.log"], ["overview"])
    (tmp_path / "access.log").write_bytes(zstd.compress(ENDLESS))
    with pytest.raises(InputError, match=r"access.log may decompress to .* times its size; .*pip install backports\.zstd"):
        runs.document([tmp_path / "access.log"], ["overview"])


@share_of_examples(0.3)
@given(
    content=st.lists(st.one_of(st.binary(max_size=9), st.sampled_from([b"\n", b"\r\n", b"\0\0", TEXT[:90], b"\xff"])), max_size=30).map(b"".join),
    cut=st.integers(1, 60),
)
def test_blocks_of_any_size_give_the_same_lines(tmp_path_factory: pytest.TempPathFactory, content: bytes, cut: int) -> None:
    path = tmp_path_factory.mktemp("blocks") / "access.log"
    path.write_bytes(b"a\n" + content)
    source = lines.open_source(path, "access.log")

    def rows() -> list[tuple[object, ...]]:
        return [row for frame in reader.frames(source, 0, []) for row in frame.rows()]

    whole = rows()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reader, "_BLOCK", cut)
        patch.setattr(reader, "_MAX_LINES", 2)
        patch.setattr(unpacking, "_CHUNK", cut)
        assert rows() == whole
    assert [row[1] for row in whole] == [*range(1, len(whole) + 1)]


def test_a_log_with_more_lines_than_its_size_suggests_is_read_onto_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The sampled lines are long, all others blank."""
    log = written(tmp_path / "access.log", GOOD)
    expected = runs.document([log], ["overview"])
    on_disk = []
    monkeypatch.setattr(partition.MemoryBudget, "holds", lambda *_: True)
    monkeypatch.setattr(partition.MemoryBudget, "fits", lambda _, records, others: records + others < 20)
    read_onto_disk = partition._on_disk  # noqa: SLF001 (whether it is called is the question)
    monkeypatch.setattr(partition, "_on_disk", lambda *given: on_disk.append(1) or read_onto_disk(*given))
    assert runs.document([log], ["overview"]).input == expected.input
    assert on_disk


@pytest.mark.skipif(not os.path.exists("/proc/self/fd"), reason="no paths for open files")  # noqa: PTH110 (no path of its own)
@pytest.mark.parametrize("change", [lambda log: log.rename(log.with_name("old.log")), lambda log: log.unlink()], ids=["renamed", "removed"])
def test_a_log_that_is_renamed_while_it_is_read_is_read_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, change: Callable[[Path], object]
) -> None:
    log = written(tmp_path / "access.log", GOOD)
    read = load.load_logs

    def changed_first(*given: object, **options: object) -> object:
        change(log)
        log.write_text("new\n", encoding="utf-8")
        return read(*given, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(partition, "load_logs", changed_first)
    document = runs.document([log], ["overview"])
    assert document.input["kept"] == 40
    assert document.warnings == ()


def test_lines_that_are_appended_while_a_log_is_read_are_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "access.log").write_bytes(gzip.compress(TEXT))
    opened = files_paths.open_sources

    def appended(*given: object) -> object:
        sources = opened(*given)  # type: ignore[arg-type]
        with (tmp_path / "access.log").open("ab") as file:
            file.write(gzip.compress(TEXT))
        return sources

    monkeypatch.setattr("convkit.ingest.logs.open_sources", appended)
    assert runs.document([tmp_path / "access.log"], ["overview"]).input["kept"] == 40
