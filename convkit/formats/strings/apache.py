"""Apache's `LogFormat` directive, as copied from a server's configuration."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from convkit.formats.strings import strftime
from convkit.formats.strings.template import (
    CLIENT_HEADERS,
    FIXED,
    HOST,
    LISTED,
    NUMBER,
    TEXT,
    USER,
    WORD,
    FormatStringError,
    Variable,
    build_template,
)

if TYPE_CHECKING:
    import polars as pl

    from convkit.formats.strings.template import StringTemplate

_WRAPPED = re.compile(r'\s*(?:LogFormat|(?:Custom|Transfer)Log\s+(?:"[^"]*"|[^\s"]+))\s+"((?:[^"\\]|\\.)*)".*', re.DOTALL | re.IGNORECASE)
_ONLY_QUOTED = re.compile(r'\s*"((?:[^"\\]|\\.)*\\"(?:[^"\\]|\\.)*)"\s*', re.DOTALL)
_ESCAPED = re.compile(r'\\(["\\tnr]|\n)')
_MEANT = {"t": "\t", "n": "\n", "r": "\r", "\n": ""}
_DIRECTIVE = re.compile(r"%((?:[<>!]|\d{3}(?:,\d{3})*|\{[^}]*\})*)(\^[a-zA-Z]{2}|[a-zA-Z])")
_PERCENT = "%%"
_DAY, _TIME = "%d/%b/%Y", "%H:%M:%S"
_USUAL = f"[{_DAY}:{_TIME} %z]"
_UNITS = {"": "seconds", "s": "seconds", "ms": "milliseconds", "us": "microseconds"}
_HEADERS = {
    "referer": ("referrer", 0, TEXT),
    "user-agent": ("agent", 0, TEXT),
    "cookie": ("cookies", 0, TEXT),
    "sec-purpose": ("purpose", 0, TEXT),
    "purpose": ("purpose", 1, TEXT),
    "sec-fetch-dest": ("destination", 0, TEXT),
    "host": ("host", 0, HOST),
    "x-forwarded-for": ("forwarded", 0, LISTED),
    **dict.fromkeys(CLIENT_HEADERS, ("forwarded", 1, LISTED)),
}
_VARIABLES: dict[str, tuple[str, int, str]] = {
    "a": ("address", 0, LISTED),
    "h": ("address", 1, LISTED),
    "u": ("user", 0, USER),
    "r": ("request", 0, TEXT),
    "m": ("method", 0, WORD),
    "U": ("target", 1, TEXT),
    "q": ("query", 0, WORD),
    "H": ("protocol", 0, WORD),
    "s": ("status", 1, NUMBER),
    "B": ("bytes", 0, NUMBER),
    "b": ("bytes", 0, NUMBER),
    "O": ("bytes", 1, NUMBER),
    "V": ("host", 1, HOST),
    "v": ("host", 2, HOST),
    "D": ("microseconds", 0, NUMBER),
    **dict.fromkeys("kSI", ("", 0, NUMBER)),
    **dict.fromkeys("efFno", ("", 0, TEXT)),
    **dict.fromkeys("AlLpPRXcxzEKQ", ("", 0, WORD)),
}
"""By directive: the field, the directive's rank among those for the same field, and the kind of text it may contain."""


@dataclass(frozen=True)
class _Directive:
    """A directive: its letter, the argument in braces, and which request it refers to after redirects."""

    written: str
    place: int
    letter: str
    argument: str
    direction: str
    is_conditional: bool

    @property
    def form(self) -> str:
        """The format of a time, without the prefix `begin:` or `end:`."""
        return re.sub("^(?:begin|end)(?::|$)", "", self.argument) or _USUAL

    @property
    def occasion(self) -> tuple[bool, int]:
        """The time that it belongs to: directives with equal values are pieces of one time, and the time with the lowest value is used."""
        return re.match("end(?::|$)", self.argument) is not None, ("", ">", "<").index(self.direction)


def parse_apache(string: str) -> StringTemplate:
    """Return the template of a `LogFormat` string. Raises FormatStringError."""
    parts = _split(_unquoted(string))
    times = [part for part in parts if isinstance(part, _Directive) and part.letter == "t"]
    occasion, made = next(
        ((which, made) for which in sorted({time.occasion for time in times}) if (made := _time_field(times, which)) is not None), (None, None)
    )
    is_usual = [time.form for time in times if time.occasion == occasion] == [_USUAL]
    segments, groups = list[str | Variable](), set[str]()
    for number, part in enumerate(parts):
        if isinstance(part, str):
            segments.append(part)
        elif part.letter == "t":
            segments.append(_usual_time(part) if is_usual and part.occasion == occasion else _time(part, groups, is_read=part.occasion == occasion))
        elif not _is_query(parts, number):
            segments.append(_path_and_query(part) if _is_query(parts, number + 1) else _variable(part))
    return build_template(segments, {} if made is None or is_usual else {"time": made}, names_month=is_usual)


