"""Helpers that run convkit as a separate process, for tests of signals, closed pipes, terminals and the environment."""

from __future__ import annotations

import fcntl
import os
import pty
import struct
import subprocess
import sys
import termios
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
SAMPLE = str(ROOT / "sample_logs" / "access.log.gz")
COMMAND = (sys.executable, "-m", "convkit")
PATIENCE = 60
"""Seconds after which a process that has not ended fails its test; enough for the slowest machine."""


def environment(**more: str) -> dict[str, str]:
    """Return an environment without the personal settings of the user who runs the tests, with a goals file: to find goals takes longer."""
    return {
        "PATH": os.environ.get("PATH", ""),
        "PYTHONPATH": str(ROOT),
        "HOME": "/nonexistent",
        "LC_ALL": "C.UTF-8",
        "TERM": "xterm",
        "CONVKIT_GOALS": str(ROOT / "convkit" / "data" / "builtin_goals.yaml"),
        "CONVKIT_KEY": "a key for tests",
        # When file sizes are limited, Python would leave truncated bytecode files behind.
        "PYTHONDONTWRITEBYTECODE": "1",
        **more,
    }


def run(*arguments: str, env: dict[str, str] | None = None, **more: Any) -> subprocess.CompletedProcess[bytes]:  # noqa: ANN401 (the type in subprocess)
    """Run convkit and wait until it ends."""
    options = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **more}
    return subprocess.run([*COMMAND, *arguments], env=env or environment(), check=False, timeout=PATIENCE, **options)


def shell(script: str, *arguments: str, folder: Path) -> subprocess.CompletedProcess[bytes]:
    """Run a bash script in a folder; in it, `$CONVKIT` is the command and `$1` the first argument."""
    env = environment(CONVKIT=" ".join(COMMAND))
    command = ["/bin/bash", "-c", script, "bash", *arguments]
    return subprocess.run(command, env=env, cwd=folder, capture_output=True, check=False, timeout=PATIENCE)


def on_screen(*arguments: str, columns: int = 80, keyboard: bool = False, **env: str) -> tuple[int, bytes]:
    """Run convkit on a terminal of this width, optionally with the terminal as standard input too, and return the exit code and the output."""
    controller, terminal = pty.openpty()
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    streams = {"stdin": terminal if keyboard else None, "stdout": terminal, "stderr": subprocess.DEVNULL}
    with subprocess.Popen([*COMMAND, *arguments], env=environment(**env), **streams) as process:  # type: ignore[call-overload]
        os.close(terminal)
        output = bytearray()
        # Reading from a terminal fails once the last process has closed it.
        with suppress(OSError):
            while part := os.read(controller, 1 << 16):
                output += part
        os.close(controller)
        return process.wait(PATIENCE), bytes(output).replace(b"\r\n", b"\n")


def wait_for_spool(process: subprocess.Popen[bytes], folder: Path) -> None:
    """Wait until a process is copying its input to a temporary file in a folder, which on Linux has no name any more."""
    deadline = time.monotonic() + PATIENCE
    while not list(folder.glob(".convkit-*")) and not any(".convkit-" in target for target in open_files(process)):
        assert time.monotonic() < deadline, "no temporary file"
        time.sleep(0.01)


def open_files(process: subprocess.Popen[bytes]) -> list[str]:
    """Return what the descriptors of a process lead to, or nothing if the system does not show it."""
    targets: list[str] = []
    for place in Path(f"/proc/{process.pid}/fd").glob("*"):
        with suppress(OSError):
            targets.append(str(place.readlink()))
    return targets


PEAK = """
import re, sys
from pathlib import Path
from convkit.cli.main import main
try:
    main()
finally:
    print(re.search("VmHWM:\\\\s+([0-9]+) kB", Path("/proc/self/status").read_text())[1], file=sys.stderr)
"""
"""Runs the program and prints its peak; that of `getrusage` would begin with the peak of the process that started it."""
