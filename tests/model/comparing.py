"""The product's JSON as figures of the model, and the first figure in which the two differ."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from model.brute_force import FATES

if TYPE_CHECKING:
    from model.figures import Figure, Figures

KEYS = {
    "overview": (),
    "goals": ("goal",),
    "pages": ("page",),
    "channels": ("channel",),
    "funnel": ("funnel", "step"),
    "drop-off": ("funnel", "step", "what", "item"),
}
ORDER = ("input", "overview", "goals", "pages", "channels", "funnel", "drop-off")
"""From causes to consequences: a wrong session says more than the funnels that it makes wrong."""

ADDITIVE = {
    "overview": ("sessions", "pageviews", "bounces", "converted_sessions", "value"),
    "goals": ("conversions", "reached", "then_converted", "value"),
    "funnel": ("reached", "went_on", "drop_offs"),
    "drop-off": ("dropped", "went_on"),
    "channels": ("sessions", "converted_sessions", "value"),
    "pages": ("sessions", "pageviews", "landings", "bounces", "landings_converted", "exits", "exits_converted"),
}
"""Columns whose figures of single days add up to those of the month."""


def figures_in(document: dict[str, Any]) -> Figures:
    """Return the figures of a report in JSON."""
    figures: Figures = {("input", fate): document["input"].get(fate, 0) for fate in ("lines", *FATES)}
    figures |= {("input", "bot", reason): number for reason, number in document["input"]["bot_by_reason"].items()}
    for report, keys in KEYS.items():
        for row in document["reports"].get(report, []):
            if report == "overview":
                figures["overview", row["metric"]] = row["value"]
            else:
                keys_of_row = (report, *(str(row[key]) for key in keys))
                figures |= {(*keys_of_row, column): seconds_of(value) if column == "last_reached" else value for column, value in row.items()}
    return figures


def seconds_of(moment: str | None) -> int | None:
    """Return a moment of the JSON in seconds since 1970; without an offset it is in UTC, the drawn time zone."""
    if moment is None:
        return None
    time = datetime.fromisoformat(moment)
    return int((time if time.tzinfo else time.replace(tzinfo=UTC)).timestamp())


def first_difference(expected: Figures, got: Figures) -> str | None:
    """Return a sentence about the first figure that differs, None if none does."""
    # A row that only the product has is recognised by its counts.
    columns = {(report, column) for report, names in ADDITIVE.items() for column in names}
    keys = {*expected, *(key for key in got if (key[0], key[-1]) in columns)}
    for key in sorted(keys, key=lambda key: (ORDER.index(key[0]), key)):
        if not agree(key[-1], expected.get(key), got.get(key)):
            return f"first differing figure: {' / '.join(key)} is {expected.get(key)!r} in the model, {got.get(key)!r} in convkit"
    return None


def agree(column: str, expected: Figure, got: Figure) -> bool:
    """Return whether two figures are the same; a missing count is 0, a missing rate is not."""
    is_rate = column.endswith(("rate", "_low", "_high", "share", "of_first")) or column in {"pages_per_session", "target"}
    if is_rate or column.endswith(("seconds", "_to_next")):
        if expected is None or got is None:
            return expected is got
        return abs(float(expected) - float(got)) <= (0.0051 if column.endswith(("seconds", "_to_next", "_session")) else 1e-6)
    if isinstance(expected, (str, bool)) or column in {"last_reached", "target_met"}:
        return expected == got
    return Decimal(str(expected or 0)) == Decimal(str(got or 0))


def additive(figures: Figures) -> dict[tuple[str, ...], Decimal]:
    """Return the figures that add up over days, without zeros."""
    sums = {key: Decimal(str(value)) for key, value in figures.items() if key[-1] in ADDITIVE.get(key[0], ()) and value}
    return {key: value for key, value in sums.items() if value}
