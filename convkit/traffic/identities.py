"""By what hits tell their visitors beside user and address: cookies, parameters, properties, session ids of paths.

It stands alone because each of these is told once of a distinct text: what the text holds is personal data, which no hit carries any further.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from convkit.core.definitions import BY_ADDRESS, USER
from convkit.goals.visitor_rules import JAVA_SESSION
from convkit.traffic import cookies, paths

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from convkit.core.definitions import Site

PREFIX = "by:"
"""Before the name of a rule: the column of the visitors (Int64) whom it tells, null where a hit does not serve it."""
_QUERY, _JAVA_SESSION = r"\?([^ #]*)", rf"(?i);{JAVA_SESSION}=([^/?#; ]+)"


def columns(rules: Iterable[str]) -> list[str]:
    """Return the columns of rules."""
    return [f"{PREFIX}{rule}" for rule in rules]


def number(rule: str, value: pl.Expr) -> pl.Expr:
    """Return the visitor (Int64) whom a rule tells by a text, null where there is none."""
    return pl.when(value.is_not_null()).then(text(rule, value).hash(3).reinterpret(signed=True))


def text(rule: str, value: pl.Expr) -> pl.Expr:
    """Return what tells a visitor as text: one value of two rules is two visitors."""
    return pl.concat_str(pl.lit(f"{rule} "), value)


def serves(rules: Iterable[str], columns: Sequence[str], among: pl.Expr) -> pl.Expr:
    """Tell rows among some, of these columns, that one of the rules serves by what is neither user nor address."""
    # On nulls the rules cost next to nothing.
    texts = {rule: pl.when(among).then(_column(rule)) for rule in _of_texts(rules) if _column(rule) in columns}
    return pl.any_horizontal(pl.lit(value=False), *(_value(rule, whole).is_not_null() for rule, whole in texts.items()))


def numbers(rules: Iterable[str], there: Sequence[str]) -> dict[str, pl.Expr]:
    """Return by rule whom it tells (Int64), of rows with the columns that are there: of rules by what is neither user nor address."""
    return {rule: number(rule, _value(rule, pl.col(_column(rule)))) for rule in _of_texts(rules) if _column(rule) in there}


def add(records: pl.LazyFrame, site: Site) -> pl.LazyFrame:
    """Add to records in memory the columns of all rules but those by user and address, and drop `cookies`."""
    there = records.collect_schema().names()
    for column in dict.fromkeys(map(_column, _of_texts(site.visitor_rules))):
        rules = [rule for rule in _of_texts(site.visitor_rules) if _column(rule) == column]
        if column in there:
            told = _distinct(records, column).with_columns(**{f"{PREFIX}{rule}": number(rule, _value(rule, pl.col(column))) for rule in rules})
            records = records.join(told, on=column, how="left", maintain_order="left")
        else:
            records = records.with_columns(**{f"{PREFIX}{rule}": pl.lit(None, dtype=pl.Int64) for rule in rules})
    return records.drop(cookies.COLUMN, strict=False)


def tell(hits: pl.LazyFrame, site: Site) -> pl.LazyFrame:
    """Let `visitor`, told by address, be told by the first other rule where there is none; add `told_by`, the place of the rule (Int8).

    Of the columns of rules those are left that are preferred.
    """
    ids = columns(rule for rule in site.visitor_rules if rule != site.address_rule)
    places = {f"{PREFIX}{rule}": place for place, rule in enumerate(site.visitor_rules)}
    by_address = pl.when(pl.col("visitor").is_not_null()).then(pl.lit(len(site.preferred_rules), dtype=pl.Int8))
    by_others = [pl.when(pl.col(name).is_not_null()).then(pl.lit(places[name], dtype=pl.Int8)) for name in ids]
    told = hits.with_columns(visitor=pl.coalesce("visitor", *ids), told_by=pl.coalesce(by_address, *by_others))
    return told.drop(name for name in ids if name not in columns(site.preferred_rules))


def known(records: pl.LazyFrame, site: Site) -> list[pl.LazyFrame]:
    """Return for each of those rules `visitor, identity` of the visitors whom it tells: personal data, of which ids are made."""
    there = records.collect_schema().names()
    rules = [rule for rule in _of_texts(site.visitor_rules) if _column(rule) in there]
    values = {rule: _distinct(records, _column(rule)).select(value=_value(rule, pl.col(_column(rule)))) for rule in rules}
    return [
        told.drop_nulls("value").select(visitor=number(rule, pl.col("value")), identity=text(rule, pl.col("value"))) for rule, told in values.items()
    ]


def _of_texts(rules: Iterable[str]) -> list[str]:
    """Return the rules that ask for a text of their own."""
    return [rule for rule in rules if rule not in {USER, *BY_ADDRESS}]


def _column(rule: str) -> str:
    """Return the column of records whose texts tell whom a rule tells."""
    return cookies.COLUMN if cookies.is_of_cookies(rule) else rule if rule.startswith("prop.") else "request"


def _distinct(records: pl.LazyFrame, column: str) -> pl.LazyFrame:
    return records.select(pl.col(column).drop_nulls().unique())


def _value(rule: str, text: pl.Expr) -> pl.Expr:
    """Return what a text says of the visitor, null where it says nothing."""
    whole = text.cast(pl.String)
    if cookies.is_of_cookies(rule):
        return cookies.value(rule, whole)
    if rule == JAVA_SESSION:
        return whole.str.extract(_JAVA_SESSION)
    value = whole if rule.startswith("prop.") else paths.parameter(rule.removeprefix("query."), whole.str.extract(_QUERY))
    return pl.when(value != "").then(value)
