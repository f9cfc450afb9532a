"""The slow reader, for what the fast one cannot read: cut and damaged gzip, bzip2, zip, UTF-16, zero bytes.

It keeps what can be kept and says what is lost. Its lines are those of the fast reader wherever both can read: tests compare them on every sample,
on mutated lines and on random bytes.
"""

from __future__ import annotations

import bz2
import codecs
import zlib
from itertools import chain
from typing import TYPE_CHECKING

import polars as pl

from convkit.core.schema import TOO_LONG
from convkit.files import archives
from convkit.files.lines import BZIP2, GZIP, MAX_LINE_BYTES, UTF_16, ZIP, add_source_and_fault, packing_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from convkit.files.lines import Source

_CHUNK = 1 << 20
_BLOCK = 32 << 20
_MAX_KEPT = MAX_LINE_BYTES + 2
"""Bytes that show that a line is too long, a carriage return at their end taken off."""
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_LINE_END = b"\n"


def frames(source: Source, number: int, losses: list[str], hear: Callable[[int], None] | None = None) -> Iterator[pl.DataFrame]:
    """Yield the lines of a log in frames of some 32 MB, the first of them empty, as `lines.scan` returns them; what was lost is added to `losses`.

    `hear` hears of every piece how many bytes of the file it took.
    """
    line_no, line = 1, pl.col("line")
    faults = {TOO_LONG: line.str.len_bytes() > MAX_LINE_BYTES, "zero bytes inside": line.str.contains("\0", literal=True)}
    yield add_source_and_fault(pl.DataFrame(schema={"line_no": pl.UInt32, "line": pl.String}), number, faults)
    for block in _blocks(unpacked_bytes(source, losses, hear)):
        found = [_line(raw) for raw in block.removesuffix(b"\n").split(b"\n")]
        frame = pl.DataFrame({"line": found}, schema={"line": pl.String}).with_row_index("line_no", offset=line_no)
        yield add_source_and_fault(frame, number, faults)
        line_no += frame.height


def ends_with_newline(source: Source) -> bool:
    """Tell logs whose last line has an end."""
    last = b""
    for piece in unpacked_bytes(source, []):
        last = piece[-1:] or last
    return last == b"\n"


def _line(raw: bytes) -> str | None:
    """Return a line as text; zero bytes in front are the hole that a log cut under its writer leaves."""
    return raw.lstrip(b"\0").removesuffix(b"\r").decode("utf-8", "replace") or None


