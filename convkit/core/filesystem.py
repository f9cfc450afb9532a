"""Writing files, whole or not at all, and temporary files that never stay behind.

An error is an OutputError that names the place. Temporary files are removed when they are done with, and all of them when a signal ends the program.
"""

from __future__ import annotations

import errno
import os
import re
import select
import stat
import tempfile
import threading
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from convkit.core.text import safe
from convkit.errors import OutputError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import BinaryIO


DISK_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
"""What says that no more fits."""
_FIXES = {
    **dict.fromkeys(DISK_FULL, "free some space, or name another place"),
    errno.ENOENT: "make the directory first, or name another place",
    errno.ENOTDIR: "name a file in a directory that is there",
    errno.EISDIR: "name a file in it",
    errno.ENAMETOOLONG: "name a shorter one",
}
ANOTHER_PLACE = "name another place with -o"
_OS_ERROR = re.compile(r"\(os error (\d+)\)")
_PRIVATE = 0o600
_DESCRIPTOR = re.compile(r"/dev/(?:(stdin|stdout|stderr)|fd/(\d+))|/proc/self/fd/(\d+)")
_STREAMS = {"stdin": 0, "stdout": 1, "stderr": 2}
_MAX_LINKS = 40
"""As many as the kernel follows."""


def write_file(name: str, content: bytes, *, is_private: bool = False) -> None:
    """Write a file whole or not at all, its permissions kept; write pipes, devices and open descriptors directly. Raises OutputError.

    A private one is for its owner alone.
    """
    try:
        _write_file(name, content, _PRIVATE if is_private else None)
    except OSError as error:
        raise output_error(error, name) from None


def make_folder(name: str) -> None:
    """Make a directory where there is none. Raises OutputError."""
    try:
        _without_foreign_links(Path(name)).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise output_error(error, name) from None


def check_writable(name: str) -> None:
    """Raise OutputError where a file can plainly not be written, before an hour is spent on what it would hold."""
    if _DESCRIPTOR.fullmatch(name):
        return
    try:
        target = _without_foreign_links(Path(name))
        if (_existing_file(target) is None or target.is_file()) and not os.access(target.parent, os.W_OK):
            target.parent.stat()
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
    except OSError as error:
        raise output_error(error, name) from None


def is_special(name: str) -> bool:
    """Tell pipes, devices and open descriptors, which are neither files nor directories."""
    return bool(_DESCRIPTOR.fullmatch(name)) or (Path(name).exists() and not Path(name).is_file() and not Path(name).is_dir())


def _write_file(name: str, content: bytes, mode: int | None) -> None:
    """Write a file, with a mode of its own or the one it had. Raises OSError."""
    number = _DESCRIPTOR.fullmatch(name)
    if number:
        # Opened anew by this name, a file that the shell appends to would be cut.
        write_all(_STREAMS.get(number[1], -1) if number[1] else int(number[2] or number[3]), content)
        return
    target = _without_foreign_links(Path(name))
    old = _existing_file(target)
    if old is None or stat.S_ISREG(old.st_mode):
        _replace(target, old, content, mode)
        return
    descriptor = os.open(target, os.O_WRONLY)
    try:
        write_all(descriptor, content)
    finally:
        os.close(descriptor)


