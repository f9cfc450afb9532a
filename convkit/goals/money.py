"""Amounts of money as shops write them: with decimal points or commas, grouped digits, currencies, and brackets for negative amounts.

An amount like `2,000` may mean 2 or 2000. The other amounts of the same value decide, or `site.decimal`; otherwise it is not counted. Amounts are
exact: they are read as text, into integer millionths, and each distinct text is read once.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING

import polars as pl

from convkit.core import datafiles
from convkit.core.model import Money

if TYPE_CHECKING:
    from collections.abc import Mapping

    from convkit.core.model import Goal, Goals, Site

_SPACES = " \u00a0\u2009\u202f'\u2019"
_LETTER = r"[A-Za-z\u{C0}-\u{2AF}\u{370}-\u{1FFF}\u{2C00}-\u{D7FF}]"
r"""Matches nearly all letters; all of them, as `\p{L}`, would take ten times as long to compile."""
_CURRENCY = rf"{_LETTER}{{0,3}}\p{{Sc}}|{_LETTER}{{1,5}}\.?"
_NUMBER = rf"[.,]?[0-9](?:[0-9.,{_SPACES}]*[0-9])?(?:[eE][-+]?[0-9]{{1,2}})?"
_AMOUNT = (
    rf"^(?P<open>\()?\s*(?P<sign>[-+\u2212])?\s*(?P<before>{_CURRENCY})?\s*(?P<inner>[-+\u2212])?\s*"
    rf"(?P<number>{_NUMBER})(?:[.,]\s?[-\u2013\u2014]{{1,2}})?\s*(?P<after>{_CURRENCY})?\s*(?P<close>\))?$"
)
_GROUPED_BY_SPACES = rf"^[0-9]{{1,3}}(?:[{_SPACES}][0-9]{{3}})+(?:[.,][0-9]+)?(?:[eE].*)?$"
_EXPONENT = r"[eE]([-+]?[0-9]+)$"
_AMBIGUOUS = r"^[1-9][0-9]{0,2}[.,][0-9]{3}$"
_WITH_POINT = r"^(?:[0-9]{1,3}(?:,[0-9]{2,3})*,[0-9]{3}\.[0-9]+|[0-9]{1,3}(?:,[0-9]{2,3})+,[0-9]{3}|[0-9]*\.[0-9]+)$"
_WITH_COMMA = r"^(?:[0-9]{1,3}(?:\.[0-9]{3})+,[0-9]+|[0-9]{1,3}(?:\.[0-9]{3}){2,}|[0-9]*,[0-9]+)$"
_PLAIN = r"^[0-9]{1,12}(?:\.[0-9]{1,2})?$"
_DIGITS = r"^([0-9]{0,12})(?:\.([0-9]+))?$"
_MINUS = ["-", "\u2212"]
_MILLION = 1_000_000
_LARGEST = 10.0**12
POINT, COMMA = ".", ","
CURRENCY_NAME = "currency"
"""The name of the parameter or property that holds the currency of an amount."""


def read_amounts(texts: pl.LazyFrame, decimal: str = "") -> pl.LazyFrame:
    """Add `amount, decimal, is_ambiguous, sign` to distinct amounts, given as `text`.

    `amount` is in integer millionths, and null if the text is not an amount, or if it is ambiguous and the argument `decimal` gives no decimal sign.
    `decimal` is the decimal sign that the text itself shows, if any. `sign` is the code or the sign of its currency, in capital letters.
    """
    text = pl.col("text")
    # Nearly all amounts are plain numbers.
    is_plain = text.str.contains(_PLAIN)
    plain = texts.filter(is_plain).select(
        "text",
        amount=_amount_of_number(text, pl.lit(POINT)),
        decimal=pl.when(text.str.contains(POINT, literal=True)).then(pl.lit(POINT)),
        is_ambiguous=pl.lit(value=False),
        sign=pl.lit(None, dtype=pl.String),
    )
    return pl.concat([plain, _read_unusual(texts.filter(~is_plain), decimal)])


def _read_unusual(texts: pl.LazyFrame, decimal: str) -> pl.LazyFrame:
    """Add the same columns to distinct amounts with anything but digits and a decimal point."""
    part, number = pl.col("part").struct, pl.col("number")
    is_whole = part["open"].is_not_null() == part["close"].is_not_null()
    is_known = pl.col("sign").is_null() | pl.col("sign").is_in(list(_codes_by_sign())) | pl.col("sign").str.contains(r"\p{Sc}")
    is_negative = part["open"].is_not_null() | (pl.coalesce(part["sign"], part["inner"]).is_in(_MINUS).fill_null(value=False))
    own_decimal = (
        pl.when(~pl.col("is_ambiguous") & number.str.contains(_WITH_POINT))
        .then(pl.lit(POINT))
        .when(~pl.col("is_ambiguous") & number.str.contains(_WITH_COMMA))
        .then(pl.lit(COMMA))
    )
    return (
        texts.with_columns(part=pl.col("text").str.strip_chars().str.extract_groups(_AMOUNT))
        .with_columns(sign=pl.coalesce(part["before"], part["after"]).str.to_uppercase())
        .with_columns(written=pl.when(is_whole & is_known).then(part["number"]), is_negative=is_negative)
        .with_columns(is_grouped=pl.col("written").str.contains(_GROUPED_BY_SPACES))
        .with_columns(number=pl.when("is_grouped").then(pl.col("written").str.replace_all(f"[{_SPACES}]", "")).otherwise("written"))
        .with_columns(exponent=number.str.extract(_EXPONENT).cast(pl.Int64), number=number.str.replace(_EXPONENT, ""))
        .with_columns(is_ambiguous=(number.str.contains(_AMBIGUOUS) & ~pl.col("is_grouped") & pl.col("exponent").is_null()).fill_null(value=False))
        .with_columns(decimal=own_decimal)
        .with_columns(amount=_amount_of_number(number, pl.when("is_ambiguous").then(pl.lit(decimal or None)).otherwise("decimal")))
        .with_columns(amount=pl.when(pl.col("exponent").is_null()).then("amount").otherwise(_with_exponent()))
        .select("text", pl.when("is_negative").then(-pl.col("amount")).otherwise("amount").alias("amount"), "decimal", "is_ambiguous", "sign")
    )


def _amount_of_number(number: pl.Expr, decimal: pl.Expr) -> pl.Expr:
    """Return a number in millionths, given its decimal sign; the other sign groups digits, unless the number has neither."""
    with_point = (
        pl.when(decimal == POINT)
        .then(number.str.replace_all(COMMA, "", literal=True))
        .when(decimal == COMMA)
        .then(number.str.replace_all(POINT, "", literal=True).str.replace(COMMA, POINT, literal=True))
        .when(~number.str.contains("[.,]"))
        .then(number)
    )
    digits = with_point.str.extract_groups(_DIGITS).struct
    fraction = digits[1].fill_null("").str.pad_end(7, "0")
    whole = pl.when(digits[0] == "").then(pl.lit("0")).otherwise(digits[0]).cast(pl.Int64)
    return whole * _MILLION + fraction.str.head(6).cast(pl.Int64) + (fraction.str.slice(6, 1) >= "5").cast(pl.Int64)


def _with_exponent() -> pl.Expr:
    """Return an amount multiplied by its power of ten, or null if it becomes too large."""
    value = pl.col("amount").cast(pl.Float64) * pl.lit(10.0).pow(pl.col("exponent").cast(pl.Float64))
    return pl.when(value.abs() < _LARGEST * _MILLION).then(value.round().cast(pl.Int64, strict=False))


def currency_name_of(value: str) -> str:
    """Return the name of the value that holds the currency of an amount: `query.currency` for `query.total`."""
    return f"{value.partition('.')[0]}.{CURRENCY_NAME}"


def currency_code(sign: pl.Expr) -> pl.Expr:
    """Return the code of a currency, given its code or sign; text that is neither stays as it is, in capital letters."""
    return sign.str.strip_chars().str.to_uppercase().replace(_codes_by_sign())


@cache
def _codes_by_sign() -> dict[str, str]:
    """Return the code for each code and sign; a sign that several currencies share stands for the first of them."""
    codes: dict[str, str] = {}
    for line in datafiles.lines("currencies"):
        code, _, signs = line.partition(":")
        for sign in (code, *signs.split()):
            codes.setdefault(sign, code)
    return codes


@cache
def _signs_of(code: str) -> list[str]:
    """Return the code and the signs of a currency."""
    signs = {name: texts.split() for name, _, texts in (line.partition(":") for line in datafiles.lines("currencies"))}
    return [code, *signs.get(code, [])]


def money_of(read: pl.DataFrame, site: Site) -> Money:
    """Return how the amounts of a value are written, given all of them as read with either decimal sign, their `currency`, and their number as `n`.

    The decimal sign is that of `site.decimal` or, failing that, the only one that amounts show. The currency is that of `site.currency` or, failing
    that, the most frequent one.
    """
    read = read.drop_nulls("amount")
    signs = sorted(read["decimal"].drop_nulls().unique())
    decimal = site.decimal or (signs[0] if len(signs) == 1 else "")
    code = currency_code(pl.coalesce(pl.when(pl.col("currency").str.strip_chars() != "").then("currency"), "sign"))
    codes = read.select(code=code, n="n").drop_nulls("code").group_by("code").agg(pl.col("n").sum()).sort("n", "code", descending=[True, False])
    currency = site.currency or (codes["code"][0] if codes.height else "")
    others = [code for code in codes["code"] if currency and code not in _signs_of(currency)]
    ambiguous = read.filter("is_ambiguous")["text"].sort()
    return Money(decimal, currency, tuple(others), ambiguous[0] if len(ambiguous) and not decimal else "")


def settle(goals: Goals, money: Mapping[str, Money]) -> Goals:
    """Return the goals with the way in which the amounts of each value are written."""
    settled = tuple(replace(goal, money=money[goal.value]) if isinstance(goal.value, str) and goal.value in money else goal for goal in goals.goals)
    return replace(goals, goals=settled)


def total() -> pl.Expr:
    """Return the sum of amounts, as Int128: the sum of ten of the largest amounts does not fit into Int64."""
    return pl.col("amount").cast(pl.Int128).sum()


def add_amount(hits: pl.LazyFrame, goal: Goal) -> pl.LazyFrame:
    """Add the value of each counted hit as `amount` (millionths), null if it has none; `ambiguous` and `foreign` say why it was not counted.

    An ambiguous amount could be read in two ways; a foreign one is in another currency than the other amounts.
    """
    no = pl.lit(value=False)
    if not isinstance(goal.value, str):
        return hits.with_columns(amount=pl.lit(goal.value, dtype=pl.Int64), ambiguous=no, foreign=no)
    money, value = goal.money, pl.col(goal.value).cast(pl.String)
    texts = read_amounts(hits.select(text=value).unique().drop_nulls(), money.decimal).select("text", "amount", "is_ambiguous", "sign")
    joined = hits.with_columns(text=value).join(texts, on="text", how="left", maintain_order="left")
    has_amount = pl.col("amount").is_not_null() | pl.col("is_ambiguous")
    own = _signs_of(money.currency)
    named = pl.col(currency_name_of(goal.value)).cast(pl.String).str.strip_chars().str.to_uppercase()
    is_foreign = has_amount & (((named != "") & ~named.is_in(own)).fill_null(value=False) | (~pl.col("sign").is_in(own)).fill_null(value=False))
    with_reasons = joined.with_columns(foreign=is_foreign.fill_null(value=False) if money.others else no)
    return with_reasons.with_columns(
        amount=pl.when(~pl.col("foreign")).then("amount"),
        ambiguous=(pl.col("amount").is_null() & pl.col("is_ambiguous") & ~pl.col("foreign")).fill_null(value=False),
    ).drop("text", "is_ambiguous", "sign")
