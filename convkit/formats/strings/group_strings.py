"""A regular expression with named groups -> the template of its lines.

It stands alone because whoever writes one names the fields, in words that several tools have.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import polars as pl

from convkit.errors import did_you_mean
from convkit.formats.strings import written_times
from convkit.formats.strings.log_strings import OwnTemplate, StringError

if TYPE_CHECKING:
    from collections.abc import Collection

_GROUP = re.compile(r"(?<!\\)((?:\\\\)*)\(\?P?<(\w+)>")
_LOOKS_AROUND = re.compile(r"(?<!\\)(?:\\\\)*(\(\?<?[=!]|\(\?P=|\(\?>|\\[1-9])")
_ZONES = ("timezone", "tz", "zone", "offset")
_DAYS = ("date", "day")
NAMES = {
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
    "seconds": ("request_time", "duration", "time_taken", "generation_time_secs"),
    "milliseconds": ("generation_time_milli", "duration_ms", "ms"),
    "microseconds": ("generation_time_micro", "duration_us", "us"),
    "nanoseconds": ("duration_ns", "ns"),
}
"""By field: other names that its group may have."""


def read(string: str) -> OwnTemplate:
    """Return the template of a regular expression, which begins where a line begins. Raises StringError."""
    _compiled(string)
    _refuse_what_is_not_read(string)
    groups = [found[2] for found in _GROUP.finditer(string)]
    fields = {name: _field(name) for name in groups}
    if not any(fields.values()):
        close = next((hint for name in groups if (hint := did_you_mean(name, _known()))), "")
        raise StringError(f"no group is named like a field{close}; name groups time, address, request, status, referrer or agent")
    taken = dict[str, str]()
    for name, of_name in fields.items():
        taken[name] = of_name if of_name and of_name not in taken.values() else f"other_{name}"
    pattern = _GROUP.sub(lambda found: f"{found[1]}(?P<{taken[found[2]]}>", string)
    return OwnTemplate(f"^(?:{pattern.removeprefix('^')})", made=_made(set(taken.values())), parts=())


def _known() -> Collection[str]:
    return [*NAMES, *(name for names in NAMES.values() for name in names)]


def _field(name: str) -> str:
    """Return the field that a group is, empty where it is none; a day and a zone are pieces of the time."""
    plain = name.lower()
    if plain in {*_ZONES, *_DAYS}:
        return "zone" if plain in _ZONES else "day"
    return plain if plain in NAMES else next((field for field, names in NAMES.items() if plain in names), "")


def _made(groups: set[str]) -> dict[str, pl.Expr]:
    """Return the time, however it is written and in how many groups."""
    pieces = [pl.col(name) for name in ("day", "time") if name in groups]
    if not pieces:
        return {}
    written = written_times.as_iso(pl.concat_str(pieces, separator=" "))
    zone = [pl.concat_str([pl.lit(" "), pl.col("zone")]).fill_null("")] if "zone" in groups else []
    return {"time": pl.concat_str([written, *zone])}


def _compiled(string: str) -> None:
    """Raise StringError where an expression is none."""
    try:
        re.compile(re.sub(r"\(\?<(?=\w+>)", "(?P<", string))
    except re.error as error:
        raise StringError(f"at position {(error.pos or 0) + 1}, {error.msg}; correct the expression") from None


def _refuse_what_is_not_read(string: str) -> None:
    """Raise StringError where an expression asks for what is not read here."""
    found = _LOOKS_AROUND.search(string)
    if found:
        raise StringError(
            f"at position {found.start(1) + 1}, {found[1]} looks around or back, which is not read here; write what stands there instead"
        )
    try:
        pl.select(pl.lit("").str.contains(string))
    except pl.exceptions.ComputeError as error:
        why = str(error).strip().rpartition("error: ")[2].partition("\n")[0]
        raise StringError(f"the expression is not read here ({why}); write it without what Python or Perl alone know") from None
