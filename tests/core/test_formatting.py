"""Numbers on screens: two significant digits, no misleading rounding, no rate on a small base, the same in every locale."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from convkit.core import formatting

PERCENTS = [
    (0.0, "0%"), (0.000001, "<0.1%"), (0.000999, "<0.1%"), (0.001, "0.10%"), (0.0091, "0.91%"), (0.00994, "0.99%"), (0.00996, "1.0%"),
    (0.012, "1.2%"), (0.0994, "9.9%"), (0.0996, "10%"), (0.406, "41%"), (0.99, "99%"), (0.9949, "99%"), (0.995, ">99%"), (0.999999, ">99%"),
    (1.0, "100%"), (None, "–"),
]  # fmt: skip


@pytest.mark.parametrize(("rate", "text"), PERCENTS)
def test_percent(rate: float | None, text: str) -> None:
    assert formatting.percent(rate) == text


def test_changes_have_a_sign() -> None:
    changes = [0.0, -0.00001, 0.004, -0.0523, 0.0996, -0.224, 1.2]
    assert [formatting.change(relative) for relative in changes] == [
        "0%",
        "\N{MINUS SIGN}<0.1%",
        "+0.4%",
        "\N{MINUS SIGN}5%",
        "+10%",
        "\N{MINUS SIGN}22%",
        "+120%",
    ]


@given(part=st.integers(0, 10**7), others=st.integers(0, 10**7))
def test_percent_is_zero_or_hundred_only_where_exact(part: int, others: int) -> None:
    rate = Fraction(part, part + others) if part + others else Fraction(0)
    text = formatting.percent(float(rate))
    assert (text == "0%") == (rate == 0)
    assert (text == "100%") == (rate == 1)
    assert (text == "<0.1%") == (0 < rate < Fraction(1, 1000))
    if text[0] not in "<>":
        assert len(re.sub(r"^0\.0*|\D", "", text)) <= (3 if rate == 1 else 2)
        assert abs(Fraction(text[:-1]) / 100 - rate) <= max(rate / 20, Fraction(1, 10**9))


@given(low=st.floats(0, 1), high=st.floats(0, 1))
def test_a_larger_rate_is_never_shown_as_smaller(low: float, high: float) -> None:
    shown = [float(formatting.percent(rate).strip("%").replace("<0.1", "0.05").replace(">99", "99.9")) for rate in sorted((low, high))]
    assert shown[0] <= shown[1]


def test_no_rate_on_a_base_under_thirty() -> None:
    assert [formatting.share(10, base) for base in (29, 30)] == ["·", "33%"]
    assert formatting.share(0, 0) == "·"
    assert formatting.share(None, 100) == formatting.share(3, None) == "–"
    assert formatting.rate_interval(0.1, 0.2, 29) == formatting.rate_interval(None, None, 0) == "·"
    assert formatting.one_in(1, 29) == ""


def test_a_count_comes_before_its_rate() -> None:
    assert formatting.count_and_rate(1234, 12345) == "1,234    10%"
    assert formatting.count_and_rate(3, 12) == "3      ·"
    assert formatting.count_and_rate(None, 12) == "–"


def test_counts_have_thousands_separators() -> None:
    assert [formatting.count(number) for number in (0, 999, 1000, 12345, -1234, None)] == ["0", "999", "1,000", "12,345", "-1,234", "–"]


@pytest.mark.parametrize(
    ("low", "high", "text"),
    [
        (0.0086, 0.0159, "0.9 – 1.6%"),
        (0.39, 0.42, "39 – 42%"),
        (0.0503, 0.0656, "5.0 – 6.6%"),
        (0.084, 0.112, "8 – 11%"),
        (0.0046, 0.0055, "0.46 – 0.55%"),
        (0.3961, 0.3964, "39.61 – 39.64%"),
        (0, 0.0028, "0.00 – 0.28%"),
        (0.00001, 0.0028, "<0.01 – 0.28%"),
        (0.0002, 0.12, "<0.1 – 12%"),
        (0.996, 0.999, "99.6 – 99.9%"),
    ],
)
def test_likely(low: float, high: float, text: str) -> None:
    assert formatting.rate_interval(low, high, 100) == text


def test_one_in() -> None:
    assert formatting.one_in(40, 3412) == "about 1 in 85"
    assert formatting.one_in(1, 12_345) == "about 1 in 12,345"
    assert formatting.one_in(40, 50) == "", "1 in 1 says nothing"
    assert formatting.one_in(0, 50) == ""


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0s"), (59.4, "59s"), (59.6, "1m 00s"), (72, "1m 12s"), (3599.4, "59m 59s"), (3599.6, "1h 00m"), (7500, "2h 05m"),
        (86_399, "23h 59m"), (86_400, "1d 0h"), (273_600, "3d 4h"), (None, "–"),
    ],
)  # fmt: skip
def test_duration(seconds: float | None, text: str) -> None:
    assert formatting.duration(seconds) == text


@pytest.mark.parametrize(
    ("millionths", "currency", "text"),
    [
        (2_386_400_000, "EUR", "€2,386.40"), (59_660_000, "USD", "$59.66"), (700_000, "", "0.70"), (-1_500_000, "GBP", "-£1.50"),
        (1_000_000, "CHF", "CHF 1.00"), (1_000_000, "SEK", "SEK 1.00"), (59_659_999.6, "EUR", "€59.66"), (0, "EUR", "€0.00"),
        (10**18 + 10_000, "EUR", "€1,000,000,000,000.01"),
    ],
)  # fmt: skip
def test_money(millionths: float, currency: str, text: str) -> None:
    assert formatting.money(millionths, currency) == text


@given(part=st.integers(0, 10**6), others=st.integers(0, 10**6), width=st.integers(1, 60))
def test_a_bar_is_empty_only_for_zero_and_is_never_too_long(part: int, others: int, width: int) -> None:
    whole = part + others
    bar = formatting.bar(part, whole, width)
    assert len(bar) <= width
    assert bool(bar) == (part > 0)
    eighths = sum("▏▎▍▌▋▊▉█".index(character) + 1 for character in bar)
    exact = Fraction(part, whole) * width * 8 if whole else 0
    assert abs(eighths - exact) <= Fraction(501, 1000) or (eighths == 1 and exact < 1)


def test_bars() -> None:
    assert [formatting.bar(part, 80, 10) for part in (0, 1, 8, 12, 20, 80)] == ["", "▏", "█", "█▌", "██▌", "█" * 10]
    assert formatting.bar(0, 0, 10) == ""


@pytest.mark.parametrize(
    ("begin", "end", "text"),
    [
        ((2026, 10, 1), (2026, 10, 31), "1–31 Oct 2026"),
        ((2026, 9, 28), (2026, 10, 3), "28 Sep – 3 Oct 2026"),
        ((2025, 12, 30), (2026, 1, 2), "30 Dec 2025 – 2 Jan 2026"),
        ((2026, 10, 7), (2026, 10, 7), "7 Oct 2026"),
    ],
)
def test_dates(begin: tuple[int, int, int], end: tuple[int, int, int], text: str) -> None:
    assert formatting.dates(datetime(*begin, 5, tzinfo=UTC), datetime(*end, 20, tzinfo=UTC)) == text


def test_dates_without_a_period() -> None:
    assert formatting.dates(None, None) == "no time"


def test_plural() -> None:
    assert [formatting.plural(number, "session") for number in (0, 1, 2, 1000)] == ["0 sessions", "1 session", "2 sessions", "1,000 sessions"]
    assert formatting.plural(2, "entry", "entries") == "2 entries"


@pytest.mark.parametrize(
    ("number", "goal", "text"),
    [
        (1, "purchase", "1 purchase"), (3, "purchase", "3 purchases"), (3, "signed_up", "3 with signed_up"),
        (1, "signed_up", "1 with signed_up"),
        (3, "asked", "3 with asked"), (2, "cart or saw_stock", "2 with cart or saw_stock"), (2, "news", "2 with news"),
        (1200, "lead", "1,200 leads"), (12, "paid", "12 with paid"), (2, "Bought", "2 with Bought"), (2, "goal2", "2 with goal2"),
    ],
)  # fmt: skip
def test_times(number: int, goal: str, text: str) -> None:
    assert formatting.goal_count(number, goal) == text


def test_ranges_of_changes_keep_the_sign_of_their_ends() -> None:
    assert formatting.change_range(-0.93, -0.009) == "\N{MINUS SIGN}93 to \N{MINUS SIGN}0.9"
    assert formatting.change_range(-1.4, 0.0001) == "\N{MINUS SIGN}100 to +0.01"
    assert formatting.change_range(-0.0000049, 12.3456) == "\N{MINUS SIGN}0.0005 to +1,235"
    assert formatting.change_range(0, 0.0949) == "0 to +9"
