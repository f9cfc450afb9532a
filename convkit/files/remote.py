"""Logs on a web server or in an object store, downloaded once into temporary files.

Polars' own readers fetch them, with the credentials that every tool finds in the environment.
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
_MAX_REASON = 200
_TIMEOUT = 60
"""Seconds without a byte after which a server is given up."""


def is_remote(path: str) -> bool:
    """Tell the address of a log that is elsewhere."""
    return bool(_REMOTE.match(path))


@contextmanager
def fetch(url: str) -> Iterator[Source]:
    """Give the log at an address, or all that match one of an object store, as a file. Raises InputError where it cannot be read."""
    called, name = _public_url(url), urlsplit(url).path.rpartition("/")[2] or urlsplit(url).netloc.rpartition("@")[2]
    with filesystem.temporary_file(tempfile.gettempdir()) as spool:
        place = Path(spool.name)
        try:
            _read_with_polars(url, place)
        except (OSError, pl.exceptions.PolarsError) as error:
            full = filesystem.disk_full_error(error) if isinstance(error, OSError) else None
            if full or not _download(url, place):
                raise full or InputError(f"{called} {_reason(error)}") from None
        yield open_source(place, name, called)


def _read_with_polars(url: str, place: Path) -> None:
    """Write the lines of a log, or a Parquet file, to a place."""
    is_store = not url.lower().startswith("http")
    if urlsplit(url).path.endswith(".parquet"):
        pl.scan_parquet(url, glob=is_store).sink_parquet(place)
    else:
        lines = pl.scan_csv(url, **{**CSV_AS_LINES, "glob": is_store and bool(_PATTERN.search(url))})
        lines.sink_csv(place, include_header=False, quote_style="never")


def _download(url: str, place: Path) -> bool:
    """Write what a web server sends as it is, where Polars cannot read it: packed in another way, damaged, or of a server that sends no parts."""
    if not url.lower().startswith("http"):
        return False
    from urllib.request import urlopen  # noqa: PLC0415 (it costs every run a twentieth of a second)

    try:
        with urlopen(url, timeout=_TIMEOUT) as sent, place.open("wb") as file:  # noqa: S310 (the scheme is http or https)
            shutil.copyfileobj(sent, file, 1 << 20)
    except OSError:
        return False
    return True


def _public_url(url: str) -> str:
    """Return an address as it may be shown: what stands behind `?` or in front of `@` may open a door."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"


def _reason(error: BaseException) -> str:
    """Return why an address cannot be read, and what to do."""
    if isinstance(error, FileNotFoundError):
        return "is not there; check the address"
    text = re.sub(r"\?\S*|//[^/@\s]*@", "", str(error).partition("\n")[0])[:_MAX_REASON].rstrip(" .:")
    return f"cannot be read ({text}); check the address and your credentials, or copy it here first"
