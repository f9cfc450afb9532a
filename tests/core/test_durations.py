"""Durations as users write them."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from convkit.core.durations import microseconds, parse_duration


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("45s", timedelta(seconds=45)),
        ("30m", timedelta(minutes=30)),
        ("1h", timedelta(hours=1)),
        ("7d", timedelta(days=7)),
        ("2w", timedelta(days=14)),
        (" 5m ", timedelta(minutes=5)),
        ("007d", timedelta(days=7)),
    ],
)
def test_a_number_and_a_unit(text: str, expected: timedelta) -> None:
    assert parse_duration(text) == expected


@pytest.mark.parametrize("text", ["", "30", "m", "0m", "-5m", "1.5h", "5 m", "5min", "1h30m", "30M", "1y", "PT5M", "1000000s"])
def test_anything_else_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(ValueError, match=r"is not a duration; use a whole number with a unit \(s, m, h, d or w\), like 30m or 7d"):
        parse_duration(text)


@given(st.integers(1, 999_999), st.sampled_from("smhdw"))
def test_durations_are_whole_microseconds(number: int, unit: str) -> None:
    seconds = number * {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}[unit]
    if seconds > 5_200 * 604_800:
        with pytest.raises(ValueError, match="is too long; use at most 5200w"):
            parse_duration(f"{number}{unit}")
        return
    assert microseconds(parse_duration(f"{number}{unit}")) == seconds * 1_000_000
