"""The protocol by which reading reports how many bytes it has read."""

from __future__ import annotations

from typing import Protocol


class Progress(Protocol):
    """Is told of what is read; any thread may tell it."""

    def begin(self, total: int) -> None:
        """Hear how many bytes all logs have."""

    def advance(self, size: int) -> None:
        """Hear how many bytes more were read."""


class NoProgress:
    """Nobody looks."""

    def begin(self, total: int) -> None:
        """Say nothing."""

    def advance(self, size: int) -> None:
        """Say nothing."""


NO_PROGRESS = NoProgress()
