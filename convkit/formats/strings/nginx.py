"""nginx's `log_format` directive, as copied from a server's configuration."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

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
    from convkit.formats.strings.template import StringTemplate

_DIRECTIVE = re.compile(r"\s*log_format\s+(?:'[^']*'|\"[^\"]*\"|[^\s'\"]+)\s+(?:escape=\w+\s+)?")
_ESCAPE = re.compile(r"\s*escape=\w+\s+")
_PIECE = re.compile(r"""\s*(?:\#[^\n]*\n\s*)*(?:'((?:[^'\\]|\\.)*)'|"((?:[^"\\]|\\.)*)"|([^\s'";]+))""", re.DOTALL)
_END = re.compile(r"[\s;}]*(?:#[^\n]*\s*)*")
_QUOTED = re.compile(r"""\\(["'\\trn])""")
_ESCAPED_SIGNS = {"t": "\t", "r": "\r", "n": "\n"}
_NAME = re.compile(r"\$(?:(\w+)|\{(\w+)\})")
_TIME_LOCAL = "[^ ]+ [+0-9-]+"
_PATH_AND_QUERY = re.compile(r"\$\{?(?:document_)?uri\}?\$\{?is_args\}?\$\{?(?:args|query_string)\}?")

_VARIABLES: dict[str, tuple[str, int, str]] = {
    "remote_addr": ("address", 0, LISTED),
    "binary_remote_addr": ("", 0, WORD),
    "the_real_ip": ("address", 1, LISTED),
    "realip_remote_addr": ("address", 2, LISTED),
    "remote_user": ("user", 0, USER),
    "msec": ("time", 0, NUMBER),
    "time_iso8601": ("time", 1, WORD),
    "time_local": ("time", 2, FIXED),
    "request": ("request", 0, TEXT),
    "request_method": ("method", 0, WORD),
    "request_uri": ("target", 0, TEXT),
    "uri": ("target", 1, TEXT),
    "document_uri": ("target", 1, TEXT),
    "args": ("query", 0, WORD),
    "query_string": ("query", 0, WORD),
    "server_protocol": ("protocol", 0, WORD),
    "status": ("status", 0, NUMBER),
    "body_bytes_sent": ("bytes", 0, NUMBER),
    "bytes_sent": ("bytes", 1, NUMBER),
    "http_referer": ("referrer", 0, TEXT),
    "http_user_agent": ("agent", 0, TEXT),
    "http_x_forwarded_for": ("forwarded", 0, LISTED),
    "proxy_add_x_forwarded_for": ("forwarded", 1, LISTED),
    **dict.fromkeys([f"http_{name.replace('-', '_')}" for name in CLIENT_HEADERS], ("forwarded", 2, LISTED)),
    "http_cookie": ("cookies", 0, TEXT),
    # The userid module logs its cookie with the name: `uid=0A00...`.
    **dict.fromkeys(("uid_got", "uid_set"), ("cookies", 2, TEXT)),
    "http_sec_purpose": ("purpose", 0, TEXT),
    "http_purpose": ("purpose", 1, TEXT),
    "http_sec_fetch_dest": ("destination", 0, TEXT),
    "host": ("host", 0, HOST),
    "http_host": ("host", 1, HOST),
    "server_name": ("host", 2, HOST),
    "request_time": ("seconds", 0, NUMBER),
    **dict.fromkeys(("request_length", "server_port", "remote_port", "connection", "connection_requests", "pid"), ("", 0, NUMBER)),
}
"""By variable: the field, the variable's rank among those for the same field, and the kind of text it may contain."""


def parse_nginx(string: str) -> StringTemplate:
    """Return the template of a `log_format` string. Raises FormatStringError."""
    text = _unquoted(string)
    segments: list[str | Variable] = []
    end = 0
    for match in re.finditer(f"{_PATH_AND_QUERY.pattern}|{_NAME.pattern}", text):
        segments += [text[end : match.start()]] if match.start() > end else []
        segments.append(_variable(match[1] or match[2], match))
        end = match.end()
    segments += [text[end:]] if text[end:] else []
    times = [segment for segment in segments if isinstance(segment, Variable) and segment.field == "time"]
    first = min(times, key=lambda variable: variable.rank, default=None)
    return build_template(segments, {}, names_month=first is not None and first.kind == FIXED)


def _unquoted(string: str) -> str:
    """Return a format taken out of its directive and its quoted pieces, or as it is."""
    begins = _DIRECTIVE.match(string) or _ESCAPE.match(string)
    start = begins.end() if begins else 0
    if not begins and not string.lstrip().startswith("'"):
        return string.strip()
    pieces = []
    while (match := _PIECE.match(string, start)) is not None:
        pieces.append(_QUOTED.sub(lambda sign: _ESCAPED_SIGNS.get(sign[1], sign[1]), next(piece for piece in match.groups() if piece is not None)))
        start = match.end()
    if pieces and _END.fullmatch(string, start):
        return "".join(pieces)
    raise FormatStringError(f"at position {start + 1}, a quote is not closed; copy the whole directive, from log_format to the semicolon")


def _variable(name: str | None, match: re.Match[str]) -> Variable:
    """Return the variable with this name; a name of None stands for a path with its query."""
    written, place = match[0], match.start() + 1
    if name is None:
        return Variable(written, place, "target", 0, TEXT)
    if name.startswith("cookie_"):
        return Variable(written, place, "cookies", 1, TEXT, cookie=name.removeprefix("cookie_"))
    if name == "is_args":
        return Variable(written, place, "", 0, FIXED, pattern=r"\??")
    kind = LISTED if name.startswith("upstream_") else TEXT if name.startswith(("http_", "arg_", "sent_http_")) else WORD
    field, rank, kind = _VARIABLES.get(name, ("", 0, kind))
    return Variable(written, place, field, rank, kind, pattern=_TIME_LOCAL if kind == FIXED else "")
