"""The decompressed bytes of logs: gzip, Zstandard, bzip2, zip and UTF-16, truncated or damaged, in chunks of a limited size.

What can be rescued is kept, and what is lost is reported.
"""

from __future__ import annotations

import bz2
import codecs
import errno
import os
import zlib
from contextlib import suppress
from itertools import chain
from typing import TYPE_CHECKING, Any

from convkit.core.sizes import size_text
from convkit.errors import InputError
from convkit.files import archives, zstandard
from convkit.files.lines import BYTE_ORDER_MARK, BZIP2, GZIP, PLAIN, UTF_16, ZIP, ZSTD, packing_of, utf_16_codec

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import BinaryIO

    from convkit.files.lines import Source

_CHUNK, _PACKED_CHUNK = 1 << 20, 1 << 16
_USUAL_RATIO, _LARGE = 200, 1 << 30
"""A log that decompresses to more than so many times its size, and to more than so many bytes, is not read unless its user allows it."""
_ENOUGH_TO_JUDGE = 4 << 20
"""The number of decompressed bytes that show whether a log is compressed as logs usually are."""
_ENOUGH_BYTES = 64
"""The number of bytes that show an encoding."""
_LINE_END = b"\n"


class PartlyReadLoss(str):
    """A sentence about damage up to which a log was read."""

    __slots__ = ()


class FalseLinesLoss(PartlyReadLoss):
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


def unpacked_bytes(source: Source, losses: list[str], advance: Callable[[int], None] | None = None) -> Iterator[bytes]:
    """Yield the decompressed bytes of a log as UTF-8 without a byte order mark."""
    chunks = _members_bytes(source, losses, advance) if source.packing == ZIP else _file_bytes(source, losses, advance)
    yield from chunks if source.packing == PLAIN else _limited(chunks, source)


def _file_bytes(source: Source, losses: list[str], advance: Callable[[int], None] | None) -> Iterator[bytes]:
    """Yield the decompressed bytes of a file that is not an archive."""
    yield from _as_utf_8(_content(source, losses, advance))


def _content(source: Source, losses: list[str], advance: Callable[[int], None] | None = None) -> Iterator[bytes]:
    """Return the decompressed bytes of a file that is not an archive, whatever they are."""
    unpack, packed = _UNPACKERS.get(source.packing), _plain_bytes(source, advance)
    return unpack(packed, source, losses) if unpack else packed


def _members_bytes(source: Source, losses: list[str], advance: Callable[[int], None] | None) -> Iterator[bytes]:
    """Yield the bytes of the members of an archive that make up a log; only the last member may end in the middle of a line."""
    last = _LINE_END
    for member in source.members:
        is_first = True
        for chunk in filter(None, _member_bytes(source, member, losses)):
            yield _LINE_END + chunk if is_first and last != _LINE_END else chunk
            last, is_first = chunk[-1:], False
    if advance:
        advance(source.size)


def _limited(chunks: Iterator[bytes], source: Source) -> Iterator[bytes]:
    """Yield decompressed bytes. Raises InputError once they are more than a log of this compressed size has, or than its user allows."""
    size, allowed = 0, max(_USUAL_RATIO * source.size, _LARGE) if source.max_unpacked is None else source.max_unpacked
    for chunk in chunks:
        size += len(chunk)
        if size > allowed:
            usual = f", over {_USUAL_RATIO} times its compressed size" if source.max_unpacked is None else ""
            raise InputError(
                f"{source.name} decompresses to more than {size_text(allowed)}{usual}; if it is a log, allow more with --max-unpacked SIZE"
            )
        yield chunk


def refuse_bomb(source: Source) -> None:
    """Raise InputError if a log decompresses to too much, before its lines are parsed; the beginning shows whether that is possible."""
    if source.packing not in _UNPACKERS:
        return
    packed: list[int] = []
    size = 0
    for chunk in unpacked_bytes(source, [], packed.append):
        size += len(chunk)
        if size > _ENOUGH_TO_JUDGE and size <= _USUAL_RATIO * sum(packed):
            return


def packed_content(source: Source) -> Iterator[bytes]:
    """Yield the bytes of the first file in a packed log, whatever they are, without looking for another compression in them."""
    if source.packing == ZIP:
        with suppress(*archives.DAMAGE_ERRORS):
            yield from archives.member_bytes(source, source.members[0])
        return
    yield from _content(source, [])


def text_up_to(source: Source, max_bytes: int) -> str | None:
    """Return the text of a log, or None if it is larger than `max_bytes`."""
    content = bytearray()
    for chunk in unpacked_bytes(source, []):
        content += chunk
        if len(content) > max_bytes:
            return None
    return content.decode("utf-8", "replace")


