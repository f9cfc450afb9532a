"""Percent-decoding: which codes are decoded, and which stay as they are."""

from __future__ import annotations

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from convkit.core.escapes import percent_decode


@given(st.text(max_size=12))
def test_percent_encoded_printable_text_is_decoded(text: str) -> None:
    printable = "".join(letter for letter in text if letter.isprintable() and letter not in "/\\")
    encoded = "".join(f"%{byte:02X}" for byte in printable.encode())
    frame = pl.DataFrame({"text": [encoded]}, schema={"text": pl.String})
    assert frame.select(percent_decode(pl.col("text"))).item() == printable


@given(st.text(st.sampled_from("%0123456789abcdefABCDEF/x")))
def test_decoding_never_produces_a_control_character_or_a_slash(text: str) -> None:
    decoded = pl.DataFrame({"text": [text]}, schema={"text": pl.String}).select(percent_decode(pl.col("text"))).item()
    assert all(ord(letter) >= 32 and not 0x7F <= ord(letter) < 0xA0 for letter in decoded)
    assert decoded.count("/") == text.count("/")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a%20b", "a b"),
        ("%e2%82%AC%F0%9f%98%80", "€😀"),
        ("%2541", "%41"),
        ("%25C3%A9", "%C3%A9"),
        ("%2F%2f", "%2F%2f"),
        ("%C3%A9%2F", "é%2F"),
        ("%C3x%", "%C3x%"),
        ("%00%7F%C2%85", "%00%7F%C2%85"),
        ("é%", "é%"),
        (None, None),
    ],
)
def test_text_is_decoded_once(text: str | None, expected: str | None) -> None:
    frame = pl.DataFrame({"text": [text]}, schema={"text": pl.String})
    assert frame.select(percent_decode(pl.col("text"))).item() == expected
    if expected is not None:
        assert frame.select(percent_decode(pl.col("text"), slash=True)).item() == expected.replace("%2F", "/").replace("%2f", "/")
