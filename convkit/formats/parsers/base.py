"""Classes shared by all parsers: the data that a run needs from a log, the assets that it reads, and logs in several formats."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import polars as pl

from convkit.core.datafiles import words
from convkit.formats import Layout

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


@dataclass(frozen=True)
class Assets:
    """The assets that a run reads."""

    kept: tuple[str, ...] | None = ()
    """The extensions that a goal may name; None to read all assets like other requests."""

    def marks(self, is_of: Callable[[str], pl.Expr]) -> dict[str, pl.Expr]:
        """Return `asset`, which marks assets that a goal may name, and `plain`, which marks all others; `is_of` tests for extensions `a|b|c`."""
        every = "|".join(words("assets"))
        none = pl.lit(value=False)
        asset = none if self.kept == () else is_of(every if self.kept is None else "|".join(self.kept)).fill_null(value=False)
        plain = none if self.kept is None else is_of(every).fill_null(value=False) & ~asset
        return {"asset": asset, "plain": plain}


ALL_ASSETS = Assets(None)
"""All assets, for readers that need a record for each line."""


@dataclass(frozen=True)
class MixedFormat(Layout):
    """Several formats in one log, the most common first."""

    layouts: tuple[Layout, ...]
    claims: tuple[pl.Expr, ...]
    """For each format except the first, which lines belong to it."""

    @property
    def has_local_times(self) -> bool:
        """Whether some times have no time zone."""
        return any(layout.has_local_times for layout in self.layouts)

    @property
    def remarks(self) -> tuple[str, ...]:
        """Sentences on how the log was read that its user should know."""
        return tuple(remark for layout in self.layouts for remark in layout.remarks)

    @property
    def reorders(self) -> bool:
        """Whether `scan` puts lines in order, for which it needs all of them in memory."""
        return True

    @property
    def doubtful_senders(self) -> pl.Expr | None:
        """Whether a `sender` may come from a line of yet another format."""
        return next((doubtful for layout in self.layouts if (doubtful := layout.doubtful_senders) is not None), None)

    def late_lines(self, lines: pl.Series) -> MixedFormat | None:
        """Return the layout for lines of a kind that was not among those that this one was fitted to, or None if it would be the same."""
        late = [layout.late_lines(lines) for layout in self.layouts]
        if not any(late):
            return None
        return replace(self, layouts=tuple(changed or layout for changed, layout in zip(late, self.layouts, strict=True)))

    def scan(self, lines: pl.LazyFrame, assets: Assets) -> pl.LazyFrame:
        """Parse LINES into PARSED."""
        parts = [layout.scan(part, assets) for layout, part in zip(self.layouts, self._parts(lines), strict=True)]
        return pl.concat(parts, how="diagonal").sort("line_no")

    def _parts(self, lines: pl.LazyFrame) -> list[pl.LazyFrame]:
        """Return the lines of each format."""
        numbers = [pl.lit(number, dtype=pl.UInt8) for number in range(len(self.layouts))]
        claimed = [pl.when(claim).then(number) for claim, number in zip(self.claims, numbers[1:], strict=True)]
        numbered = lines.with_columns(format_number=pl.coalesce(*claimed, numbers[0]))
        return [numbered.filter(format_number=number).drop("format_number") for number in range(len(numbers))]


def claimed_share(lines: pl.Series, claimed: pl.Expr) -> float:
    """Return the share of lines that a format claims."""
    return int(lines.to_frame("line").select(claimed.sum()).item()) / max(len(lines), 1)


NO_COLUMN = "none"
"""What `site.columns` says of a role that no column has."""


@dataclass(frozen=True)
class Needs:
    """The data that a run needs from logs and exports."""

    columns: Mapping[str, str | int] = field(default_factory=dict)
    """`site.columns`: for each role, a column's name or, in a table without a header, its position (starting at 1)."""
    properties: tuple[str, ...] = ()
    """The properties of events that goals test."""
    timezone: str = "UTC"
    """The time zone of times without one."""
    texts: tuple[str, ...] = ()
    """The columns of PARSED that only some runs need: `referrer`, `cookies`, `forwarded`, `session_key`."""
    visitor: tuple[str, ...] = ()
    """The rules that identify visitors, `site.visitor`."""
    visit: tuple[str, ...] = ()
    """The roles of VISIT_ROLES that this run needs."""
    encoding: str = ""
    """The encoding of the text, `site.encoding`; if it is empty, it is detected."""
    day_first: bool | None = None
    """Whether the day comes first in dates like 10/11/2026, `site.day_first`."""

    @property
    def has_header(self) -> bool:
        """Whether the columns have names."""
        return not any(isinstance(place, int) for place in self.columns.values())

    @property
    def turned_off(self) -> tuple[str, ...]:
        """The roles that no column has, whatever its name."""
        return tuple(role for role, name in self.columns.items() if name == NO_COLUMN)

    @property
    def named(self) -> dict[str, str | int]:
        """The columns that `site.columns` names, by role."""
        return {role: name for role, name in self.columns.items() if name != NO_COLUMN}


NO_NEEDS = Needs()