def _member_bytes(source: Source, member: int, losses: list[str]) -> Iterator[bytes]:
    """Yield the bytes of an archive member, which may itself be compressed, up to any damage."""
    try:
        chunks = archives.member_bytes(source, member)
        first = next(chunks, b"")
        unpack = _UNPACKERS.get(packing_of(first))
        all_chunks = chain([first], chunks)
        yield from _as_utf_8(unpack(all_chunks, source, losses) if unpack else all_chunks)
    except archives.DAMAGE_ERRORS:
        losses.append(_false_lines_loss(source))


def _as_utf_8(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """Yield UTF-8 or UTF-16 bytes as UTF-8 without a byte order mark."""
    first = b""
    for chunk in chunks:
        first += chunk
        if len(first) >= _ENOUGH_BYTES:
            break
    if packing_of(first) == UTF_16:
        decoder = codecs.getincrementaldecoder(utf_16_codec(first))("replace")
        yield from (decoder.decode(chunk).encode("utf-8", "replace") for chunk in chain([first], chunks))
        yield decoder.decode(b"", final=True).encode("utf-8", "replace")
        return
    if first:
        yield first.removeprefix(BYTE_ORDER_MARK)
    yield from chunks


def _plain_bytes(source: Source, advance: Callable[[int], None] | None) -> Iterator[bytes]:
    """Yield the bytes of a plain file, without those written since it was opened, as a log may grow faster than it can be read."""
    left, most = source.size, _CHUNK if source.packing in {PLAIN, UTF_16} else _PACKED_CHUNK
    with source.path.open("rb", buffering=0) as file:
        while chunk := file.read(min(most, left)):
            yield chunk
            size = len(chunk) + (_skip_hole(file, left - len(chunk)) if source.packing == PLAIN and not any(chunk) else 0)
            left -= size
            if advance:
                advance(size)


def _skip_hole(file: BinaryIO, left: int) -> int:
    """Move to the next data of a sparse file, and return how many zero bytes were skipped: a log truncated while being written begins with many."""
    place = file.tell()
    try:
        end = os.lseek(file.fileno(), place, os.SEEK_DATA)
    except OSError as error:
        # Either there is no more data, or the file system does not know where it is.
        end = place + left if error.errno == errno.ENXIO else place
    return file.seek(min(end, place + left)) - place


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
    """Yield the content of a bzip2 file."""
    return _stream_bytes(chunks, bz2.BZ2Decompressor, (OSError,), source, losses)


def _zstandard_bytes(chunks: Iterator[bytes], source: Source, losses: list[str]) -> Iterator[bytes]:
    """Yield the content of a Zstandard file; frames without content are skipped. Raises InputError if no module decompresses it."""
    if not zstandard.is_available():
        raise InputError(f"{source.name} contains data compressed with zstd; {zstandard.ADVICE}")
    return _stream_bytes(chunks, zstandard.decompressor, zstandard.errors(), source, losses)


def _stream_bytes(
    chunks: Iterator[bytes], decompressor: Callable[[], Any], errors: tuple[type[Exception], ...], source: Source, losses: list[str]
) -> Iterator[bytes]:
    """Yield the content of one or more streams, each with a decompressor of its own, up to any damage, which raises one of `errors`."""
    unpacker, is_open = decompressor(), False
    for left in chunks:
        while left or not unpacker.needs_input:
            is_open = True
            try:
                content = unpacker.decompress(left, _CHUNK)
            except errors:
                losses.append(_damaged_sentence(source))
                return
            yield content
            left = b""  # noqa: PLW2901 (the decompressor has it now)
            if unpacker.eof:
                left, unpacker, is_open = unpacker.unused_data, decompressor(), False  # noqa: PLW2901 (the remaining bytes)
    if is_open:
        losses.append(_damaged_sentence(source))


def _damaged_sentence(source: Source) -> PartlyReadLoss:
    return PartlyReadLoss(f"{source.name} is damaged and was read only up to the damage; copy it again to get the rest")


def _false_lines_loss(source: Source) -> FalseLinesLoss:
    return FalseLinesLoss(f"{source.name} is damaged: it was read as far as it can be decompressed, but lines after the damage may be false")


def _trailing_sentence(source: Source) -> str:
    return f"{source.name} has bytes after its compressed data that are not gzip; they were ignored"


_UNPACKERS = {GZIP: _gzip_bytes, BZIP2: _bzip2_bytes, ZSTD: _zstandard_bytes}
