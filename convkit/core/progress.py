"""How far the reading has come, for whoever looks at a terminal: nothing is shown in the first second, and nothing anywhere else.

It stands alone because the stages only say how many bytes they have read, and must not know of terminals.
"""

from __future__ import annotations

import sys
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator

_AFTER = 1.0
"""Seconds that a run may take without anything to look at."""


class Progress(Protocol):
    """Is told of what is read; any thread may tell it."""

    def begin(self, total: int) -> None:
        """Hear how many bytes all logs have."""

    def advance(self, size: int) -> None:
        """Hear how many bytes more were read."""


class Unwatched:
    """Nobody looks."""

    def begin(self, total: int) -> None:
        """Say nothing."""

    def advance(self, size: int) -> None:
        """Say nothing."""


UNWATCHED = Unwatched()


@contextmanager
def shown(*, is_wanted: bool) -> Iterator[Progress]:
    """Show progress on standard error where that is a terminal: bytes read of all, a pulse while the first log is in work, the time it took."""
    if not is_wanted or sys.stderr is None or not sys.stderr.isatty():
        yield UNWATCHED
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
