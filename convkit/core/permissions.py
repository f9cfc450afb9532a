"""What to do about a file that the user may not read."""

from __future__ import annotations

import errno
import os
import shlex
import stat
from pathlib import Path

_OTHER_FIXES = {
    errno.ENOENT: "check its name",
    errno.ENOTDIR: "check its name",
    errno.ENAMETOOLONG: "check its name",
    errno.ELOOP: "name the file itself instead of the link",
    errno.EMFILE: "raise `ulimit -n`, or name fewer logs",
}


def reading_fix(error: OSError, path: str) -> str:
    """Return what to do about a file that cannot be read."""
    if error.errno in {errno.EACCES, errno.EPERM}:
        return _permission_fix(path)
    return _OTHER_FIXES.get(error.errno or 0, "copy it, and name the copy")


def _permission_fix(path: str) -> str:
    """Return who may read a file, or how its owner makes it readable."""
    place = _closed_place(Path(path))
    try:
        state = place.stat()
    except OSError:
        return "run convkit as a user who may read it, or copy the file"
    is_folder = stat.S_ISDIR(state.st_mode)
    needed = stat.S_IRGRP | (stat.S_IXGRP if is_folder else 0)
    if state.st_uid == os.geteuid():
        return f"allow it with chmod u+r{'x' if is_folder else ''} {shlex.quote(str(place))}"
    if state.st_mode & needed == needed and state.st_gid not in {*os.getgroups(), os.getegid()}:
        return f"run convkit as a member of the group {_group_name(state.st_gid)}, or copy the file"
    return f"run convkit as {_user_name(state.st_uid)}, or copy the file"


def _closed_place(path: Path) -> Path:
    """Return the topmost directory on the way to a file that the user may not enter, or else the file."""
    path = Path(os.path.abspath(path))  # noqa: PTH100 (`resolve` fails in a closed directory)
    return next((folder for folder in reversed(path.parents) if not os.access(folder, os.X_OK)), path)


def _group_name(number: int) -> str:
    """Return the name of a group, or its number if it has no name."""
    import grp  # noqa: PLC0415 (only errors need names)

    try:
        return grp.getgrgid(number).gr_name
    except KeyError:
        return str(number)


def _user_name(number: int) -> str:
    """Return the name of a user, or the number if there is no name."""
    import pwd  # noqa: PLC0415 (only errors need names)

    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return f"the user {number}"
