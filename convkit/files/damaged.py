"""The slow, tolerant reader, for logs that the fast one cannot read: truncated or damaged gzip, bzip2, zip, UTF-16, zero bytes.

It keeps what it can and reports what is lost. If both readers can read a log, they return the same lines: tests compare them on every sample, on
mutated lines and on random bytes.
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
_MAX_BYTES_KEPT = MAX_LINE_BYTES + 2
"""The number of bytes kept of a long line: enough to show that it is too long, even after a final carriage return has been removed."""
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_LINE_END = b"\n"


def frames(source: Source, number: int, losses: list[str], advance: Callable[[int], None] | None = None) -> Iterator[pl.DataFrame]:
    """Yield the lines of a log as `lines.scan` would, in frames of about 32 MB, the first of them empty; add a sentence to `losses` for each loss.

    `advance` is called with the number of bytes read from the file for each chunk.
    """
    line_no, line = 1, pl.col("line")
    faults = {TOO_LONG: line.str.len_bytes() > MAX_LINE_BYTES, "contains zero bytes": line.str.contains("\0", literal=True)}
    yield add_source_and_fault(pl.DataFrame(schema={"line_no": pl.UInt32, "line": pl.String}), number, faults)
    for block in _blocks(unpacked_bytes(source, losses, advance)):
        lines = [_line(raw) for raw in block.removesuffix(b"\n").split(b"\n")]
        frame = pl.DataFrame({"line": lines}, schema={"line": pl.String}).with_row_index("line_no", offset=line_no)
        yield add_source_and_fault(frame, number, faults)
        line_no += frame.height


class FalseLinesLoss(str):
    """A sentence about damage that was noticed later than it occurred, so that some of the lines read may be false.

    The checksum of gzip and zip is at the end of their data; until then, damage makes them repeat the wrong parts of earlier lines.
    """

    __slots__ = ()


def may_have_false_lines(source: Source) -> bool:
    """Return whether a log is damaged in such a way that some of its lines may be false."""
    losses: list[str] = []
    if source.packing in {GZIP, ZIP}:
        for _ in unpacked_bytes(source, losses):
            pass
    return any(isinstance(loss, FalseLinesLoss) for loss in losses)


def ends_with_newline(source: Source) -> bool:
    """Return whether the last line of a log ends with a newline."""
    last = b""
    for chunk in unpacked_bytes(source, []):
        last = chunk[-1:] or last
    return last == b"\n"


def _line(raw: bytes) -> str | None:
    """Return a line as text; leading zero bytes are the gap left in a log that was truncated while being written."""
    return raw.lstrip(b"\0").removesuffix(b"\r").decode("utf-8", "replace") or None


def _blocks(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Yield whole lines in blocks, but only the beginning of a line that is too long: enough to show that it is."""
    rest, is_cut = bytearray(), False
    for chunk in chunks:
        last = chunk.rfind(b"\n") + 1
        if is_cut:
            first = chunk.find(b"\n")
            chunk, last = (chunk[first:], last - first) if first >= 0 else (b"", 0)  # noqa: PLW2901 (the rest of the cut line is dropped)
            is_cut = first < 0
        if last and len(rest) + last >= _BLOCK:
            yield bytes(rest) + chunk[:last]
            rest, chunk = bytearray(), chunk[last:]  # noqa: PLW2901 (the remaining bytes)
        rest += chunk
        is_cut = _cut_long_line(rest) or is_cut
    if rest:
        yield bytes(rest)


def _cut_long_line(rest: bytearray) -> bool:
    """Cut the last line if it is already too long, and return whether it was; leading zero bytes do not count."""
    start = rest.rfind(b"\n") + 1
    if len(rest) - start <= _MAX_BYTES_KEPT:
        return False
    line = rest[start:].lstrip(b"\0")
    rest[start:] = line[:_MAX_BYTES_KEPT]
    return len(line) > _MAX_BYTES_KEPT


def unpacked_bytes(source: Source, losses: list[str], advance: Callable[[int], None] | None = None) -> Iterator[bytes]:
    """Yield the decompressed bytes of a log as UTF-8 without a byte order mark."""
    if source.packing != ZIP:
        unpack = _UNPACKERS.get(source.packing)
        yield from _as_utf_8(unpack(_plain_bytes(source, advance), source, losses) if unpack else _plain_bytes(source, advance))
        return
    for number, member in enumerate(source.members):
        yield from _member_bytes(source, member, losses)
        if number < len(source.members) - 1:
            yield b"\n"
    if advance:
        advance(source.size)


def text_up_to(source: Source, max_bytes: int) -> str | None:
    """Return the text of a log, or None if it is larger than `max_bytes`."""
    chunks, size = [], 0
    for chunk in unpacked_bytes(source, []):
        chunks.append(chunk)
        size += len(chunk)
        if size > max_bytes:
            return None
    return b"".join(chunks).decode("utf-8", "replace")


