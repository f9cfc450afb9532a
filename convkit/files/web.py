"""Logs on a web server: one request, whose answer is read chunk by chunk.

What a URL says that may be secret (its user, its password, its query) is sent to its own server only: there is no Referer, and a redirect to another
server goes without the password. Redirects lead to https, or from http to http.
"""

from __future__ import annotations

import base64
import re
import socket
import ssl
from dataclasses import dataclass, replace
from http import HTTPStatus
from http.client import HTTPException, HTTPResponse, IncompleteRead
from typing import TYPE_CHECKING
from urllib.parse import SplitResult, quote, unquote, urljoin, urlsplit
from urllib.request import HTTPHandler, HTTPSHandler, OpenerDirector, ProxyHandler, Request

from convkit.core.formatting import count, plural
from convkit.errors import InputError
from convkit.version import __version__

if TYPE_CHECKING:
    from collections.abc import Iterator

_CHUNK = 1 << 20
_PATIENCE = 60
"""The number of seconds to wait for the next byte from a server."""
_MOST_REDIRECTS = 10
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_SCHEMES = ("http", "https")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_HOST = re.compile(r"[A-Za-z0-9._-]+|[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*(?:%25[\w.-]+)?")
_PATH, _QUERY = "/%:@!$&'()*+,;=~", "/?%:@!$&'()*+,;=~"
"""The characters that stay as they are; `%` begins an escape."""
_READABLE_ENCODINGS = ("", "identity", "gzip", "x-gzip", "zstd")
"""The codings of an answer that need no decoding here, as the first bytes of a log say how it is compressed."""
_TRY_LATER = "try again later, or download it first"
_CHECK = "check the URL"


@dataclass(frozen=True)
class Address:
    """Where a request goes: a URL in ASCII without user information, and the header that identifies the user."""

    url: str
    authorization: str = ""

    @property
    def server(self) -> tuple[str, str]:
        """The scheme, and the host with its port."""
        parts = urlsplit(self.url)
        return parts.scheme, parts.netloc


def read_bytes(url: str, label: str, losses: list[str]) -> Iterator[bytes]:
    """Yield what a URL holds, up to the point where the download breaks off, if it does; then, add a sentence to `losses`.

    `label` is the URL as messages show it. Raises InputError if nothing can be read.
    """
    with _answer(address_of(url, label), label) as response:
        received, reason = 0, ""
        try:
            while chunk := response.read1(_CHUNK):
                received += len(chunk)
                yield chunk
        except (OSError, HTTPException) as error:
            reason = _reason(error)
        missing = response.length or 0
        # An empty answer of unknown size comes from a server that broke off before its end.
        is_whole = not missing and (received or response.chunked or response.length is not None)
        if not reason and is_whole:
            return
        if not received:
            raise InputError(f"{label} cannot be read: {reason or 'the server closed the connection before the first byte'}; {_TRY_LATER}")
        size = f"after {count(received)} of {plural(received + missing, 'byte')}" if missing else f"after {plural(received, 'byte')}"
        losses.append(f"the download of {label} broke off {size}{f' ({reason})' if reason else ''}; run the command again, or download the log first")


def _answer(address: Address, label: str) -> HTTPResponse:
    """Return the answer that has the log, after any redirects. Raises InputError."""
    for _ in range(_MOST_REDIRECTS):
        response = _response(address, label)
        location = response.headers.get("Location")
        if response.status not in _REDIRECTS or not location:
            break
        response.close()
        address = redirected(address, location, label)
    else:
        raise InputError(f"{label} is redirected more than {_MOST_REDIRECTS} times; {_CHECK}")
    if response.status == HTTPStatus.OK:
        coding = response.headers.get("Content-Encoding", "").strip().lower()
        if coding in _READABLE_ENCODINGS:
            return response
    response.close()
    raise InputError(f"{label} {_refusal(response.status) if response.status != HTTPStatus.OK else _unreadable_coding(coding)}")


def _response(address: Address, label: str) -> HTTPResponse:
    """Return the answer to one request, of any status. Raises InputError if there is none."""
    opener = OpenerDirector()
    # Only these, as the usual ones also follow redirects and open files.
    for handler in (ProxyHandler(), HTTPHandler(), HTTPSHandler()):
        opener.add_handler(handler)
    headers = {"User-Agent": f"convkit/{__version__}", "Accept-Encoding": "identity"}
    request = Request(address.url, headers=headers | ({"Authorization": address.authorization} if address.authorization else {}))  # noqa: S310 (the scheme is http or https)
    try:
        response = opener.open(request, timeout=_PATIENCE)
    except (OSError, HTTPException) as error:
        raise InputError(f"{label} cannot be read: {_reason(error)}; {_TRY_LATER}") from None
    if not isinstance(response, HTTPResponse):
        raise InputError(f"{label} cannot be read; {_CHECK}")
    return response


