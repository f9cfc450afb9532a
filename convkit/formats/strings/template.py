"""The template of a log line, built of a format string's texts and variables; what follows a variable tells where it ends."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import polars as pl

from convkit.formats.parsers.fields import DURATION_UNITS, field_or_null
from convkit.formats.parsers.regex import Template

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

WORD, TEXT, USER, NUMBER, LISTED, HOST, FIXED = "word", "text", "user", "number", "listed", "host", "fixed"
"""What a variable may hold: no blank; blanks; a name, `""` for none; digits; words with a comma and a blank between; a host; its own pattern."""
CLIENT_HEADERS = ("x-real-ip", "cf-connecting-ip", "true-client-ip", "x-client-ip", "x-cluster-client-ip")
"""Headers in which proxies say who asked."""
_STRONG = "\"'|,;\\t[](){}<>=&^~?"
"""Signs that end a variable wherever they stand behind it; others may stand in it, too."""
_STRICT = {USER: '[^ "]*', LISTED: "[^ ,]*"}
"""What these are like in nearly every line, where a blank follows."""
_FINEST_UNITS = (*reversed(DURATION_UNITS),)


class FormatStringError(ValueError):
    """What is wrong with a string, in a sentence with the fix."""


@dataclass(frozen=True)
class Variable:
    """A place in a line that says something."""

    written: str
    place: int
    """Where it stands in the string, from 1."""
    field: str = ""
    """Of `fields.FIELDS`; empty where it says nothing that is read."""
    rank: int = 0
    """Of variables of one field, the lowest that says something counts."""
    kind: str = WORD
    cookie: str = ""
    """The name of the cookie that it is."""
    pattern: str = ""
    """Of FIXED, what it looks like."""


@dataclass(frozen=True)
class StringTemplate(Template):
    """A template, and the parts of the string that it was made of: what each is called, and how it looks in a line."""

    parts: tuple[tuple[str, str], ...] = field(default=(), compare=False)


def build_template(segments: Sequence[str | Variable], made: Mapping[str, pl.Expr], *, names_month: bool = False) -> StringTemplate:
    """Return the template of lines that are written so: texts as they stand, and variables; `made` are fields that groups of FIXED ones make.

    Raises FormatStringError where there is no variable, and where nobody can tell where one ends and the next begins.
    """
    if not any(isinstance(segment, Variable) for segment in segments):
        raise FormatStringError(
            "at position 1, no variable stands in the string; write it as your server has it, from the first variable to the last"
        )
    named = _names([segment for segment in segments if isinstance(segment, Variable)], made)
    strict, slack = ([_part(segments, number, named, is_strict=is_strict) for number in range(len(segments))] for is_strict in (True, False))
    end = r"(?:\s|$)" if segments and isinstance(segments[-1], Variable) else ""
    fields = {**made, **_combined_fields(named)}
    there = {*fields, *named.values()}
    if "address" not in there and "forwarded" in there:
        fields["address"] = fields.get("forwarded", pl.col("forwarded"))
    pattern, other = (f"^{''.join(looks)}{end}" for looks in (strict, slack))
    parts = tuple(zip([segment if isinstance(segment, str) else segment.written for segment in segments], slack, strict=True))
    return StringTemplate(pattern, made=fields, names_month=names_month, otherwise=None if pattern == other else other, parts=parts)


def _part(segments: Sequence[str | Variable], number: int, named: Mapping[Variable, str], *, is_strict: bool) -> str:
    """Return what a part of a string looks like in a line. Raises FormatStringError."""
    segment, behind = segments[number], segments[number + 1] if number + 1 < len(segments) else None
    if isinstance(segment, str):
        return escape_regex(segment)
    _refuse_neighbours(segment, behind)
    begins = f"?P<{named[segment]}>" if segment in named else "?:"
    if is_strict and segment.kind in _STRICT and isinstance(behind, str) and behind[0] == " ":
        return f"({begins}{_STRICT[segment.kind]})"
    looks = f"({begins}{_pattern(segment, behind)})"
    return f'(?:""|{looks})' if segment.kind == USER else looks


def escape_regex(text: str) -> str:
    """Return the pattern of a text as it stands."""
    return re.sub(r"[][\\.+*?()|{}^$]", r"\\\g<0>", text)


def _names(variables: Sequence[Variable], made: Mapping[str, pl.Expr]) -> dict[Variable, str]:
    """Return the group of each variable that is read: its field, with a number where it is not the only one."""
    ranked = sorted((variable for variable in variables if variable.field and variable.field not in made), key=lambda variable: variable.rank)
    units = [variable for unit in _FINEST_UNITS for variable in ranked if variable.field == unit]
    times = [variable for variable in ranked if variable.field == "time"]
    others = [variable for variable in ranked if variable.field != "time" and variable.field not in DURATION_UNITS]
    has_query = any(variable.field == "target" and variable.rank == 0 for variable in others)
    read = [*units[:1], *times[:1], *(variable for variable in others if not (variable.field == "query" and has_query))]
    return {variable: variable.field if _is_only_one(variable, read) else f"{variable.field}_{number}" for number, variable in enumerate(read)}


def _is_only_one(variable: Variable, read: Sequence[Variable]) -> bool:
    """Tell a variable that is all of its field."""
    return not variable.cookie and sum(other.field == variable.field for other in read) == 1


def _combined_fields(named: Mapping[Variable, str]) -> dict[str, pl.Expr]:
    """Return fields that several variables say, or one that is a part of it."""
    fields: dict[str, pl.Expr] = {}
    for name in {variable.field: "" for variable, group in named.items() if group != variable.field}:
        of_field = {variable: group for variable, group in named.items() if variable.field == name}
        values = [
            field_or_null(group) if not variable.cookie else pl.lit(f"{variable.cookie}=") + field_or_null(group)
            for variable, group in of_field.items()
        ]
        fields[name] = pl.concat_str(values, separator="; ", ignore_nulls=True) if name == "cookies" else pl.coalesce(values)
        if name == "agent":
            fields[name] = fields[name].fill_null("-")
    return fields


def _refuse_neighbours(variable: Variable, behind: str | Variable | None) -> None:
    """Raise FormatStringError where a variable and the next cannot be told apart, and one of them is read."""
    can_end = variable.kind in {NUMBER, FIXED, HOST} or not isinstance(behind, Variable) or behind.kind == FIXED
    if not can_end and isinstance(behind, Variable) and (variable.field or behind.field):
        between = f"nothing stands between {variable.written} and {behind.written}, so nobody can tell where one ends"
        raise FormatStringError(f"at position {behind.place}, {between}; put a blank between them in the server's configuration")


def _pattern(variable: Variable, behind: str | Variable | None) -> str:
    """Return what a variable looks like, which ends where the text behind it begins."""
    sign = behind[0] if isinstance(behind, str) else ""
    strong = escape_regex(sign) if sign and sign in _STRONG else ""
    free = ".*" if behind is None else ".*?"
    usual = {
        FIXED: variable.pattern,
        NUMBER: "[0-9.-]*",
        HOST: f"[^ /{strong}]*",
        TEXT: free,
        USER: free,
        LISTED: f"[^{strong}]*" if strong else "[^ ,]*(?:(?:, ?| : )[^ ,]+)*",
        WORD: f"[^{strong or ' '}]*",
    }
    # Within quotes and between tabs anything may stand but these.
    is_closed = sign != "" and sign in '"\t' and variable.kind in {TEXT, USER, LISTED, WORD, HOST}
    return f"[^{sign}]*" if is_closed else usual[variable.kind]
