"""Times in a strftime format, possibly in several pieces: the pattern for them in a line, and the time in ISO 8601 or as a number.

The names of months and days may be in the server's language.
"""

from __future__ import annotations

import re
from functools import cache

import polars as pl

from convkit.core import datafiles
from convkit.formats.strings.template import FormatStringError, escape_regex

_TWO, _BLANK_OR_TWO, _NAME = "[0-9]{2}", " ?[0-9]{1,2}", r'[^\s0-9,/:;|"\[\]()-]+'
_PATTERNS = {
    "Y": "[0-9]{4}",
    "y": _TWO,
    "m": _BLANK_OR_TWO,
    "b": _NAME,
    "d": _BLANK_OR_TWO,
    "j": "[0-9]{1,3}",
    "G": "[0-9]{4}",
    "V": _TWO,
    "u": "[0-7]",
    "a": _NAME,
    "H": _BLANK_OR_TWO,
    "I": _BLANK_OR_TWO,
    "M": _TWO,
    "S": _TWO,
    "p": r'[^\s0-9,/:;|"\[\]()-]*',
    "f": "[0-9]{1,6}",
    "z": "(?:[+-][0-9]{2}:?[0-9]{2}|Z)",
    "Z": "[A-Za-z0-9_/+-]+",
    "s": "[0-9]+",
    "iso": "[0-9A-Z:.+-]+",
}
"""The patterns for the parts of a time."""
_SKIPPED = {"C": _TWO, "g": _TWO, "U": _TWO, "W": _TWO, "n": r"\s*", "t": r"\s*", "%": "%"}
_ALIASES = {"B": "b", "h": "b", "A": "a", "w": "u", "e": "d", "k": "H", "l": "I", "P": "p"}
_SHORTHANDS = {
    "D": "%m/%d/%y",
    "x": "%m/%d/%y",
    "F": "%Y-%m-%d",
    "T": "%H:%M:%S",
    "X": "%H:%M:%S",
    "R": "%H:%M",
    "r": "%I:%M:%S %p",
    "c": "%a %b %e %H:%M:%S %Y",
    "v": "%e-%b-%Y",
}
_FRACTIONS = {"usec_frac": ("f", "[0-9]{1,6}"), "msec_frac": ("ms", "[0-9]{1,3}")}
_NUMBERS = ("usec", "msec", "sec")
_PIECE = re.compile(r"%[EO_0^#-]*([A-Za-z%+])|%|([^%]+)")
_PREFIX = "clock_"
_THIS_CENTURY = 69
_NOON = 12


def time_pattern(form: str, groups: set[str], *, named: bool = True) -> str:
    """Return the pattern for a time, with a group for each part that is not yet among `groups`, and add these groups to `groups`.

    `form` is a strftime format or one of Apache's additions: `usec`, `msec_frac`. Raises FormatStringError.
    """
    if form in _FRACTIONS:
        return _group(*_FRACTIONS[form], groups, named=named)
    if form in _NUMBERS:
        return _group(form, _PATTERNS["s"], groups, named=named)
    pattern = ""
    for piece in _PIECE.finditer(form):
        letter = _ALIASES.get(piece[1], piece[1])
        if piece[2]:
            pattern += escape_regex(piece[2])
        elif letter in _SHORTHANDS:
            pattern += time_pattern(_SHORTHANDS[letter], groups, named=named)
        elif letter in _SKIPPED:
            pattern += _SKIPPED[letter]
        elif letter in _PATTERNS or letter == "+":
            name = "iso" if letter == "+" else letter
            pattern += _group(name, _PATTERNS[name], groups, named=named)
        else:
            raise FormatStringError(f"{piece[0]} is not a time specifier; use strftime specifiers, like %Y-%m-%d %H:%M:%S %z")
    return pattern


def _group(name: str, pattern: str, groups: set[str], *, named: bool) -> str:
    """Return a pattern, in a named group if the name is new."""
    if not named or name in groups:
        return f"(?:{pattern})"
    groups.add(name)
    return f"(?P<{_PREFIX}{name}>{pattern})"


