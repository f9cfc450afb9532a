r"""Request lines (`METHOD target PROTOCOL`), senders (`address ident user`), and escapes (`\x22` for a quote) in either.

Request lines and senders repeat, so a run splits each distinct one once. Escapes are kept until records are asked for: a run decides on texts as
they were logged.
"""

from __future__ import annotations

import polars as pl

from convkit.core.escapes import long_characters

_METHOD = "^[A-Z][A-Z_-]*$"
_BLANK = "^[- ]*$"
_ODD = r"^([A-Z][A-Z_-]*) +(.*?)(?: +(HTTP[/ ][0-9.]+))?$"


def probe_text() -> pl.Expr:
    """Return what was sent where that is no method and no target, null where nothing was, to requests with words."""
    bare = pl.when(pl.col("method").is_null()).then("request").str.strip_chars()
    return pl.when(~bare.str.contains(_BLANK)).then(bare)


def split_requests(requests: pl.LazyFrame) -> pl.LazyFrame:
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


_FORWARDED = r"^([^ ,]+)(?:, *[^ ,]+)+"
"""The addresses of X-Forwarded-For in place of one; the first is the visitor's."""
_IP_ADDRESS = r"^(?:[0-9]+\.[0-9]+\.[0-9]+\.[0-9]+|[0-9a-fA-F]*:[0-9a-fA-F:.]+)$"
_NAMED = r"^[^ ]*[g-zG-Z][^ :]*:([0-9]+\.[0-9]+\.[0-9]+\.[0-9]+)$"
"""A name that is glued to an address: a host's, or a program's."""


def split_senders(senders: pl.LazyFrame) -> pl.LazyFrame:
    """Add `address` and `user`, text, to `sender`; null where the log says nothing."""
    text = pl.col("sender").cast(pl.String)
    listed = pl.when(text.str.contains(",", literal=True)).then(text).str.replace(_FORWARDED, "$1")
    word = pl.col("word").struct
    apart = senders.with_columns(word=pl.coalesce(listed, text).str.splitn(" ", 3))
    # One word too many: a host in front of a single line, or the balancer's address behind those it forwarded.
    rest = word[2].str.strip_chars()
    is_host = rest.str.starts_with("- ") & word[1].str.contains(_IP_ADDRESS) & ~word[0].str.contains(_IP_ADDRESS)
    address = pl.when(is_host).then(word[1]).otherwise(word[0])
    return apart.with_columns(
        address=text_or_null(address.str.replace(_NAMED, "$1")), user=text_or_null(rest.str.strip_prefix("- ").str.strip_chars())
    ).drop("word")


def join_sender(address: pl.Expr, user: pl.Expr) -> pl.Expr:
    """Return a sender as a common log line has it, where address and user are known apart."""
    return pl.concat_str([address.fill_null("-"), pl.lit(" - "), user.fill_null("-")])


def text_or_null(value: pl.Expr) -> pl.Expr:
    """Return a field, null where the log says nothing."""
    return pl.when(~value.is_in(["-", ""])).then(value)


QUOTE_ESCAPES = {"\\\\": "\\x5C", '\\"': "\\x22"}
"""How quotes are escaped, and the notation of it that ends no quoted field."""
APACHE_ESCAPES = {
    **QUOTE_ESCAPES,
    **{f"\\{letter}": f"\\x{ord(sign):02X}" for letter, sign in zip("nrtvbf", "\n\r\t\v\b\f", strict=True)},
}
"""How Apache escapes, and the notation of it that splits no line at a quote: nginx's."""
ESCAPED_TEXTS = ("user", "target", "referrer", "user_agent")
"""The texts of a record that PARSED keep escaped."""
_SIGN = r"\\x"
_NEXT = r"\\x[89ab][0-9a-f]"
_CHARACTER = (
    r"\\x[0-7][0-9a-f]"
    rf"|\\x(?:c[2-9a-f]|d[0-9a-f]){_NEXT}"
    rf"|{long_characters(_SIGN)}"
)
_BEGUN = (
    rf"\\xe0\\x[ab][0-9a-f]|\\xe[1-9a-cef]{_NEXT}|\\xed\\x[89][0-9a-f]"
    rf"|(?:\\xf0\\x[9ab][0-9a-f]|\\xf[1-3]{_NEXT}|\\xf4\\x8[0-9a-f])(?:{_NEXT})?"
)
"""A character that does not end: all of it is one that nobody knows."""
_BYTE = r"\\x[0-9a-f]{2}"
_TOKEN = rf"(?i)(?:{_CHARACTER})|(?:{_BEGUN})|{_BYTE}|[^\\]+|\\"
_NO_TEXT = "\ufffd"


def rewrite_escapes(line: pl.Expr, notation: dict[str, str]) -> pl.Expr:
    """Return lines with their escapes in another notation; one without a backslash, as nearly all are, costs next to nothing."""
    escaped = pl.when(line.str.contains("\\", literal=True)).then(line).str.replace_many(notation)
    return pl.coalesce(escaped, line)


def unescape(name: str) -> pl.Expr:
    """Return a text with each escape as what it stands for: bytes of UTF-8 as characters, others as U+FFFD."""
    tokens = pl.when(pl.col(name).str.contains("\\x", literal=True)).then(name).str.extract_all(_TOKEN)
    token = pl.element()
    encoded = pl.when(token.str.contains(rf"(?i)^(?:{_CHARACTER})$")).then(token)
    character = encoded.str.replace_all(r"\\[xX]", "").str.decode("hex").cast(pl.String)
    unknown = pl.when(token.str.contains(rf"(?i)^(?:{_BYTE})+$")).then(pl.lit(_NO_TEXT))
    return pl.coalesce(tokens.list.eval(pl.coalesce(character, unknown, token)).list.join(""), name)
