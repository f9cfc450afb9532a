"""The process of a run: its environment, which is set before Polars is imported, and its signals, which are handled at once.

Only the program changes them; used as a library, convkit leaves both alone. A Polars query delays Python's own signal handlers until it
ends, so a thread handles the signals instead: it removes temporary files, prints one line and sets the exit code.
"""

from __future__ import annotations

import codecs
import locale
import os
import select
import signal
import socket
import sys
import threading
import warnings
from contextlib import contextmanager, suppress
from itertools import pairwise
from typing import TYPE_CHECKING

from convkit.core import filesystem
from convkit.core.sizes import parse_size

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

_UTF_8 = "C.UTF-8"
_SIZES = ("COLUMNS", "LINES")
_POLARS = "POLARS_"
_KEPT_VARIABLES = (
    "ALLOW_UNSECURED_TEMP_DIR",
    "CLOUD_",
    "FORCE_PKG",
    "MAX_THREADS",
    "OOC_",
    "OOMKILL_",
    "OVERRIDE_TOTAL_MEMORY_MB",
    "PREFER_PKG",
    "SKIP_CPU_CHECK",
    "TEMP_DIR",
    "THP",
)
"""The Polars variables that limit resources or choose directories but do not affect results. Others select engines, print, or split up work."""

_ALLOCATOR = "_RJEM_MALLOC_CONF"
"""The variable from which the allocator that Polars uses (jemalloc, as built for Rust) reads its settings when it is loaded."""
_SOON = ",dirty_decay_ms:200,muzzy_decay_ms:0"
"""The settings that return memory to the system a fifth of a second after it was last used, not ten seconds; this takes a tenth more time."""
_LITTLE = 768 << 20
_ANSWERED = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_STANDARD_ERROR = 2
_KILLED = 128
"""As in shells, the exit code of a process ended by a signal is this number plus the signal's number."""


def set_environment() -> None:
    """Remove variables from the environment that would change results or write to standard error."""
    for name in [name for name in os.environ if name.startswith(_POLARS)]:
        if not name.removeprefix(_POLARS).startswith(_KEPT_VARIABLES):
            del os.environ[name]
    # With one arena per core, threads reuse each other's memory; with the usual four, a run takes an eighth more memory and slightly longer.
    os.environ.setdefault(_ALLOCATOR, f"narenas:{os.cpu_count() or 1}{_SOON if _has_little_memory(sys.argv) else ''}")
    for name in _SIZES:
        size = os.environ.get(name, "")
        if not (size.isascii() and size.isdecimal()):
            # Rich accepts digits from other scripts as a number, and then fails.
            os.environ.pop(name, None)
    if codecs.lookup(locale.getencoding()).name != "utf-8":
        # Packages read their own files in the locale's encoding unless they specify one.
        with suppress(locale.Error):
            locale.setlocale(locale.LC_CTYPE, _UTF_8)
    if os.environ.get("PYTHONWARNINGS"):
        # The variable is meant for a program's developers, not for those who run it.
        warnings.simplefilter("ignore")


def _has_little_memory(arguments: Sequence[str]) -> bool:
    """Return whether a command line limits its memory to little; the allocator needs to know before options are parsed."""
    following = dict(pairwise((*arguments, "")))
    value = next((text.partition("=")[2] or following[text] for text in arguments if text.partition("=")[0] == "--memory"), "")
    size = parse_size(value)
    return size is not None and size < _LITTLE


@contextmanager
def answered_signals() -> Iterator[None]:
    """Handle signals while the command line runs; signals that are ignored, as under `nohup`, stay ignored.

    Only the main thread may set signal handlers; in any other thread, nothing changes.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    handlers = {number: signal.getsignal(number) for number in _ANSWERED}
    answered = {number: handler for number, handler in handlers.items() if handler not in {signal.SIG_IGN, None}}
    receiver, sender = socket.socketpair()
    sender.setblocking(False)  # noqa: FBT003 (the signature of the standard library)
    previous_wakeup = signal.set_wakeup_fd(sender.fileno(), warn_on_full_buffer=False)
    for number in answered:
        signal.signal(number, _leave_to_the_thread)
    threading.Thread(target=_wait, args=(receiver, frozenset(answered)), name="convkit signals", daemon=True).start()
    try:
        yield
    finally:
        for number, handler in answered.items():
            signal.signal(number, handler)
        signal.set_wakeup_fd(previous_wakeup)
        sender.close()


def _leave_to_the_thread(*_: object) -> None:
    """Do nothing: the signal is written to the socket before Python calls this handler."""


def _wait(receiver: socket.socket, numbers: frozenset[int], end: Callable[[int], None] | None = None) -> None:
    """Wait for a signal and end the program; return when the command line is done."""
    with receiver:
        while number := receiver.recv(1):
            if number[0] in numbers:
                (end or _end)(number[0])


def _end(number: int) -> None:
    """End the program from any thread, whatever the other threads are doing."""
    filesystem.remove_temporary_files()
    print_stopped(number)
    os._exit(_KILLED + number)


def print_stopped(number: int) -> None:
    """Print one line that says which signal ended the program, unless standard error is full and would block."""
    # The terminal shows ^C at the cursor, so the message begins on a new line.
    start = "\n" if number == signal.SIGINT and os.isatty(_STANDARD_ERROR) else ""
    text = f"{start}convkit: stopped by {signal.Signals(number).name}; unfinished files were removed\n"
    try:
        if select.select([], [_STANDARD_ERROR], [], 0)[1]:
            os.write(_STANDARD_ERROR, text.encode())
    except (OSError, ValueError):
        return
