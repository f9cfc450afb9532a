"""Logs on a web server or in an object store, downloaded once into temporary files.

Polars fetches them, with the usual credentials from the environment.
"""

from __future__ import annotations

import re
import shutil
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import polars as pl

from convkit.core import filesystem
from convkit.errors import InputError
from convkit.files.lines import CSV_AS_LINES, open_source

if TYPE_CHECKING:
    from collections.abc import Iterator

    from convkit.files.lines import Source

_REMOTE = re.compile(r"(?i)(https?|s3a?|gs|gcs|az|azure|abfss?|adl|hf)://")
_PATTERN = re.compile(r"[*\[]")
_MAX_REASON_LENGTH = 200
_TIMEOUT = 60
"""The number of seconds to wait for the next byte from a server."""


def is_remote(path: str) -> bool:
    """Return whether a path is the URL of a remote log."""
    return bool(_REMOTE.match(path))


@contextmanager
def fetch(url: str) -> Iterator[Source]:
    """Yield the log at a URL, or all logs that match a URL pattern in an object store, as a single file. Raises InputError."""
    label, name = _public_url(url), urlsplit(url).path.rpartition("/")[2] or urlsplit(url).netloc.rpartition("@")[2]
    with filesystem.temporary_file(tempfile.gettempdir()) as spool:
        path = Path(spool.name)
        try:
            _read_with_polars(url, path)
        except (OSError, pl.exceptions.PolarsError) as error:
            full = filesystem.disk_full_error(error) if isinstance(error, OSError) else None
            if full or not _download(url, path):
                raise full or InputError(f"{label} {_reason(error)}") from None
        yield open_source(path, name, label)


def _read_with_polars(url: str, path: Path) -> None:
    """Download the lines of a log, or a Parquet file, to a path."""
    is_store = not url.lower().startswith("http")
    if urlsplit(url).path.endswith(".parquet"):
        pl.scan_parquet(url, glob=is_store).sink_parquet(path)
    else:
        lines = pl.scan_csv(url, **{**CSV_AS_LINES, "glob": is_store and bool(_PATTERN.search(url))})
        lines.sink_csv(path, include_header=False, quote_style="never")


def _download(url: str, path: Path) -> bool:
    """Download a log that Polars cannot read (other compression, damage, no support for range requests), and return whether that worked."""
    if not url.lower().startswith("http"):
        return False
    from urllib.request import urlopen  # noqa: PLC0415 (importing it takes 0.05 s)

    try:
        with urlopen(url, timeout=_TIMEOUT) as response, path.open("wb") as file:  # noqa: S310 (the scheme is http or https)
            shutil.copyfileobj(response, file, 1 << 20)
    except OSError:
        return False
    return True


def _public_url(url: str) -> str:
    """Return a URL that is safe to show, without the parts that may be secret: the user information and the query."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"


def _reason(error: BaseException) -> str:
    """Return why a URL cannot be read, and how to fix it."""
    if isinstance(error, FileNotFoundError):
        return "does not exist; check the URL"
    text = re.sub(r"\?\S*|//[^/@\s]*@", "", str(error).partition("\n")[0])[:_MAX_REASON_LENGTH].rstrip(" .:")
    return f"cannot be read ({text}); check the URL and your credentials, or download it first"
