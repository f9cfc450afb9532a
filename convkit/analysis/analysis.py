"""The analysis that reports read: matched hits, sessions, goals and a few facts about the whole log."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import polars as pl

from convkit.core.document import Column
from convkit.core.quality import UNKNOWN_QUALITY, Quality

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from convkit.analysis.sorting import Sorting
    from convkit.core.document import Period
    from convkit.core.model import Goals

_STEPS = {
    "place": pl.Int32,
    "funnel": pl.String,
    "step": pl.Int32,
    "name": pl.String,
    "unit": pl.String,
    "has_window": pl.Boolean,
    "is_open": pl.Boolean,
    "is_optional": pl.Boolean,
    "next_step": pl.Int32,
}


@dataclass(frozen=True)
class Analysis:
    """The frames of all visitors, or of one part of them; the tallies of several parts can be added.

    `hits` are matched hits sorted by visitor and ORDER with `row`, `inside` (whether in the period), `started` and `pageless`; `sessions` are
    those of the period.
    """

    hits: pl.LazyFrame
    size: int
    """The number of rows of `hits`."""
    sessions: pl.LazyFrame
    chains: Mapping[str, pl.LazyFrame]
    """By funnel: the chains that begin in the period (`chains.best_chains`)."""
    drop_off: Mapping[str, pl.LazyFrame]
    """By funnel: where those at each step went next (`drop_off.drop_off_counts`)."""
    detours: Mapping[str, pl.LazyFrame]
    """By funnel: how its last step was reached outside the funnel (`detours.find_detours`)."""
    entering: Mapping[str, pl.LazyFrame]
    """By funnel: the sessions that may enter it."""
    goals: Goals
    ends: datetime | None
    """Time of the last hit of the log."""
    identities: pl.LazyFrame
    """`visitor, identity` of all visitors of the logs: personal data, from which visitor IDs are made."""
    by: tuple[str, ...] = ()
    """The column with the value of a breakdown: every tally begins with it; `chains` and `drop_off` have it. Empty without a breakdown."""
    values: pl.LazyFrame | None = None
    """`session` and that column: one row per value of a session."""

    options: Mapping[str, str] = field(default_factory=dict)
    """The given options of single reports."""

    def split(self, rows: pl.LazyFrame, session: str = "session") -> pl.LazyFrame:
        """Return rows once per value of their session, dropping those without a session; unchanged without a breakdown."""
        if self.values is None:
            return rows
        return rows.join(self.values, left_on=session, right_on="session", maintain_order="left")

    def summed(self, rows: pl.LazyFrame, **sums: pl.Expr) -> pl.LazyFrame:
        """Return sums of rows: one row per value; a single row without a breakdown."""
        return rows.group_by(self.by).agg(**sums) if self.by else rows.select(**sums)

    def beside(self, sums: pl.LazyFrame, others: pl.LazyFrame) -> pl.LazyFrame:
        """Return `summed` rows side by side, with nulls for values that the others lack."""
        return sums.join(others, on=self.by, how="left") if self.by else pl.concat([sums, others], how="horizontal")


@dataclass(frozen=True)
class View:
    """What `present` needs in addition to the tally; nothing in it depends on single visitors."""

    goals: Goals
    period: Period
    input: Mapping[str, int]
    """The number of `lines`, and how many were kept, excluded and so on."""
    knows_macro: bool = True
    """Whether a macro goal is known: from a goals file, or a built-in one that was reached."""
    has_local_times: bool = False
    """Whether an export has times without a zone."""
    key: str = ""
    """The key of the breakdown, if there is one."""
    by: tuple[str, ...] = ()
    """The column of the key's values."""
    bots: str = "drop"
    """One of BOT_MODES."""
    ends: datetime | None = None
    """Time of the last hit of the log."""
    sources: tuple[str, ...] = ()
    """The names of the logs, by the number that is the `source` of their hits."""
    own_hosts: tuple[str, ...] = ()
    """Hosts assumed to be the site's own, since none are configured."""
    is_narrowed: bool = False
    """Whether filters restrict the run to some sessions of the period."""
    sort: Sorting | None = None
    quality: Quality = UNKNOWN_QUALITY
    """Bots, gaps and clock jumps of the logs."""
    options: Mapping[str, str] = field(default_factory=dict)
    """The given options of single reports."""

    def order(self, columns: Iterable[Column], default: str) -> str:
        """Return how the rows of a report are sorted, in words."""
        return self.sort.words if self.sort and self.sort.is_of(columns) else default

    @property
    def keys(self) -> tuple[Column, ...]:
        """Return the columns of the breakdown, which come before those of a report."""
        return tuple(Column(key, "text") for key in self.by)

    @property
    def steps(self) -> pl.DataFrame:
        """Return one row per step of a funnel, in the order of the file; `place` numbers the funnels, `next_step` is null at the last step."""
        return pl.DataFrame(
            [
                (
                    place,
                    funnel.name,
                    number,
                    name,
                    f"{funnel.per}s",
                    funnel.window is not None,
                    funnel.is_open,
                    funnel.step(number).is_optional,
                    funnel.next_step(number),
                )
                for place, funnel in enumerate(self.goals.funnels)
                for number, name in zip(funnel.numbers, funnel.names, strict=True)
            ],
            schema=_STEPS,
            orient="row",
        )

    @property
    def macro_name(self) -> str:
        """The title of conversion columns: the name of the macro goal if there is only one."""
        return self.goals.macros[0].name if len(self.goals.macros) == 1 else "converted"
