"""Which visitors behave like bots, whatever their agents say: by all that they asked for and all that they got.

It stands alone because these rules look at a visitor's hits together, those about agents at a text. They are of access logs: rows of exports tell of
nobody that it is a bot.
"""

from __future__ import annotations

import polars as pl

from convkit.core.schema import TEXT, is_kind

MOST_PAGES, SECONDS = 180, 180
"""A visitor who sees more pages within so many seconds, both ends inside, is none."""
ROBOTS = "asked for robots.txt"
SCANNER = "asked for what scanners ask for, got no page"
FAST = f"more than {MOST_PAGES} pages in {SECONDS} seconds"
ONLY_HEAD = "sent only HEAD"
ONLY_ERRORS = "got only 4xx"
"""The reasons, as they stand in JSON's `input`; the first that fits is told."""

_BY_REASON = {"robots": ROBOTS, "scanner": SCANNER, "fast": FAST, "only_head": ONLY_HEAD, "only_errors": ONLY_ERRORS}


def reasons(hits: pl.LazyFrame) -> pl.LazyFrame:
    """Return `visitor, behaviour`: why a visitor is a bot, of those who are.

    `hits` are all that visitors sent but assets: `visitor, time, kind, method, status`, and whether they asked for `robots` or a `scanner`'s path.
    """
    found = _suspects(hits).join(_fast(hits), on="visitor", how="full", coalesce=True)
    first = pl.coalesce(pl.when(name).then(pl.lit(reason)) for name, reason in _BY_REASON.items())
    return found.select("visitor", behaviour=first.cast(TEXT)).filter(pl.col("behaviour").is_not_null())


def judge(hits: pl.DataFrame, behaviours: pl.DataFrame) -> pl.DataFrame:
    """Add `reason`: why the visitor is a bot, null for people; what agents tell goes before what visitors do (`visitor, behaviour`)."""
    # Few visitors are bots by what they do: looked up, where a join would make every column anew.
    told = pl.col("visitor").replace_strict(behaviours["visitor"], behaviours["behaviour"], default=None, return_dtype=TEXT)
    judged = hits.with_columns(reason=pl.coalesce("bot", pl.when(~pl.col("spared")).then(told)))
    return judged.drop("bot", "spared", "robots", "scanner")


def _suspects(hits: pl.LazyFrame) -> pl.LazyFrame:
    """Return `visitor, robots, scanner, only_head, only_errors` of the few with a hit that may tell."""
    status, is_answered = pl.col("status"), pl.col("status").is_not_null()
    robots, scanner = pl.col("robots") & is_answered, pl.col("scanner") & is_answered
    is_head = pl.col("method").eq_missing(pl.lit("HEAD"))
    is_error = status.is_between(400, 499).fill_null(value=False)
    suspects = hits.filter(robots | scanner | is_head | is_error).select("visitor").unique()
    # What a scanner got where it knocked is no page that somebody read.
    is_page = is_kind("page") & status.is_between(200, 299) & ~pl.col("scanner")
    return (
        hits.join(suspects, on="visitor", how="semi")
        .group_by("visitor")
        .agg(
            robots=robots.any(),
            scanner=scanner.any() & ~is_page.any(),
            only_head=is_head.all(),
            only_errors=is_error.all(),
        )
    )


def _fast(hits: pl.LazyFrame) -> pl.LazyFrame:
    """Return `visitor, fast` of those who saw too many pages at once: a page and the 180th after it stand at most 180 seconds apart."""
    pages = hits.filter(is_kind("page") & pl.col("status").is_not_null()).select("visitor", "time")
    busy = pages.group_by("visitor").len().filter(pl.col("len") > MOST_PAGES)
    ordered = pages.join(busy, on="visitor", how="semi").sort("visitor", "time")
    is_same = pl.col("visitor") == pl.col("visitor").shift(MOST_PAGES)
    is_soon = pl.col("time") - pl.col("time").shift(MOST_PAGES) <= pl.duration(seconds=SECONDS)
    return ordered.filter(is_same & is_soon).select("visitor").unique().with_columns(fast=True)
