"""Numbers as screens show them: two significant digits, counts before rates, no rates for bases below MIN_BASE, and the same in every locale."""

from __future__ import annotations

from decimal import Decimal
from math import ceil
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime, timedelta

MIN_BASE = 30
"""The smallest base for which a rate is shown."""
UNKNOWN, TOO_FEW = "–", "·"

_EIGHTHS = " ▏▎▍▌▋▊▉█"
_HEIGHTS = "▁▂▃▄▅▆▇█"
_SYMBOLS = {"EUR": "€", "USD": "$", "GBP": "£", "JPY": "¥", "INR": "₹", "KRW": "₩", "BRL": "R$", "PLN": "zł ", "CHF": "CHF "}
_MILLION = 1_000_000
_MOST_DIGITS = 3
"""The maximum number of decimals of a percentage, for ranges whose ends would otherwise look equal."""
_PARTICIPLES = {"begun", "bought", "done", "found", "kept", "left", "made", "met", "paid", "read", "seen", "sent", "sold", "taken", "won"}
"""Names of goals that look like nouns and have no plural."""
_MINUS = "\N{MINUS SIGN}"
_MINUTE, _HOUR, _DAY = 60, 3_600, 86_400


def count(number: int | None) -> str:
    """Return a number like `12,345`."""
    return UNKNOWN if number is None else f"{number:,}"


def percent(rate: float | None) -> str:
    """Return a rate with two significant digits; 0% and 100% are shown only if they are exact."""
    if rate is None:
        return UNKNOWN
    value = rate * 100
    if value in {0, 100}:
        return f"{value:.0f}%"
    if value < 0.1:  # noqa: PLR2004 (the smallest rate that is shown)
        return "<0.1%"
    if value >= 99.5:  # noqa: PLR2004 (larger values would be rounded to 100)
        return ">99%"
    return f"{value:.{_digits(value)}f}%"


def change(relative: float) -> str:
    """Return a relative change in percent, with its sign and, at 1% or more, without decimals; 0% is shown only if it is exact."""
    size, sign = abs(relative) * 100, _MINUS if relative < 0 else "+"
    if not size:
        return "0%"
    return f"{sign}{size:,.0f}%" if size >= 0.95 else f"{sign}{size:.1f}%" if size >= 0.05 else f"{sign}<0.1%"  # noqa: PLR2004 (one more digit from here on)


def change_range(low: float, high: float) -> str:
    """Return the range of a relative change, like `-93 to -0.9`, in percent without the sign; nothing falls by more than 100%."""
    return " to ".join(_bound_of_change(max(bound, -1)) for bound in (low, high))


def _bound_of_change(relative: float) -> str:
    """Return one end of the range of a relative change; ends close to 0 keep one digit, because their sign matters."""
    size, sign = abs(relative) * 100, _MINUS if relative < 0 else "+"
    return f"{sign}{Decimal(f'{size:.1g}'):f}" if 0 < size < 0.05 else change(relative).removesuffix("%")  # noqa: PLR2004 (smaller ones would have no digit)


def _digits(value: float) -> int:
    """Return how many decimals a percentage needs for two significant digits."""
    return 2 if value < 0.995 else 1 if value < 9.95 else 0  # noqa: PLR2004 (rounded, it has one more digit from here on)


def share(part: int | None, whole: int | None) -> str:
    """Return a rate, or a dot if the base is too small for one."""
    if part is None or whole is None:
        return UNKNOWN
    return percent(part / whole) if whole >= MIN_BASE else TOO_FEW


def count_and_rate(part: int | None, whole: int | None, width: int = 7) -> str:
    """Return a count and its rate for a single column."""
    return UNKNOWN if part is None else f"{count(part)}{share(part, whole):>{width}}"


def count_of(part: int, whole: int, what: str) -> str:
    """Return a phrase like `46 of 2,453 sessions (1.9%)`, without the rate if the base is too small for one."""
    return f"{count(part)} of {plural(whole, what)}{f' ({percent(part / whole)})' if whole >= MIN_BASE else ''}"


def rate_interval(low: float | None, high: float | None, base: int) -> str:
    """Return the interval of a rate, like `1.4 – 2.5%`, or a dot if the base is too small for one."""
    if low is None or high is None or base < MIN_BASE:
        return TOO_FEW
    digits = _digits(high * 100)
    while low < high and digits < _MOST_DIGITS and _bound(low, digits) == _bound(high, digits):
        digits += 1
    return f"{_bound(low, digits)} – {_bound(high, digits)}%"


def _bound(rate: float, digits: int) -> str:
    """Return one end of an interval; 0 and 100 are shown only if they are exact."""
    value, least = rate * 100, 10 ** -max(digits, 1)
    if 0 < value < least / 2:
        return f"<{least:g}"
    if not digits and 99.5 <= value < 100:  # noqa: PLR2004 (larger values would be rounded to 100)
        return ">99"
    return f"{value:.{max(digits, 1) if 0 < value < 0.5 else digits}f}"  # noqa: PLR2004 (smaller values would be rounded to 0)


def times(ratio: float | None) -> str:
    """Return a ratio with two significant digits, like `0.74`, `1.3` or `12`, or a dash if there is none."""
    return UNKNOWN if ratio is None else f"{ratio:,.{_digits(ratio)}f}" if ratio else "0"


