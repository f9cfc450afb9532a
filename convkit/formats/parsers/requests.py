r"""Request lines (`METHOD target PROTOCOL`), senders (`address ident user`), and escapes (`\x22` for a quote) in either.

Request lines and senders repeat, so a run splits each distinct one only once. Escapes are kept until records are read: a run uses text as logged.
"""

from __future__ import annotations

import polars as pl

from convkit.core.escapes import long_characters
from convkit.core.placeholders import identity_or_null, value_or_null
from convkit.formats.parsers.addresses import ADDRESS_WORD, PLAIN_SIX, clean_address, first_public

_METHOD = "^[A-Z][A-Z_-]*$"
_BLANK = "^[- ]*$"
_ODD = r"^([A-Z][A-Z_-]*) +(.*?)(?: +(HTTP[/ ][0-9.]+))?$"


def probe_text() -> pl.Expr:
    """Return the text of split requests that have neither a method nor a target, or null if there is no text."""
    bare = pl.when(pl.col("method").is_null()).then("request").str.strip_chars()
    return pl.when(~bare.str.contains(_BLANK)).then(bare)


def split_requests(requests: pl.LazyFrame) -> pl.LazyFrame:
    """Add `method, target, protocol`, as text, to `request`; all three are null for requests that are not HTTP, like those sent by probes."""
    word, request = pl.col("word").struct, pl.col("request").cast(pl.String)
    is_odd = (word[2].str.contains(" ", literal=True) | ~word[2].str.starts_with("HTTP/") | (word[1] == "")).fill_null(value=False)
    taken = pl.when(is_odd).then(request).str.extract_groups(_ODD)
    # For an invalid request, load balancers log only the URL: `- https://shop.example:443/ -`.
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


_PLAIN = rf"^(?:[0-9]+\.[0-9]+\.[0-9]+\.[0-9]+|{PLAIN_SIX}|-) [^ ]+ [^ .:\\]+$"
"""Matches an IP address that needs no cleaning or is missing, an ident, and a user that is not an address and has no encoded blanks."""
_SIMPLE = r"^[^ ,]+ [^ ]+ [^ ]+$"
"""Matches `address ident user`."""
_LAST_ADDRESS = rf"^(?:.*[ ,])?{ADDRESS_WORD}(?: +(.*))?$"
"""Matches what follows the last IP address in a sender."""
_FIRST_WORD = r"^(?:[^ ,]+, *)*[^ ,]+ +(.*)$"
"""Matches what follows the first word, or the first list of words, in a sender."""
_TWO_WORDS = r"^[^ ]+ +([^ ]+) *$"
_ENCODED_BLANK = "\\x20"
NEXT_LIST = "\n"
"""Separates the lists of addresses in `forwarded` if a line has several."""


def split_senders(senders: pl.LazyFrame, *, with_chain: bool = False) -> pl.LazyFrame:
    """Add `address` and `user`, as text, to `sender`; they are null if the log has none. On request, add `chain`, all addresses in their order.

    Besides `address ident user`, a sender may be a list of forwarded addresses and a proxy's address (`a, b ident user`, `a proxy ident user`,
    `a - proxy - user`), or any words before an address, like a logger's. Of several addresses, the first public one is the client's.
    """
    text = pl.col("sender").cast(pl.String)
    word, unusual = pl.col("word").struct, pl.col("unusual").struct
    # Nearly all senders are plain.
    is_plain = text.str.contains(_PLAIN).fill_null(value=False)
    parsed = pl.when(~is_plain).then(text).map_batches(_parse_unusual, return_dtype=_UNUSUAL, is_elementwise=True)
    split = senders.with_columns(word=pl.when(is_plain).then(text).str.splitn(" ", 3), unusual=parsed).with_columns(
        address=pl.coalesce(text_or_null(word[0]), unusual.field("address")),
        user=pl.coalesce(identity_or_null(text_or_null(word[2])), unusual.field("user")),
    )
    if with_chain:
        split = split.with_columns(chain=pl.when(word[0].is_null()).then(unusual.field("chain")).otherwise(pl.concat_list("address")))
    return split.drop("word", "unusual")


_UNUSUAL = pl.Struct({"address": pl.String(), "user": pl.String(), "chain": pl.List(pl.String())})


