"""Logs that are read in blocks give the same lines as those that Polars reads, and damaged ones give what can be rescued."""

from __future__ import annotations

import bz2
import gzip
import random
import zlib
from contextlib import suppress
from typing import TYPE_CHECKING

import polars as pl
import pytest
from backports import zstd
from hypothesis import given
from hypothesis import strategies as st
from profiles import share_of_examples

from convkit.errors import InputError
from convkit.files import lines, reader, unpacking
from convkit.formats import load_formats, sample_lines
from convkit.formats.parsers import clf
from convkit.formats.parsers.base import Assets
from convkit.ingest.logs import Log, unwrap

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

SAMPLES = [line for name, log_format in load_formats().items() if log_format.claims() is not None for line in sample_lines(name)]
MANY = "".join(f"{line} {random.Random(number).random()}\n" for number, line in enumerate(SAMPLES * 400)).encode()
LONG = lines.MAX_LINE_BYTES


def opened(folder: Path, content: bytes) -> lines.Source:
    """Write a log and open it."""
    path = folder / "a.log"
    path.write_bytes(content)
    return lines.open_source(path, "a.log")


def tolerantly(source: lines.Source) -> tuple[list[tuple[object, ...]], list[str]]:
    """Return the lines of a log that is read in blocks, and the warnings about losses."""
    losses: list[str] = []
    return [row for frame in reader.frames(source, 0, losses) for row in frame.rows()], losses


def texts(source: lines.Source) -> list[object]:
    """Return the text of each line of a log that is read in blocks."""
    return [row[2] for row in tolerantly(source)[0]]


def records(read: pl.LazyFrame, source: lines.Source) -> pl.DataFrame:
    """Return the fields of lines in the combined format."""
    log = Log(source, 0, "combined", clf.CommonLog())
    return log.layout.scan(unwrap(read, log), Assets()).collect()


def check(folder: Path, content: bytes, pack: Callable[[bytes], bytes] = bytes) -> None:
    """Check that a plain log that Polars reads and a log read in blocks give equal lines, records and rejects."""
    plain = opened(folder, content)
    assert reader.is_read_by_polars(plain)
    whole = reader.scan(plain, 0).collect()
    quick = records(reader.scan(plain, 0), plain)
    packed = opened(folder, pack(content))
    rows, losses = tolerantly(packed)
    assert [(*row[:2], row[2] and str(row[2])[:LONG], row[3]) for row in rows] == [
        (*row[:2], row[2] and str(row[2])[:LONG], row[3]) for row in whole.rows()
    ]
    assert losses == []
    slow = records(reader.collect(packed, lambda lines: lines).lazy(), packed)
    assert slow["problem"].equals(quick["problem"])
    assert slow.filter(pl.col("problem").is_null()).equals(quick.filter(pl.col("problem").is_null()))


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\n",
        b"\n\na\n",
        b"a\n\r\nb",
        b"a\r\r\n b \r\n",
        b"a\rb\n",
        b"\xef\xbb\xbfa\n\xef\xbb\xbfb\n",
        b"caf\xe9 \xff\xe2\x82\n",
        b"\xe2\x82\xac \xf0\x9f\x98\x80 \xed\xa0\x80\n",
        b"a\x01\x0b\x0c\x1c\x1d\x85\xc2\x85\xe2\x80\xa8b\n",
        b'a"b\n"c\nd\n',
        b"y" * LONG + b"\r\nz\n" + b"y" * (LONG + 1) + b"\n" + b"x" * (3 * LONG),
        MANY,
        MANY.replace(b"\n", b"\r\n"),
    ],
)
@pytest.mark.parametrize("pack", [bytes, gzip.compress, lambda plain: gzip.compress(plain[:10]) + gzip.compress(plain[10:]), zstd.compress])
def test_both_readers_read_the_same(tmp_path: Path, content: bytes, pack: Callable[[bytes], bytes]) -> None:
    check(tmp_path, content, pack)