def redirected(address: Address, location: str, label: str) -> Address:
    """Return where a redirect leads, with the password if it stays on the same server. Raises InputError if it is not followed."""
    try:
        target = urljoin(address.url, location)
        scheme = urlsplit(target).scheme.lower()
    except ValueError:
        raise InputError(f"{label} is redirected to an invalid URL; {_CHECK}") from None
    if scheme not in _SCHEMES:
        raise InputError(f"{label} is redirected to a URL that is not https; {_CHECK}")
    old, new = address.server, replace(address_of(target, label), authorization="")
    if old[0] == "https" and new.server[0] == "http":
        raise InputError(f"{label} is redirected to http, which is not encrypted; {_CHECK}, or download it first")
    return replace(new, authorization=address.authorization) if new.server == old else new


def address_of(url: str, label: str) -> Address:
    """Return where a request for a URL goes; characters that a request cannot contain are encoded. Raises InputError if the URL is not valid."""
    if _CONTROL.search(url):
        raise InputError(f"{label} contains a control character; {_CHECK}")
    try:
        parts = urlsplit(url)
        host, port = _ascii_host(parts), parts.port
    except (ValueError, UnicodeError):
        raise InputError(f"{label} is not a valid URL; {_CHECK}") from None
    if not host:
        raise InputError(f"{label} names no server; {_CHECK}")
    if not _HOST.fullmatch(host):
        raise InputError(f"{label} is not a valid URL; {_CHECK}")
    user = parts.netloc.rpartition("@")[0]
    query = f"?{quote(parts.query, safe=_QUERY)}" if parts.query else ""
    server = (f"[{host}]" if ":" in host else host) + (f":{port}" if port else "")
    return Address(f"{parts.scheme.lower()}://{server}{quote(parts.path, safe=_PATH) or '/'}{query}", _basic(user) if user else "")


def _ascii_host(parts: SplitResult) -> str:
    """Return the host of a URL as it is looked up, with names in other scripts in Punycode. Raises UnicodeError."""
    host = parts.hostname or ""
    return host if host.isascii() else host.encode("idna").decode()


def _basic(user: str) -> str:
    """Return the header for `user:password`."""
    name, _, password = user.partition(":")
    return f"Basic {base64.b64encode(f'{unquote(name)}:{unquote(password)}'.encode()).decode()}"


def _refusal(status: int) -> str:
    """Return what an answer without a log says, and what to do."""
    if status in {HTTPStatus.NOT_FOUND, HTTPStatus.GONE}:
        return f"does not exist; {_CHECK}"
    if status == HTTPStatus.UNAUTHORIZED:
        return "needs a user and a password; write them into the URL, as in https://user:password@host/access.log, or download it first"
    phrase = HTTPStatus(status).phrase if status in set(HTTPStatus) else ""
    fix = _TRY_LATER if status >= HTTPStatus.INTERNAL_SERVER_ERROR else f"{_CHECK} and your credentials, or download it first"
    return f"cannot be read: the server answered {f'{status} {phrase}'.rstrip()}; {fix}"


def _unreadable_coding(coding: str) -> str:
    """Return that an answer has a coding which cannot be decoded, and what to do."""
    named = coding if re.fullmatch(r"[a-z-]{1,20}", coding) else "another coding"
    return f"is sent compressed with {named}, which cannot be read; download it first"


_REASONS: tuple[tuple[type[BaseException], str], ...] = (
    (TimeoutError, f"nothing arrived for {_PATIENCE} seconds"),
    (socket.gaierror, "no server has this name"),
    (ssl.SSLError, "no encrypted connection could be made"),
    (ConnectionRefusedError, "the server refused the connection"),
    (ConnectionError, "the server closed the connection"),
    (IncompleteRead, "the server closed the connection"),
    (HTTPException, "the answer is not that of a web server"),
)


def _reason(error: BaseException) -> str:
    """Return in words why there is no answer, or no more of it."""
    cause = getattr(error, "reason", error)
    if isinstance(cause, ssl.SSLCertVerificationError):
        return f"its certificate is not valid ({cause.verify_message})"
    words = next((words for kind, words in _REASONS if isinstance(cause, kind)), "")
    return words or (getattr(cause, "strerror", None) or "no connection could be made").lower()
