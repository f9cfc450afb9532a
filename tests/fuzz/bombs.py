"""Small files that decompress to very much: endless lines, newlines, zero bytes and short lines, in pieces, so that a test needs no memory either."""

from __future__ import annotations

import bz2
import zlib
from typing import TYPE_CHECKING

from convkit.files import zstandard

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

TEXTS = {"an endless line": b"a", "newlines": b"\n", "zero bytes": b"\0", "short lines": b"x\n", "commas": b",", "carriage returns": b"\r"}
COMPRESSORS: dict[str, Callable[[], object]] = {
    "gz": lambda: zlib.compressobj(1, wbits=31),
    "bz2": lambda: bz2.BZ2Compressor(1),
    "zst": lambda: zstandard._module().ZstdCompressor(),  # type: ignore[union-attr]  # noqa: SLF001 (the module that the product reads with)
}
_PIECE = 1 << 20


def write(path: Path, text: str, size: int, packing: str, good: bytes) -> Path:
    """Write a log in which a repeated text of `size` bytes comes before some good lines, in one member or, as plain text, as a file with a hole."""
    piece = TEXTS[text] * (_PIECE // len(TEXTS[text]))
    contents = (*[piece] * (size // _PIECE), b"\n", good)
    with path.open("wb") as file:
        if packing == "plain" and text == "zero bytes":
            file.truncate(size)
            file.seek(size)
            file.write(good)
        else:
            file.writelines(_packed(contents, packing))
    return path


def _packed(contents: tuple[bytes, ...], packing: str) -> Iterator[bytes]:
    """Yield contents, compressed."""
    if packing == "plain":
        yield from contents
        return
    # The good lines are in a member of their own, so that its size says nothing about the first one.
    for member in (contents[:-2], contents[-2:]):
        compressor = COMPRESSORS[packing]()
        yield from map(compressor.compress, member)  # type: ignore[attr-defined]
        yield compressor.flush()  # type: ignore[attr-defined]
