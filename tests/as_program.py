"""convkit as a separate process, with everything that only a process has: signals, closed pipes, a terminal, and the environment."""

from __future__ import annotations

import fcntl
import os
import pty
import struct
import subprocess
import sys
import termios
from contextlib import suppress
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
SAMPLE = str(ROOT / "sample_logs" / "access.log.gz")
COMMAND = (sys.executable, "-m", "convkit")
PATIENCE = 60
"""Seconds after which a process that should have ended fails its test, on the slowest machine."""


def environment(**more: str) -> dict[str, str]:
    """Return an environment without settings of whoever runs the tests."""
    return {
        "PATH": os.environ.get("PATH", ""),
        "PYTHONPATH": str(ROOT),
        "HOME": "/nonexistent",
        "LC_ALL": "C.UTF-8",
        "TERM": "xterm",
        "CONVKIT_KEY": "a key for tests",
        # Under a limit of the size of files Python would leave half a file of byte code.
        "PYTHONDONTWRITEBYTECODE": "1",
        **more,
    }


def run(*arguments: str, env: dict[str, str] | None = None, **more: Any) -> subprocess.CompletedProcess[bytes]:  # noqa: ANN401 (subprocess's own)
    """Run convkit and wait for it."""
    given = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **more}
    return subprocess.run([*COMMAND, *arguments], env=env or environment(), check=False, timeout=PATIENCE, **given)


def shell(script: str, *arguments: str, folder: Path) -> subprocess.CompletedProcess[bytes]:
    """Run a script of bash in a folder, where `$CONVKIT` is the command and `$1` the first argument."""
    env = environment(CONVKIT=" ".join(COMMAND))
    command = ["/bin/bash", "-c", script, "bash", *arguments]
    return subprocess.run(command, env=env, cwd=folder, capture_output=True, check=False, timeout=PATIENCE)


def on_screen(*arguments: str, columns: int = 80, keyboard: bool = False, **env: str) -> tuple[int, bytes]:
    """Return the exit code and the standard output on a terminal of some columns, which may also be standard input."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    streams = {"stdin": theirs if keyboard else None, "stdout": theirs, "stderr": subprocess.DEVNULL}
    with subprocess.Popen([*COMMAND, *arguments], env=environment(**env), **streams) as process:  # type: ignore[call-overload]
        os.close(theirs)
        told = bytearray()
        # The terminal ends with an error where the last process has closed it.
        with suppress(OSError):
            while part := os.read(ours, 1 << 16):
                told += part
        os.close(ours)
        return process.wait(PATIENCE), bytes(told).replace(b"\r\n", b"\n")
