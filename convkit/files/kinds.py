"""Files that are no logs: archives, compressions that cannot be read, and binary files, recognised by their first bytes."""

from __future__ import annotations

import re
from contextlib import suppress
from typing import TYPE_CHECKING

from convkit.errors import InputError, OtherFileError
from convkit.files import unpacking
from convkit.files.lines import BZIP2, GZIP, PARQUET, PLAIN, TEXT_LOG, UTF_16, ZIP, ZSTD, packing_of, refuse_kind

if TYPE_CHECKING:
    from collections.abc import Iterable

    from convkit.files.lines import Source

_START = 1 << 10
_UNPACK = {GZIP: "gzip -d", BZIP2: "bzip2 -d", ZSTD: "zstd -d", ZIP: "unzip"}
_CONTROL = re.compile("[\0-\x08\x0e-\x1a\x1c-\x1f\x7f]")
"""Matches characters that only binary files have in numbers: text has line ends, tabs and the escape sequences of terminals."""
_BINARY_SHARE, _LOOKED_AT = 0.02, 1 << 16


def refuse_other_files(source: Source) -> None:
    """Raise InputError if a log holds an archive, a compressed file or a binary inside its own compression, like `logs.tar.gz`.

    A log that the user did not name is refused as any binary, too: a named one may be in an encoding that convkit does not know.
    """
    start = b"" if source.packing in {PLAIN, UTF_16, PARQUET} else _start(source)
    if source.packing == ZIP and packing_of(start) in {GZIP, BZIP2, ZSTD}:
        start = next(unpacking.unpacked_bytes(source, []), b"")
    refuse_kind(f"{source.name}, once unpacked,", start)
    inside = packing_of(start)
    if inside in {*_UNPACK, PARQUET}:
        command = _UNPACK[source.packing]
        raise InputError(f"{source.name} contains a file of type {inside}, which cannot be read in there; unpack it first with {command}")
    if source.is_listed and source.packing != PARQUET and is_binary([text_start(source)]):
        raise OtherFileError(source.name, "a binary file", TEXT_LOG)


def text_start(source: Source) -> str:
    """Return the first characters of a log, read as UTF-8, or an empty text if it cannot be read."""
    with suppress(OSError):
        return next(unpacking.unpacked_bytes(source, []), b"")[:_LOOKED_AT].decode("utf-8", "replace")
    return ""


def _start(source: Source) -> bytes:
    """Return the first bytes of a log, unpacked as far as its own compression is concerned."""
    start = bytearray()
    with suppress(OSError):
        for chunk in unpacking.packed_content(source):
            start += chunk[:_START]
            if len(start) >= _START:
                break
    return bytes(start)


def is_binary(lines: Iterable[str]) -> bool:
    """Return whether lines, read as UTF-8, are those of a binary file."""
    text = "".join(lines)[:_LOOKED_AT]
    return len(_CONTROL.findall(text)) > _BINARY_SHARE * len(text)
