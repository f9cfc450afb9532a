"""Temporary files that never stay behind: each is removed when it is done with, and all of them when a signal ends the program.

It stands alone because whoever makes one is deep below the command line, and whoever ends the program knows none of them.
"""

from __future__ import annotations

import os
import threading
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import BinaryIO

_FILES: set[Path] = set()
_CHANGING = threading.Lock()
"""Held while a file appears or gets its final name, so that none does after the last one was removed."""
NAMELESS = Path("/proc/self/fd")
"""Where Linux keeps paths to open files, those too that have no name any more."""
_PATIENCE = 0.2
"""Seconds after which a file system that hangs is not waited for."""


@contextmanager
def file(folder: str | Path) -> Iterator[BinaryIO]:
    """Give a new file in a folder, which only its owner may read; its `name` is its path. Raises OSError."""
    # The name is known before the file is there: a signal in between finds nothing to remove, instead of not finding the file.
    path = Path(folder) / f".convkit-{os.urandom(8).hex()}.tmp"
    try:
        with _CHANGING:
            _FILES.add(path)
            made = open(path, "xb+", opener=_private)  # noqa: SIM115 (its method has no opener; it is closed below)
        with made:
            yield made
    finally:
        path.unlink(missing_ok=True)
        _FILES.discard(path)


@contextmanager
def place(folder: str | Path) -> Iterator[str]:
    """Give the path of a new file in a folder that has no name in it where the system allows that: not even what kills the program leaves it behind.

    Raises OSError.
    """
    with file(folder) as made:
        nameless = NAMELESS / str(made.fileno())
        is_known = nameless.exists()
        if is_known:
            Path(made.name).unlink()
        yield str(nameless if is_known else made.name)


def _private(path: str, flags: int) -> int:
    """Open a file that only its owner may read, whatever the umask says."""
    return os.open(path, flags, 0o600)


def keep_as(path: Path, target: Path) -> None:
    """Give a temporary file its final name, in place of what has it; a reader sees the old file or the new one. Raises OSError."""
    with _CHANGING:
        path.replace(target)


def remove_all() -> None:
    """Remove every temporary file, and let no other be made: the program ends."""
    _CHANGING.acquire(timeout=_PATIENCE)
    for path in tuple(_FILES):
        with suppress(OSError):
            path.unlink()
