"""Templates of log lines, built from the literal text and the variables in a format string; a variable ends where the text after it begins."""

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
"""What a variable may contain: a word; text with spaces; a user, or `""` for none; digits; words separated by `, `; a host; its own pattern."""
CLIENT_HEADERS = ("x-real-ip", "cf-connecting-ip", "true-client-ip", "x-client-ip", "x-cluster-client-ip")
"""The headers in which proxies pass on the client's IP address."""
_STRONG = "\"'|,;\\t[](){}<>=&^~?"
"""Characters that always end a variable; others may also be part of it."""
_STRICT = {USER: '[^ "]*', LISTED: "[^ ,]*"}
"""Stricter patterns for these kinds if a space follows; they match nearly every line."""
_FINEST_UNITS = (*reversed(DURATION_UNITS),)


class FormatStringError(ValueError):
    """A mistake in a format string, and how to fix it."""


@dataclass(frozen=True)
class Variable:
    """A variable of a format string."""

    written: str
    place: int
    """Its position in the string, from 1."""
    field: str = ""
    """One of `fields.FIELDS`, or an empty string if it is not read."""
    rank: int = 0
    """If there are several variables for a field, the one with the lowest rank that has a value counts."""
    kind: str = WORD
    cookie: str = ""
    """The name of its cookie."""
    pattern: str = ""
    """The pattern for a FIXED variable."""


@dataclass(frozen=True)
class StringTemplate(Template):
    """A template, with the parts of the format string and the pattern for each part."""

    parts: tuple[tuple[str, str], ...] = field(default=(), compare=False)


def build_template(segments: Sequence[str | Variable], made: Mapping[str, pl.Expr], *, names_month: bool = False) -> StringTemplate:
    """Return the template for literal text and variables; `made` holds the fields that are computed from groups of FIXED variables.

    Raises FormatStringError if there is no variable, or if the end of one is ambiguous.
    """
    if not any(isinstance(segment, Variable) for segment in segments):
        raise FormatStringError(
            "at position 1, the string contains no variables; copy it from your server's configuration, from the first variable to the last"
        )
    named = _names([segment for segment in segments if isinstance(segment, Variable)], made)
    strict, slack = ([_part(segments, number, named, is_strict=is_strict) for number in range(len(segments))] for is_strict in (True, False))
    end = r"(?:\s|$)" if segments and isinstance(segments[-1], Variable) else ""
    fields = {**made, **_combined_fields(named)}
    groups = {*fields, *named.values()}
    if "address" not in groups and "forwarded" in groups:
        fields["address"] = fields.get("forwarded", pl.col("forwarded"))
    pattern, other = (f"^{''.join(looks)}{end}" for looks in (strict, slack))
    parts = tuple(zip([segment if isinstance(segment, str) else segment.written for segment in segments], slack, strict=True))
    return StringTemplate(pattern, made=fields, names_month=names_month, otherwise=None if pattern == other else other, parts=parts)


def _part(segments: Sequence[str | Variable], number: int, named: Mapping[Variable, str], *, is_strict: bool) -> str:
    """Return the pattern for a part of the string. Raises FormatStringError."""
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
    """Return the pattern for literal text."""
    return re.sub(r"[][\\.+*?()|{}^$]", r"\\\g<0>", text)


def _names(variables: Sequence[Variable], made: Mapping[str, pl.Expr]) -> dict[Variable, str]:
    """Return the name of the group for each variable that is read: its field, with a number if there are several."""
    ranked = sorted((variable for variable in variables if variable.field and variable.field not in made), key=lambda variable: variable.rank)
    units = [variable for unit in _FINEST_UNITS for variable in ranked if variable.field == unit]
    times = [variable for variable in ranked if variable.field == "time"]
    others = [variable for variable in ranked if variable.field != "time" and variable.field not in DURATION_UNITS]
    has_query = any(variable.field == "target" and variable.rank == 0 for variable in others)
    read = [*units[:1], *times[:1], *(variable for variable in others if not (variable.field == "query" and has_query))]
    return {variable: variable.field if _is_only_one(variable, read) else f"{variable.field}_{number}" for number, variable in enumerate(read)}


def _is_only_one(variable: Variable, read: Sequence[Variable]) -> bool:
    """Return whether a variable alone makes up its field."""
    return not variable.cookie and sum(other.field == variable.field for other in read) == 1


def _combined_fields(named: Mapping[Variable, str]) -> dict[str, pl.Expr]:
    """Return the fields that are made from several variables, or from one that makes up only part of the field."""
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
    """Raise FormatStringError if a variable that matters cannot be separated from the next one."""
    can_end = variable.kind in {NUMBER, FIXED, HOST} or not isinstance(behind, Variable) or behind.kind == FIXED
    if not can_end and isinstance(behind, Variable) and (variable.field or behind.field):
        between = f"there is nothing between {variable.written} and {behind.written}, so it is unclear where one ends"
        raise FormatStringError(f"at position {behind.place}, {between}; put a space between them in the server's configuration")


def _pattern(variable: Variable, behind: str | Variable | None) -> str:
    """Return the pattern for a variable, up to the text after it."""
    sign = behind[0] if isinstance(behind, str) else ""
    strong = escape_regex(sign) if sign and sign in _STRONG else ""
    free = ".*" if behind is None else ".*?"
    of_kind = {
        FIXED: variable.pattern,
        NUMBER: "[0-9.-]*",
        HOST: f"[^ /{strong}]*",
        TEXT: free,
        USER: free,
        LISTED: f"[^{strong}]*" if strong else "[^ ,]*(?:(?:, ?| : )[^ ,]+)*",
        WORD: f"[^{strong or ' '}]*",
    }
    # Between quotes or tabs, anything but quotes or tabs is allowed.
    is_closed = sign != "" and sign in '"\t' and variable.kind in {TEXT, USER, LISTED, WORD, HOST}
    return f"[^{sign}]*" if is_closed else of_kind[variable.kind]
