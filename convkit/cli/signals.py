"""Ctrl-C, `kill` and a closed terminal, answered at once: temporary files are removed, one line is said, and the exit code tells which it was.

It stands alone because a query of Polars keeps Python's own handlers waiting until it is done: a thread of its own must do the answering.
"""

from __future__ import annotations

import os
import select
import signal
import socket
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

from convkit.core import temporary

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_ANSWERED = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_STANDARD_ERROR = 2
_KILLED = 128
"""The shells' way: the exit code of what a signal ended is this and the signal's number."""


@contextmanager
def answered() -> Iterator[None]:
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
    temporary.remove_all()
    say_stopped(number)
    os._exit(_KILLED + number)


def say_stopped(number: int) -> None:
    """Say in one line what ended the program; a standard error that nobody empties is not waited for."""
    # Behind the ^C that a terminal shows, the line begins anew.
    start = "\n" if number == signal.SIGINT and os.isatty(_STANDARD_ERROR) else ""
    text = f"{start}convkit: stopped by {signal.Signals(number).name}; files that were not finished are removed\n"
    try:
        if select.select([], [_STANDARD_ERROR], [], 0)[1]:
            os.write(_STANDARD_ERROR, text.encode())
    except (OSError, ValueError):
        return
