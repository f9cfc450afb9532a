"""GoAccess's `log-format`. It says where days and times are, not how they are written."""

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
    """Return the template of what `--log-format` of GoAccess says. Raises FormatStringError."""
    segments: list[str | Variable] = []
    named = set[str]()
    end = 0
    for found in _SPECIFIER.finditer(string):
        segments += [string[end : found.start()]] if found.start() > end else []
        segments.append(_variable(found, segments, named))
        end = found.end()
    segments += [string[end:]] if string[end:] else []
    return build_template(segments, _time_field(named))


def _variable(found: re.Match[str], before: list[str | Variable], named: set[str]) -> str | Variable:
    """Return what a specifier is; the groups of times are added to `named`."""
    written, place, letter = found[0], found.start() + 1, found[1] or found[2]
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
        raise FormatStringError(f"at position {place}, {written} is nothing that GoAccess knows; write %^ for a field to skip")
    return Variable(written, place, *_VARIABLES[letter])


def _pattern(group: str) -> str:
    """Return what a day, a time of day or a whole time looks like."""
    return {_DAY: r"[^\s:\]]*", _CLOCK: r"[0-9:.,]*"}.get(group, r"[0-9][0-9A-Za-z:/.+-]*(?: [0-9:.+-]+)?")


def _time_field(named: set[str]) -> dict[str, pl.Expr]:
    """Return the time that its pieces make."""
    if _MOMENT in named:
        return {"time": strftime.iso_text(pl.col(_MOMENT))}
    if not {_DAY, _CLOCK} <= named:
        return {}
    zone = pl.col(_ZONE) if _ZONE in named else pl.lit(None, dtype=pl.String)
    offset = pl.when(zone.str.contains(_OFFSET)).then(pl.concat_str([pl.lit(" "), zone])).otherwise(pl.lit(""))
    return {"time": pl.concat_str([strftime.iso_text(pl.col(_DAY)), pl.lit(" "), pl.col(_CLOCK), offset])}