def _member_bytes(source: Source, member: str, losses: list[str]) -> Iterator[bytes]:
    """Yield the bytes of an archive member, which may itself be compressed, up to any damage, without a newline at the end."""
    held = b""
    try:
        chunks = archives.member_bytes(source, member)
        first = next(chunks, b"")
        unpack = _UNPACKERS.get(packing_of(first))
        all_chunks = chain([first], chunks)
        for chunk in _as_utf_8(unpack(all_chunks, source, losses) if unpack else all_chunks):
            yield held + chunk[: -len(_LINE_END)]
            held = chunk[-len(_LINE_END) :]
    except archives.DAMAGE_ERRORS:
        losses.append(_false_lines_loss(source))
    yield held.removesuffix(_LINE_END)


def _as_utf_8(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """Yield UTF-8 or UTF-16 bytes as UTF-8 without a byte order mark."""
    first = b""
    while len(first) < len(_BYTE_ORDER_MARK) and (chunk := next(chunks, b"")):
        first += chunk
    if packing_of(first) == UTF_16:
        decoder = codecs.getincrementaldecoder("utf-16")("replace")
        yield from (decoder.decode(chunk).encode("utf-8", "replace") for chunk in chain([first], chunks))
        yield decoder.decode(b"", final=True).encode("utf-8", "replace")
        return
    if first:
        yield first.removeprefix(_BYTE_ORDER_MARK)
    yield from chunks


def _plain_bytes(source: Source, advance: Callable[[int], None] | None) -> Iterator[bytes]:
    """Yield the bytes of a plain file, without those written since it was opened, because a log may grow faster than it can be read."""
    left = source.size
    with source.path.open("rb") as file:
        while chunk := file.read(min(_CHUNK, left)):
            left -= len(chunk)
            if advance:
                advance(len(chunk))
            yield chunk


def _gzip_bytes(chunks: Iterator[bytes], source: Source, losses: list[str]) -> Iterator[bytes]:
    """Yield the content of a gzip file, in one or more members, up to any damage; zeros after a member are padding."""
    unpacker, members, is_open = zlib.decompressobj(wbits=31), 0, False
    for left in chunks:
        while left if is_open else (left := left.lstrip(b"\0")):
            before, was_open, is_open = unpacker.copy(), is_open, True
            try:
                content = unpacker.decompress(left, _CHUNK)
            except zlib.error:
                rescued = _until_damage(before, left)
                yield rescued
                losses.append(_false_lines_loss(source) if was_open or rescued or not members else _trailing_sentence(source))
                return
            yield content
            left = unpacker.unconsumed_tail  # noqa: PLW2901 (the remaining bytes)
            if unpacker.eof:
                left, unpacker, members, is_open = unpacker.unused_data, zlib.decompressobj(wbits=31), members + 1, False  # noqa: PLW2901
    if is_open:
        yield unpacker.flush()
        losses.append(f"{source.name} is cut off in the middle of its compressed data; copy it again once it is complete")


def _until_damage(unpacker: zlib._Decompress, packed: bytes) -> bytes:
    """Decompress byte by byte, to rescue as much as possible of the data before the damage."""
    rescued = bytearray()
    try:
        for position in range(len(packed)):
            rescued += unpacker.decompress(packed[position : position + 1])
    except zlib.error:
        pass
    return bytes(rescued)


def _bzip2_bytes(chunks: Iterator[bytes], source: Source, losses: list[str]) -> Iterator[bytes]:
    """Yield the content of a bzip2 file, in one or more streams, up to any damage."""
    unpacker, is_open = bz2.BZ2Decompressor(), False
    for left in chunks:
        while left or not unpacker.needs_input:
            is_open = True
            try:
                content = unpacker.decompress(left, _CHUNK)
            except OSError:
                losses.append(_damaged_sentence(source))
                return
            yield content
            left = b""  # noqa: PLW2901 (the decompressor has it now)
            if unpacker.eof:
                left, unpacker, is_open = unpacker.unused_data, bz2.BZ2Decompressor(), False  # noqa: PLW2901 (the remaining bytes)
    if is_open:
        losses.append(_damaged_sentence(source))


def _damaged_sentence(source: Source) -> str:
    return f"{source.name} is damaged and was read only up to the damage; copy it again to get the rest"


def _false_lines_loss(source: Source) -> FalseLinesLoss:
    return FalseLinesLoss(f"{source.name} is damaged: it was read as far as it can be decompressed, but lines after the damage may be false")


def _trailing_sentence(source: Source) -> str:
    return f"{source.name} has bytes after its compressed data that are not gzip; they were ignored"


_UNPACKERS = {GZIP: _gzip_bytes, BZIP2: _bzip2_bytes}
