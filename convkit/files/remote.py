"""Logs on a web server or in an object store, downloaded once into temporary files."""

from __future__ import annotations

import re
import tempfile
import warnings
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import polars as pl

from convkit.core import filesystem
from convkit.errors import InputError
from convkit.files import lines
from convkit.files.lines import CSV_AS_LINES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from convkit.files.lines import Source

_WEB = re.compile(r"(?i)https?://")
_STORE = re.compile(r"(?i)(s3a?|gs|gcs|az|azure|abfss?|adl|hf)://")
_PATTERN = re.compile(r"[*\[]")
_NEEDED_WHOLE = (lines.PARQUET, lines.ZIP)
"""Files whose directory is at their end."""
_QUERY, _USER, _PAIR, _ANY_USER = map(re.compile, (r"(?s)[?#].*", r"//[^/]*@", r"//[^/]*:[^/]*@", r"(?s)//.*@"))
"""What follows the path; the user of a web server, a key and its secret, and whatever may be a user, before the host.

What is before the host of an object store may also be the name of a container.
"""
_RETRIES = {"max_retries": 3, "retry_timeout_ms": 30_000}
_DETAILS = re.compile(
    r"^(?:object-store error: )?(?:Generic \w+ error: )?(?:Error performing [A-Z]+ \S+ in \S+(?:, after .*?retry_timeout: \S+)?\s+- )?"
)
"""Matches the beginning of Polars' reasons, which is of interest to programmers only."""
_CAUSE = re.compile(r"\n\s*(?:\d+: )?([^\n]+)\s*$")
_MOST_WORDS = 150


def is_remote(path: str) -> bool:
    """Return whether a path is the URL of a remote log."""
    return bool(_WEB.match(path) or _STORE.match(path))


@contextmanager
def fetch(url: str) -> Iterator[Source]:
    """Yield the log at a URL, or all logs that match a URL pattern in an object store, as a single file. Raises InputError, OutputError."""
    with (_fetch_from_web if _WEB.match(url) else _fetch_from_store)(url) as source:
        yield source


@contextmanager
def _fetch_from_web(url: str) -> Iterator[Source]:
    """Yield the log at a URL of a web server, or what arrived of it."""
    from convkit.files import web  # noqa: PLC0415 (importing it takes 0.05 s)

    label, losses = public_url(url), list[str]()
    with lines.spool(web.read_bytes(url, label, losses), _name(label), label) as source:
        if losses and source.packing in _NEEDED_WHOLE:
            raise InputError(losses[0])
        yield replace(source, losses=tuple(losses))


@contextmanager
def _fetch_from_store(url: str) -> Iterator[Source]:
    """Yield the log at a URL of an object store, read by Polars, with the usual credentials from the environment."""
    label, folder = public_url(url), tempfile.gettempdir()
    with filesystem.temporary_path(folder) as path:
        try:
            with warnings.catch_warnings():
                # Polars finds out the region of a bucket, but says so.
                warnings.simplefilter("ignore")
                _read_with_polars(url, path)
        except (OSError, ValueError, pl.exceptions.PolarsError) as error:
            raise filesystem.disk_full_error(error, folder) or InputError(f"{label} {_reason(error)}") from None
        yield lines.open_source(Path(path), _name(label), label)


def _read_with_polars(url: str, path: str) -> None:
    """Write the lines of a log, or a Parquet file, to a path."""
    if urlsplit(url).path.endswith(".parquet"):
        pl.scan_parquet(url, storage_options=_RETRIES).sink_parquet(path)
    else:
        options = {**CSV_AS_LINES, "glob": bool(_PATTERN.search(url)), "storage_options": _RETRIES}
        pl.scan_csv(url, **options).sink_csv(path, include_header=False, quote_style="never")


def public_url(url: str) -> str:
    """Return a URL that is safe to show, without the parts that may be secret: the user information, the query and the fragment."""
    try:
        _ = urlsplit(url).port
    except ValueError:
        # Which part is the password is then anybody's guess.
        return _QUERY.sub("", _ANY_USER.sub("//", url))
    return (_USER if _WEB.match(url) else _PAIR).sub("//", _QUERY.sub("", url))


def _name(label: str) -> str:
    """Return the name under which reports show the log at a URL."""
    return label.rpartition("/")[2] or label.partition("//")[2].partition("/")[0]


def _reason(error: BaseException) -> str:
    """Return in words why a URL cannot be read from an object store, and how to fix it."""
    if isinstance(error, FileNotFoundError):
        return "does not exist; check the URL"
    text = str(error)
    if isinstance(error, PermissionError):
        return "cannot be read: access was denied; check the credentials in your environment"
    if "token request" in text or "Missing" in text or "Account must be specified" in text:
        return "cannot be read without credentials; set them in your environment, or download it first"
    if isinstance(error, TimeoutError):
        return "cannot be read: the store does not answer; try again later, or download it first"
    cause = _CAUSE.search(text)
    words = re.sub(r"\(os error \d+\)", "", cause[1]) if cause else _DETAILS.sub("", text.partition("\n")[0])
    words = re.sub(r"\s*\((?:path:|https?:)[^)]*\)|\?\S*|//[^/@\s]*@|: *<.*| for url .*", "", words).strip(" .:")
    shown = words if len(words) <= _MOST_WORDS else f"{words[:_MOST_WORDS].rpartition(' ')[0]} ..."
    return f"cannot be read ({shown}); check the URL and your credentials, or download it first"
