"""The log formats, parts of a common log line, and the records that a format reads."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from convkit.core.schema import LINES
from convkit.files.lines import Source
from convkit.formats import load_formats, sample_lines
from convkit.formats.parsers.base import ALL_ASSETS, NO_NEEDS
from convkit.ingest import load

if TYPE_CHECKING:
    from convkit.formats import LogFormat


FORMATS = load_formats()
SAMPLES = {name: sample_lines(name) for name in FORMATS}


NO_FILE = Path()
HEAD, TIME, REQUEST, REST = "203.0.113.7 - -", "[10/Oct/2026:13:55:36 +0200]", "GET /cart HTTP/1.1", '200 2326 "-" "Opera/12.0"'


def records(log_format: LogFormat, lines: list[str], path: Path = NO_FILE) -> list[dict[str, Any]]:
    """Return the records that a format reads from lines; a format that looks for headers needs the file that contains them."""
    frame = pl.LazyFrame({"source": 0, "line_no": range(1, len(lines) + 1), "line": lines}, schema_overrides=LINES)
    layout = log_format.fit(Source(path, "log"), pl.Series("line", lines), NO_NEEDS)
    parsed = load.to_records(layout.scan(frame.with_columns(fault=pl.lit(None, LINES["fault"]), outer=pl.lit(None, pl.String)), ALL_ASSETS))
    return parsed.with_columns(pl.col("time").dt.strftime("%Y-%m-%dT%H:%M:%S")).collect().to_dicts()
