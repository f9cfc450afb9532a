"""The process around a run: its environment, set before Polars loads, and its signals, answered at once.

Only the program does this; a library leaves the environment and the signals of its user alone. A query of Polars delays Python's own
signal handlers until it ends, so a separate thread answers: it removes temporary files, prints one line and sets the exit code.
"""

from __future__ import annotations

import codecs
import locale
import os
import select
import signal
import socket
import threading
import warnings
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from convkit.core import filesystem

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_UTF_8 = "C.UTF-8"
_SIZES = ("COLUMNS", "LINES")
_POLARS = "POLARS_"
_USERS_OWN = (
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
"""What says how much of the machine to use, and where: it changes no figure. All else chooses engines, prints, or splits the work in other ways."""

_ALLOCATOR = "_RJEM_MALLOC_CONF"
"""Where the allocator of Polars, jemalloc as Rust names it, looks for its settings when it is loaded."""
_ANSWERED = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_STANDARD_ERROR = 2
_KILLED = 128
"""The shells' way: the exit code of what a signal ended is this and the signal's number."""


def set_environment() -> None:
    """Take out of the environment what would change results or write on standard error."""
    for name in [name for name in os.environ if name.startswith(_POLARS)]:
        if not name.removeprefix(_POLARS).startswith(_USERS_OWN):
            del os.environ[name]
    # Memory that one thread gives back serves the others: with four pools a core, as is usual, a run takes an eighth more of it and a little longer.
    os.environ.setdefault(_ALLOCATOR, f"narenas:{os.cpu_count() or 1}")
    for name in _SIZES:
        size = os.environ.get(name, "")
        if not (size.isascii() and size.isdecimal()):
            # Rich takes other digits for a number, too, and fails.
            os.environ.pop(name, None)
    if codecs.lookup(locale.getencoding()).name != "utf-8":
        # Packages read files of their own in the locale's encoding where they name none.
        with suppress(locale.Error):
            locale.setlocale(locale.LC_CTYPE, _UTF_8)
    if os.environ.get("PYTHONWARNINGS"):
        # What it asks for is about Python programs; those who run this one did not write it.
        warnings.simplefilter("ignore")


@contextmanager
def answered_signals() -> Iterator[None]:
    """Answer signals while the command line runs; those that are ignored, as under `nohup`, stay so.

    Only the main thread may say what signals do: elsewhere nothing is changed.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.getsignal(number) for number in _ANSWERED}
    ours = {number: handler for number, handler in before.items() if handler not in {signal.SIG_IGN, None}}
    heard, told = socket.socketpair()
    told.setblocking(False)  # noqa: FBT003 (the standard library has it so)
    woken = signal.set_wakeup_fd(told.fileno(), warn_on_full_buffer=False)
    for number in ours:
        signal.signal(number, _leave_to_the_thread)
    threading.Thread(target=_wait, args=(heard, frozenset(ours)), name="convkit signals", daemon=True).start()
    try:
        yield
    finally:
        for number, handler in ours.items():
            signal.signal(number, handler)
        signal.set_wakeup_fd(woken)
        told.close()


def _leave_to_the_thread(*_: object) -> None:
    """Do nothing: that the signal came is written to the socket before Python gets here."""


def _wait(heard: socket.socket, numbers: frozenset[int], end: Callable[[int], None] | None = None) -> None:
    """Wait for a signal and end the program; return when the command line is done."""
    with heard:
        while number := heard.recv(1):
            if number[0] in numbers:
                (end or _end)(number[0])


def _end(number: int) -> None:
    """End the program from any thread, whatever the others do."""
    filesystem.remove_temporary_files()
    print_stopped(number)
    os._exit(_KILLED + number)


def print_stopped(number: int) -> None:
    """Say in one line what ended the program; a standard error that nobody empties is not waited for."""
    # Behind the ^C that a terminal shows, the line begins anew.
    start = "\n" if number == signal.SIGINT and os.isatty(_STANDARD_ERROR) else ""
    text = f"{start}convkit: stopped by {signal.Signals(number).name}; files that were not finished are removed\n"
    try:
        if select.select([], [_STANDARD_ERROR], [], 0)[1]:
            os.write(_STANDARD_ERROR, text.encode())
    except (OSError, ValueError):
        return
