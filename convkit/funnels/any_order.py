"""The most steps that are done inside one window, in whatever order, of each group of hits.

It stands alone because no step waits for another here: from each hit on, a step is filled by the first hit that fits it and fills none listed before.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from convkit.core import windows
from convkit.core.durations import microseconds
from convkit.funnels.chains import filled

if TYPE_CHECKING:
    from convkit.core.definitions import Funnel


def most(hits: pl.LazyFrame, funnel: Funnel) -> pl.LazyFrame:
    """Return one row a group in which a step is done: `unit, visitor, inside`, and for the k-th step that was done `row<k>, at<k>, session<k>`.

    `hits` are those of `funnels.fitting`. Of windows in which as many steps are done, the first counts.
    """
    fills = {number: pl.col(f"fill{number}") for number in funnel.numbers}
    done = pl.when("enters").then(pl.sum_horizontal(fill.is_not_null().cast(pl.Int64) for fill in fills.values())).otherwise(0)
    # The k-th step that was done is the one whose hit has k - 1 others before it.
    before = {f"before{at}": pl.sum_horizontal((other < fill).cast(pl.Int64) for other in fills.values()) for at, fill in fills.items()}
    in_turn = {
        f"place{number}": pl.coalesce(*(pl.when(pl.col(f"before{at}") == number - 1).then(fill) for at, fill in fills.items()))
        for number in funnel.numbers
    }
    known = _fills(hits, funnel).with_columns(done=done, **before).with_columns(most=pl.col("done").max().over("group"), **in_turn)
    known = known.with_columns(counts=windows.is_nth((pl.col("done") == pl.col("most")) & (pl.col("most") > 0), 1, "group"))
    return known.select(
        pl.col("unit", "visitor", "inside").filter("counts"),
        **filled({number: pl.col(f"place{number}").filter("counts") for number in funnel.numbers}),
    )


def _fills(hits: pl.LazyFrame, funnel: Funnel) -> pl.LazyFrame:
    """Add `fill<k>`: the place of the hit that fills a step in the window that begins here, null where none does."""
    nexts = {f"next{number}": pl.when(f"fits{number}").then("place").backward_fill() for number in funnel.numbers}
    hits = hits.with_columns(**nexts)
    for number in funnel.numbers:
        hits = hits.with_columns(pl.col(f"next{number}").alias(f"fill{number}"))
        fill, behind = pl.col(f"fill{number}"), pl.col(f"next{number}").shift(-1)
        # Each of the steps listed before may have taken one hit.
        for _ in range(1, number):
            is_taken = pl.any_horizontal(fill == pl.col(f"fill{other}") for other in range(1, number))
            hits = hits.with_columns(pl.when(is_taken).then(behind.gather(fill)).otherwise(fill).alias(f"fill{number}"))
    if funnel.window is None:
        return hits.with_columns(_if(pl.col(f"fill{number}") <= pl.col("last"), number) for number in funnel.numbers)
    took = {number: pl.col("at").gather(pl.col(f"fill{number}")) - pl.col("at") for number in funnel.numbers}
    ends = microseconds(funnel.window)
    return hits.with_columns(_if((pl.col(f"fill{number}") <= pl.col("last")) & (took[number] <= ends), number) for number in funnel.numbers)


def _if(holds: pl.Expr, number: int) -> pl.Expr:
    return pl.when(holds).then(f"fill{number}").alias(f"fill{number}")
