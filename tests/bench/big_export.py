"""Write the benchmark's log in other forms: `python big_export.py LOG FOLDER` compresses it and exports its events as CSV, NDJSON and Parquet.

This is a separate program because the benchmark must not load Polars: a child process's peak memory starts at the amount that its parent used.
"""

from __future__ import annotations

import gzip
import shutil
import sys
from pathlib import Path

import polars as pl

NAMES = ("access.log.gz", "access.log.zst", "events.csv", "events.ndjson", "events.parquet")


def of_lines(log: Path) -> pl.LazyFrame:
    """Scan the raw lines of a log."""
    return pl.scan_csv(log, separator="\x1f", has_header=False, schema={"line": pl.String}, quote_char=None, encoding="utf8-lossy")


def events(log: Path) -> pl.LazyFrame:
    """Return `user_id, event, timestamp, url, referrer` for every line with a valid request, which is nearly every line."""
    part, request = pl.col("part").struct, pl.col("request").struct
    time = part[0].str.extract(r"\[([^ ]+) ").str.to_datetime("%d/%b/%Y:%H:%M:%S", strict=False)
    user = pl.concat_str([part[0].str.extract("^([^ ]+)"), part[5]], separator=" ").hash() % (1 << 40)
    return (
        of_lines(log)
        .select(part=pl.col("line").str.split_exact('"', 6))
        .with_columns(request=part[1].str.split_exact(" ", 2))
        .select(
            user_id=pl.format("u{}", user),
            event=pl.when(request[0] == "POST").then(pl.lit("add_to_cart")).otherwise(pl.lit("page_view")),
            timestamp=time.dt.to_string("%Y-%m-%dT%H:%M:%SZ"),
            url=pl.concat_str([pl.lit("https://shop.example"), request[1]]),
            referrer=part[3],
        )
        .filter(pl.col("url").is_not_null() & pl.col("timestamp").is_not_null())
    )


def write(log: Path, folder: Path) -> list[Path]:
    """Write every form that does not exist yet; return the paths."""
    paths = [folder / name for name in NAMES]
    packed, zstd, table, lines, parquet = paths
    if not packed.exists():
        with log.open("rb") as plain, gzip.open(packed, "wb", 6) as target:
            shutil.copyfileobj(plain, target, 1 << 20)
    if not zstd.exists():
        of_lines(log).sink_csv(zstd, include_header=False, quote_style="never", separator="\x1f", compression="zstd")
    if not parquet.exists():
        events(log).sink_csv(table)
        events(log).sink_ndjson(lines)
        events(log).sink_parquet(parquet)
    return paths


if __name__ == "__main__":
    write(Path(sys.argv[1]), Path(sys.argv[2]))
