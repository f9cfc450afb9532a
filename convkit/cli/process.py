"""The process of a run: its environment, which is set before Polars is imported, and its signals, which are handled at once.

Only the program changes them; used as a library, convkit leaves both alone. A Polars query delays Python's own signal handlers until it
ends, so a thread handles the signals instead: it removes temporary files, prints one line and sets the exit code.
"""

from __future__ import annotations

import codecs
import locale
import os
import re
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
from convkit.core.sizes import LEAST_ADDRESSES, LITTLE_MEMORY, address_limit, parse_size
from convkit.errors import OutputError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

_UTF_8 = "C.UTF-8"
_SIZES = ("COLUMNS", "LINES")
_POLARS = "POLARS_"
_THREADS = "POLARS_MAX_THREADS"
_NUMBER, _ANYTHING = r"[0-9]+(?:\.[0-9]+)?", ".*"
_KEPT_VARIABLES = {
    "ALLOW_UNSECURED_TEMP_DIR": _ANYTHING,
    "CLOUD_": _ANYTHING,
    "FORCE_PKG": "compat|64|32",
    "MAX_THREADS": "[1-9][0-9]?",
    "OOC_SPILL_(?:DIR|FORMAT)": _ANYTHING,
    "OOC_": _NUMBER,
    "OOMKILL_": _NUMBER,
    "OVERRIDE_TOTAL_MEMORY_MB": "[0-9]+",
    "PREFER_PKG": "compat|64|32",
    "SKIP_CPU_CHECK": _ANYTHING,
    "TEMP_DIR": _ANYTHING,
    "THP": _ANYTHING,
}
"""The beginnings of the Polars variables that limit resources or choose directories but do not affect results, and the values that Polars reads.

Others select engines, print, or split up work. Polars prints a warning about values that it cannot read, or panics."""
_KEPT = re.compile("|".join(f"{name}[A-Z_]*=(?:{values})" for name, values in _KEPT_VARIABLES.items()))

_ALLOCATOR = "_RJEM_MALLOC_CONF"
"""The variable from which the allocator that Polars uses (jemalloc, as built for Rust) reads its settings when it is loaded."""
_SOON = ",dirty_decay_ms:200,muzzy_decay_ms:0"
"""The settings that return memory to the system a fifth of a second after it was last used, not ten seconds; this takes a tenth more time."""
_OTHER_THREADS, _THREADS_PER_CORE = 8, 3
"""How many threads Polars and its allocator start, as far as is known: one pool each for queries, for streams and for files, and some more."""
_ANSWERED = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_STANDARD_ERROR = 2
_KILLED = 128
"""As in shells, the exit code of a process ended by a signal is this number plus the signal's number."""


def set_environment() -> None:
    """Remove variables from the environment that would change results or write to standard error."""
    for name in [name for name in os.environ if name.startswith(_POLARS)]:
        if not _KEPT.fullmatch(f"{name.removeprefix(_POLARS)}={os.environ[name]}"):
            del os.environ[name]
    # If memory runs out, one line says so.
    os.environ.pop("RUST_BACKTRACE", None)
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
    """Return whether a command line, or the limit on addresses, leaves little memory; the allocator needs to know before options are parsed."""
    following = dict(pairwise((*arguments, "")))
    value = next((text.partition("=")[2] or following[text] for text in arguments if text.partition("=")[0] == "--memory"), "")
    size = parse_size(value)
    return (address_limit() - LEAST_ADDRESSES if size is None else size) < LITTLE_MEMORY


def check_resources() -> None:
    """Raise OutputError if the system's limits leave too few threads or too little memory for any run: Polars would crash, or wait for ever."""
    limit = address_limit()
    if limit < LEAST_ADDRESSES:
        raise OutputError(f"the memory limit of {limit >> 20} MiB is too low for any run; raise it, with ulimit -v, to at least 2 GiB")
    threads = _OTHER_THREADS + _THREADS_PER_CORE * int(os.environ.get(_THREADS, os.cpu_count() or 1))
    # Threads reserve addresses, which a run that is short of them needs for itself.
    if limit == sys.maxsize and not _can_start(threads):
        raise OutputError("the limit on processes leaves too few threads; raise it (ulimit -u, or the container's), or set POLARS_MAX_THREADS=1")


def is_shortage(error: BaseException) -> bool:
    """Return whether memory or threads ran out; panics of Polars and errors of imports say so in their text only."""
    is_named = any(text in str(error) for text in ("Resource temporarily unavailable", "Cannot allocate memory", "failed to map segment"))
    return isinstance(error, MemoryError) or is_named


def _can_start(number: int) -> bool:
    """Return whether this many threads can run at once."""
    end = threading.Event()
    threads = [threading.Thread(target=end.wait, daemon=True) for _ in range(number)]
    started: list[threading.Thread] = []
    try:
        for thread in threads:
            thread.start()
            started.append(thread)
    except RuntimeError:
        return False
    finally:
        end.set()
        for thread in started:
            thread.join()
    return True


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
    # Without another thread, a signal ends a run only between two queries.
    try:
        threading.Thread(target=_wait, args=(receiver, frozenset(answered)), name="convkit signals", daemon=True).start()
    except RuntimeError:
        receiver.close()
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
