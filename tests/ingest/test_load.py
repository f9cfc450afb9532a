"""Every line of any log has a fate, losses are reported, and a run on a file that is not a log ends with exit code 3."""

from __future__ import annotations

import gzip
import os
import threading
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest
import runs
from hypothesis import given
from hypothesis import strategies as st
from profiles import share_of_examples
from small_logs import line, written

from convkit.errors import InputError
from convkit.files import lines
from convkit.formats.parsers.base import Assets
from convkit.ingest.load import Selection, load_logs
from convkit.ingest.logs import open_logs
from convkit.traffic import hits

if TYPE_CHECKING:
    from pathlib import Path

    from convkit.core.document import Document

LINES = [line("GET /"), line("GET /cart", 10), line("GET /style.css", 20), line("GET /pay", 30)]
TEXT = "".join(f"{text}\n" for text in LINES).encode()


def run(folder: Path, content: bytes, name: str = "access.log", **options: Any) -> Document:  # noqa: ANN401 (the options of `run`)
    """Return the shortest report on a log with this content."""
    (folder / name).write_bytes(content)
    return runs.document([folder / name], ["overview"], **options)


def fates(document: Document) -> dict[str, int]:
    """Return the fates of the lines, and check that they add up."""
    counts = {fate: number for fate, number in document.input.items() if number}
    assert counts.pop("lines", 0) == sum(counts.values())
    return counts


@pytest.mark.parametrize(
    ("content", "expected", "reasons"),
    [
        (TEXT, {"asset": 1, "kept": 3}, {}),
        (bytes(9_000) + TEXT, {"asset": 1, "kept": 3}, {}),
        (TEXT + b"a\0b\n", {"asset": 1, "kept": 3, "unparsed": 1}, {"contains zero bytes": 1}),
        (TEXT + b"a" * (lines.MAX_LINE_BYTES + 1) + b"\n", {"asset": 1, "kept": 3, "unparsed": 1}, {"longer than 1 MiB": 1}),
        (TEXT + TEXT[:40], {"asset": 1, "kept": 3, "unparsed": 1}, {"unfinished last line": 1}),
        (TEXT + TEXT[:40] + b"\n", {"asset": 1, "kept": 3, "unparsed": 1}, {"no request in quotes": 1}),
        (TEXT.removesuffix(b"\n"), {"asset": 1, "kept": 3}, {}),
        (b"", {}, {}),
        (b"\n \n\n", {"blank": 3}, {}),
        (b"# nothing\n#\n", {"comment": 2}, {}),
    ],
)
@pytest.mark.parametrize("pack", [bytes, pytest.param(gzip.compress, marks=pytest.mark.slow)])
def test_every_line_has_a_fate(tmp_path: Path, content: bytes, expected: dict[str, int], reasons: dict[str, int], pack: type[bytes]) -> None:
    document = run(tmp_path, pack(content))
    assert fates(document) == expected
    assert document.reasons["unparsed_by_reason"] == reasons
    assert document.losses == ()


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_invalid_utf_8_is_replaced_and_the_lines_are_counted(tmp_path: Path, pack: type[bytes]) -> None:
    content = TEXT.replace(b"/cart", b"/caf\xe9").replace(b"198.51.100.1 - - [10/Oct/2026:12:00:30", b"198.51.100.1 - \xff [10/Oct/2026:12:00:30")
    document = run(tmp_path, pack(content))
    assert fates(document) == {"asset": 1, "kept": 3}
    assert (
        document.losses
        == document.warnings
        == ("access.log has invalid UTF-8 in 2 lines, shown as �; if its text is in another encoding, try --set encoding=windows-1252",)
    )
    good = written(tmp_path / "good.log", [line("GET /caf%E9")])
    assert runs.document([good]).losses == ()


CUTS = (*range(0, len(LINES[0]), 7), len(LINES[0]))


@pytest.mark.parametrize("cut", [pytest.param(cut, marks=pytest.mark.slow) if cut % 3 and cut < len(LINES[0]) else cut for cut in CUTS])
def test_a_last_line_that_is_cut_anywhere_is_read_or_unfinished(tmp_path: Path, cut: int) -> None:
    document = run(tmp_path, TEXT + LINES[0].encode()[:cut])
    assert document.input["lines"] == sum(fates(document).values()) == 4 + (cut > 0)
    assert set(document.reasons["unparsed_by_reason"]) <= {"unfinished last line"}


def test_only_the_damaged_part_of_a_log_among_others_is_lost(tmp_path: Path) -> None:
    good = written(tmp_path / "good.log", [*LINES, line("GET /a", 99)])
    packed = gzip.compress("".join(f"{line('GET /', 9 * number)}\n" for number in range(2_000)).encode())
    (tmp_path / "cut.gz").write_bytes(packed[: len(packed) // 2])
    document = runs.document([good, tmp_path / "cut.gz"])
    assert fates(document)["asset"] == 1
    assert 500 < fates(document)["kept"] < 2_000
    assert document.losses == ("cut.gz is cut off in the middle of its compressed data; copy it again once it is complete",)


def test_a_log_without_a_readable_line_exits_with_code_3(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"^access\.log is cut off in the middle of its compressed data"):
        run(tmp_path, gzip.compress(TEXT)[:12])


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"\xfd7zXZ\x00\x00", r"access\.log is compressed with xz, which is not supported; unpack it first with xz -d"),
        (b"PK\x03\x04aa", r"access\.log is a damaged zip archive; copy it again"),
        (b"\0" * 257 + b"ustar\0", r"access\.log is a tar archive, which is not supported; extract it first with tar -x"),
        (b"\x28\xb5\x2f\xfd" + b"nothing", r"access\.log is damaged"),
        (TEXT.replace(b"\n", b"\r"), r"the lines of access\.log end with a bare CR; convert them first with tr '\\r' '\\n'"),
    ],
)
def test_unsupported_files_are_rejected_with_the_fix(tmp_path: Path, content: bytes, message: str) -> None:
    with pytest.raises(InputError, match=message):
        run(tmp_path, content)


