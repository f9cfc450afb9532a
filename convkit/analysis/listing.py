"""Listings of individual sessions and hits: their names, times, goals and headings, which are the same in every report that lists them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from convkit.core import formatting
from convkit.core.blocks import Heading
from convkit.core.document import Note
from convkit.traffic import visitor_ids

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from convkit.core.document import Period
    from convkit.core.model import Goal


def reached_goals(goals: Iterable[Goal]) -> pl.Expr:
    """Return `goals`: the names of the goals whose column is true, in the order of the goals file, separated by spaces."""
    names = [pl.when(pl.col(goal.column)).then(pl.lit(goal.name)) for goal in goals]
    return pl.concat_str([pl.lit(None, dtype=pl.String), *names], separator=" ", ignore_nulls=True).alias("goals")


def session_name() -> pl.Expr:
    """Return the name of a session, made from its `visitor` and `number`, or null for hits without a session."""
    return pl.concat_str("visitor", pl.lit("-"), "number")


def shown_time(time: datetime, period: Period, *, seconds: bool = False) -> str:
    """Return a time as screens show it, like `7 Oct 20:14`, with the year if the period spans more than one."""
    is_one_year = period.begin is not None and period.end is not None and period.begin.year == period.end.year
    day = f"{time.day:2} {time:%b}" if is_one_year else f"{time:%Y-%m-%d}"
    return f"{day} {time:%H:%M:%S}" if seconds else f"{day} {time:%H:%M}"


def heading(title: str, noun: str, numbers: tuple[int, int], order: str) -> Heading:
    """Return the heading of a listing, which gives the order of the rows and how many of them are shown."""
    shown, total = numbers
    some = f"; {formatting.count(shown)} of {formatting.plural(total, noun)}" if shown < total else ""
    return Heading(title, f"one row per {noun}{order and ', ' + order}{some}")


def visitor_id_notes() -> tuple[Note, ...]:
    """Return a note that visitor IDs change with every run, if no permanent key is available, or that the key is weak."""
    if visitor_ids.key().is_lasting:
        weakness = visitor_ids.key_weakness()
        return (Note("weak-key", f"The key of visitor IDs ({visitor_ids.key_file()}) {weakness}."),) if weakness else ()
    text = f"Visitor IDs will change on every run, since no key file could be read or created; set {visitor_ids.KEY_VARIABLE}."
    return (Note("visitor-ids", text),)
