"""GoAccess's `log-format`, which gives the positions of dates and times, but not their notation."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import polars as pl

from convkit.formats.strings import strftime
from convkit.formats.strings.template import FIXED, HOST, LISTED, NUMBER, TEXT, USER, WORD, FormatStringError, Variable, build_template

if TYPE_CHECKING:
    from convkit.formats.strings.template import StringTemplate

_SPECIFIER = re.compile(r"%([A-Za-z^~%])|~(h)\{[^}]*\}")
_VARIABLES: dict[str, tuple[str, int, str]] = {
    "v": ("host", 0, HOST),
    "h": ("address", 0, LISTED),
    "e": ("user", 0, USER),
    "r": ("request", 0, TEXT),
    "m": ("method", 0, WORD),
    "U": ("target", 1, TEXT),
    "q": ("query", 0, WORD),
    "H": ("protocol", 0, WORD),
    "s": ("status", 0, NUMBER),
    "b": ("bytes", 0, NUMBER),
    "R": ("referrer", 0, TEXT),
    "u": ("agent", 0, TEXT),
    "D": ("microseconds", 0, NUMBER),
    "T": ("seconds", 0, NUMBER),
    "L": ("milliseconds", 0, NUMBER),
    "n": ("nanoseconds", 0, NUMBER),
    **dict.fromkeys("^CMKk", ("", 0, WORD)),
}
_DAY, _CLOCK, _MOMENT, _ZONE = "clock_day", "clock_time", "clock_moment", "clock_zone"
_OFFSET = r"^(?:[+-][0-9]{2}:?[0-9]{2}|Z)$"


def parse_goaccess(string: str) -> StringTemplate:
    """Return the template of a GoAccess `log-format` string. Raises FormatStringError."""
    segments: list[str | Variable] = []
    named = set[str]()
    end = 0
    for match in _SPECIFIER.finditer(string):
        segments += [string[end : match.start()]] if match.start() > end else []
        segments.append(_variable(match, segments, named))
        end = match.end()
    segments += [string[end:]] if string[end:] else []
    return build_template(segments, _time_field(named))


def _variable(match: re.Match[str], before: list[str | Variable], named: set[str]) -> str | Variable:
    """Return the variable or text for a specifier, and add the groups of times to `named`."""
    written, place, letter = match[0], match.start() + 1, match[1] or match[2]
    if letter == "%":
        return "%"
    if letter == "~":
        return Variable(written, place, "", 0, FIXED, pattern=r"\s*")
    group = {"d": _DAY, "t": _CLOCK, "x": _MOMENT}.get(letter)
    is_zone = letter == "^" and len(before) > 1 and before[-1] == " " and isinstance(before[-2], Variable) and before[-2].written == "%t"
    if is_zone or group:
        name, looks = (_ZONE, "[^ \\]]*") if is_zone or group is None else (group, _pattern(group))
        named.add(name)
        return Variable(written, place, "", 0, FIXED, pattern=f"(?P<{name}>{looks})")
    if letter not in _VARIABLES:
        raise FormatStringError(f"at position {place}, {written} is not a GoAccess specifier; write %^ to skip a field")
    return Variable(written, place, *_VARIABLES[letter])


def _pattern(group: str) -> str:
    """Return the pattern for a day, a time of day or a full time."""
    return {_DAY: r"[^\s:\]]*", _CLOCK: r"[0-9:.,]*"}.get(group, r"[0-9][0-9A-Za-z:/.+-]*(?: [0-9:.+-]+)?")


def _time_field(named: set[str]) -> dict[str, pl.Expr]:
    """Return the time, made from its pieces."""
    if _MOMENT in named:
        return {"time": strftime.iso_text(pl.col(_MOMENT))}
    if not {_DAY, _CLOCK} <= named:
        return {}
    zone = pl.col(_ZONE) if _ZONE in named else pl.lit(None, dtype=pl.String)
    offset = pl.when(zone.str.contains(_OFFSET)).then(pl.concat_str([pl.lit(" "), zone])).otherwise(pl.lit(""))
    return {"time": pl.concat_str([strftime.iso_text(pl.col(_DAY)), pl.lit(" "), pl.col(_CLOCK), offset])}
