r"""Texts as servers escape them in their logs, `\x22` for a quote -> as they were sent.

It stands alone because a run decides on texts as they are written, and only who reads records wants them otherwise.
"""

from __future__ import annotations

import polars as pl

QUOTES = {"\\\\": "\\x5C", '\\"': "\\x22"}
"""How quotes are escaped, and the notation of it that ends no quoted field."""
NOTATION = {
    **QUOTES,
    **{f"\\{letter}": f"\\x{ord(sign):02X}" for letter, sign in zip("nrtvbf", "\n\r\t\v\b\f", strict=True)},
}
"""How Apache escapes, and the notation of it that splits no line at a quote: nginx's."""
KEPT = ("user", "target", "referrer", "user_agent")
"""The texts of a record that CELLS keep escaped."""
_NEXT = r"\\x[89ab][0-9a-f]"
_CHARACTER = (
    r"\\x[0-7][0-9a-f]"
    rf"|\\x(?:c[2-9a-f]|d[0-9a-f]){_NEXT}"
    rf"|\\xe0\\x[ab][0-9a-f]{_NEXT}|\\xe[1-9a-cef]{_NEXT}{_NEXT}|\\xed\\x[89][0-9a-f]{_NEXT}"
    rf"|\\xf0\\x[9ab][0-9a-f]{_NEXT}{_NEXT}|\\xf[1-3]{_NEXT}{_NEXT}{_NEXT}|\\xf4\\x8[0-9a-f]{_NEXT}{_NEXT}"
)
_BEGUN = (
    rf"\\xe0\\x[ab][0-9a-f]|\\xe[1-9a-cef]{_NEXT}|\\xed\\x[89][0-9a-f]"
    rf"|(?:\\xf0\\x[9ab][0-9a-f]|\\xf[1-3]{_NEXT}|\\xf4\\x8[0-9a-f])(?:{_NEXT})?"
)
"""A character that does not end: all of it is one that nobody knows."""
_BYTE = r"\\x[0-9a-f]{2}"
_TOKEN = rf"(?i)(?:{_CHARACTER})|(?:{_BEGUN})|{_BYTE}|[^\\]+|\\"
_NO_TEXT = "\ufffd"


def rewritten(line: pl.Expr, notation: dict[str, str]) -> pl.Expr:
    """Return lines with their escapes in another notation; one without a backslash, as nearly all are, costs next to nothing."""
    escaped = pl.when(line.str.contains("\\", literal=True)).then(line).str.replace_many(notation)
    return pl.coalesce(escaped, line)


def undone(name: str) -> pl.Expr:
    """Return a text with each escape as what it stands for: bytes of UTF-8 as characters, others as U+FFFD."""
    tokens = pl.when(pl.col(name).str.contains("\\x", literal=True)).then(name).str.extract_all(_TOKEN)
    token = pl.element()
    encoded = pl.when(token.str.contains(rf"(?i)^(?:{_CHARACTER})$")).then(token)
    character = encoded.str.replace_all(r"\\[xX]", "").str.decode("hex").cast(pl.String)
    unknown = pl.when(token.str.contains(rf"(?i)^(?:{_BYTE})+$")).then(pl.lit(_NO_TEXT))
    return pl.coalesce(tokens.list.eval(pl.coalesce(character, unknown, token)).list.join(""), name)
