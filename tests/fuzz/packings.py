"""Ways to pack a log, each with the same content."""

from __future__ import annotations

import bz2
import gzip
import io
import warnings
import zipfile
from typing import TYPE_CHECKING

from convkit.files import zstandard

if TYPE_CHECKING:
    import random
    from collections.abc import Callable

    Pack = Callable[[random.Random, bytes], bytes]

SKIPPABLE_FRAME = b"\x50\x2a\x4d\x18\x04\x00\x00\x00\x01\x02\x03\x04"
"""A Zstandard frame without content, as pzstd writes in front of each frame."""


def _halves(rng: random.Random, content: bytes) -> list[bytes]:
    """Return the content in two pieces, cut anywhere."""
    place = rng.randrange(len(content) + 1)
    return [content[:place], content[place:]]


def _zstd(content: bytes) -> bytes:
    packed: bytes = zstandard._module().compress(content)  # type: ignore[union-attr]  # noqa: SLF001 (the module that the product reads with)
    return packed


def _in_zip(*members: tuple[str, bytes]) -> bytes:
    """Return an archive with these members, of which two may have one name."""
    file = io.BytesIO()
    with warnings.catch_warnings(action="ignore", category=UserWarning), zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members:
            archive.writestr(name, content)
    return file.getvalue()


PACKINGS: dict[str, Pack] = {
    "gz": lambda _, content: gzip.compress(content),
    "gz of two members": lambda rng, content: b"".join(map(gzip.compress, _halves(rng, content))),
    "gz with padding": lambda rng, content: gzip.compress(content) + bytes(rng.choice([1, 512, 70_000])),
    "bz2": lambda _, content: bz2.compress(content),
    "bz2 of two streams": lambda rng, content: b"".join(map(bz2.compress, _halves(rng, content))),
    "zst": lambda _, content: _zstd(content),
    "pzstd": lambda rng, content: b"".join(SKIPPABLE_FRAME + _zstd(half) for half in _halves(rng, content)),
    "zip": lambda _, content: _in_zip(("access.log", content)),
    "gz in zip": lambda _, content: _in_zip(("access.log.gz", gzip.compress(content))),
}
"""Packings of any bytes. A file that is empty, or is packed itself, is left to its own tests."""


def in_equal_members(rng: random.Random, content: bytes) -> bytes:
    """Return a zip archive with two members of one name, cut between two lines."""
    lines = content.splitlines(keepends=True)
    place = rng.randrange(len(lines) + 1)
    return _in_zip(*(("access.log", b"".join(part)) for part in (lines[:place], lines[place:])))


def as_utf_16(rng: random.Random, content: bytes) -> bytes:
    """Return text as UTF-16 of either order, with or without a byte order mark."""
    order, mark = rng.choice([("utf-16-le", b"\xff\xfe"), ("utf-16-be", b"\xfe\xff")])
    return rng.choice([mark, b""]) + content.decode("utf-8", "replace").encode(order)
