"""What a request line says: `METHOD target PROTOCOL`.

It stands alone because request lines repeat: a run takes each distinct one apart once, never once a line.
"""

from __future__ import annotations

import polars as pl

_METHOD = "^[A-Z][A-Z-]*$"
_ODD = r"^([A-Z][A-Z-]*) +(.*?)(?: +(HTTP[/ ][0-9.]+))?$"


def add_words(requests: pl.LazyFrame) -> pl.LazyFrame:
    """Add `method, target, protocol`, text, to `request`; one without a method and a target, as probes send them, has neither."""
    word, request = pl.col("word").struct, pl.col("request").cast(pl.String)
    is_odd = word[2].str.contains(" ", literal=True) | ~word[2].str.starts_with("HTTP/") | (word[1] == "")
    taken = pl.when(is_odd).then(request).str.extract_groups(_ODD)
    is_request = word[0].str.contains(_METHOD) & word[1].is_not_null()
    return (
        requests.with_columns(word=request.str.splitn(" ", 3))
        .with_columns(
            method=pl.when(is_request).then(word[0]),
            target=pl.when(is_request).then(pl.when(is_odd).then(taken.struct[1]).otherwise(word[1])),
            protocol=pl.when(is_request).then(pl.when(is_odd).then(taken.struct[2]).otherwise(word[2])),
        )
        .drop("word")
    )
