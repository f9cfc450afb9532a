"""The one pattern language: exact text, `*` within a segment, `**` across segments, `re:` for a regular expression.

A test of a column against a pattern is a *named column*, `path~/product/*`, that `tests` evaluates once on unique values.
It stands alone because goals, groups and ignored paths all speak this language.
"""

from __future__ import annotations

import re
from functools import lru_cache

import polars as pl

LONGEST = 2_000
"""Characters of a pattern; more is a mistake."""

_WILD = re.compile(r"\*\*|\*")
_LITERAL_END = re.compile(r"[^/*]*\.[A-Za-z0-9]{1,8}")
_REGEX_END = re.compile(r"\\\.[A-Za-z0-9]{1,8}\$?")


def to_regex(pattern: str) -> str:
    """Return the Rust regular expression that matches the whole text as `pattern` does."""
    if pattern.startswith("re:"):
        return f"^(?:{pattern[3:]})$"
    if len(pattern) > 1 and pattern.endswith("/"):
        pattern = pattern.rstrip("/") or "/"
    literal = _WILD.split(pattern)
    wild = [".*" if sign == "**" else "[^/]*" for sign in _WILD.findall(pattern)]
    parts = [re.escape(literal[0])]
    for wildcard, text in zip(wild, literal[1:], strict=True):
        parts += [wildcard, re.escape(text)]
    return f"(?s)^{''.join(parts)}$"


@lru_cache(maxsize=4096)
def problem(pattern: str) -> str | None:
    """Return why a pattern cannot be used, or None."""
    if not pattern or pattern == "re:":
        return "an empty pattern matches nothing; leave it out or write `**` for everything"
    if len(pattern) > LONGEST:
        return f"a pattern has at most {LONGEST:,} characters"
    if not pattern.startswith("re:") and "*" not in pattern:
        return None
    try:
        pl.Series([""]).str.contains(to_regex(pattern))
    except pl.exceptions.ComputeError as error:
        lines = str(error).splitlines()
        reason = next((line for line in lines if line.startswith("error: ")), lines[0]).removeprefix("regex error: ").removeprefix("error: ")
        return f"this regular expression cannot be used: {reason.rstrip('.')}"
    return None


def names_a_file(pattern: str) -> bool:
    """Tell whether a pattern may take hits off a list: its last segment is written out or ends in a literal extension."""
    if pattern.startswith("re:"):
        return any(match.end() == len(pattern) for match in _REGEX_END.finditer(pattern))
    last = pattern.rstrip("/").rpartition("/")[2]
    if "*" not in last:
        return bool(last)
    return bool(_LITERAL_END.fullmatch(last.rpartition("*")[2]))


def extension(pattern: str) -> str | None:
    """Return the lower-case extension in which a pattern ends, where it ends in a literal one."""
    match = re.search(r"\.([A-Za-z0-9]{1,8})\$?$", pattern)
    return match[1].lower() if match else None


def test(column: str, pattern: str) -> pl.Expr:
    """Return the named column that tells whether `column` matches `pattern`."""
    return pl.col(f"{column}~{pattern}")


def split_name(name: str) -> tuple[str, str]:
    """Return column and pattern of a named column."""
    column, _, pattern = name.partition("~")
    return column, pattern


def matches(value: pl.Expr, pattern: str) -> pl.Expr:
    """Tell whether a text matches a pattern; a missing text matches none."""
    if not pattern.startswith("re:") and "*" not in pattern:
        return value.eq(pattern.rstrip("/") or pattern).fill_null(value=False)
    return value.str.contains(to_regex(pattern)).fill_null(value=False)


def matches_any(value: pl.Expr, patterns: tuple[str, ...] | list[str]) -> pl.Expr:
    """Tell whether a text matches one of the patterns."""
    return pl.any_horizontal(pl.lit(value=False), *(matches(value, pattern) for pattern in patterns))


def is_whole_pattern(text: str) -> bool:
    """Tell whether a text of `site.bots` is a pattern of the whole agent; any other is a part of the agent, in any case."""
    return "*" in text or text.startswith("re:")
