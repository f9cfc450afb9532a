"""A log is a copy if another log begins with all of its content; a few equal lines do not make it one."""

from __future__ import annotations

import bz2
import gzip
from typing import TYPE_CHECKING

import polars as pl
import pytest
import runs
from small_logs import line, written

from convkit.files import lines
from convkit.files.copies import without_copies

if TYPE_CHECKING:
    from pathlib import Path

TEXT = b"".join(b"line %d of a log\n" % number for number in range(20_000))
WARNING = "{} was skipped: {} already contains all of its lines"


def sift(folder: Path, **contents: bytes) -> tuple[list[str], list[str]]:
    """Write logs with these contents; return the names of those that are not copies, and the warnings about the others."""
    sources = []
    for name, content in contents.items():
        (folder / name).write_bytes(content)
        sources.append(lines.open_source(folder / name, name))
    originals, warnings = without_copies(sources)
    return [source.name for source in originals], warnings


@pytest.mark.parametrize("pack", [bytes, gzip.compress, bz2.compress])
def test_the_first_of_equal_logs_is_read_however_they_are_compressed(tmp_path: Path, pack: type[bytes]) -> None:
    assert sift(tmp_path, a=TEXT, b=pack(TEXT), c=TEXT[:-1]) == (["a"], [WARNING.format("b", "a"), WARNING.format("c", "a")])


def test_the_longer_log_is_read_whatever_the_order(tmp_path: Path) -> None:
    assert sift(tmp_path, a=TEXT[:1_000], b=b"other\n", c=TEXT) == (["b", "c"], [WARNING.format("a", "c")])


def test_logs_that_only_begin_alike_are_two_logs(tmp_path: Path) -> None:
    assert sift(tmp_path, a=TEXT + b"x\n", b=TEXT + b"y\n", c=b"", d=b"") == (["a", "b", "c", "d"], [])
    assert sift(tmp_path, a=TEXT[17:], b=TEXT) == (["a", "b"], [])


def test_a_copy_compressed_with_zstd_is_recognised(tmp_path: Path) -> None:
    """Polars compresses the log, because the standard library does not support zstd."""
    rows = pl.DataFrame({"line": TEXT.decode().splitlines()})
    pl.LazyFrame(rows).sink_csv(tmp_path / "packed", include_header=False, quote_style="never", compression="zstd", check_extension=False)
    packed = (tmp_path / "packed").read_bytes()
    assert packed[:4] == b"\x28\xb5\x2f\xfd"
    assert sift(tmp_path, a=packed, b=TEXT, c=packed[:-30]) == (["a"], [WARNING.format("b", "a"), WARNING.format("c", "a")])


def test_links_are_the_log_itself_and_a_copy_is_reported(tmp_path: Path) -> None:
    log = written(tmp_path / "access.log", [line("GET /"), line("GET /cart", 5)])
    (tmp_path / "link.log").symlink_to(log)
    (tmp_path / "hard.log").hardlink_to(log)
    (tmp_path / "copy.gz").write_bytes(gzip.compress(log.read_bytes()))
    document = runs.document([log, tmp_path / "link.log", tmp_path / "hard.log"])
    assert (document.input["lines"], document.warnings) == (2, ())
    document = runs.document([log, tmp_path / "copy.gz"])
    assert (document.input["lines"], document.warnings, document.losses) == (2, (WARNING.format("copy.gz", "access.log"),), ())
