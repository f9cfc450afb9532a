"""How far the reading has come, for whoever looks at a terminal: nothing is shown in the first second, and nothing anywhere else.

It stands alone because the stages only say how many bytes they have read, and must not know of terminals.
"""

from __future__ import annotations

from typing import Protocol


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