def _blocks(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """Yield whole lines, many at a time; of a line that is too long, as much as shows that it is."""
    rest, is_cut = bytearray(), False
    for piece in pieces:
        last = piece.rfind(b"\n") + 1
        if is_cut:
            first = piece.find(b"\n")
            piece, last = (piece[first:], last - first) if first >= 0 else (b"", 0)  # noqa: PLW2901 (what belongs to the cut line is gone)
            is_cut = first < 0
        if last and len(rest) + last >= _BLOCK:
            yield bytes(rest) + piece[:last]
            rest, piece = bytearray(), piece[last:]  # noqa: PLW2901
        rest += piece
        is_cut = _cut_long_line(rest) or is_cut
    if rest:
        yield bytes(rest)


def _cut_long_line(rest: bytearray) -> bool:
    """Cut the line at the end where it is too long already, and tell so; zero bytes in front of it do not count."""
    begins = rest.rfind(b"\n") + 1
    if len(rest) - begins <= _MAX_KEPT:
        return False
    line = rest[begins:].lstrip(b"\0")
    rest[begins:] = line[:_MAX_KEPT]
    return len(line) > _MAX_KEPT


def unpacked_bytes(source: Source, losses: list[str], hear: Callable[[int], None] | None = None) -> Iterator[bytes]:
    """Yield the bytes of a log, unpacked, as UTF-8 without a byte order mark."""
    if source.packing != ZIP:
        unpack = _UNPACKERS.get(source.packing)
        yield from _as_utf_8(unpack(_plain_bytes(source, hear), source, losses) if unpack else _plain_bytes(source, hear))
        return
    for number, member in enumerate(source.members):
        yield from _member_bytes(source, member, losses)
        if number < len(source.members) - 1:
            yield b"\n"
    if hear:
        hear(source.size)


def text_up_to(source: Source, most: int) -> str | None:
    """Return the text of a log, None where it has more bytes than that."""
    parts, size = [], 0
    for part in unpacked_bytes(source, []):
        parts.append(part)
        size += len(part)
        if size > most:
            return None
    return b"".join(parts).decode("utf-8", "replace")


def _member_bytes(source: Source, member: str, losses: list[str]) -> Iterator[bytes]:
    """Yield the bytes of a member of an archive, which may be packed once more, up to where it is damaged; its last line without an end."""
    held = b""
    try:
        pieces = archives.member_bytes(source, member)
        first = next(pieces, b"")
        unpack = _UNPACKERS.get(packing_of(first))
        whole = chain([first], pieces)
        for piece in _as_utf_8(unpack(whole, source, losses) if unpack else whole):
            yield held + piece[: -len(_LINE_END)]
            held = piece[-len(_LINE_END) :]
    except archives.DAMAGE_ERRORS:
        losses.append(_damaged_sentence(source))
    yield held.removesuffix(_LINE_END)


def _as_utf_8(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """Yield a text's bytes without the mark that says how it is written: UTF-8, or UTF-16, which is turned into it."""
    first = b""
    while len(first) < len(_BYTE_ORDER_MARK) and (piece := next(pieces, b"")):
        first += piece
    if packing_of(first) == UTF_16:
        decoder = codecs.getincrementaldecoder("utf-16")("replace")
        yield from (decoder.decode(piece).encode("utf-8", "replace") for piece in chain([first], pieces))
        yield decoder.decode(b"", final=True).encode("utf-8", "replace")
        return
    if first:
        yield first.removeprefix(_BYTE_ORDER_MARK)
    yield from pieces


def _plain_bytes(source: Source, hear: Callable[[int], None] | None) -> Iterator[bytes]:
    """Yield the bytes of a plain file, but not those that were written since it was opened: a log may grow faster than it is read."""
    left = source.size
    with source.path.open("rb") as file:
        while piece := file.read(min(_CHUNK, left)):
            left -= len(piece)
            if hear:
                hear(len(piece))
            yield piece


def _gzip_bytes(pieces: Iterator[bytes], source: Source, losses: list[str]) -> Iterator[bytes]:
    """Yield what a gzip file holds, in one or several members, up to where it is damaged; zeros behind a member are padding."""
    unpacker, members, is_open = zlib.decompressobj(wbits=31), 0, False
    for left in pieces:
        while left if is_open else (left := left.lstrip(b"\0")):
            before, was_open, is_open = unpacker.copy(), is_open, True
            try:
                piece = unpacker.decompress(left, _CHUNK)
            except zlib.error:
                found = _until_damage(before, left)
                yield found
                losses.append(_damaged_sentence(source) if was_open or found or not members else _trailing_sentence(source))
                return
            yield piece
            left = unpacker.unconsumed_tail  # noqa: PLW2901 (what is left of it)
            if unpacker.eof:
                left, unpacker, members, is_open = unpacker.unused_data, zlib.decompressobj(wbits=31), members + 1, False  # noqa: PLW2901
    if is_open:
        yield unpacker.flush()
        losses.append(f"{source.name} ends in the middle of its packed data; what comes before is read; copy it again when it is complete")


def _until_damage(unpacker: zlib._Decompress, packed: bytes) -> bytes:
    """Unpack byte by byte, which shows the most of what stands before the damage."""
    found = bytearray()
    try:
        for place in range(len(packed)):
            found += unpacker.decompress(packed[place : place + 1])
    except zlib.error:
        pass
    return bytes(found)


def _bzip2_bytes(pieces: Iterator[bytes], source: Source, losses: list[str]) -> Iterator[bytes]:
    """Yield what a bzip2 file holds, in one or several streams, up to where it is damaged."""
    unpacker, is_open = bz2.BZ2Decompressor(), False
    for left in pieces:
        while left or not unpacker.needs_input:
            is_open = True
            try:
                piece = unpacker.decompress(left, _CHUNK)
            except OSError:
                losses.append(_damaged_sentence(source))
                return
            yield piece
            left = b""  # noqa: PLW2901 (it is in the unpacker now)
            if unpacker.eof:
                left, unpacker, is_open = unpacker.unused_data, bz2.BZ2Decompressor(), False  # noqa: PLW2901 (what is left of it)
    if is_open:
        losses.append(_damaged_sentence(source))


def _damaged_sentence(source: Source) -> str:
    return f"{source.name} is damaged; what comes before the damage is read; copy it again for the rest"


def _trailing_sentence(source: Source) -> str:
    return f"{source.name} goes on behind its packed data with what is no gzip; that is left out"


_UNPACKERS = {GZIP: _gzip_bytes, BZIP2: _bzip2_bytes}
