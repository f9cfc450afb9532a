"""All that a report may use: matched hits, sessions, goals and the few facts of the whole log.

It stands alone because reports must not reach back into the stages.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from convkit.definitions import Goals
    from convkit.sorting import Sorting
    from convkit.tables import Column, Note, Period

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

    `hits` are matched hits sorted by visitor and ORDER with `row`, `inside` (the period), `started` and `aside`; `sessions` those of the period.
    """

    hits: pl.LazyFrame
    size: int
    """How many rows `hits` has."""
    sessions: pl.LazyFrame
    chains: Mapping[str, pl.LazyFrame]
    """By funnel: the chains that begin in the period (`funnels.best`)."""
    departures: Mapping[str, pl.LazyFrame]
    """By funnel: where they went (`departures.departures`)."""
    ways: Mapping[str, pl.LazyFrame]
    """By funnel: how its last step was reached by those whom it does not show there (`other_ways.ways`)."""
    entering: Mapping[str, pl.LazyFrame]
    """By funnel: the sessions that may enter it."""
    goals: Goals
    ends: datetime | None
    """Time of the last hit of the log."""
    identities: pl.LazyFrame
    """`visitor, identity` of all visitors of the logs: personal data, of which ids are made."""


@dataclass(frozen=True)
class Run:
    """An analysis, and what is said of its input."""

    analysis: Analysis
    input: Mapping[str, int]
    reasons: Mapping[str, Mapping[str, int]]
    """Of the lines that were not read, and of bots: `unparsed_by_reason`, `bot_by_reason`."""
    period: Period
    knows_macro: bool
    logs: tuple[str, ...] = ()
    """The logs' names in the order of the command line."""
    has_local_times: bool = False
    """Whether an export has times without a zone."""
    sources: tuple[str, ...] = ()
    """The logs' names by the number in `source` of their hits."""
    where: Note | None = None
    """Which sessions were kept, where only some of them were."""
    copies: tuple[str, ...] = ()
    """Sentences of logs that were left out because others hold all of them."""
    losses: tuple[str, ...] = ()
    """Sentences of what of the input was lost."""
    rejects: pl.DataFrame | None = None
    """`file, line, reason, text` of the lines that were not read, where they are wanted."""
    sensitivity: pl.DataFrame | None = None
    """How far the funnels get under other choices (`sensitivity.asked` and `otherwise`), where it was asked for."""
    bots: str = "drop"
    """One of BOTS."""
    bot_agents: tuple[tuple[str, int, str], ...] = ()
    """Agent, lines and reason of the bots that sent most."""


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
    by: tuple[str, ...] = ()
    bots: str = "drop"
    """One of BOTS."""
    sources: tuple[str, ...] = ()
    """The logs' names by the number in `source` of their hits."""
    is_narrowed: bool = False
    """Whether only some sessions of the period are looked at."""
    sort: Sorting | None = None

    def order(self, columns: Iterable[Column], usual: str) -> str:
        """Return by what a report's rows are sorted, in words."""
        return self.sort.words if self.sort and self.sort.is_of(columns) else usual

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
