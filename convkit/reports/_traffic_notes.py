"""What qualifies the traffic as a whole: silences, clocks that jump, bots that did what the site is for, paths that are no pages.

It stands alone because these sentences are of the log, where the other notes are of the figures.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from convkit.core import figures
from convkit.core.tables import Note
from convkit.traffic import followers

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    import polars as pl

    from convkit.analysis.analysis import View
    from convkit.core.quality import Silence

_MOST = 3
"""How many shapes of paths are named."""


def notes(tally: Mapping[str, pl.DataFrame], view: View) -> tuple[Note, ...]:
    """Return the notes in the order in which they are read."""
    found = [_of_bots(view), _silences(view), _jumps(view), _followers(followers.found(tally["followers"]))]
    return tuple(note for note in found if note)


def _of_bots(view: View) -> Note | None:
    """Say how many sessions of bots reached a macro goal, and what it would be with them."""
    added = view.quality.bot_sessions
    if added is None or not added.converted or not view.knows_macro:
        return None
    is_one = len(view.goals.macros) == 1
    reached = f"reached {view.goals.macros[0].name}" if is_one else "converted"
    are = "is" if added.converted == 1 else "are"
    with_them = f"with all bots kept it would be {figures.of(*added.all_kept, 'session')}"
    return Note("bots-converted", f"{figures.plural(added.converted, 'session')} of bots {reached} and {are} left out; {with_them}.")


def _silences(view: View) -> Note | None:
    """Name the longest silence of the period, and how many there are."""
    begin, end = view.period.begin, view.period.end
    found = [gap for gap in view.quality.silences if begin is not None and end is not None and gap.begin < end and gap.end > begin]
    if not found:
        return None
    longest = max(found, key=lambda gap: (gap.end - gap.begin, gap.usual))
    span = f"{_moment(longest.begin)} to {_moment(longest.end)} ({_length(longest)})"
    several = f"{len(found)} gaps: the" if len(found) > 1 else "The"
    return Note("gaps", f"{several} log is silent from {span}, where such hours have some {figures.plural(longest.usual, 'line')}.")


def _length(gap: Silence) -> str:
    return figures.length(gap.end - gap.begin)


def _jumps(view: View) -> Note | None:
    """Name the first place at which the time of a log jumps, and how many there are."""
    found = view.quality.jumps
    if not found:
        return None
    first, more = found[0], len(found) - 1
    way = "back" if first.after < first.before else "ahead"
    by = figures.duration(abs((first.after - first.before).total_seconds()))
    others = f", and at {figures.plural(more, 'other place')}" if more else ""
    where = f"The time of {first.log} jumps {way} by {by} at line {figures.count(first.line)}, to {_moment(first.after)}{others}"
    return Note("clock", f"{where}; every line counts at the time that it says.")


def _followers(shapes: pl.DataFrame) -> Note | None:
    """Name the paths that look like no pages."""
    if shapes.is_empty():
        return None
    soon = f"came within {followers.SECONDS} s of another page"
    named = [f"{pattern} ({figures.count(number)} of {figures.plural(n, 'time')})" for pattern, n, number in shapes.head(_MOST).rows()]
    named += [f"{figures.count(shapes.height - _MOST)} more"] if shapes.height > _MOST else []
    takes = f"ignore.paths in goals.yaml takes {'it' if shapes.height == 1 else 'them'} off"
    if shapes.height > 1:
        return Note("like-no-page", f"Paths that nearly always {soon} look like no pages: {', '.join(named)}; {takes}.")
    pattern, n, number = shapes.row(0)
    often = f"{figures.count(number)} of {figures.plural(n, 'time')}"
    return Note("like-no-page", f"{pattern} looks like no page: {often} it {soon}; {takes}.")


def _moment(when: datetime) -> str:
    """Return a day and a time: `12 Oct 2026 14:00`."""
    return f"{when.day} {when:%b} {when.year} {when:%H:%M}"
