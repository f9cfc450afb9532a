"""The protocol for reporting how many bytes have been read."""

from __future__ import annotations

from typing import Protocol


class Progress(Protocol):
    """Receives the number of bytes read, from any thread."""

    def begin(self, total: int) -> None:
        """Start, with the total size of all logs in bytes."""

    def advance(self, size: int) -> None:
        """Add a number of bytes that were read."""


class NoProgress:
    """Ignores all progress."""

    def begin(self, total: int) -> None:
        """Do nothing."""

    def advance(self, size: int) -> None:
        """Do nothing."""


NO_PROGRESS = NoProgress()
