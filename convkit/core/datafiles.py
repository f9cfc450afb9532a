"""The lists in `convkit/data`: assets, downloads, background requests and more."""

from __future__ import annotations

from functools import cache
from importlib.resources import files

_WITHOUT = " without "


@cache
def lines(name: str) -> tuple[str, ...]:
    """Return the lines of a list, without comments and blank lines."""
    text = (files("convkit") / "data" / f"{name}.txt").read_text(encoding="utf-8")
    return tuple(line.strip() for line in text.splitlines() if line.strip() and not line.startswith("#"))


@cache
def rules(name: str) -> tuple[tuple[str, str, str], ...]:
    """Return the rules of a list, `word pattern` or `word pattern without pattern`: the word, the pattern, and what must not match or nothing."""
    split = (line.partition(" ") for line in lines(name))
    parts = ((word, *rule.strip().partition(_WITHOUT)) for word, _, rule in split)
    return tuple((word, pattern, missing) for word, pattern, _, missing in parts)


@cache
def words(name: str) -> tuple[str, ...]:
    """Return the words of a list."""
    return tuple(word for line in lines(name) for word in line.split())


def extension_regex(name: str) -> str:
    """Return a regular expression for paths that end in one of the extensions on a list."""
    return rf"(?i)[^/]\.(?:{'|'.join(words(name))})$"