def _parse_unusual(senders: pl.Series) -> pl.Series:
    """Return `address, user, chain` of senders that are not plain; null stands for plain ones, and if all are plain, this costs nothing."""
    if senders.null_count() == len(senders):
        return pl.Series(senders.name, [None], dtype=_UNUSUAL).new_from_index(0, len(senders))
    text, word = pl.col("sender"), pl.col("sender").str.splitn(" ", 3).struct
    odd = pl.when(~text.str.contains(_SIMPLE)).then(text)
    element = pl.element()
    is_one = element.str.contains(rf"^{ADDRESS_WORD}$")
    after = pl.coalesce(odd.str.extract(_LAST_ADDRESS), pl.when(~odd.str.contains(_LAST_ADDRESS)).then(odd).str.extract(_FIRST_WORD))
    parts = (
        senders.alias("sender")
        .to_frame()
        .select(
            chain=odd.str.extract_all(r"[^ ,]+").list.eval(clean_address(element.filter(is_one))),
            name=clean_address(value_or_null(word[0].str.strip_chars(","))),
            user=identity_or_null(pl.when(odd.is_not_null()).then(after.str.extract(_TWO_WORDS)).otherwise(word[2])),
        )
    )
    # A user that is an IP address is none; if there is no other address, it is the address.
    is_address = pl.col("user").str.contains(rf"^{ADDRESS_WORD}$").fill_null(value=False)
    by_user = pl.when(is_address).then(clean_address(pl.col("user")))
    address = pl.coalesce(first_public(pl.col("chain")), "name", by_user)
    whole = parts.with_columns(address=address, user=pl.when(~is_address).then(pl.col("user").str.replace_all(_ENCODED_BLANK, " ", literal=True)))
    chain = pl.when(pl.col("chain").list.len() > 0).then("chain").otherwise(pl.concat_list("address"))
    return whole.select(pl.struct("address", "user", chain=chain)).to_series().alias(senders.name)


def join_sender(address: pl.Expr, user: pl.Expr) -> pl.Expr:
    """Combine an address and a user into the sender of a common log line; blanks in the user are encoded, because they would end it."""
    encoded = user.str.replace_all(" ", _ENCODED_BLANK, literal=True)
    return pl.concat_str([address.fill_null("-"), pl.lit(" - "), encoded.fill_null("-")])


def text_or_null(value: pl.Expr) -> pl.Expr:
    """Return a field, or null if it is `-` or empty."""
    return pl.when(~value.is_in(["-", ""])).then(value)


QUOTE_ESCAPES = {"\\\\": "\\x5C", '\\"': "\\x22"}
"""The escapes for backslashes and quotes, and nginx's notation for them, which does not end a quoted field."""
APACHE_ESCAPES = {
    **QUOTE_ESCAPES,
    **{f"\\{letter}": f"\\x{ord(sign):02X}" for letter, sign in zip("nrtvbf", "\n\r\t\v\b\f", strict=True)},
}
"""Apache's escapes, and nginx's notation for them, which allows lines to be split at quotes."""
ESCAPED_TEXTS = ("user", "target", "referrer", "user_agent")
"""The columns of PARSED whose text is still escaped."""
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
"""Matches an incomplete character, which is replaced as a whole."""
_BYTE = r"\\x[0-9a-f]{2}"
_TOKEN = rf"(?i)(?:{_CHARACTER})|(?:{_BEGUN})|{_BYTE}|[^\\]+|\\"
_NO_TEXT = "\ufffd"


def rewrite_escapes(line: pl.Expr, notation: dict[str, str]) -> pl.Expr:
    """Rewrite the escapes in lines in another notation. Most lines have no backslash and cost almost nothing."""
    escaped = pl.when(line.str.contains("\\", literal=True)).then(line).str.replace_many(notation)
    return pl.coalesce(escaped, line)


def unescape(name: str) -> pl.Expr:
    """Return a column with its escapes decoded: valid UTF-8 as characters, other bytes as U+FFFD."""
    tokens = pl.when(pl.col(name).str.contains("\\x", literal=True)).then(name).str.extract_all(_TOKEN)
    token = pl.element()
    encoded = pl.when(token.str.contains(rf"(?i)^(?:{_CHARACTER})$")).then(token)
    character = encoded.str.replace_all(r"\\[xX]", "").str.decode("hex").cast(pl.String)
    unknown = pl.when(token.str.contains(rf"(?i)^(?:{_BYTE})+$")).then(pl.lit(_NO_TEXT))
    return pl.coalesce(tokens.list.eval(pl.coalesce(character, unknown, token)).list.join(""), name)
