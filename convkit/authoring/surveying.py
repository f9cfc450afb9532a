"""Logs, read once -> surveys of them, with one goals file after the other.

It stands alone because a report asks a log one thing, while `check` and `init` look at everything in it, and `init` more than once.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC
from typing import TYPE_CHECKING

import polars as pl

from convkit.analysis.periods import parse_period
from convkit.analysis.scopes import Scope
from convkit.authoring import surveys
from convkit.authoring.surveys import Survey
from convkit.core import facts
from convkit.core.collecting import collected
from convkit.core.progress import UNWATCHED
from convkit.engine import analyzing, deciding
from convkit.engine.analyzing import analyze_cells
from convkit.traffic import followers

if TYPE_CHECKING:
    from convkit.analysis.analysis import Analysis
    from convkit.analysis.periods import Wanted
    from convkit.core.definitions import Goals
    from convkit.core.progress import Progress
    from convkit.ingest.intake import Intake
    from convkit.ingest.reading import Paths


@dataclass(frozen=True)
class Logs:
    """What logs hold, the period that is looked at, and sentences of what must be known of the input."""

    names: tuple[str, ...]
    taken_in: Intake
    wanted: Wanted
    warnings: tuple[str, ...]
    needed: frozenset[str] = frozenset()
    """Facts of sessions that are known."""


def read(  # noqa: PLR0913 (every filter of a run is one keyword)
    paths: Paths,
    goals: Goals,
    *,
    log_format: str = "auto",
    since: str | None = None,
    until: str | None = None,
    last: str | None = None,
    assets: bool = True,
    needed: frozenset[str] = frozenset(),
    progress: Progress = UNWATCHED,
) -> Logs:
    """Read logs, all assets too where they are wanted, and of exports the properties that the goals ask for.

    `needed` are facts of sessions. Raises InputError, UsageError.
    """
    wanted = parse_period(since, until, last, goals.site.timezone)
    taken = analyzing.read(paths, goals, log_format, needed=needed | Scope(wanted).needed(goals), assets=assets, progress=progress)
    return Logs(taken.names, taken.intake, wanted, (*taken.copies, *taken.intake.losses), needed)


def analyzed(logs: Logs, goals: Goals) -> Analysis:
    """Return the analysis of what people did."""
    return analyze_cells(logs.taken_in, goals, Scope(logs.wanted, facts=logs.needed)).analysis


def survey(logs: Logs, goals: Goals) -> Survey:
    """Return what sessions reached, and every request."""
    cells, analysis = logs.taken_in.cells, analyzed(logs, goals)
    settled = deciding.everything(cells, goals)
    begin, end = logs.wanted.limits(analysis.ends, goals.site.timezone)
    limits = [] if begin is None else [pl.col("time") >= begin.astimezone(UTC)]
    limits += [] if end is None else [pl.col("time") < end.astimezone(UTC)]
    sessions = collected(surveys.moments(analysis.hits, goals), analysis.size)
    requests = collected(surveys.requests(settled.lazy().filter(*limits), settled.columns, goals), settled.height)
    knows_channels = facts.CHANNEL in logs.needed
    unassigned = collected(surveys.unassigned(analysis.sessions), analysis.size) if knows_channels else pl.DataFrame()
    return Survey(goals, sessions, requests, unassigned, followers.found(collected(followers.counted(analysis.hits), analysis.size)))
