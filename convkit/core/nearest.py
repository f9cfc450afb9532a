"""The values that come closest to one that does not occur, for messages on empty results."""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING

from convkit.core.formatting import plural
from convkit.core.text import safe

if TYPE_CHECKING:
    from collections.abc import Mapping

_MOST, _SIMILAR, _MOST_COMPARED, _LONGEST = 3, 0.6, 5_000, 60


def nearest_values(pattern: str, counts: Mapping[str, int], what: str) -> str:
    """Return a sentence on the values most similar to a pattern, or else the most frequent ones, with their sessions; empty if there are none."""
    by_count = sorted(counts, key=lambda value: (-counts[value], value))[:_MOST_COMPARED]
    close = get_close_matches(pattern, by_count, _MOST, _SIMILAR)
    named = ", ".join(f"{safe(value, _LONGEST)} ({plural(counts[value], 'session')})" for value in close or by_count[:_MOST])
    return f" {'Closest' if close else 'Most frequent'} {what}: {named}." if named else ""
