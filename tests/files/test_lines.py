"""The fast reader: plain, gz and zst files give the same lines, every line is counted, and errors name the reason."""

from __future__ import annotations

import base64
import gzip
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from convkit.errors import ExitCode, InputError
from convkit.files import lines, reader, sampling

if TYPE_CHECKING:
    from pathlib import Path

    from convkit.files.lines import Source

TEXT = (
    '203.0.113.7 - - [10/Oct/2026:13:55:36 +0000] "GET /cart HTTP/1.1" 200 5 "-" "Opera/12.0"\n'
    '203.0.113.7 - - [10/Oct/2026:13:55:37 +0000] "GET /pay HTTP/1.1" 200 5 "-" "Opera/12.0"\n'
)
ZSTD = base64.b64decode(
    "KLUv/QBY7QIA0sUTGZCnbcu2WpDlPwgg5b9pmYhlb65ubuN1egKJdSCA/TRxIYijMFsxG/9qy0ssKEVwgiwDrQQD8+H/Az6bjEmb6egVE6PAp8HFxeg28357DQMAW3AG5MtyZDgD"
)
"""TEXT compressed with zstd, which the standard library does not support."""


def source(path: Path, content: bytes) -> Source:
    """Write a log and open it."""
    path.write_bytes(content)
    return lines.open_source(path, path.name)


def read(log: Source) -> list[tuple[int, str | None]]:
    """Return the number and the text of every line."""
    return reader.collect(log, lambda lines: lines.select("line_no", "line")).rows()


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("access.log", TEXT.encode()),
        ("access.log.gz", gzip.compress(TEXT.encode())),
        ("access.log.zst", ZSTD),
        ("access.log", gzip.compress(TEXT.encode())),
        ("access.log.1", ZSTD),
        ("plain.gz", TEXT.encode()),
        ("plain.zst", TEXT.encode()),
        ("two members.gz", gzip.compress(TEXT.encode()[:20]) + gzip.compress(TEXT.encode()[20:])),
        ("windows.log", TEXT.replace("\n", "\r\n").encode()),
        ("mark.log", b"\xef\xbb\xbf" + TEXT.encode()),
        ("no end.log", TEXT.encode().rstrip(b"\n")),
        ("[1] *?.log", TEXT.encode()),
    ],
)
def test_the_content_of_a_file_decides_how_it_is_read_not_its_name(tmp_path: Path, name: str, content: bytes) -> None:
    log = source(tmp_path / name, content)
    assert read(log) == list(enumerate(TEXT.splitlines(), start=1))
    assert sampling.sample(log).to_list() == TEXT.splitlines()


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"", []),
        (b"\n\na\n", [(1, None), (2, None), (3, "a")]),
        (b"a\n\r\nb", [(1, "a"), (2, None), (3, "b")]),
        (b'a"b\n"c\nd\n', [(1, 'a"b'), (2, '"c'), (3, "d")]),
        (b"a,b;c\td\n", [(1, "a,b;c\td")]),
        (b"caf\xe9 \xff\n", [(1, "caf\ufffd \ufffd")]),
        ("café ☃\n".encode(), [(1, "café ☃")]),
        (b"# comment\n", [(1, "# comment")]),
    ],
)
def test_every_line_is_returned_with_its_number(tmp_path: Path, content: bytes, expected: list[tuple[int, str | None]]) -> None:
    assert read(source(tmp_path / "access.log", content)) == expected


def test_a_line_of_a_megabyte_is_one_line(tmp_path: Path) -> None:
    lines_read = read(source(tmp_path / "access.log", b"x" * (1 << 20) + b"\nshort\n"))
    assert [len(line or "") for _, line in lines_read] == [1 << 20, 5]


@given(st.lists(st.text(st.characters(codec="utf-8", exclude_categories=["C", "Zl", "Zp"]), max_size=30), max_size=8), st.booleans())
def test_lines_come_back_as_they_were_written(tmp_path_factory: pytest.TempPathFactory, texts: list[str], ends: bool) -> None:  # noqa: FBT001 (drawn)
    content = "\n".join(texts) + ("\n" if ends and texts else "")
    lines_read = read(source(tmp_path_factory.mktemp("log") / "access.log", content.encode()))
    expected = [line or None for line in content.removesuffix("\n").split("\n")] if content else []
    assert [line for _, line in lines_read] == expected


def test_the_sample_of_a_large_file_covers_all_of_it_in_whole_lines(tmp_path: Path) -> None:
    written = [f"line {number:07} of a long log" for number in range(200_000)]
    sampled = sampling.sample(source(tmp_path / "access.log", "\n".join(written).encode())).to_list()
    assert len(sampled) <= 20_000
    assert set(sampled) <= set(written)
    assert len(set(sampled)) == len(sampled)
    assert sampled[0] == written[0]
    numbers = [int(line.split()[1]) for line in sampled]
    assert max(numbers) > 190_000
    assert sum(50_000 < number < 150_000 for number in numbers) > 5_000


def test_a_stream_that_can_be_read_only_once_is_copied_to_a_temporary_file() -> None:
    with lines.spool([gzip.compress(TEXT.encode())], "standard input") as log:
        assert log.name == "standard input"
        assert [line for _, line in read(log)] == TEXT.splitlines()
        assert log.path.exists()
    assert not log.path.exists()


def test_a_file_that_cannot_be_opened_is_reported_with_the_reason(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"missing\.log cannot be read: No such file") as raised:
        lines.open_source(tmp_path / "missing.log", "missing.log")
    assert raised.value.exit_code == ExitCode.INPUT == 3
