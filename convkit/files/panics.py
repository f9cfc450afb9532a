"""Damage in Parquet, over which its reader panics, told in one sentence.

It stands alone because a panic is no exception that a reader may expect: it is written on standard error before anybody hears of it.
"""

from __future__ import annotations

import os
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

import polars as pl

from convkit.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator

_STANDARD_ERROR = 2
_ONE_AT_A_TIME = threading.Lock()
"""Standard error is one, whoever reads."""


@contextmanager
def told_as_damage(called: str) -> Iterator[None]:
    """Read Parquet in here: whatever its reader stumbles over is raised as InputError, and nothing of it is written on standard error."""
    try:
        with _ONE_AT_A_TIME, _silence():
            yield
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError):
        raise InputError(f"{called} is a Parquet file that is damaged; export it again") from None


@contextmanager
def _silence() -> Iterator[None]:
    """Lead standard error to nowhere; where it is closed, nothing is written on it anyway."""
    try:
        kept = os.dup(_STANDARD_ERROR)
    except OSError:
        yield
        return
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, _STANDARD_ERROR)
        yield
    finally:
        os.dup2(kept, _STANDARD_ERROR)
        os.close(kept)
        os.close(nowhere)
