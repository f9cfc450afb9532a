"""Zip archives: the logs in an archive, and their bytes, read in chunks."""

from __future__ import annotations

import re
import zipfile
import zlib
from dataclasses import replace
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from convkit.errors import InputError
from convkit.files.lines import ZIP

if TYPE_CHECKING:
    from collections.abc import Iterator

    from convkit.files.lines import Source

_CHUNK = 1 << 20
_NO_LOGS = ("__MACOSX/", ".")
_JSON = r"\.(?:json|jsonl|ndjson)(?:\.gz)?$"
_UNREADABLE = (".parquet", ".zip", ".xlsx", ".tar", ".zst")
_ENCRYPTED = 1
DAMAGE_ERRORS = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError)


def logs_in(source: Source) -> list[Source]:
    """Return the logs in a zip archive, or the source itself if it is not an archive.

    Each member is a log, except that all JSON members form one log, because their lines name their fields. Raises InputError if nothing can be read.
    """
    if source.packing != ZIP:
        return [source]
    try:
        with zipfile.ZipFile(source.path) as archive:
            members = [member for member in archive.infolist() if not member.is_dir() and _is_log(member.filename)]
    except DAMAGE_ERRORS:
        raise InputError(f"{source.name} is a damaged zip archive; copy it again, or extract what you can with unzip") from None
    if not members:
        raise InputError(f"{source.name} is a zip archive that contains no files; choose one that contains logs")
    if any(member.flag_bits & _ENCRYPTED for member in members):
        raise InputError(f"{source.name} is a password-protected zip archive; extract it first with unzip")
    if unreadable := [member.filename for member in members if member.filename.lower().endswith(_UNREADABLE)]:
        raise InputError(
            f"{source.name} is a zip archive that contains {unreadable[0]}, which cannot be read inside an archive; extract it first with unzip"
        )
    groups: dict[object, list[zipfile.ZipInfo]] = {}
    for member in members:
        groups.setdefault("json" if re.search(_JSON, member.filename) else member, []).append(member)
    size = {member.filename: member.compress_size for member in members}
    logs = [tuple(sorted(member.filename for member in group)) for group in groups.values()]
    return [
        replace(source, name=source.name if len(logs) == 1 else f"{source.name}/{names[0]}", members=names, size=sum(size[name] for name in names))
        for names in logs
    ]


def _is_log(name: str) -> bool:
    """Return whether a member is one of the user's own files, not one that the operating system added."""
    return not name.startswith(_NO_LOGS) and not PurePosixPath(name).name.startswith(".")


def member_bytes(source: Source, member: str) -> Iterator[bytes]:
    """Yield the bytes of a member. Raises DAMAGE_ERRORS."""
    with zipfile.ZipFile(source.path) as archive, archive.open(member) as file:
        while chunk := file.read(_CHUNK):
            yield chunk
