"""The result for one part of the visitors, as tallies and counts that can be added up, and the sum of several such results."""

from __future__ import annotations

import operator
from collections import Counter
from dataclasses import dataclass, field, replace
from functools import reduce
from typing import TYPE_CHECKING, cast

import polars as pl

from convkit import reports
from convkit.core.document import sum_long_tallies, sum_tallies

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from datetime import datetime

    from convkit.core.crowd import Crowd
    from convkit.core.document import Note, Period, Tallies
    from convkit.core.quality import BotSessions
    from convkit.goals.filters import FilterSummary
    from convkit.goals.variants import SeveralVariants

    Stored = Mapping[tuple[str, str], pl.LazyFrame]

_FEW_ROWS = 20_000
"""The number of rows below which a tally stays in memory until all parts are analyzed."""


@dataclass(frozen=True, kw_only=True)
class Counts:
    """The facts about a part that are not in its hits or in the tallies of its reports."""

    input: Mapping[str, int]
    """The total number of `lines`, and the number of lines with each fate."""
    reasons: Mapping[str, Mapping[str, int]]
    """The number of lines for each reason: `unparsed_by_reason` and `bot_by_reason`."""
    period: Period
    knows_macro: bool
    """Whether the site's macro goals are known: from a goals file, or because a built-in one was reached."""
    bot_lines: pl.DataFrame
    """A tally of the lines that bots sent (`bots.tally_bot_lines`)."""
    crowd: Crowd
    """The visitors who cannot be told apart by their addresses, if any."""
    by_address: tuple[int, int]
    """How many sessions were identified by address, and the number of sessions."""
    of_period: tuple[int, int] = (0, 0)
    """The number of sessions in the period, before any filter, and in the logs."""
    log_span: tuple[datetime | None, datetime | None] = (None, None)
    """The times of the first and the last line."""
    unmatched: pl.DataFrame | None = None
    """`filter, text, matches, n`: if the filters keep no session, the number of sessions by value for each filter (`filters.values_of`)."""
    macros_lost: Mapping[str, int] = field(default_factory=dict)
    """How many lines a macro goal names that could count and are in no figure: `unparsed` lines, and `duplicate` rows of exports."""
    of_pageless: tuple[int, int] = (0, 0)
    """The number of interactions and of conversions in sessions without a page, which are set aside."""
    unviewed: int = 0
    """The number of requests that were answered like a page and not viewed as one."""
    event_pages: str | None = None
    """Which events of exports are pages (`events.facts_of_events`); None if there are none."""
    hash_routes: bool | None = None
    """Whether the path of a page in an export stands behind `#/` in its URL."""
    own_hosts: tuple[str, ...] = ()
    """Hosts assumed to be the site's own, if the goals file names none."""
    of_variants: tuple[SeveralVariants, ...] = ()
    """The visitors who saw more than one variant."""
    filtered: FilterSummary | None = None
    """The number of sessions that the filters kept, if there are filters."""
    bot_sessions: BotSessions | None = None
    """The sessions that bots would add, if that is worth a note."""
    sensitivity: pl.DataFrame | None = None
    """How far visitors would get in the funnels with other settings."""

    @property
    def crowd_note(self) -> Note | None:
        """The note on visitors who cannot be told apart, or None if there are none, or if most are identified by something else."""
        by_address, sessions = self.by_address
        return self.crowd.note if by_address * 2 >= sessions else None


@dataclass(frozen=True, kw_only=True)
class PartialResult(Counts):
    """Tallies of reports, and counts; no frame of visitors is referenced, so that memory is freed after each part."""

    tallies: Tallies
    broken_down: Tallies | None
    """The tallies broken down by a key."""
    ends: datetime | None
    """The time of the last hit in the logs."""
    stored: tuple[Stored, Stored] = ({}, {})
    """The tallies that are on disk, by report and name: those of `tallies` and of `broken_down`, where they have no rows."""

    def as_text(self) -> PartialResult:
        """Return the result with plain strings, because even one dictionary code would keep all strings of its part in memory."""
        return replace(self, tallies=_as_text(self.tallies), broken_down=None if self.broken_down is None else _as_text(self.broken_down))

    def on_disk(self, keep: Callable[[pl.LazyFrame], pl.LazyFrame]) -> PartialResult:
        """Return the result with its long tallies on disk: those of all parts may take more memory than a part."""
        tallies, stored = _on_disk(self.tallies, keep)
        broken_down, stored_of_key = (None, {}) if self.broken_down is None else _on_disk(self.broken_down, keep)
        return replace(self, tallies=tallies, broken_down=broken_down, stored=(stored, stored_of_key))