def times_interval(low: float | None, high: float | None) -> str:
    """Return the interval of a ratio, like `0.35 – 1.5`; without an upper bound, `1.2 or more`."""
    if low is None:
        return UNKNOWN
    return f"{times(low)} – {times(high)}" if high is not None else f"{times(low)} or more"


def one_in(part: int, whole: int) -> str:
    """Return odds like `about 1 in 85`, or an empty string if there are none or the base is too small."""
    return f"about 1 in {count(round(whole / part))}" if part and whole >= MIN_BASE and whole / part >= 1.5 else ""  # noqa: PLR2004 (1 in 1 means nothing)


def duration(seconds: float | None) -> str:
    """Return a duration like `21s`, `3m 12s`, `2h 05m` or `3d 4h`."""
    if seconds is None:
        return UNKNOWN
    whole = round(seconds)
    if whole < _MINUTE:
        return f"{whole}s"
    if whole < _HOUR:
        return f"{whole // _MINUTE}m {whole % _MINUTE:02d}s"
    if whole < _DAY:
        return f"{whole // _HOUR}h {whole % _HOUR // _MINUTE:02d}m"
    return f"{whole // _DAY}d {whole % _DAY // _HOUR}h"


def duration_in_words(time: timedelta) -> str:
    """Return a configured duration in the largest unit that divides it, like `30 min` or `7 days`."""
    seconds = time.total_seconds()
    for size, name in ((_DAY, "day"), (_HOUR, "hour"), (_MINUTE, "min")):
        if seconds % size == 0:
            return plural(int(seconds // size), name, "min" if name == "min" else None)
    return plural(int(seconds), "second")


def months(number: float) -> str:
    """Return a number of months in words, like `5 months`, or in years if there are at least two, like `3 years`."""
    return plural(round(number), "month") if number < 2 * 12 else plural(round(number / 12), "year")


def money(millionths: float, currency: str) -> str:
    """Return an amount rounded to cents, with the currency's symbol."""
    amount = Decimal(round(millionths)) / _MILLION
    sign = "-" if amount < 0 else ""
    return f"{sign}{_SYMBOLS.get(currency, currency and currency + ' ')}{abs(amount):,.2f}"


def number(value: float) -> str:
    """Return a number from a column that holds both counts and other figures; the latter get two digits and no exponent."""
    if value == int(value):
        return count(int(value))
    return f"{value:,.2f}" if abs(value) >= 1 else f"{Decimal(f'{value:.2g}'):f}"


_IN_UNIT: dict[str, Callable[[Any], str]] = {
    "count": count,
    "rate": percent,
    "ratio": "{:.1f}".format,
    "change": change,
    "seconds": duration,
    "money": lambda millionths: money(millionths, ""),
    "time": "{:%Y-%m-%d %H:%M}".format,
    "number": number,
    "flag": lambda value: "yes" if value else "no",
}


def per_month(number: float) -> str:
    """Return a number of conversions a month, with a decimal where there is one."""
    return f"{number:,.1f}".removesuffix(".0")


def in_unit(value: object, unit: str) -> str:
    """Return a value in a unit (one of `document.UNITS`) as people would read it, or a dash if the value is missing."""
    return UNKNOWN if value is None else _IN_UNIT.get(unit, str)(value)


def bar(part: float, whole: float, width: int) -> str:
    """Return a bar of at most `width` characters; anything above 0 is visible."""
    eighths = max(round(part / whole * width * 8), 1) if part and whole else 0
    return "█" * (eighths // 8) + (_EIGHTHS[eighths % 8] if eighths % 8 else "")


def sparkline(numbers: Sequence[int]) -> str:
    """Return one character per number, its height relative to the largest; anything above 0 is visible."""
    largest = max(numbers, default=0)
    return "".join(_HEIGHTS[ceil(number / largest * (len(_HEIGHTS) - 1)) if largest else 0] for number in numbers)


def plural(number: int, one: str, many: str | None = None) -> str:
    """Return a count with its noun, like `1 session` or `2 sessions`."""
    return f"{count(number)} {one if number == 1 else many or one + 's'}"


def were(number: int) -> str:
    """Return `was` or `were`."""
    return "was" if number == 1 else "were"


def sentence(clause: str) -> str:
    """Return a warning, which begins in lower case and has no full stop, as a sentence."""
    return f"{clause[0].upper()}{clause[1:]}."


def clause(sentence: str) -> str:
    """Return a sentence as a warning on standard error begins: in lower case."""
    return f"{sentence[0].lower()}{sentence[1:]}"


def goal_count(number: int, goal: str) -> str:
    """Return how often a goal was reached in words, like `3 purchases`, or `3 with signed_up` if the name has no plural."""
    return plural(number, goal) if is_noun(goal) else f"{count(number)} with {goal}"


def is_noun(goal: str) -> bool:
    """Return whether the name of a goal has a plural: `purchase`, unlike `signed_up`."""
    return goal.isalpha() and not goal.endswith(("s", "ed", "ing")) and goal.lower() not in _PARTICIPLES


def dates(begin: datetime | None, end: datetime | None) -> str:
    """Return the dates of a period, like `1–31 Oct 2026` or `28 Sep – 3 Oct 2026`."""
    if begin is None or end is None:
        return "no time"
    first, last = (f"{day.day} {day:%b} {day.year}" for day in (begin, end))
    if begin.date() == end.date():
        return first
    if (begin.year, begin.month) == (end.year, end.month):
        return f"{begin.day}–{last}"
    return f"{begin.day} {begin:%b} – {last}" if begin.year == end.year else f"{first} – {last}"
