"""How far reading has come, shown on a terminal: nothing in the first second, and nothing anywhere else."""

from __future__ import annotations

import sys
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

from convkit.core.progress import NO_PROGRESS, Progress

if TYPE_CHECKING:
    from collections.abc import Iterator


_AFTER = 1.0
"""Seconds that a run may take without anything to look at."""


@contextmanager
def display(*, is_wanted: bool) -> Iterator[Progress]:
    """Show progress on standard error where that is a terminal: bytes read of all, a pulse while the first log is in work, the time it took."""
    if not is_wanted or sys.stderr is None or not sys.stderr.isatty():
        yield NO_PROGRESS
        return
    from convkit.cli.progress_bar import Bar  # noqa: PLC0415 (Rich loads only where somebody looks)

    bar = Bar()
    timer = threading.Timer(_AFTER, bar.show)
    timer.daemon = True
    timer.start()
    try:
        yield bar
    finally:
        timer.cancel()
        bar.hide()
