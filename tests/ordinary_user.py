"""Files and directories that the user who runs the tests may not read, even if that is root."""

from __future__ import annotations

import os
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

NOBODY = 65_534


def is_privileged() -> bool:
    """Return whether permissions do not apply to this process, as to root unless its capabilities are taken away."""
    with tempfile.NamedTemporaryFile() as file:
        Path(file.name).chmod(0)
        return os.access(file.name, os.R_OK)


needs_privileges = pytest.mark.skipif(not is_privileged(), reason="only root gives files away")
needs_an_ordinary_user = pytest.mark.skipif(is_privileged(), reason="nothing is forbidden to root")


@contextmanager
def ordinary_user() -> Iterator[None]:
    """Let this process be an ordinary user for a while; everything that it imports must be imported before."""
    if not is_privileged():
        yield
        return
    groups, user, group = os.getgroups(), os.getuid(), os.getgid()
    os.setgroups([])
    os.setresgid(NOBODY, NOBODY, group)
    os.setresuid(NOBODY, NOBODY, user)
    try:
        yield
    finally:
        os.setresuid(user, user, user)
        os.setresgid(group, group, group)
        os.setgroups(groups)


@contextmanager
def open_folder() -> Iterator[Path]:
    """Yield a new directory that every user may enter and list."""
    with tempfile.TemporaryDirectory(dir="/tmp" if Path("/tmp").is_dir() else None) as name:  # noqa: S108 (the tests' own directory is closed)
        folder = Path(name)
        folder.chmod(0o755)
        yield folder