def time_text(groups: set[str]) -> pl.Expr | None:
    """Return the time made from groups of `time_pattern`, as text in ISO 8601 or a number, or None if the day or the hour is missing."""
    if "iso" in groups:
        return _part("iso")
    if number := next((name for name in ("usec", "msec", "sec", "s") if name in groups), None):
        return _part(number) if number in {"usec", "msec"} else pl.concat_str([_part(number), _fraction(groups)])
    day, clock = _day(groups), _clock(groups)
    return None if day is None or clock is None else pl.concat_str([day, pl.lit(" "), clock, _fraction(groups), _zone(groups)])


def iso_text(written: pl.Expr) -> pl.Expr:
    """Return times in ISO 8601, including those written like `10/Oct/2026:13:55:36 +0200`."""
    bare = written.str.strip_chars("[] ")
    day = bare.str.head(len("10/Oct/2026")).str.to_date("%d/%b/%Y", strict=False).dt.strftime("%Y-%m-%d")
    return pl.coalesce(pl.concat_str([day, pl.lit(" "), bare.str.slice(len("10/Oct/2026:"))]).str.strip_chars(), bare)


def _part(name: str) -> pl.Expr:
    return pl.col(f"{_PREFIX}{name}").str.strip_chars()


def _day(groups: set[str]) -> pl.Expr | None:
    """Return the day, `2026-10-31`."""
    if {"G", "V"} <= groups and groups & {"u", "a"}:
        of_week = _part("u").replace("0", "7") if "u" in groups else _number_of("day", _part("a"))
        monday_first = pl.concat_str([_part("G"), _part("V"), of_week], separator="-")
        return monday_first.str.to_date("%G-%V-%u", strict=False).dt.strftime("%Y-%m-%d")
    year = _part("Y") if "Y" in groups else _year(_part("y")) if "y" in groups else None
    if year is not None and "j" in groups:
        return pl.concat_str([year, _part("j").str.zfill(3)], separator="-").str.to_date("%Y-%j", strict=False).dt.strftime("%Y-%m-%d")
    if year is None or "d" not in groups or not groups & {"m", "b"}:
        return None
    month = _part("m") if "m" in groups else _number_of("month", _part("b"))
    return pl.concat_str([year, month.str.zfill(2), _part("d").str.zfill(2)], separator="-")


def _year(short: pl.Expr) -> pl.Expr:
    """Return a two-digit year in full, following the rule in POSIX."""
    return pl.when(short.cast(pl.Int64, strict=False) < _THIS_CENTURY).then(pl.lit("20")).otherwise(pl.lit("19")) + short


def _clock(groups: set[str]) -> pl.Expr | None:
    """Return the time of day, `13:55:36`."""
    if "M" not in groups or not groups & {"H", "I"}:
        return None
    hour = _part("H")
    if "H" not in groups:
        is_late = _part("p").str.to_lowercase().str.starts_with("p") if "p" in groups else pl.lit(value=False)
        hour = (_part("I").cast(pl.Int64, strict=False) % _NOON + _NOON * is_late.cast(pl.Int64)).cast(pl.String)
    second = _part("S") if "S" in groups else pl.lit("00")
    return pl.concat_str([hour.str.zfill(2), _part("M"), second], separator=":")


def _fraction(groups: set[str]) -> pl.Expr:
    """Return the fraction of a second, `.690`."""
    name, digits = ("f", 6) if "f" in groups else ("ms", 3)
    return pl.concat_str([pl.lit("."), _part(name).str.zfill(digits)]).fill_null("") if name in groups else pl.lit("")


def _zone(groups: set[str]) -> pl.Expr:
    """Return the offset of the time zone from UTC, or an empty string for an unknown or ambiguous name."""
    if "z" in groups:
        return pl.concat_str([pl.lit(" "), _part("z")]).fill_null("")
    return pl.concat_str([pl.lit(" "), _number_of("zone", _part("Z"))]).fill_null("") if "Z" in groups else pl.lit("")


def _number_of(kind: str, name: pl.Expr) -> pl.Expr:
    """Return the number of a month or weekday, or the offset of a time zone, given its name, or null if the name is unknown."""
    numbers = _numbers(kind)
    return name.str.to_lowercase().str.strip_chars(".").replace_strict(list(numbers), list(numbers.values()), default=None, return_dtype=pl.String)


@cache
def _numbers(kind: str) -> dict[str, str]:
    """Return the months, weekdays or time zones by name."""
    named = (line.partition(":") for line in datafiles.lines("dates"))
    return {name: what.split()[1] for what, _, names in named if what.split()[0] == kind for name in names.split()}
