"""Progress while logs are read, shown only on a terminal, and only after the first second of a run."""

from __future__ import annotations

import sys
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

from convkit.core.progress import NO_PROGRESS, Progress

if TYPE_CHECKING:
    from collections.abc import Iterator


_AFTER = 1.0
"""Seconds before the progress bar appears."""


@contextmanager
def display(*, is_wanted: bool) -> Iterator[Progress]:
    """Show progress on standard error if it is a terminal: the bytes read out of the total (a pulsing bar until the first are read), and the time."""
    if not is_wanted or sys.stderr is None or not sys.stderr.isatty():
        yield NO_PROGRESS
        return
    from convkit.cli.progress_bar import Bar  # noqa: PLC0415 (Rich is imported for terminals only)

    bar = Bar()
    timer = threading.Timer(_AFTER, bar.show)
    timer.daemon = True
    timer.start()
    try:
        yield bar
    finally:
        timer.cancel()
        bar.hide()
