"""The analysis: what reports may read, matched hits, sessions, goals and the few facts about the whole log."""

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
    """Frames of some visitors, whole: all of them, or a part whose tallies are added to others'.

    `hits` are matched hits sorted by visitor and ORDER with `row`, `inside` (the period), `started` and `pageless`; `sessions` those of the period.
    """

    hits: pl.LazyFrame
    size: int
    """How many rows `hits` has."""
    sessions: pl.LazyFrame
    chains: Mapping[str, pl.LazyFrame]
    """By funnel: the chains that begin in the period (`chains.best_chains`)."""
    drop_off: Mapping[str, pl.LazyFrame]
    """By funnel: where they went (`drop_off.drop_off_counts`)."""
    detours: Mapping[str, pl.LazyFrame]
    """By funnel: how its last step was reached by those whom it does not show there (`detours.find_detours`)."""
    entering: Mapping[str, pl.LazyFrame]
    """By funnel: the sessions that may enter it."""
    goals: Goals
    ends: datetime | None
    """Time of the last hit of the log."""
    identities: pl.LazyFrame
    """`visitor, identity` of all visitors of the logs: personal data, of which ids are made."""
    by: tuple[str, ...] = ()
    """The column of the values that all is split by: every tally begins with it; `chains` and `departures` have it. Empty where nothing is split."""
    values: pl.LazyFrame | None = None
    """`session` and that column: a row for each value of a session."""

    options: Mapping[str, str] = field(default_factory=dict)
    """What was asked of reports that have options of their own."""

    def split(self, rows: pl.LazyFrame, session: str = "session") -> pl.LazyFrame:
        """Return rows of sessions once for each value of their session, those of no session left out; as they are where nothing is split."""
        if self.values is None:
            return rows
        return rows.join(self.values, left_on=session, right_on="session", maintain_order="left")

    def summed(self, rows: pl.LazyFrame, **sums: pl.Expr) -> pl.LazyFrame:
        """Return sums of split rows: a row a value; one row of all where nothing is split."""
        return rows.group_by(self.by).agg(**sums) if self.by else rows.select(**sums)

    def beside(self, sums: pl.LazyFrame, others: pl.LazyFrame) -> pl.LazyFrame:
        """Return `summed` rows next to each other, nulls where a value is not among the others."""
        return sums.join(others, on=self.by, how="left") if self.by else pl.concat([sums, others], how="horizontal")


@dataclass(frozen=True)
class View:
    """What presenting needs to know beside the tally: nothing in it depends on the visitors of a part."""

    goals: Goals
    period: Period
    input: Mapping[str, int]
    """`lines` and how many met which fate."""
    knows_macro: bool = True
    """Whether it is known what the site is for: a goals file says it, or a built-in macro goal was reached."""
    has_local_times: bool = False
    """Whether an export has times without a zone."""
    key: str = ""
    """By which the tally is split, where it is."""
    by: tuple[str, ...] = ()
    """The column of the key's values."""
    bots: str = "drop"
    """One of BOT_MODES."""
    ends: datetime | None = None
    """Time of the last hit of the log."""
    sources: tuple[str, ...] = ()
    """The logs' names by the number in `source` of their hits."""
    own_hosts: tuple[str, ...] = ()
    """Hosts that are taken for the site's own because nobody named them."""
    is_narrowed: bool = False
    """Whether only some sessions of the period are looked at."""
    sort: Sorting | None = None
    quality: Quality = UNKNOWN_QUALITY
    """What is known of the traffic beside the figures."""
    options: Mapping[str, str] = field(default_factory=dict)
    """What was asked of reports that have options of their own."""

    def order(self, columns: Iterable[Column], usual: str) -> str:
        """Return by what a report's rows are sorted, in words."""
        return self.sort.words if self.sort and self.sort.is_of(columns) else usual

    @property
    def keys(self) -> tuple[Column, ...]:
        """Return the columns that stand before a report's own."""
        return tuple(Column(key, "text") for key in self.by)

    @property
    def steps(self) -> pl.DataFrame:
        """Return a row a funnel's step, in the order of the file: `place` is that of the funnel, `next_step` null at the last step."""
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
        """What heads the columns of conversions: the macro goal's name, where there is one."""
        return self.goals.macros[0].name if len(self.goals.macros) == 1 else "converted"
