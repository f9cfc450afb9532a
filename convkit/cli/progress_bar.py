"""The progress bar, drawn by Rich and removed before the report is shown."""

from __future__ import annotations

import threading

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeElapsedColumn


class _Screen(Console):
    """Standard error with the cursor always visible, so that it does not stay hidden if the program is killed."""

    def show_cursor(self, show: bool = True) -> bool:  # noqa: ARG002, FBT001, FBT002 (the signature of Rich)
        """Do nothing, so that the cursor stays visible."""
        return False


class Bar:
    """A bar that is drawn between `show` and `hide`; any thread may count bytes at any time."""

    def __init__(self) -> None:
        """Create the bar and start its clock."""
        columns = (TextColumn("reading"), BarColumn(bar_width=24), DownloadColumn(), TimeElapsedColumn())
        self._progress = Progress(*columns, console=_Screen(stderr=True), transient=True, refresh_per_second=5)
        self._task = self._progress.add_task("reading", total=None)
        self._total = 0
        self._lock, self._is_over = threading.Lock(), False

    def begin(self, total: int) -> None:
        """Set the size of all logs in bytes."""
        self._total = total

    def advance(self, size: int) -> None:
        """Count bytes that were read; until the first ones are counted, the bar pulses."""
        self._progress.update(self._task, advance=size, total=self._total)

    def show(self) -> None:
        """Draw the bar from now on, unless the run is over."""
        with self._lock:
            if not self._is_over:
                self._progress.start()

    def hide(self) -> None:
        """Stop drawing and remove the bar."""
        with self._lock:
            self._is_over = True
            self._progress.stop()
