"""What was read -> a finished run and its tallies: of all visitors at once, or of one part after the other.

It stands alone because here the two ways part and meet again: behind it nothing differs but how much memory it took.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import polars as pl

from convkit.analysis.tallies import tally
from convkit.core.document import sum_tallies
from convkit.engine import analyzing, parts
from convkit.engine.analyzing import look_at, match, under_other_choices
from convkit.engine.bot_sessions import added_by_bots, are_worth_telling
from convkit.engine.documents import add_tallies
from convkit.sessions import channels
from convkit.traffic.quality import inspect_logs

if TYPE_CHECKING:
    from collections.abc import Mapping

    from convkit.analysis.analysis import Run
    from convkit.analysis.segment import Segment
    from convkit.core.document import Tallies
    from convkit.core.model import Goals
    from convkit.engine.parts import Dealt
    from convkit.ingest.load import LogData
    from convkit.ingest.log_data import Taken


@dataclass(frozen=True)
class Wanted:
    """What is wanted of logs: a scope of them under some goals, reports with their options, and what is told beside."""

    goals: Goals
    scope: Segment
    reports: tuple[str, ...] = ()
    options: Mapping[str, str] | None = None
    choices: bool = False
    """How far the funnels get under other choices."""
    bots_beside: bool = False
    """What bots would add, be it worth telling or not."""


@dataclass(frozen=True)
class Piece:
    """The run of some visitors, and the tallies of the reports, whole and split where that is wanted."""

    run: Run
    tallies: Tallies
    split: Tallies | None

    def alone(self) -> Piece:
        """Return it without a frame of the visitors, and without the dictionary of their texts."""
        analysis = replace(self.run.analysis, hits=_NOBODY, sessions=_NOBODY, chains={}, departures={}, ways={}, entering={}, identities=_NOBODY)
        run = replace(self.run, analysis=replace(analysis, values=None), split=None)
        return Piece(run, _as_text(self.tallies), None if self.split is None else _as_text(self.split))


_NOBODY = pl.LazyFrame()


def run_of(taken_in: LogData, wanted: Wanted, *, bots_anyway: bool = False) -> Run:
    """Analyze what was read; `bots_anyway` tells what bots would add without asking whether it is worth telling."""
    goals, scope = wanted.goals, wanted.scope
    matched = match(taken_in, goals, scope.bots, scope.needed(goals))
    done = look_at(matched, taken_in, goals, scope)
    # What is told beside takes the same hosts for the site's own as the run, which names them.
    beside = replace(taken_in, whole=replace(taken_in.whole, own_hosts=done.own_hosts))
    if bots_anyway or are_worth_telling(matched, goals, is_asked=wanted.bots_beside):
        done = replace(done, quality=replace(done.quality, bot_sessions=added_by_bots(done, matched, beside, scope)))
    if wanted.choices and goals.funnels:
        done = replace(done, sensitivity=under_other_choices(beside, done.analysis, scope))
    return done


def in_one_piece(taken: Taken, wanted: Wanted) -> Piece:
    """Return the piece that is all."""
    piece = _tallied(run_of(taken.intake, wanted), wanted)
    return replace(piece, run=about(piece.run, taken, wanted.goals))


def in_parts(dealt: Dealt, wanted: Wanted) -> Piece:
    """Return the same of lines on disk, of which one part after the other is in memory."""
    dealt = _with_own_hosts(dealt, wanted)
    pieces = [_tallied(run_of(dealt.intake(bounds), wanted), wanted).alone() for bounds in dealt.bounds]
    runs = [piece.run for piece in pieces]
    if any(run.quality.bot_sessions for run in runs):
        # Of the bots of one part it was worth telling: then it is told of those of all.
        untold = (bounds for bounds, run in zip(dealt.bounds, runs, strict=True) if run.quality.bot_sessions is None)
        again = [run_of(dealt.intake(bounds), wanted, bots_anyway=True).quality for bounds in untold]
        runs = [run if run.quality.bot_sessions else replace(run, quality=again.pop(0)) for run in runs]
    run = about(parts.joined(runs), dealt.taken, wanted.goals)
    split = [piece.split for piece in pieces if piece.split is not None]
    return Piece(run, add_tallies([piece.tallies for piece in pieces]), add_tallies(split) if split else None)


def _tallied(run: Run, wanted: Wanted) -> Piece:
    """Return a piece with the tallies of a run, whose reports know what was asked of them."""
    options = wanted.options or {}
    split = None if run.split is None else replace(run.split, options=options)
    run = replace(run, analysis=replace(run.analysis, options=options), split=split)
    return Piece(run, tally(run.analysis, wanted.reports), None if split is None else tally(split, wanted.reports))


def _as_text(tallies: Tallies) -> Tallies:
    """Return tallies without dictionary codes: one code keeps the texts of all visitors of its part in memory."""
    return {
        report: {name: frame.with_columns(pl.col(pl.Categorical).cast(pl.String)) for name, frame in named.items()}
        for report, named in tallies.items()
    }


def _with_own_hosts(dealt: Dealt, wanted: Wanted) -> Dealt:
    """Return lines of which it is known which hosts are the site's own, where that is asked and nobody named them: at one look at all parts more."""
    goals, needed = wanted.goals, wanted.scope.needed(wanted.goals)
    if not analyzing.asks_for_hosts(goals, needed):
        return dealt
    seen = [analyzing.hosts(dealt.intake(bounds), goals, wanted.scope.bots, needed) for bounds in dealt.bounds]
    return dealt.told(replace(dealt.taken.intake.whole, own_hosts=channels.own_hosts(sum_tallies(seen))))


def about(done: Run, taken: Taken, goals: Goals) -> Run:
    """Return a run that knows of its logs."""
    known = replace(done, quality=inspect_logs(taken, goals.site.timezone, done.quality))
    return replace(known, logs=taken.names, sources=taken.sources, copies=taken.copies, has_local_times=taken.has_local_times)