def merge(results: Sequence[PartialResult]) -> PartialResult:
    """Return the sum of the results of all parts."""
    first = results[0]
    if len(results) == 1:
        return first
    broken_down = [result.broken_down for result in results if result.broken_down is not None]
    sensitivity = [result.sensitivity for result in results if result.sensitivity is not None]
    filtered = [result.filtered for result in results if result.filtered]
    bot_sessions = [result.bot_sessions for result in results if result.bot_sessions]
    return replace(
        first,
        tallies=add_tallies([result.tallies for result in results], [result.stored[0] for result in results], can_be_long=True),
        broken_down=add_tallies(broken_down, [result.stored[1] for result in results]) if broken_down else None,
        stored=({}, {}),
        input=_summed(result.input for result in results),
        reasons={kind: dict(sorted(_summed(result.reasons[kind] for result in results).items())) for kind in first.reasons},
        by_address=_pair(result.by_address for result in results),
        knows_macro=any(result.knows_macro for result in results),
        of_period=_pair(result.of_period for result in results),
        unmatched=_unmatched([result.unmatched for result in results]),
        macros_lost=_summed(result.macros_lost for result in results),
        of_pageless=_pair(result.of_pageless for result in results),
        unviewed=sum(result.unviewed for result in results),
        bot_lines=sum_tallies([result.bot_lines for result in results]),
        of_variants=tuple(reduce(operator.add, several) for several in zip(*(result.of_variants for result in results), strict=True)),
        filtered=reduce(operator.add, filtered) if filtered else None,
        bot_sessions=reduce(operator.add, bot_sessions) if bot_sessions else None,
        sensitivity=sum_tallies(sensitivity) if sensitivity else None,
    )


def add_tallies(parts: Sequence[Tallies], stored: Sequence[Stored] = (), *, can_be_long: bool = False) -> Tallies:
    """Return the sum of the tallies of several parts, some of which are on disk; `can_be_long`: so are long sums, if reports can read them."""

    def summed(report: str, name: str) -> pl.DataFrame:
        frames, on_disk = [part[report][name] for part in parts], [part[report, name] for part in stored if (report, name) in part]
        is_long = can_be_long and on_disk and reports.can_be_long(report, name)
        # The report knows both kinds of rows.
        return cast("pl.DataFrame", sum_long_tallies(frames, on_disk)) if is_long else sum_tallies(frames, on_disk)

    return {report: {name: summed(report, name) for name in tallies} for report, tallies in parts[0].items()}


def _on_disk(tallies: Tallies, keep: Callable[[pl.LazyFrame], pl.LazyFrame]) -> tuple[Tallies, Stored]:
    """Return tallies without the rows of the long ones, and those tallies on disk."""
    stored = {(report, name): keep(tally.lazy()) for report, named in tallies.items() for name, tally in named.items() if tally.height >= _FEW_ROWS}
    rest = {
        report: {name: tally.clear() if (report, name) in stored else tally for name, tally in named.items()} for report, named in tallies.items()
    }
    return rest, stored


def _as_text(tallies: Tallies) -> Tallies:
    """Return tallies with strings instead of dictionary codes."""
    return {
        report: {name: frame.with_columns(pl.col(pl.Categorical).cast(pl.String)) for name, frame in named.items()}
        for report, named in tallies.items()
    }


def _unmatched(parts: Sequence[pl.DataFrame | None]) -> pl.DataFrame | None:
    """Return the values of the fields that filters test, or None if the filters keep a session in any part."""
    frames = [frame for frame in parts if frame is not None]
    return sum_tallies(frames) if len(frames) == len(parts) else None


def _pair(pairs: Iterable[tuple[int, int]]) -> tuple[int, int]:
    """Add up pairs of counts."""
    first, second = zip(*pairs, strict=True)
    return sum(first), sum(second)


def _summed(counts: Iterable[Mapping[str, int]]) -> dict[str, int]:
    """Add up counts by name."""
    total = Counter[str]()
    for counts_of_part in counts:
        total.update(counts_of_part)
    return dict(total)
