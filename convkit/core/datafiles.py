"""The lists in `convkit/data`: assets, downloads, background requests and more."""

from __future__ import annotations

from functools import cache
from importlib.resources import files


@cache
def lines(name: str) -> tuple[str, ...]:
    """Return the lines of a list, without comments and blank lines."""
    text = (files("convkit") / "data" / f"{name}.txt").read_text(encoding="utf-8")
    return tuple(line.strip() for line in text.splitlines() if line.strip() and not line.startswith("#"))


@cache
def words(name: str) -> tuple[str, ...]:
    """Return the words of a list."""
    return tuple(word for line in lines(name) for word in line.split())


def extension_regex(name: str) -> str:
    """Return a regular expression for paths that end in one of the extensions on a list."""
    return rf"(?i)[^/]\.(?:{'|'.join(words(name))})$"
