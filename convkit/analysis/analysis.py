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

MOST_MACROS = 3
"""The maximum number of macro goals with a column of their own on a screen."""
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
    """The matched data of all visitors, or of some of them; the tallies of several such parts can be added up.

    `hits` are the matched hits, sorted by visitor and ORDER, with the columns `row`, `inside` (whether the hit is in the period), `started` and
    `pageless`; `sessions` are the sessions in the period.
    """

    hits: pl.LazyFrame
    size: int
    """The number of rows of `hits`."""
    sessions: pl.LazyFrame
    chains: Mapping[str, pl.LazyFrame]
    """For each funnel, the chains that begin in the period (`chains.best_chains`)."""
    drop_off: Mapping[str, pl.LazyFrame]
    """For each funnel, where visitors went next from each step (`drop_off.drop_off_counts`)."""
    points: Mapping[str, pl.LazyFrame]
    """The tallies of the points behind steps (`points.tally_points`), by name, if hits have obstacles."""
    detours: Mapping[str, pl.LazyFrame]
    """For each funnel, how its last step was reached outside the funnel (`detours.find_detours`)."""
    entering: Mapping[str, pl.LazyFrame]
    """For each funnel, the sessions that are allowed to enter it."""
    goals: Goals
    ends: datetime | None
    """The time of the last hit in the log."""
    identities: pl.LazyFrame
    """`visitor, identity` of all visitors in the logs: personal data from which the visitor IDs are derived."""
    by: tuple[str, ...] = ()
    """The column with the breakdown value, which all tallies begin with and `chains` and `drop_off` also have; empty if there is no breakdown."""
    values: pl.LazyFrame | None = None
    """`session` and the breakdown column, with one row for each value that a session has."""

    options: Mapping[str, str] = field(default_factory=dict)
    """The options given for individual reports."""

    def split(self, rows: pl.LazyFrame, session: str = "session") -> pl.LazyFrame:
        """Repeat rows for each value of their session and drop those without a session; return them unchanged if there is no breakdown."""
        if self.values is None:
            return rows
        return rows.join(self.values, left_on=session, right_on="session", maintain_order="left")

    def summed(self, rows: pl.LazyFrame, **sums: pl.Expr) -> pl.LazyFrame:
        """Return sums over rows: one row per breakdown value, or a single row if there is no breakdown."""
        return rows.group_by(self.by).agg(**sums) if self.by else rows.select(**sums)

    def beside(self, sums: pl.LazyFrame, others: pl.LazyFrame) -> pl.LazyFrame:
        """Join two results of `summed` side by side, with nulls for values that `others` lacks."""
        return sums.join(others, on=self.by, how="left") if self.by else pl.concat([sums, others], how="horizontal")


@dataclass(frozen=True)
class View:
    """The data that `present` needs in addition to the tally; none of it depends on individual visitors."""

    goals: Goals
    period: Period
    input: Mapping[str, int]
    """The number of `lines`, and how many of them were kept, excluded and so on."""
    without_visitor: int = 0
    """How many of the unparsed lines are only unusable because they identify no visitor."""
    knows_macro: bool = True
    """Whether there is a macro goal: one from a goals file, or a built-in one that was reached."""
    has_local_times: bool = False
    """Whether an export has times without a time zone."""
    logs_with_only_days: tuple[str, ...] = ()
    """The names of logs whose times are days without a time of day."""
    newest_first: tuple[str, ...] = ()
    """The names of logs that are written newest first."""
    key: str = ""
    """The key of the breakdown, if there is one."""
    by: tuple[str, ...] = ()
    """The column that holds the key's values; empty if there is no breakdown."""
    bots: str = "drop"
    """One of BOT_MODES."""
    ends: datetime | None = None
    """The time of the last hit in the log."""
    sources: tuple[str, ...] = ()
    """The names of the logs; the `source` of a hit is the position of its log in this list."""
    unviewed: int = 0
    """The number of requests that were answered like a page and not viewed as one."""
    event_pages: str | None = None
    """Which events of exports are pages (`events.facts_of_events`); None if there are none."""
    hash_routes: bool | None = None
    """Whether the path of a page in an export stands behind `#/` in its URL."""
    own_hosts: tuple[str, ...] = ()
    """Hosts assumed to be the site's own, because none are configured."""
    is_narrowed: bool = False
    """Whether filters limit the run to some of the sessions in the period."""
    sort: Sorting | None = None
    quality: Quality = UNKNOWN_QUALITY
    """The bots, gaps and clock jumps in the logs."""
    options: Mapping[str, str] = field(default_factory=dict)
    """The options given for individual reports."""

    def order(self, columns: Iterable[Column], default: str) -> str:
        """Describe how the rows of a report are sorted."""
        return self.sort.words if self.sort and self.sort.is_of(columns) else default

    @property
    def keys(self) -> tuple[Column, ...]:
        """Return the columns of the breakdown, which come before the report's own columns."""
        return tuple(Column(key, "text") for key in self.by)

    @property
    def steps(self) -> pl.DataFrame:
        """Return one row per funnel step, in the order of the goals file; `place` is the funnel's number, and the last step's `next_step` is null."""
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
    def separate_macros(self) -> tuple[str, ...]:
        """The names of the macro goals that are counted separately."""
        return tuple(goal.name for goal in self.goals.separate_macros)

    def shown_macros(self, column: str) -> dict[str, str]:
        """Return the columns of a screen about conversions: `column`, or one per macro goal (at most three), each with the goal's name."""
        names = self.separate_macros[:MOST_MACROS]
        return {f"{column}:{name}": name for name in names} or {column: self.macro_name}

    @property
    def macro_name(self) -> str:
        """The title of the conversion columns: the name of the macro goal if there is exactly one, or else `converted`."""
        return self.goals.macros[0].name if len(self.goals.macros) == 1 else "converted"
