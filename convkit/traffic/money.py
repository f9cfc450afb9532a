"""How the amounts that goals read are written, as shown by all lines: their decimal sign and their currency."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from convkit.core.collect import collect_frame
from convkit.core.schema import TEXT
from convkit.goals.money import POINT, currency_name_of, money_of, read_amounts
from convkit.traffic import attributes, paths

if TYPE_CHECKING:
    from convkit.core.model import Goals, Money

_ESCAPE, _QUERY = r"\\x([0-9A-Fa-f]{2})", r"\?([^ #]*)"


def money_by_value(lines: pl.LazyFrame, goals: Goals, size: int) -> dict[str, Money]:
    """Return, for each value that goals read as an amount, like `query.total`, how it is written in NARROWED lines, in memory or on disk."""
    values = sorted({goal.value for goal in goals.goals if isinstance(goal.value, str)})
    records = lines.filter(pl.col("problem").is_null())
    return {value: money_of(_read(collect_frame(_amounts(records, value), size)), goals.site) for value in values}


def _read(amounts: pl.DataFrame) -> pl.DataFrame:
    """Return what is read from amounts, with a decimal point where it is ambiguous: the number `n` of each kind, and its first `text`."""
    texts = amounts.lazy().select("text").unique()
    read = amounts.lazy().join(read_amounts(texts, POINT), on="text", how="left").drop_nulls("amount")
    kinds = read.group_by("currency", "sign", "decimal", "is_ambiguous").agg(pl.col("n").sum(), pl.col("amount").first(), pl.col("text").min())
    return collect_frame(kinds, amounts.height)


def _amounts(records: pl.LazyFrame, value: str) -> pl.LazyFrame:
    """Return `text, currency, n` of the distinct amounts in records; requests and cookies count once, however often they were sent."""
    currency_name = currency_name_of(value)
    if value.startswith("prop."):
        columns = records.collect_schema().names()
        text, currency = (pl.col(name).cast(pl.String) if name in columns else pl.lit(None, dtype=pl.String) for name in (value, currency_name))
        amounts = records.select(text=text, currency=currency).drop_nulls("text")
    else:
        column = attributes.COOKIES if attributes.is_cookie_column(value) else "request"
        has_value = attributes.may_have(value, (column,))
        # In memory, distinct texts are known without looking at them; on disk, there may be too many to keep.
        texts = records.select(column)
        texts = texts.unique().filter(has_value) if records.collect_schema()[column] == TEXT else texts.filter(has_value).unique()
        amounts = texts.select(text=_value(value, pl.col(column)), currency=_value(currency_name, pl.col(column))).drop_nulls("text")
    return amounts.group_by("text", "currency").agg(n=pl.len().cast(pl.Int64))


def _value(name: str, text: pl.Expr) -> pl.Expr:
    """Return a value of a request or of a Cookie header."""
    text = text.cast(pl.String)
    if attributes.is_cookie_column(name):
        return attributes.cookie_value(name, text)
    return paths.parameter(name.partition(".")[2], text.str.replace_all(_ESCAPE, "%${1}").str.extract(_QUERY))