def _time_field(times: list[_Directive], which: tuple[bool, int]) -> pl.Expr | None:
    """Return the expression for one of the times, or None if its pieces do not make up a time."""
    groups = set[str]()
    for time in times:
        if time.occasion == which:
            _time(time, groups, is_read=True)
    return strftime.time_text(groups)


def _is_query(parts: list[str | _Directive], number: int) -> bool:
    """Return whether a part is a query that directly follows a path."""
    letters = [part.letter for part in parts[max(number - 1, 0) : number + 1] if isinstance(part, _Directive)]
    return letters == ["U", "q"]


def _unquoted(string: str) -> str:
    """Return a format taken out of its directive or its quotes, or as it is."""
    wrapped = _WRAPPED.fullmatch(string) or _ONLY_QUOTED.fullmatch(string)
    return _ESCAPED.sub(lambda sign: _MEANT.get(sign[1], sign[1]), wrapped[1] if wrapped else string.strip("\n"))


def _split(text: str) -> list[str | _Directive]:
    """Split a format into literal text and directives."""
    parts: list[str | _Directive] = []
    place = 0
    while place < len(text):
        match = _DIRECTIVE.match(text, place)
        if match is not None:
            parts.append(_directive(match))
            place = match.end()
            continue
        is_sign = text.startswith(_PERCENT, place)
        if text[place] == "%" and not is_sign:
            raise FormatStringError(f"at position {place + 1}, {_directive_problem(text[place:])}; write %% for a percent sign")
        plain = "%" if is_sign else text[place]
        parts[-1:] = [parts[-1] + plain] if parts and isinstance(parts[-1], str) else [*parts[-1:], plain]
        place += 1 + is_sign
    return parts


def _directive_problem(rest: str) -> str:
    """Return what is wrong with a percent sign that does not begin a directive."""
    begun = rest[: len("%{User-agent}i")]
    return f"{begun} has no closing brace" if "{" in rest.partition(" ")[0] and "}" not in rest else f"{begun} is not an Apache directive"


def _directive(match: re.Match[str]) -> _Directive:
    """Return a directive; if there are several `<` and `>`, the last one counts."""
    arguments = re.findall(r"\{([^}]*)\}", match[1])
    signs = re.sub(r"\{[^}]*\}", "", match[1])
    directions = re.findall("[<>]", signs)
    return _Directive(
        match[0],
        match.start() + 1,
        match[2],
        arguments[-1] if arguments else "",
        directions[-1] if directions else "",
        bool(re.search("[0-9!]", signs)),
    )


def _usual_time(directive: _Directive) -> Variable:
    """Return a time in the usual format as one variable."""
    return Variable(directive.written, directive.place, "time", 0, FIXED, pattern=r"\[[^\]]*\]|-" if directive.is_conditional else r"\[[^\]]*\]")


def _path_and_query(directive: _Directive) -> Variable:
    """Return a path and the query after it as one variable."""
    return Variable(f"{directive.written}%q", directive.place, "target", 0, TEXT)


def _time(directive: _Directive, groups: set[str], *, is_read: bool) -> Variable:
    """Return the variable for a time or a piece of one, which may or may not be read. Raises FormatStringError."""
    try:
        looks = strftime.time_pattern(directive.form, groups, named=is_read)
    except FormatStringError as error:
        raise FormatStringError(f"at position {directive.place}, {error}") from None
    return Variable(directive.written, directive.place, "", 0, FIXED, pattern=f"-|{looks}" if directive.is_conditional else looks)


def _variable(directive: _Directive) -> Variable:
    """Return the variable for a directive."""
    written, place, letter, argument = directive.written, directive.place, directive.letter, directive.argument
    if letter == "i":
        field, rank, kind = _HEADERS.get(argument.lower(), ("", 0, TEXT))
    elif letter == "C":
        return Variable(written, place, "cookies", 1, TEXT, cookie=argument)
    elif letter == "T":
        field, rank, kind = _UNITS.get(argument.lower(), ""), 0, NUMBER
    elif letter not in _VARIABLES and not letter.startswith("^"):
        raise FormatStringError(f"at position {place}, {written} is not an Apache directive; write %% for a percent sign")
    else:
        field, rank, kind = _VARIABLES.get(letter, ("", 0, WORD))
    is_local = letter in "ah" and argument == "c"
    # The final request after redirects takes precedence; headers exist only once.
    turn = {">": -1, "": 0, "<": 1}[directive.direction] if letter != "i" else len(directive.direction)
    return Variable(written, place, field, rank + 3 * (turn + is_local), kind)
