"""The progress bar, drawn by Rich and removed when the report comes. The one module that loads Rich before a report is made."""

from __future__ import annotations

import threading

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeElapsedColumn


class _Screen(Console):
    """Standard error, whose cursor stays: who ends the program at any moment finds it where it was."""

    def show_cursor(self, show: bool = True) -> bool:  # noqa: ARG002, FBT001, FBT002 (as Rich has it)
        """Leave the cursor alone."""
        return False


class Bar:
    """A bar that is drawn between `show` and `hide`; told of bytes by any thread, before and after."""

    def __init__(self) -> None:
        """Prepare the bar, and the time from which it counts."""
        columns = (TextColumn("reading"), BarColumn(bar_width=24), DownloadColumn(), TimeElapsedColumn())
        self._progress = Progress(*columns, console=_Screen(stderr=True), transient=True, refresh_per_second=5)
        self._task = self._progress.add_task("reading", total=None)
        self._total = 0
        self._changing, self._is_over = threading.Lock(), False

    def begin(self, total: int) -> None:
        """Take how many bytes all logs have."""
        self._total = total

    def advance(self, size: int) -> None:
        """Count bytes that were read: from the first on there is something to measure, before that the bar pulses."""
        self._progress.update(self._task, advance=size, total=self._total)

    def show(self) -> None:
        """Draw from now on, unless all is over."""
        with self._changing:
            if not self._is_over:
                self._progress.start()

    def hide(self) -> None:
        """Draw no more, and take away what was drawn."""
        with self._changing:
            self._is_over = True
            self._progress.stop()
