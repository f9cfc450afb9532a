"""Read the product's JSON as figures of the model, and find the first figure that differs."""

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
"""The order of comparison is from causes to consequences: a wrong session is more informative than the funnels that are wrong because of it."""

ADDITIVE = {
    "overview": ("sessions", "pageviews", "bounces", "converted_sessions", "value"),
    "goals": ("conversions", "reached", "then_converted", "value"),
    "funnel": ("reached", "went_on", "drop_offs"),
    "drop-off": ("dropped", "went_on"),
    "channels": ("sessions", "converted_sessions", "value"),
    "pages": ("sessions", "pageviews", "landings", "bounces", "landings_converted", "exits", "exits_converted"),
}
"""Columns whose daily figures add up to the monthly figure."""


def figures_in(document: dict[str, Any]) -> Figures:
    """Return the figures of a JSON report."""
    figures: Figures = {("input", fate): document["input"].get(fate, 0) for fate in ("lines", *FATES)}
    figures |= {("input", "bot", reason): number for reason, number in document["input"]["bot_by_reason"].items()}
    return figures | figures_in_rows(document["reports"])


def figures_in_rows(reports: dict[str, list[dict[str, Any]]]) -> Figures:
    """Return the figures of the rows of reports."""
    figures: Figures = {}
    for report, keys in KEYS.items():
        for row in reports.get(report, []):
            if report == "overview":
                figures["overview", row["metric"]] = row["value"]
            # The model does not look for the page behind a next page that nearly all see.
            elif row.get("what") != "then":
                keys_of_row = (report, *(str(row[key]) for key in keys))
                figures |= {(*keys_of_row, column): seconds_of(value) if column == "last_reached" else value for column, value in row.items()}
    return figures


def seconds_of(moment: str | None) -> int | None:
    """Return a timestamp from the JSON in seconds since 1970; if it has no offset, it is in UTC, the time zone of these runs."""
    if moment is None:
        return None
    time = datetime.fromisoformat(moment)
    return int((time if time.tzinfo else time.replace(tzinfo=UTC)).timestamp())


def first_difference(expected: Figures, actual: Figures) -> str | None:
    """Return a sentence about the first figure that differs, or None if all agree."""
    # A row that only the product has is found by its counts.
    columns = {(report, column) for report, names in ADDITIVE.items() for column in names}
    keys = {*expected, *(key for key in actual if (key[0], key[-1]) in columns)}
    for key in sorted(keys, key=lambda key: (ORDER.index(key[0]), key)):
        if not agree(key[-1], expected.get(key), actual.get(key)):
            return f"first differing figure: {' / '.join(key)} is {expected.get(key)!r} in the model, {actual.get(key)!r} in convkit"
    return None


def agree(column: str, expected: Figure, actual: Figure) -> bool:
    """Return whether two figures are equal; a missing count equals 0, a missing rate does not."""
    is_rate = column.endswith(("rate", "_low", "_high", "share", "of_first")) or column in {"pages_per_session", "target"}
    if is_rate or column.endswith(("seconds", "_to_next")):
        if expected is None or actual is None:
            return expected is actual
        return abs(float(expected) - float(actual)) <= (0.0051 if column.endswith(("seconds", "_to_next", "_session")) else 1e-6)
    if isinstance(expected, (str, bool)) or column in {"last_reached", "target_met"}:
        return expected == actual
    return Decimal(str(expected or 0)) == Decimal(str(actual or 0))


def additive(figures: Figures) -> dict[tuple[str, ...], Decimal]:
    """Return the non-zero figures that add up over days."""
    sums = {key: Decimal(str(value)) for key, value in figures.items() if key[-1] in ADDITIVE.get(key[0], ()) and value}
    return {key: value for key, value in sums.items() if value}
