"""Atomic file writes, and temporary files that are never left behind.

Errors become OutputErrors that name the path. Temporary files are removed after use or, if a signal ends the program, right away.
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
    from collections.abc import Iterable, Iterator
    from typing import BinaryIO


DISK_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
"""The error numbers for a full disk, an exceeded quota, and a file that is too large."""
_FIXES = {
    **dict.fromkeys(DISK_FULL, "free some space, or choose another place"),
    errno.ENOENT: "create the directory first, or choose another place",
    errno.ENOTDIR: "choose a file in an existing directory",
    errno.EISDIR: "choose a file in it",
    errno.ENAMETOOLONG: "choose a shorter name",
}
_OS_ERROR = re.compile(r"\(os error (\d+)\)")
STANDARD_INPUT, STANDARD_OUTPUT = "/dev/stdin", "/dev/stdout"
_NO_TEMPORARY_DIRECTORY = "No usable temporary directory found"
"""What Python says if none of the usual directories can be written to."""
_PRIVATE = 0o600
_DESCRIPTOR = re.compile(r"/dev/(?:(stdin|stdout|stderr)|fd/(\d+))|/proc/self/fd/(\d+)")
_STREAMS = {"stdin": 0, "stdout": 1, "stderr": 2}
_MAX_LINKS = 40
"""The maximum number of symbolic links that the kernel follows."""


Identity = tuple[int, int]
"""The device and inode numbers of a file, which all links to it share."""


def identity(name: str | Path) -> Identity | None:
    """Return the identity of a regular file, also one that is open as /dev/stdin or /dev/stdout; None for anything else."""
    try:
        state = os.stat(name)  # noqa: PTH116 (a name from the command line need not be a valid path)
    except (OSError, ValueError):
        return None
    return (state.st_dev, state.st_ino) if stat.S_ISREG(state.st_mode) else None


def write_file(name: str, content: bytes | Iterable[bytes], *, is_private: bool = False) -> None:
    """Write a file atomically and keep its permissions; write directly to pipes, devices and open descriptors. Raises OutputError.

    The content may be given in pieces. Only the owner may read a private file.
    """
    try:
        _write_file(name, content, _PRIVATE if is_private else None)
    except OSError as error:
        raise output_error(error, name) from None


def make_folder(name: str) -> None:
    """Create a directory if it does not exist. Raises OutputError."""
    try:
        _without_foreign_links(Path(name)).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise output_error(error, name) from None


def check_writable(name: str) -> None:
    """Raise OutputError if a file obviously cannot be written, before an hour is spent on its content."""
    if is_descriptor(name):
        return
    try:
        target = _without_foreign_links(Path(name))
        if (_existing_file(target) is None or target.is_file()) and not os.access(target.parent, os.W_OK):
            target.parent.stat()
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
    except OSError as error:
        raise output_error(error, name) from None


def check_folder(name: str) -> None:
    """Raise OutputError if files in a directory, which need not exist yet, obviously cannot be written, before an hour is spent on their content."""
    try:
        folder = _without_foreign_links(Path(name))
        nearest = next(place for place in (folder, *folder.parents, Path()) if os.path.lexists(place))
        if not nearest.is_dir():
            raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR))
        if not os.access(nearest, os.W_OK | os.X_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
    except OSError as error:
        raise output_error(error, name) from None


def is_descriptor(name: str) -> bool:
    """Return whether a path names an open descriptor, to which a shell may append."""
    return bool(_DESCRIPTOR.fullmatch(name))


def is_special(name: str) -> bool:
    """Return whether a path is a pipe, a device or an open descriptor, rather than a file or a directory."""
    # Unlike the methods of paths, these functions return False for a path in a directory that the user may not enter.
    is_ordinary = os.path.isfile(name) or os.path.isdir(name)  # noqa: PTH112, PTH113
    return is_descriptor(name) or (os.path.exists(name) and not is_ordinary)  # noqa: PTH110


def _write_file(name: str, content: bytes | Iterable[bytes], mode: int | None) -> None:
    """Write a file with the given mode, or else with the mode it had before. Raises OSError."""
    number = _DESCRIPTOR.fullmatch(name)
    if number:
        # Reopening it by this name would truncate a file that the shell appends to.
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
    """Return the target's status, or None if it does not exist. Raises PermissionError if it is read-only, IsADirectoryError if it is a directory."""
    try:
        state = target.stat()
    except FileNotFoundError:
        return None
    if stat.S_ISDIR(state.st_mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
    if not os.access(target, os.W_OK):
        # The directory would allow replacing it, but someone made it read-only for a reason.
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
    return state


def _replace(target: Path, old: os.stat_result | None, content: bytes | Iterable[bytes], mode: int | None) -> None:
    """Write a temporary file next to the target and rename it to the target. Raises OSError."""
    with temporary_file(target.parent) as new:
        if old is not None:
            with suppress(PermissionError):
                os.fchown(new.fileno(), old.st_uid, old.st_gid)
        old_mode = 0o666 & ~_umask() if old is None else stat.S_IMODE(old.st_mode)
        os.fchmod(new.fileno(), old_mode if mode is None else mode)
        write_all(new.fileno(), content)
        os.fsync(new.fileno())
        keep_temporary_file(Path(new.name), target)
    # Not every file system can sync a directory.
    with suppress(OSError):
        descriptor = os.open(target.parent, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _umask() -> int:
    """Return the umask, which can only be read by setting it."""
    umask = os.umask(0o077)
    os.umask(umask)
    return umask


def write_all(descriptor: int, content: bytes | Iterable[bytes]) -> None:
    """Write bytes, or pieces of them, without Python's buffers, which would retry at exit; return early if the reader has gone. Raises OSError."""
    for piece in (content,) if isinstance(content, bytes) else content:
        rest = memoryview(piece)
        while rest:
            try:
                rest = rest[os.write(descriptor, rest) :]
            except BlockingIOError:
                select.select([], [descriptor], [])
            except BrokenPipeError:
                return


def _without_foreign_links(path: Path) -> Path:
    """Return the path with its links resolved one at a time. Raises OSError, or PermissionError for a link that another user may have planted."""
    for _ in range(_MAX_LINKS):
        link = next((place for place in (*reversed(path.parents), path) if place.is_symlink()), None)
        if link is None:
            return path
        if is_foreign_link(link.lstat(), link.parent.stat(), os.geteuid()):
            raise PermissionError(errno.EACCES, f"{link} is a link created by another user in a directory that everybody can write to")
        path = link.parent / link.readlink() / path.relative_to(link)
    raise OSError(errno.ELOOP, os.strerror(errno.ELOOP))


def is_foreign_link(link: os.stat_result, folder: os.stat_result, user: int) -> bool:
    """Return whether a link in a world-writable directory belongs to neither the user nor the directory's owner."""
    return bool(folder.st_mode & stat.S_IWOTH) and link.st_uid not in {user, folder.st_uid}


def error_number(error: Exception) -> int | None:
    """Return the operating system's error number, which Polars gives only in the text of its errors."""
    number, in_text = getattr(error, "errno", None), _OS_ERROR.search(str(error))
    return int(in_text[1]) if number is None and in_text else number


def disk_full_error(error: Exception, folder: str = "") -> OutputError | None:
    """Return an OutputError if the error means that the disk is full, wherever it was raised, or None for any other error.

    `folder` is the directory for temporary files if the error was raised there.
    """
    number = error_number(error)
    if _NO_TEMPORARY_DIRECTORY in str(error):
        return OutputError("no directory for temporary files can be written to; free some space, or set TMPDIR")
    if number not in DISK_FULL:
        return None
    place = f"the directory for temporary files ({folder or tempfile.gettempdir()})"
    if not folder:
        place = getattr(error, "filename", None) or f"standard output or {place}"
    return OutputError(f"{safe(str(place), None)} cannot be written: {os.strerror(number)}; free some space, or set TMPDIR")


def output_error(error: OSError, place: str) -> OutputError:
    """Return the OutputError for a path that cannot be written, with a suggested fix."""
    number = error_number(error)
    reason = error.strerror or (os.strerror(number) if number else str(error).partition("\n")[0])
    return OutputError(f"{safe(place, None)} cannot be written: {safe(reason, None)}; {_FIXES.get(number or 0, 'choose another place')}")


_TEMPORARY_FILES: set[Path] = set()
_FILES_LOCK = threading.Lock()
"""Held while a file is created or renamed, so that none appears after all have been removed."""
OPEN_FILES = Path("/proc/self/fd")
"""Where Linux keeps paths to open files, including those that have been unlinked."""
_PATIENCE = 0.2
"""Seconds to wait for a file system that hangs."""


@contextmanager
def temporary_file(folder: str | Path) -> Iterator[BinaryIO]:
    """Yield a new file in a folder, which only the file's owner may read; its `name` is its path. Raises OSError."""
    # The path is registered before the file exists, so that a signal in between finds nothing to remove, rather than overlooking the file.
    path = Path(folder) / f".convkit-{os.urandom(8).hex()}.tmp"
    try:
        with _FILES_LOCK:
            _TEMPORARY_FILES.add(path)
            file = open(path, "xb+", opener=_open_private)  # noqa: SIM115 (Path.open has no opener; it is closed below)
        with file:
            yield file
    finally:
        path.unlink(missing_ok=True)
        _TEMPORARY_FILES.discard(path)


@contextmanager
def temporary_path(folder: str | Path) -> Iterator[str]:
    """Yield the path of a new file in a folder, unlinked if the system allows it, so that not even SIGKILL leaves it behind.

    Raises OSError.
    """
    with temporary_file(folder) as file:
        descriptor_path = OPEN_FILES / str(file.fileno())
        can_unlink = descriptor_path.exists()
        if can_unlink:
            Path(file.name).unlink()
        yield str(descriptor_path if can_unlink else file.name)


def _open_private(path: str, flags: int) -> int:
    """Open a file that only its owner may read, whatever the umask."""
    return os.open(path, flags, 0o600)


def keep_temporary_file(path: Path, target: Path) -> None:
    """Rename a temporary file to its target, so that a reader sees either the old file or the new one. Raises OSError."""
    with _FILES_LOCK:
        path.replace(target)


def remove_temporary_files() -> None:
    """Remove all temporary files and prevent new ones, because the program is about to end."""
    _FILES_LOCK.acquire(timeout=_PATIENCE)
    for path in tuple(_TEMPORARY_FILES):
        with suppress(OSError):
            path.unlink()
