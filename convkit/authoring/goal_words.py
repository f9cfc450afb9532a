"""The words by which people name pages, forms and events, in a few languages, and texts in which they stand.

It stands alone because a text is taken apart once, and then asked for words a hundred times.
"""

from __future__ import annotations

from functools import cache

import polars as pl

from convkit.core import lists


@cache
def words(kind: str) -> tuple[str, ...]:
    """Return the words of a kind, from `data/goal_words.txt`."""
    found = (line.partition(": ") for line in lists.lines("goal_words"))
    return tuple(word for of, _, text in found if of == kind for word in text.split())


def plain(text: pl.Expr) -> pl.Expr:
    """Return a path or a name as small words with `-` between them, each segment between slashes: /Order/thankYou.php is /order/thank-you/."""
    bare = text.str.replace_all(r"(\p{Ll})(\p{Lu})", "${1}-${2}").str.to_lowercase()
    bare = bare.str.replace(r"\?\w+=", "/").str.replace_all(r"\.\w+(/|$)", "${1}")
    return pl.concat_str(pl.lit("/"), bare.str.replace_all("%20", "-").str.replace_all(r"[^\p{L}/]+", "-").str.strip_chars("/"), pl.lit("/"))


def tells(text: pl.Expr, *kinds: str) -> pl.Expr:
    """Tell plain texts in which a word of some kinds stands anywhere."""
    return text.str.replace_all("/", "-", literal=True).str.contains_any([f"-{word}-" for word in _spelt(*kinds)])


def is_named(text: pl.Expr, *kinds: str) -> pl.Expr:
    """Tell plain texts that have a segment which is a word of some kinds."""
    return text.str.contains_any([f"/{word}/" for word in _spelt(*kinds)])


def ends(text: pl.Expr, kind: str) -> pl.Expr:
    """Tell plain texts that have a segment which ends in a word of a kind."""
    return text.str.contains_any([f"{before}{word}/" for word in _spelt(kind) for before in "/-"])


@cache
def _spelt(*kinds: str) -> list[str]:
    """Return the words of some kinds as they may be written: `thank-you` also as `thankyou`."""
    found = [word.replace("_", "-") for kind in kinds for word in words(kind)]
    return [*found, *(word.replace("-", "") for word in found if "-" in word)]
