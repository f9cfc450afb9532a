"""Zstandard, which Python reads from version 3.14 on; before, the extra `zstd` installs the same module, and without it Polars decompresses files."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, Any

import polars as pl

from convkit.core import filesystem
from convkit.errors import InputError
from convkit.files.lines import CSV_AS_LINES

if TYPE_CHECKING:
    from pathlib import Path
    from types import ModuleType
    from typing import BinaryIO

_MODULES = ("compression.zstd", "backports.zstd")
_MAX_WINDOW_LOG = 31
"""Files compressed with `zstd --long=31` may repeat what is 2 GiB before; decompressing others takes no more memory for it."""
_FRAME, _SKIPPABLE_REST = b"\x28\xb5\x2f\xfd", b"\x2a\x4d\x18"
_LARGEST_BLOCK = 1 << 17
_REPEATED, _COMPRESSED = 1, 2
"""The kinds of blocks whose size is not that of their content."""
_MOST, _USUAL_RATIO = 64 << 20, 100
"""Polars takes a multiple of a line's size in memory, so without the module only files that cannot hold an endless line are decompressed."""
ADVICE = "install the module that decompresses it in pieces (pip install backports.zstd), or pipe it: zstd -dc FILE | convkit report -"


@cache
def _module() -> ModuleType | None:
    """Return the module that decompresses Zstandard, or None if there is none."""
    for name in _MODULES:
        try:
            return import_module(name)
        except ImportError:
            continue
    return None


def is_available() -> bool:
    """Return whether Zstandard can be decompressed in chunks."""
    return _module() is not None


def decompressor() -> Any:  # noqa: ANN401 (the module has no types)
    """Return a decompressor for one frame. `is_available` must be true."""
    module: Any = _module()
    return module.ZstdDecompressor(options={module.DecompressionParameter.window_log_max: _MAX_WINDOW_LOG})


def errors() -> tuple[type[Exception], ...]:
    """Return the exceptions that a decompressor raises for damage."""
    module: Any = _module()
    return (module.ZstdError, EOFError)


def decompress_with_polars(path: Path, name: str, target: Path) -> None:
    """Write the lines of a file to a plain one; bytes that are not UTF-8 are replaced. Raises InputError, OutputError if there is no space."""
    with path.open("rb") as file:
        size, largest = path.stat().st_size, _largest_size(file)
    if largest > max(_MOST, _USUAL_RATIO * size):
        raise InputError(f"{name} may decompress to {largest // max(size, 1):,} times its size; {ADVICE}")
    try:
        lines = pl.scan_csv(path, glob=False, **CSV_AS_LINES)
        lines.sink_csv(target, include_header=False, quote_style="never")
    except (pl.exceptions.ComputeError, pl.exceptions.SchemaError, OSError) as error:
        damage = InputError(f"{name} is damaged, or compressed in a way that is not supported; copy it again, or {ADVICE}")
        raise filesystem.disk_full_error(error) or damage from None


def _largest_size(file: BinaryIO) -> int:
    """Return the largest size that a file can decompress to, which the headers of its blocks show."""
    size = 0
    while len(magic := file.read(4)) == len(_FRAME):
        if magic.endswith(_SKIPPABLE_REST):
            file.seek(int.from_bytes(file.read(4), "little"), 1)
        elif magic == _FRAME:
            size += _largest_size_of_frame(file)
        else:
            break
    return size


def _largest_size_of_frame(file: BinaryIO) -> int:
    """Return the largest size of a frame's content, and move behind the frame. See RFC 8878, section 3.1.1."""
    descriptor, size = (file.read(1) or b"\0")[0], 0
    is_single, has_checksum = descriptor >> 5 & 1, descriptor >> 2 & 1
    file.seek((not is_single) + (0, 1, 2, 4)[descriptor & 3] + (is_single, 2, 4, 8)[descriptor >> 6], 1)
    while len(header := file.read(3)) == 3:  # noqa: PLR2004 (the size of a block's header)
        bits = int.from_bytes(header, "little")
        is_last, kind, length = bits & 1, bits >> 1 & 3, bits >> 3
        file.seek(1 if kind == _REPEATED else length, 1)
        size += _LARGEST_BLOCK if kind == _COMPRESSED else length
        if is_last:
            break
    file.seek(4 * has_checksum, 1)
    return size
