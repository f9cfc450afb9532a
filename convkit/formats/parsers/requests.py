"""What a request line says: `METHOD target PROTOCOL`.

It stands alone because request lines repeat: a run takes each distinct one apart once, never once a line.
"""

from __future__ import annotations

import polars as pl

_METHOD = "^[A-Z][A-Z_-]*$"
_NOTHING = "^[- ]*$"
_ODD = r"^([A-Z][A-Z_-]*) +(.*?)(?: +(HTTP[/ ][0-9.]+))?$"


def sent_by_probe() -> pl.Expr:
    """Return what was sent where that is no method and no target, null where nothing was, to requests with words."""
    bare = pl.when(pl.col("method").is_null()).then("request").str.strip_chars()
    return pl.when(~bare.str.contains(_NOTHING)).then(bare)


def add_words(requests: pl.LazyFrame) -> pl.LazyFrame:
    """Add `method, target, protocol`, text, to `request`; one without a method and a target, as probes send them, has neither."""
    word, request = pl.col("word").struct, pl.col("request").cast(pl.String)
    is_odd = (word[2].str.contains(" ", literal=True) | ~word[2].str.starts_with("HTTP/") | (word[1] == "")).fill_null(value=False)
    taken = pl.when(is_odd).then(request).str.extract_groups(_ODD)
    # Of what was no request, balancers log where it went: `- https://shop.example:443/ -`.
    is_place = (word[0] == "-") & word[1].str.contains("://", literal=True)
    is_request = word[0].str.contains(_METHOD) & word[1].is_not_null()
    return (
        requests.with_columns(word=request.str.splitn(" ", 3))
        .with_columns(
            method=pl.when(is_request).then(word[0]),
            target=pl.when(is_place | (is_request & ~is_odd)).then(word[1]).when(is_request).then(taken.struct[1]),
            protocol=pl.when(is_request).then(pl.when(is_odd).then(taken.struct[2]).otherwise(word[2])),
        )
        .drop("word")
    )