def _existing_file(target: Path) -> os.stat_result | None:
    """Return what is there, None where nothing is; PermissionError where it is not to be written, IsADirectoryError where no file is."""
    try:
        found = target.stat()
    except FileNotFoundError:
        return None
    if stat.S_ISDIR(found.st_mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
    if not os.access(target, os.W_OK):
        # A new file may well take its place, but whoever made it read-only did so for a reason.
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
    return found


def _replace(target: Path, old: os.stat_result | None, content: bytes, mode: int | None) -> None:
    """Write a file beside the target and give it the target's name. Raises OSError."""
    with temporary_file(target.parent) as new:
        if old is not None:
            with suppress(PermissionError):
                os.fchown(new.fileno(), old.st_uid, old.st_gid)
        kept = 0o666 & ~_umask() if old is None else stat.S_IMODE(old.st_mode)
        os.fchmod(new.fileno(), kept if mode is None else mode)
        write_all(new.fileno(), content)
        os.fsync(new.fileno())
        keep_temporary_file(Path(new.name), target)
    # Not every file system can do this for a directory.
    with suppress(OSError):
        descriptor = os.open(target.parent, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _umask() -> int:
    """Return the umask, which can only be read by setting it."""
    found = os.umask(0o077)
    os.umask(found)
    return found


def write_all(descriptor: int, content: bytes) -> None:
    """Write bytes past Python's buffers, which would try again at exit; return early where a reader went away. Raises OSError."""
    rest = memoryview(content)
    while rest:
        try:
            rest = rest[os.write(descriptor, rest) :]
        except BlockingIOError:
            select.select([], [descriptor], [])
        except BrokenPipeError:
            return


def _without_foreign_links(path: Path) -> Path:
    """Return where a path leads, links followed one at a time. Raises OSError: PermissionError at a link that a stranger may have laid."""
    for _ in range(_MAX_LINKS):
        link = next((place for place in (*reversed(path.parents), path) if place.is_symlink()), None)
        if link is None:
            return path
        if is_foreign_link(link.lstat(), link.parent.stat(), os.geteuid()):
            raise PermissionError(errno.EACCES, f"{link} is a link that somebody else laid where everybody may write")
        path = link.parent / link.readlink() / path.relative_to(link)
    raise OSError(errno.ELOOP, os.strerror(errno.ELOOP))


def is_foreign_link(link: os.stat_result, folder: os.stat_result, user: int) -> bool:
    """Tell a link in a directory that everybody may write to, laid by neither the user nor the directory's owner."""
    return bool(folder.st_mode & stat.S_IWOTH) and link.st_uid not in {user, folder.st_uid}


def error_number(error: Exception) -> int | None:
    """Return the number of what the system said; Polars says it only in the text."""
    number, said = getattr(error, "errno", None), _OS_ERROR.search(str(error))
    return int(said[1]) if number is None and said else number


def disk_full_error(error: Exception) -> OutputError | None:
    """Return what to say of an error of a full disk, wherever it came from; None for any other."""
    number = error_number(error)
    if number not in DISK_FULL:
        return None
    place = getattr(error, "filename", None) or f"standard output, or the directory of temporary files ({tempfile.gettempdir()})"
    return OutputError(f"{safe(str(place), None)} cannot be written: {os.strerror(number)}; free some space, or set TMPDIR")


def output_error(error: OSError, place: str) -> OutputError:
    """Return the error of a place that cannot be written, with the fix."""
    number = error_number(error)
    reason = error.strerror or (os.strerror(number) if number else str(error).partition("\n")[0])
    return OutputError(f"{safe(place, None)} cannot be written: {safe(reason, None)}; {_FIXES.get(number or 0, ANOTHER_PLACE)}")


_TEMPORARY_FILES: set[Path] = set()
_CHANGING = threading.Lock()
"""Held while a file appears or gets its final name, so that none does after the last one was removed."""
OPEN_FILES = Path("/proc/self/fd")
"""Where Linux keeps paths to open files, those too that have no name any more."""
_PATIENCE = 0.2
"""Seconds after which a file system that hangs is not waited for."""


@contextmanager
def temporary_file(folder: str | Path) -> Iterator[BinaryIO]:
    """Give a new file in a folder, which only its owner may read; its `name` is its path. Raises OSError."""
    # The name is known before the file is there: a signal in between finds nothing to remove, instead of not finding the file.
    path = Path(folder) / f".convkit-{os.urandom(8).hex()}.tmp"
    try:
        with _CHANGING:
            _TEMPORARY_FILES.add(path)
            made = open(path, "xb+", opener=_open_private)  # noqa: SIM115 (its method has no opener; it is closed below)
        with made:
            yield made
    finally:
        path.unlink(missing_ok=True)
        _TEMPORARY_FILES.discard(path)


@contextmanager
def temporary_path(folder: str | Path) -> Iterator[str]:
    """Give the path of a new file in a folder that has no name in it where the system allows that: not even what kills the program leaves it behind.

    Raises OSError.
    """
    with temporary_file(folder) as made:
        nameless = OPEN_FILES / str(made.fileno())
        is_known = nameless.exists()
        if is_known:
            Path(made.name).unlink()
        yield str(nameless if is_known else made.name)


def _open_private(path: str, flags: int) -> int:
    """Open a file that only its owner may read, whatever the umask says."""
    return os.open(path, flags, 0o600)


def keep_temporary_file(path: Path, target: Path) -> None:
    """Give a temporary file its final name, in place of what has it; a reader sees the old file or the new one. Raises OSError."""
    with _CHANGING:
        path.replace(target)


def remove_temporary_files() -> None:
    """Remove every temporary file, and let no other be made: the program ends."""
    _CHANGING.acquire(timeout=_PATIENCE)
    for path in tuple(_TEMPORARY_FILES):
        with suppress(OSError):
            path.unlink()
