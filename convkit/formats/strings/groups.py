"""Regular expressions whose named groups are fields, including groups with names that other tools use."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import polars as pl

from convkit.core import patterns
from convkit.errors import did_you_mean
from convkit.formats.strings import strftime
from convkit.formats.strings.template import FormatStringError, StringTemplate

if TYPE_CHECKING:
    from collections.abc import Collection

_GROUP = re.compile(r"(?<!\\)((?:\\\\)*)\(\?P?<(\w+)>")
_LOOKAROUND = re.compile(r"(?<!\\)(?:\\\\)*(\(\?<?[=!]|\(\?P=|\(\?>|\\[1-9])")
_ZONES = ("timezone", "tz", "zone", "offset")
_DAYS = ("date", "day")
GROUP_NAMES = {
    "time": ("time_local", "time_iso8601", "timestamp", "datetime", "date_time", "ts", "msec", "when"),
    "address": ("ip", "remote_addr", "remote_host", "remote_ip", "client", "client_ip", "clientip", "c_ip", "h"),
    "user": ("remote_user", "userid", "user_id", "username", "auth"),
    "host": ("vhost", "http_host", "virtual_host", "server_name", "domain", "cs_host"),
    "request": ("request_line", "r"),
    "method": ("request_method", "http_method", "verb", "cs_method"),
    "target": ("path", "url", "uri", "request_uri", "cs_uri_stem", "request_path"),
    "query": ("query_string", "args", "cs_uri_query"),
    "protocol": ("server_protocol", "http_version", "cs_version"),
    "status": ("status_code", "code", "response", "sc_status"),
    "bytes": ("length", "size", "body_bytes_sent", "bytes_sent", "sc_bytes"),
    "referrer": ("referer", "http_referer", "http_referrer", "cs_referer", "ref"),
    "agent": ("user_agent", "ua", "http_user_agent", "useragent", "cs_user_agent"),
    "forwarded": ("http_x_forwarded_for", "x_forwarded_for", "xff", "forwarded_for"),
    "cookies": ("cookie", "http_cookie"),
    "purpose": ("sec_purpose", "http_sec_purpose", "http_purpose"),
    "destination": ("sec_fetch_dest", "http_sec_fetch_dest"),
    "seconds": ("request_time", "duration", "time_taken", "generation_time_secs"),
    "milliseconds": ("generation_time_milli", "duration_ms", "ms"),
    "microseconds": ("generation_time_micro", "duration_us", "us"),
    "nanoseconds": ("duration_ns", "ns"),
}
"""Alternative names for the group of a field."""


def parse_groups(string: str) -> StringTemplate:
    """Return the template of a regular expression, anchored at the beginning of a line. Raises FormatStringError."""
    _refuse_invalid(string)
    _refuse_unsupported(string)
    groups = [match[2] for match in _GROUP.finditer(string)]
    fields = {name: _field(name) for name in groups}
    if not any(fields.values()):
        close = next((hint for name in groups if (hint := did_you_mean(name, _known_names()))), ".")
        raise FormatStringError(f"no group is named after a field{close} Name groups time, address, request, status, referrer or agent")
    taken = dict[str, str]()
    for name, field in fields.items():
        taken[name] = field if field and field not in taken.values() else f"other_{name}"
    pattern = _GROUP.sub(lambda match: f"{match[1]}(?P<{taken[match[2]]}>", string)
    return StringTemplate(f"^{patterns.in_group(pattern.removeprefix('^'))}", made=_time_field(set(taken.values())), parts=())


def _known_names() -> Collection[str]:
    return [*GROUP_NAMES, *(name for names in GROUP_NAMES.values() for name in names)]


def _field(name: str) -> str:
    """Return the field for a group, or an empty string if it is not a field; `day` and `zone` are pieces of the time."""
    plain = name.lower()
    if plain in {*_ZONES, *_DAYS}:
        return "zone" if plain in _ZONES else "day"
    return plain if plain in GROUP_NAMES else next((field for field, names in GROUP_NAMES.items() if plain in names), "")


def _time_field(groups: set[str]) -> dict[str, pl.Expr]:
    """Return the time, in any notation and from any number of groups."""
    pieces = [pl.col(name) for name in ("day", "time") if name in groups]
    if not pieces:
        return {}
    written = strftime.iso_text(pl.concat_str(pieces, separator=" "))
    zone = [pl.concat_str([pl.lit(" "), pl.col("zone")]).fill_null("")] if "zone" in groups else []
    return {"time": pl.concat_str([written, *zone])}


def _refuse_invalid(string: str) -> None:
    """Raise FormatStringError if an expression is invalid."""
    try:
        re.compile(re.sub(r"\(\?<(?=\w+>)", "(?P<", string))
    except re.error as error:
        raise FormatStringError(f"at position {(error.pos or 0) + 1}, {error.msg}; correct the expression") from None


def _refuse_unsupported(string: str) -> None:
    """Raise FormatStringError if an expression needs unsupported features."""
    match = _LOOKAROUND.search(string)
    if match:
        raise FormatStringError(
            f"at position {match.start(1) + 1}, {match[1]} is unsupported (no lookaround or backreferences); write what it stands for instead"
        )
    try:
        pl.select(pl.lit("").str.contains(string))
    except pl.exceptions.ComputeError as error:
        why = str(error).strip().rpartition("error: ")[2].partition("\n")[0]
        raise FormatStringError(f"the expression is unsupported ({why}); avoid syntax that only Python or Perl supports") from None
