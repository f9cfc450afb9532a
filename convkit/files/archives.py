"""Zip archives: the logs in an archive, and their bytes, read in chunks."""

from __future__ import annotations

import lzma
import re
import struct
import zipfile
import zlib
from dataclasses import replace
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from convkit.errors import InputError, OtherFileError
from convkit.files.lines import ZIP

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from convkit.files.lines import Source

_CHUNK = 1 << 20
_NO_LOGS = ("__MACOSX/", ".")
_JSON = r"\.(?:json|jsonl|ndjson)(?:\.gz)?$"
_UNREADABLE = (".parquet", ".zip", ".xlsx", ".tar", ".zst")
_ENCRYPTED = 1
_OFFICE = "[Content_Types].xml"
DAMAGE_ERRORS = (
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    struct.error,
    EOFError,
    RuntimeError,
    OSError,
    ValueError,
    OverflowError,
    IndexError,
)
"""What reading a damaged archive raises: any byte of its directory may be wrong."""


def logs_in(source: Source) -> list[Source]:
    """Return the logs in a zip archive, or the source itself if it is not an archive.

    Each member is a log, except that all JSON members form one log, because their lines name their fields. Raises InputError if nothing can be read.
    """
    if source.packing != ZIP:
        return [source]
    try:
        with zipfile.ZipFile(source.path) as archive:
            every = archive.infolist()
            members = [(place, member) for place, member in enumerate(every) if not member.is_dir() and _is_log(member.filename)]
    except DAMAGE_ERRORS:
        raise InputError(f"{source.name} is a damaged zip archive; copy it again, or extract what you can with unzip") from None
    names = [member.filename for _, member in members]
    if _OFFICE in names:
        raise OtherFileError(source.name, "an Excel workbook or another document of Microsoft Office", "export it as CSV")
    if not members:
        raise InputError(f"{source.name} is a zip archive that contains no files; choose one that contains logs")
    if any(member.flag_bits & _ENCRYPTED for _, member in members):
        raise InputError(f"{source.name} is a password-protected zip archive; extract it first with unzip")
    if unreadable := [name for name in names if name.lower().endswith(_UNREADABLE)]:
        raise InputError(
            f"{source.name} is a zip archive that contains {unreadable[0]}, which cannot be read inside an archive; extract it first with unzip"
        )
    groups: dict[object, list[int]] = {}
    for place, member in members:
        groups.setdefault("json" if re.search(_JSON, member.filename) else place, []).append(place)
    return [_log(source, every, group, is_only=len(groups) == 1) for group in groups.values()]


def _log(source: Source, every: Sequence[zipfile.ZipInfo], group: Iterable[int], *, is_only: bool) -> Source:
    """Return the members at these places in the directory of an archive as a log."""
    places = tuple(sorted(group, key=lambda place: every[place].filename))
    name = source.name if is_only else f"{source.name}/{every[places[0]].filename}"
    return replace(source, name=name, members=places, size=sum(every[place].compress_size for place in places))


def _is_log(name: str) -> bool:
    """Return whether a member is one of the user's own files, not one that the operating system added."""
    return not name.startswith(_NO_LOGS) and not PurePosixPath(name).name.startswith(".")


def member_bytes(source: Source, place: int) -> Iterator[bytes]:
    """Yield the bytes of the member at a place in the directory, as several may have the same name. Raises DAMAGE_ERRORS."""
    with zipfile.ZipFile(source.path) as archive, archive.open(archive.infolist()[place]) as file:
        while chunk := file.read(_CHUNK):
            yield chunk