def test_a_log_of_mostly_unknown_lines_exits_with_code_3_and_shows_three_without_addresses(tmp_path: Path) -> None:
    content = TEXT + b"".join(b"odd %d from 203.0.113.7 and 2001:db8::7 at 12:30:45\n" % number for number in range(9))
    with pytest.raises(InputError) as raised:
        run(tmp_path, content, log_format="combined")
    message_lines = str(raised.value).splitlines()
    assert message_lines[0].startswith("access.log: unrecognised format (the closest, combined, fits 30% of its lines); see where it differs")
    assert message_lines[1:] == [f"  odd {number} from x.x.x.x and x.x.x.x at 12:30:45" for number in range(3)]


def test_rejects_contain_the_unread_lines_without_addresses(tmp_path: Path) -> None:
    content = TEXT + b"\x1b[31mred 203.0.113.7\n" + b"y" * 900 + b"\na\0b\n" + TEXT[:30]
    rejects = run(tmp_path, content, rejects=True).rejects
    assert rejects is not None
    assert rejects.rows() == [
        ("access.log", 5, "no request in quotes", "␛[31mred x.x.x.x"),
        ("access.log", 6, "no request in quotes", "y" * 500),
        ("access.log", 7, "contains zero bytes", "a␀b"),
    ]


def test_rejects_of_a_log_without_any_are_empty(tmp_path: Path) -> None:
    rejects = run(tmp_path, TEXT, rejects=True).rejects
    assert rejects is not None
    assert rejects.schema == {"file": pl.String, "line": pl.UInt32, "reason": pl.String, "text": pl.String}
    assert rejects.is_empty()
    assert run(tmp_path, TEXT).rejects is None


def test_a_named_pipe_is_read_like_a_file(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = threading.Thread(target=pipe.write_bytes, args=(TEXT,))
    writer.start()
    document = runs.document([pipe])
    writer.join()
    assert fates(document) == {"asset": 1, "kept": 3}
    assert document.logs == ("pipe",)


def test_a_log_that_is_truncated_while_it_is_read_is_reported(tmp_path: Path) -> None:
    log = tmp_path / "access.log"
    log.write_bytes(TEXT)
    with ExitStack() as stack:
        logs = open_logs([log], "combined", stack).logs
        log.write_bytes(TEXT[: len(LINES[0]) + 1])
        loaded = load_logs(logs, Selection(Assets(), hits.select_needed))
    assert loaded.lines.collect().height == 1
    assert loaded.losses == ("access.log was truncated while it was being read; read it again, together with the file it was rotated into",)


def test_a_log_that_grows_while_it_is_read_is_read_up_to_its_original_size(tmp_path: Path) -> None:
    log = tmp_path / "access.log"
    log.write_bytes(b"\0" + TEXT)
    with ExitStack() as stack:
        logs = open_logs([log], "combined", stack).logs
        with log.open("ab") as growing:
            growing.write(TEXT)
        loaded = load_logs(logs, Selection(Assets(), hits.select_needed))
    assert loaded.lines.collect().height == len(LINES)
    assert loaded.losses == ()


def test_a_log_whose_name_is_not_valid_text_is_read(tmp_path: Path) -> None:
    names = [os.fsdecode(b"\xff.log"), "\x1b[31m.log", "a\nb.log", "[bold]*?.log", "-x"]
    for number, name in enumerate(names):
        (tmp_path / name).write_bytes(f"{line('GET /', number)}\n".encode())
    document = runs.document([tmp_path / name for name in names])
    assert fates(document) == {"kept": 5}
    assert "\ufffd.log" in document.logs


@share_of_examples(0.25)
@given(garbage=st.lists(st.one_of(st.binary(max_size=60), st.sampled_from(LINES).map(str.encode)), max_size=12), place=st.integers(0, 4))
def test_good_lines_are_read_whatever_is_between_them_and_every_line_is_counted(
    tmp_path_factory: pytest.TempPathFactory, garbage: list[bytes], place: int
) -> None:
    good = TEXT.splitlines() * 20
    mixed = [*good[:place], *(piece for raw in garbage for piece in raw.split(b"\n")), *good[place:]]
    start = b"\n".join(mixed)[:512]
    # The beginning may be that of a file of another kind.
    if lines.packing_of(start) == lines.PLAIN and not lines.unsupported_kind(start):
        document = run(tmp_path_factory.mktemp("mixed"), b"\n".join(mixed) + b"\n")
        assert document.input["lines"] == len(mixed)
        assert sum(fates(document).values()) == len(mixed)
        assert fates(document)["kept"] >= 60


@pytest.mark.parametrize(("pack", "size"), [(bytes, 2 << 20), (gzip.compress, 2 << 20), (bytes, 5 << 20)])
def test_a_single_endless_line_is_rejected(tmp_path: Path, pack: Any, size: int) -> None:  # noqa: ANN401 (bytes or a function on them)
    """No format accepts it: the only line is too long, and no writer will ever finish it."""
    with pytest.raises(InputError, match=r"access\.log: unrecognised format"):
        run(tmp_path, pack((TEXT.replace(b"\n", b" ") * (size // len(TEXT) + 1))[:size]))
