"""Bytes that are escaped in text: `%HH` in URLs, and UTF-8 characters made up of several escaped bytes."""

from __future__ import annotations

import polars as pl

_PRINTABLE = [code for code in range(0x20, 0x7F) if code != ord("/")]
_SLASH = [ord("/")]


def long_characters(sign: str) -> str:
    """Return a pattern for characters of three or four bytes, with each byte escaped as `sign` and two lowercase hexadecimal digits."""
    first, following = sign, f"{sign}[89ab][0-9a-f]"
    return (
        f"{first}e0{sign}[ab][0-9a-f]{following}|{first}e[1-9a-cef]{following}{following}|{first}ed{sign}[89][0-9a-f]{following}"
        f"|{first}f0{sign}[9ab][0-9a-f]{following}{following}|{first}f[1-3]{following}{following}{following}"
        f"|{first}f4{sign}8[0-9a-f]{following}{following}"
    )


def _codes(characters: list[int]) -> dict[str, str]:
    """Return the characters by their escaped form, with upper-case and with lower-case digits."""
    return {f"%{code:02{digits}}": chr(code) for code in characters for digits in "Xx"}


_CODES, _CODES_AND_SLASH = _codes(_PRINTABLE), _codes(_PRINTABLE + _SLASH)
_CHARACTER = (
    "%(?:2[0-9a-e]|[3-6][0-9a-f]|7[0-9a-e])"  # printable ASCII; %2F and control characters stay as they are
    f"|%c2%[ab][0-9a-f]|%(?:c[3-9a-f]|d[0-9a-f])%[89ab][0-9a-f]"  # two bytes, from U+00A0 on
    f"|{long_characters('%')}"
)
_TOKEN = rf"(?i)(?:{_CHARACTER})|[^%]+|%"
_TOKEN_OR_SLASH = rf"(?i)(?:%2f|{_CHARACTER})|[^%]+|%"
_LONG = "%[c-fC-F]"


def percent_decode(text: pl.Expr, *, slash: bool = False) -> pl.Expr:
    """Decode `%HH` in text once, if it is a printable UTF-8 character; the rest stays encoded, including `%2F` unless `slash` is true."""
    encoded = pl.when(text.str.contains("%", literal=True)).then(text)
    # Replacing takes a fraction of the time that splitting does, and only characters of several bytes need splitting.
    is_long = encoded.str.contains(_LONG)
    short = pl.when(~is_long).then(encoded).str.replace_many(_CODES_AND_SLASH if slash else _CODES)
    tokens = pl.when(is_long).then(encoded).str.extract_all(_TOKEN_OR_SLASH if slash else _TOKEN)
    token = pl.element()
    code = pl.when(token.str.starts_with("%") & (token.str.len_bytes() > 1)).then(token)
    character = code.str.replace_all("%", "", literal=True).str.decode("hex").cast(pl.String)
    return pl.coalesce(short, tokens.list.eval(character.fill_null(token)).list.join(""), text)
