"""The programs that the product is benchmarked against, each in its own process: `python rivals.py NAME LOG...`.

This is a separate program so that no rival shares imports, warm caches or thread pools with the product or another rival.
"""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    import polars as pl

ASSETS = ("css", "js", "png", "jpg", "gif", "svg", "ico", "woff2", "woff")
BOTS = r"(?i)bot|crawl|spider|slurp|curl|wget|python|headless"
STEPS = {
    "product": "^/product/[^/]*$",
    "cart": "^/cart/add$",
    "checkout": "^/checkout$",
    "payment": "^/checkout/payment$",
    "thanks": "^/thank-you$",
}

DUCKDB_HITS = r"""
create table hits as
select address, agent, strptime(day || ' ' || zone, '[%d/%b/%Y:%H:%M:%S %z]') as time,
    regexp_extract(request, '^\S+ ([^ ?]*)', 1) as path
from read_csv($logs, delim = ' ', header = false, quote = '"', escape = '\', all_varchar = true, null_padding = true, ignore_errors = true,
    names = ['address', 'ident', 'user', 'day', 'zone', 'request', 'status', 'size', 'referrer', 'agent'])
where not regexp_matches(agent, $bots) and not regexp_matches(request, $assets)
"""
DUCKDB_SESSIONS = """
create table sessions as
select address, agent, number, count(*) as hits, arg_min(path, time) as landing
from (
    select *, sum(begins) over (partition by address, agent order by time rows unbounded preceding) as number
    from (
        select *,
            case when time - lag(time) over (partition by address, agent order by time) < interval 30 minute then 0 else 1 end as begins
        from hits
    )
)
group by all
"""


def duckdb(logs: list[str], query: str = "") -> dict[str, int]:
    """Compute part of the report in SQL, as an expert would: read, filter, build sessions, count bounces; unusual lines are lost.

    Static files are recognised by their extension; those followed by a query (`?v=3`) only if the pattern `query` matches it.
    """
    import duckdb  # noqa: PLC0415 - an extra, and only this rival needs it

    connection = duckdb.connect()
    assets = rf"\.({'|'.join(ASSETS)}){query} HTTP"
    connection.execute(DUCKDB_HITS, {"logs": logs, "bots": BOTS, "assets": assets})
    connection.execute(DUCKDB_SESSIONS)
    row = connection.execute("select count(*), count(*) filter (hits = 1), count(distinct landing) from sessions").fetchone()
    return dict(zip(("sessions", "bounces", "landings"), row or (), strict=False))


def duckdb_tuned(logs: list[str]) -> dict[str, int]:
    """Do the same with knowledge of this log: static files with a query are filtered out too, which leaves a third of the lines."""
    return duckdb(logs, query=r"(\?[^ ]*)?")


def scan(logs: list[str]) -> dict[str, int]:
    """Only count the lines with Polars: no program that reads the log with Polars can be faster."""
    import polars as pl  # noqa: PLC0415 - its import is part of the measurement

    return {"lines": pl.concat([_lines(log) for log in logs]).select(pl.len()).collect(engine="streaming").item()}


def sketch(logs: list[str]) -> dict[str, object]:
    """Run a bare pipeline without rejects, escapes, ties, line counts or output: its speed is the best that the product could reach."""
    import polars as pl  # noqa: PLC0415 - its import is part of the measurement

    hits = _hits(pl.concat([_lines(log) for log in logs])).collect(engine="streaming")
    begins = (pl.col("visitor") != pl.col("visitor").shift(1)) | (pl.col("time").diff() >= pl.duration(minutes=30))
    hits = hits.lazy().sort("visitor", "time").with_columns(session=begins.fill_null(value=True).cum_sum()).collect()
    paths = hits.select(pl.col("path").unique())
    steps = paths.with_columns(**{name: pl.col("path").cast(pl.String).str.contains(pattern) for name, pattern in STEPS.items()})
    hits = hits.join(steps, on="path", how="left", maintain_order="left")
    sessions = hits.group_by("session", maintain_order=True).agg(hits=pl.len(), landing=pl.first("path"), exit=pl.last("path"))
    landings = sessions.group_by("landing").agg(landings=pl.len(), bounces=(pl.col("hits") == 1).sum())
    exits = sessions.group_by("exit").len()
    return {
        "sessions": sessions.height,
        "bounces": landings["bounces"].sum(),
        "landings": landings.height,
        "exits": exits.height,
        "funnel": _funnel(hits),
    }


def _lines(log: str) -> pl.LazyFrame:
    """Scan the raw lines of one log."""
    import polars as pl  # noqa: PLC0415 - see sketch

    schema = {"line": pl.String}
    return pl.scan_csv(log, separator="\x1f", has_header=False, schema=schema, quote_char=None, encoding="utf8-lossy")


def _hits(lines: pl.LazyFrame) -> pl.LazyFrame:
    """Split the lines at their quotes and keep the requests of humans, without static files."""
    import polars as pl  # noqa: PLC0415 - see sketch

    assets = [f".{extension}{end}" for extension in ASSETS for end in (" HTTP", "?")]
    part = pl.col("part").struct
    head = pl.col("head").struct
    quoted = lines.filter(~pl.col("line").str.contains_any(assets)).select(part=pl.col("line").str.split_exact('"', 6))
    parts = quoted.select(
        head=part[0].str.split_exact(" ", 5),
        request=part[1].str.split_exact(" ", 2),
        status=part[2].str.slice(1, 3).cast(pl.Int16, strict=False),
        agent=part[5],
    )
    stamp = pl.concat_str(head[3], head[4], separator=" ")
    return parts.filter(~pl.col("agent").str.contains(BOTS)).select(
        time=stamp.str.strptime(pl.Datetime("us", "UTC"), "[%d/%b/%Y:%H:%M:%S %z]", strict=False),
        visitor=head[0].hash().xor(pl.col("agent").hash(seed=1)),
        method=pl.col("request").struct[0].cast(pl.Categorical),
        path=pl.col("request").struct[1].str.extract(r"^([^?]*)", 1).cast(pl.Categorical),
        status="status",
    )


def _funnel(hits: pl.DataFrame) -> list[int]:
    """Count the sessions that reached each step after the previous one."""
    import polars as pl  # noqa: PLC0415 - see sketch

    reached: list[pl.DataFrame] = []
    for name in STEPS:
        step = hits.lazy().filter(name).select("session", "time")
        if reached:
            step = step.join(reached[-1].lazy(), on="session", suffix="_before").filter(pl.col("time") >= pl.col("time_before"))
        reached.append(step.group_by("session").agg(pl.col("time").min()).collect())
    return [step.height for step in reached]


RIVALS: dict[str, Callable[[list[str]], object]] = {"duckdb": duckdb, "duckdb-tuned": duckdb_tuned, "sketch": sketch, "scan": scan}

if __name__ == "__main__":
    sys.stdout.write(json.dumps(RIVALS[sys.argv[1]](sys.argv[2:])) + "\n")
