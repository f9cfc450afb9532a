"""Patterns (exact text, `*` within a segment, `**` across segments, `re:` for a regular expression) and comparisons (`>= 30`, `!=`).

A test of a column against a pattern is a *named column*, like `path~/product/*`, which is evaluated once for each distinct value.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING

import polars as pl

from convkit.core.conditions import any_of

if TYPE_CHECKING:
    from collections.abc import Callable


MAX_LENGTH = 2_000
"""The maximum number of characters in a pattern."""

PARAMETER_SIGN = "?"
"""The beginning of an entry in a list of paths that stands for a parameter: `?ajax` for all paths with this parameter."""

_COMMENTED = re.compile(r"\(\?[A-Za-z]*x.*#", re.DOTALL)
"""Matches regular expressions that may end in a comment."""
_WILD = re.compile(r"\*\*|\*")
_LITERAL_END = re.compile(r"[^/*]*\.[A-Za-z0-9]{1,8}")
_REGEX_END = re.compile(r"\\\.[A-Za-z0-9]{1,8}\$?")


def to_regex(pattern: str) -> str:
    """Return a Rust regular expression that matches exactly the strings that `pattern` matches."""
    if pattern.startswith("re:"):
        return f"^{in_group(pattern[3:])}$"
    if len(pattern) > 1 and pattern.endswith("/"):
        pattern = pattern.rstrip("/") or "/"
    literal = _WILD.split(pattern)
    wild = [".*" if sign == "**" else "[^/]*" for sign in _WILD.findall(pattern)]
    parts = [re.escape(literal[0])]
    for wildcard, text in zip(wild, literal[1:], strict=True):
        parts += [wildcard, re.escape(text)]
    return f"(?s)^{''.join(parts)}$"


def in_group(regex: str) -> str:
    """Return a valid regular expression in a group of its own; a comment at its end, as in `(?x) a # b`, would hide the bracket."""
    group = f"(?:{regex})"
    return group if not _COMMENTED.search(regex) or regex_problem(group) is None else f"(?:{regex}\n)"


@lru_cache(maxsize=4096)
def regex_problem(regex: str) -> str | None:
    """Return why a regular expression is not valid, or None if it is."""
    try:
        pl.Series([""]).str.contains(regex)
    except pl.exceptions.ComputeError as error:
        lines = str(error).splitlines()
        reason = next((line for line in lines if line.startswith("error: ")), lines[0]).removeprefix("regex error: ").removeprefix("error: ")
        return reason.rstrip(".")
    return None


@lru_cache(maxsize=4096)
def problem(pattern: str) -> str | None:
    """Return why a pattern cannot be used, or None if it can."""
    if not pattern or pattern == "re:":
        return "an empty pattern matches nothing; remove it, or write `**` to match everything"
    if len(pattern) > MAX_LENGTH:
        return f"this pattern is too long; use at most {MAX_LENGTH:,} characters"
    if not pattern.startswith("re:") and "*" not in pattern:
        return None
    # Alone, too: in a group, `a)|(b` would be valid.
    is_regex = pattern.startswith("re:")
    reason = (regex_problem(pattern[3:]) if is_regex else None) or regex_problem(to_regex(pattern))
    return f"this regular expression is not valid: {reason}" if reason else None


def names_a_file(pattern: str) -> bool:
    """Return whether a pattern names a file, so that it also matches listed assets: its last segment is literal or has a literal extension."""
    if pattern.startswith("re:"):
        return any(match.end() == len(pattern) for match in _REGEX_END.finditer(pattern))
    last = pattern.rstrip("/").rpartition("/")[2]
    if "*" not in last:
        return bool(last)
    return bool(_LITERAL_END.fullmatch(last.rpartition("*")[2]))


def extension(pattern: str) -> str | None:
    """Return the literal extension at the end of a pattern, in lower case, or None if there is none."""
    match = re.search(r"\.([A-Za-z0-9]{1,8})\$?$", pattern)
    return match[1].lower() if match else None


def named_column(column: str, pattern: str) -> pl.Expr:
    """Return the named column for a test of `column` against `pattern`."""
    return pl.col(f"{column}~{pattern}")


def split_named_column(name: str) -> tuple[str, str]:
    """Return the column and the pattern of a named column."""
    column, _, pattern = name.partition("~")
    return column, pattern


def matches(value: pl.Expr, pattern: str, *, ignore_case: bool = False) -> pl.Expr:
    """Return whether a value matches a pattern; null matches nothing. With `ignore_case`, values must be in lower case."""
    pattern = without_case(pattern) if ignore_case else pattern
    if not pattern.startswith("re:") and "*" not in pattern:
        return value.eq(pattern.rstrip("/") or pattern).fill_null(value=False)
    return value.str.contains(to_regex(pattern)).fill_null(value=False)


def without_case(pattern: str) -> str:
    """Return the pattern that matches values in lower case if `pattern` matches them in any case."""
    return f"re:(?i){pattern[3:]}" if pattern.startswith("re:") else pattern.lower()


def matches_any(value: pl.Expr, patterns: tuple[str, ...] | list[str], *, ignore_case: bool = False) -> pl.Expr:
    """Return whether a value matches one of the patterns."""
    return any_of(matches(value, pattern, ignore_case=ignore_case) for pattern in patterns)


def is_whole_pattern(text: str) -> bool:
    """Return whether an entry of `site.bots` is a pattern for the whole user agent; if not, it matches any part of it, ignoring case."""
    return "*" in text or text.startswith("re:")


_WITH_COMMA, _AMBIGUOUS = r"^-?(?:[0-9]{1,3}(?:\.[0-9]{3})+|[0-9]+),[0-9]+$", r"^-?[1-9][0-9]{0,2},[0-9]{3}$"
_COMPARISON = re.compile(r"(<=|>=|!=|<|>|=)\s*(.*)", re.DOTALL)
_SIZE_SIGNS = {"<", "<=", ">", ">="}
_NUMBER = re.compile(r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?")
COMPARISON_REGEX = rf"^(?:(?:<=|>=|<|>)\s*{_NUMBER.pattern}$|(?![<>])(?!(?:!?=\s*)?(?:re:)?$)[\s\S])"
"""A regular expression that matches valid comparisons, for use in the JSON Schema."""
_SIGNS: dict[str, Callable[[pl.Expr, float], pl.Expr]] = {
    "<=": lambda value, number: value <= number,
    ">=": lambda value, number: value >= number,
    "<": lambda value, number: value < number,
    ">": lambda value, number: value > number,
    "=": lambda value, number: value == number,
    "!=": lambda value, number: value != number,
}


def comparison_problem(text: str) -> str | None:
    """Return why a comparison cannot be used, or None if it can."""
    sign, rest = _sign_and_value(text)
    if sign in _SIZE_SIGNS and not _NUMBER.fullmatch(rest):
        return f"{sign} compares numbers, like '{sign} 30', but {rest!r} is not a number"
    return problem(rest)


def matches_comparison(value: pl.Expr, text: str) -> pl.Expr:
    """Return whether a value meets a comparison; null never does, and neither does text that is not a number if the comparison needs one."""
    sign, rest = _sign_and_value(text)
    if _NUMBER.fullmatch(rest):
        number = _with_point(value.str.strip_chars()).cast(pl.Float64, strict=False)
        # Tools write `nan` and `inf` as words; Polars would treat `nan` as larger than any number.
        return _SIGNS[sign](pl.when(number.is_finite()).then(number), float(rest)).fill_null(value=False)
    is_match = matches(value, rest)
    return ~is_match & value.is_not_null() if sign == "!=" else is_match


def _with_point(number: pl.Expr) -> pl.Expr:
    """Return a number with a decimal point in place of a decimal comma, unless the comma may also group digits."""
    with_comma = pl.when(number.str.contains(_WITH_COMMA) & ~number.str.contains(_AMBIGUOUS)).then(number)
    return pl.coalesce(with_comma.str.replace_all(".", "", literal=True).str.replace(",", ".", literal=True), number)


def _sign_and_value(text: str) -> tuple[str, str]:
    """Return the sign (`=` by default) and the value of a comparison."""
    match = _COMPARISON.fullmatch(text)
    return (match[1], match[2]) if match else ("=", text)