@share_of_examples(0.5)
@given(
    content=st.lists(st.one_of(st.binary(max_size=12), st.sampled_from([b"\n", b"\r\n", b'"', b" ", b"\\", b"\xff", b"[", b"]"])), max_size=40).map(
        b"".join
    )
)
def test_both_readers_read_the_same_from_random_bytes(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    plain = content.replace(b"\0", b"0")
    if lines.packing_of(plain) == lines.PLAIN:
        # The beginning may be that of a file of another kind.
        with suppress(InputError):
            check(tmp_path_factory.mktemp("random"), plain)


@share_of_examples(0.5)
@given(seed=st.integers(0, 10**9))
def test_both_readers_read_the_same_from_mutated_lines(tmp_path_factory: pytest.TempPathFactory, seed: int) -> None:
    rng = random.Random(seed)
    content = bytearray("".join(f"{line}\n" for line in rng.choices(SAMPLES, k=20)).encode())
    for _ in range(rng.randint(1, 30)):
        place = rng.randrange(len(content))
        content[place : place + rng.randint(0, 3)] = bytes(rng.choices(b'"\\ []\n\r-/:\xff\xc3\xa9aZ09', k=rng.randint(0, 3)))
    check(tmp_path_factory.mktemp("mutated"), bytes(content))


def test_a_truncated_gzip_file_gives_the_lines_before_the_cut(tmp_path: Path) -> None:
    packed = gzip.compress(MANY)
    rows, losses = tolerantly(opened(tmp_path, packed[: len(packed) * 2 // 3]))
    assert len(rows) > 100
    assert [row[2] for row in rows[:-1]] == MANY.decode().splitlines()[: len(rows) - 1]
    assert losses == ["a.log is cut off in the middle of its compressed data; copy it again once it is complete"]


@pytest.mark.parametrize("cut", range(1, 40))
def test_a_gzip_file_truncated_anywhere_never_fails(tmp_path: Path, cut: int) -> None:
    packed = gzip.compress(b"a\nb\n")
    if 2 <= cut < len(packed):
        rows, losses = tolerantly(opened(tmp_path, packed[:cut]))
        assert [row[2] for row in rows] == ["a", "b"][: len(rows)]
        assert len(losses) == 1


def test_a_gzip_file_with_a_wrong_checksum_is_read_and_reported(tmp_path: Path) -> None:
    packed = gzip.compress(MANY)
    rows, losses = tolerantly(opened(tmp_path, packed[:-8] + b"\1\2\3\4" + packed[-4:]))
    assert len(rows) == len(SAMPLES) * 400
    assert losses == ["a.log is damaged: it was read as far as it can be decompressed, but lines after the damage may be false"]


def test_a_gzip_file_damaged_in_the_middle_gives_the_lines_before_the_damage(tmp_path: Path) -> None:
    plain = random.Random(1).randbytes(300_000).hex().encode()
    packed = bytearray(gzip.compress(b"\n".join(plain[place : place + 100] for place in range(0, len(plain), 100))))
    packed[len(packed) // 2] ^= 0xFF
    rows, losses = tolerantly(opened(tmp_path, bytes(packed)))
    assert len(rows) > 2_000
    assert losses == ["a.log is damaged: it was read as far as it can be decompressed, but lines after the damage may be false"]


def test_zeros_after_gzip_data_are_padding_and_garbage_is_reported(tmp_path: Path) -> None:
    assert tolerantly(opened(tmp_path, gzip.compress(b"a\n") + bytes(512) + gzip.compress(b"b\n") + bytes(3))) == (
        [(0, 1, "a", None), (0, 2, "b", None)],
        [],
    )
    rows, losses = tolerantly(opened(tmp_path, gzip.compress(b"a\n") + b"rubbish"))
    assert [row[2] for row in rows] == ["a"]
    assert losses == ["a.log has bytes after its compressed data that are not gzip; they were ignored"]


def test_bzip2_is_read_even_if_it_is_truncated(tmp_path: Path) -> None:
    assert texts(opened(tmp_path, bz2.compress(b"a\n") + bz2.compress(b"b\n"))) == ["a", "b"]
    packed = bz2.compress(MANY, 1) * 3
    rows, losses = tolerantly(opened(tmp_path, packed[:-20]))
    assert len(rows) >= len(SAMPLES) * 400 * 2
    assert losses == ["a.log is damaged and was read only up to the damage; copy it again to get the rest"]


def test_zero_bytes_are_a_hole_before_a_line_and_a_fault_inside_one(tmp_path: Path) -> None:
    content = bytes(8_192) + b"good\nb\0ad\n\0\n" + bytes(3 << 20) + b"last"
    rows, _ = tolerantly(opened(tmp_path, content))
    assert rows == [(0, 1, "good", None), (0, 2, "b\0ad", "contains zero bytes"), (0, 3, None, None), (0, 4, "last", None)]


def test_a_line_of_a_gibibyte_is_one_fault_and_takes_little_memory(tmp_path: Path) -> None:
    packer, piece = zlib.compressobj(1, wbits=31), bytes(1 << 20).replace(b"\0", b"y")
    packed = b"".join([packer.compress(b"a\n"), *(packer.compress(piece) for _ in range(256)), packer.compress(b"\nz\n"), packer.flush()])
    frames = list(reader.frames(opened(tmp_path, packed), 0, []))
    assert [(row[1], row[3]) for frame in frames for row in frame.rows()] == [(1, None), (2, "longer than 1 MiB"), (3, None)]
    assert sum(frame.estimated_size() for frame in frames) < 4 * LONG


@pytest.mark.parametrize(("content", "expected"), [(b"a\nb\n", True), (b"a\nb", False), (b"", False), (b"\n", True)])
@pytest.mark.parametrize("pack", [bytes, gzip.compress, bz2.compress])
def test_a_log_is_finished_if_its_last_line_ends_in_a_line_break(
    tmp_path: Path, content: bytes, pack: Callable[[bytes], bytes], *, expected: bool
) -> None:
    assert unpacking.ends_with_newline(opened(tmp_path, pack(content))) is expected
