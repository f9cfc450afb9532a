"""Consent to be written to (`site.consent`): who gave it and has not withdrawn it since, as all lines show, whatever the period."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from convkit.goals.matching import whole_column

if TYPE_CHECKING:
    from convkit.core.model import Goals

_PAGELESS = "pageless_withdrawn"


def is_given(hits: pl.LazyFrame, goals: Goals) -> pl.Expr:
    """Return, as an aggregation of a visitor's matched hits, whether consent was given and not withdrawn later, or on the same hit.

    It is true if consent is kept elsewhere, and false if the site does not say how people agree.
    """
    consent = goals.site.consent
    if consent is None or not consent.given:
        return pl.lit(value=consent is not None)
    given = whole_column(f"goal:{consent.given}", hits.collect_schema())
    return pl.col("row").filter(given).max().is_not_null() & ~is_withdrawn(hits, goals)


def is_withdrawn(hits: pl.LazyFrame, goals: Goals) -> pl.Expr:
    """Return, as an aggregation of a visitor's matched hits, whether the last thing heard of consent is that it was withdrawn.

    A withdrawal counts even in a session without a page.
    """
    consent = goals.site.consent
    if consent is None or not consent.withdrawn:
        return pl.lit(value=False)
    columns = hits.collect_schema()
    is_given, is_withdrawal = (whole_column(f"goal:{name}", columns) for name in (consent.given, consent.withdrawn))
    if _PAGELESS in columns:
        is_withdrawal = is_withdrawal | pl.col(_PAGELESS)
    given, withdrawn = (pl.col("row").filter(condition).max() for condition in (is_given, is_withdrawal))
    return withdrawn.is_not_null() & (given.is_null() | (given <= withdrawn))
