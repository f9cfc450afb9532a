"""Channels, and the goals their sessions reach."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

import polars as pl

from convkit.analysis import breakdown, exposure
from convkit.analysis.analysis import MOST_MACROS
from convkit.analysis.breakdown_screen import BreakdownTable
from convkit.analysis.marks import WIDTH, Marks, given_goals
from convkit.core import formatting, schema, stats
from convkit.core.blocks import Heading, Paragraph, Shown, table
from convkit.core.document import Column, Note, Report
from convkit.core.schema import TEXT
from convkit.goals import matching, money

if TYPE_CHECKING:
    from collections.abc import Mapping

    from convkit.analysis.analysis import Analysis, View
    from convkit.core.blocks import Block, Screen
    from convkit.core.model import Goal

PLACE = 60
IN_REPORT = False
SESSION_FIELDS = (schema.CHANNEL_FIELD,)
_MOST_HOSTS = 3
COLUMNS = (
    Column("channel", "text"),
    Column("sessions", "count"),
    Column("share", "rate"),
    Column("bounce_rate", "rate"),
    Column("pages_per_session", "ratio"),
    Column("median_seconds", "seconds"),
    Column("timed_share", "rate"),
    Column("converted_sessions", "count"),
    Column("conversion_rate", "rate"),
    Column("conversion_rate_low", "rate"),
    Column("conversion_rate_high", "rate"),
    Column("value", "money"),
    Column("first_touch", "count"),
    Column("last_touch", "count"),
)


def _given_by_key(cells: pl.DataFrame, view: View) -> set[str]:
    """Return all channels if sessions are broken down by what determines their channel."""
    return set(cells["item"]) if view.key in schema.CHANNEL_COLUMNS else set()


BREAKDOWN = BreakdownTable("channel", "sessions", "of_all", Heading("CHANNELS", "where sessions came from"), of_sessions=True, given=_given_by_key)
_COUNTS = ("sessions", "pageviews", "bounces", "timed", "converted", "came_back", "referred", "value", "firsts", "lasts")
_GOALS: dict[str, pl.DataType | type[pl.DataType]] = {"channel": TEXT, "goal": pl.String, "reached": pl.Int64, "then_converted": pl.Int64}
_ROWS, _MOST_MICROS = 20, 2
_ALL, _BOUNCED = "all", "bounced"
_NAME, _GOAL, _RATE = 26, 14, 6
"""The maximum width of a channel and of a goal's name, and the width of a rate after its count."""
_CONVERTED = "converted_sessions"
_OF_GOALS = "goals"
_OF_TOUCH = {"first": "first_touch", "last": "last_touch"}
_TOUCHES = "first, last: visitors who converted, by the channel of their first session and of the session in which they first converted."


def tally(analysis: Analysis) -> dict[str, pl.LazyFrame]:
    """Return `channels` and `touches` (one row per channel), `seconds` (sessions with several interactions, by length in seconds) and `goals`.

    `touches` counts each visitor who converted once under the channel of the visitor's first session in all the logs, and once under the channel of
    the session with the first conversion. `goals` counts the sessions of each channel that reached a goal, and those that later converted.
    """
    keys, sessions = [*analysis.by, "channel"], analysis.split(analysis.sessions)
    channels = sessions.group_by(keys).agg(
        sessions=pl.len().cast(pl.Int64),
        pageviews=exposure.counted_pages(analysis.sessions).sum().cast(pl.Int64),
        bounces=pl.col("bounced").sum().cast(pl.Int64),
        timed=(pl.col("interactions") > 1).sum().cast(pl.Int64),
        converted=pl.col("converted").sum().cast(pl.Int64),
        came_back=pl.col("resumed").sum().cast(pl.Int64),
        referred=pl.col("referred").sum().cast(pl.Int64),
    )
    seconds = sessions.filter(pl.col("interactions") > 1).group_by(*keys, seconds=pl.col("seconds").cast(pl.Int32))
    macros = matching.last_macros(analysis.hits, analysis.goals)
    goals = [_of_goal(analysis, keys, macros, goal) for goal in analysis.goals.goals]
    return {
        "channels": channels.join(_amounts(analysis, keys), on=keys, how="left").with_columns(pl.col("value").fill_null(0)),
        "touches": _touches(analysis, keys, sessions),
        "seconds": seconds.agg(n=pl.len().cast(pl.Int64)),
        "goals": pl.concat([pl.LazyFrame(schema={**dict.fromkeys(analysis.by, TEXT), **_GOALS}), *goals]),
    }


def _of_channel(analysis: Analysis, rows: pl.LazyFrame) -> pl.LazyFrame:
    """Add the channel of the session to each row, and the keys of the breakdown, if there is one."""
    return analysis.split(rows.join(analysis.sessions.select("session", "channel"), on="session", maintain_order="left"))


def _amounts(analysis: Analysis, keys: list[str]) -> pl.LazyFrame:
    """Return the total value of the counted hits of macro goals, per channel."""
    return _of_channel(analysis, matching.macro_amounts(analysis.hits, analysis.goals)).group_by(keys).agg(value=money.total())


def _touches(analysis: Analysis, keys: list[str], sessions: pl.LazyFrame) -> pl.LazyFrame:
    """Return counts of visitors who converted. Sessions are in order, so a visitor's first converted session has the first conversion."""
    once = sessions.filter("converted").unique([*analysis.by, "visitor"], keep="first", maintain_order=True)
    one, none = pl.lit(1, dtype=pl.Int64), pl.lit(0, dtype=pl.Int64)
    first = once.select(*analysis.by, channel="first_channel", firsts=one, lasts=none)
    last = once.select(*analysis.by, channel="channel", firsts=none, lasts=one)
    return pl.concat([first, last]).group_by(keys).agg(pl.col("firsts", "lasts").sum())


def _of_goal(analysis: Analysis, keys: list[str], macros: pl.LazyFrame, goal: Goal) -> pl.LazyFrame:
    """Return the rows of one goal."""
    reached = matching.add_later_macro(matching.first_hits(analysis.hits, goal), macros)
    counts = _of_channel(analysis, reached).group_by(keys).agg(reached=pl.len().cast(pl.Int64), then_converted=pl.col("then").sum().cast(pl.Int64))
    return counts.select(*keys, pl.lit(goal.name).alias("goal"), "reached", "then_converted")


def present(tally: dict[str, pl.DataFrame], view: View) -> Report:
    """Return the report, sorted by sessions; columns about conversions are empty if no macro goal is known."""
    separate = (Column(f"{_CONVERTED}:{name}", "count") for name in view.separate_macros)
    columns, frame = (*view.keys, *COLUMNS, *separate), breakdown.in_value_order(_figures(tally, view), tally, view)
    shown = frame.select(column.name for column in columns)
    if view.by:
        return Report("channels", columns, shown, lambda *_: [], details=frame)
    goals = tally["goals"].with_columns(pl.col("channel").cast(pl.String))

    def draw(rows: pl.DataFrame, screen: Screen) -> list[Block]:
        counts = frame.select("channel", *(name for name in _COUNTS if name not in shown.columns))
        return _draw(rows.join(counts, on="channel", maintain_order="left"), goals, view, view.order(COLUMNS, ""), screen)

    return Report("channels", columns, shown, draw, _notes(frame, view), details=frame)


def _figures(tally: Mapping[str, pl.DataFrame], view: View) -> pl.DataFrame:
    """Return the columns of the report, and the counts that they are based on."""
    keys, knows_macro = [*view.by, "channel"], view.knows_macro
    goals = tally["goals"].with_columns(pl.col(keys).cast(pl.String))
    separate = [goals.filter(goal=name).select(*keys, pl.col("reached").alias(f"{_CONVERTED}:{name}")) for name in view.separate_macros]
    has_value = any(goal.value is not None for goal in view.goals.macros)
    of = {name: tally[name].with_columns(pl.col(keys).cast(pl.String)) for name in ("channels", "touches", "seconds")}
    medians = (
        of["seconds"].sort("seconds").group_by(keys).agg(median_seconds=stats.weighted_quantile(pl.col("seconds").cast(pl.Float64), pl.col("n"), 0.5))
    )
    sessions, converted = pl.col("sessions"), pl.col("converted_sessions")
    of_all = sessions.sum().over(view.by) if view.by else sessions.sum()
    low, high = stats.wilson(converted, sessions)
    counts = of["channels"].join(of["touches"], on=keys, how="full", coalesce=True)
    for reached in separate:
        counts = counts.join(reached, on=keys, how="left")
    return (
        counts.with_columns(pl.col(*_COUNTS, *(f"{_CONVERTED}:{name}" for name in view.separate_macros)).fill_null(0))
        .join(medians, on=keys, how="left")
        .with_columns(of_all=of_all, converted_sessions=pl.when(knows_macro).then("converted"), value=pl.when(knows_macro & has_value).then("value"))
        .with_columns(first_touch=pl.when(knows_macro).then("firsts"), last_touch=pl.when(knows_macro).then("lasts"))
        .with_columns(
            share=stats.ratio(sessions, pl.col("of_all")),
            bounce_rate=stats.ratio(pl.col("bounces"), sessions),
            pages_per_session=stats.ratio(pl.col("pageviews"), sessions),
            timed_share=stats.ratio(pl.col("timed"), sessions),
            conversion_rate=stats.ratio(converted, sessions),
            conversion_rate_low=low,
            conversion_rate_high=high,
        )
        .sort("sessions", "channel", descending=[True, False])
    )


def _notes(frame: pl.DataFrame, view: View) -> tuple[Note, ...]:
    """Return the notes on logs without referrers, on the site's own hosts, and on resumed Direct sessions."""
    notes = []
    if not view.is_narrowed and not frame["referred"].sum() and frame["sessions"].sum() >= formatting.MIN_BASE:
        notes.append(Note("no-referrers", "No session has a referrer. Logs without one (format common) can only show channels through tagged links."))
    if view.own_hosts:
        shown, more = view.own_hosts[:_MOST_HOSTS], len(view.own_hosts) - _MOST_HOSTS
        names = [*shown, *([f"{more} more"] if more > 0 else [])]
        hosts = names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
        which = "was taken for the site's own host" if len(names) == 1 else "were taken for the site's own hosts"
        notes.append(Note("own-hosts", f"{hosts} {which}; list yours under `site.hosts`."))
    if came_back := int(frame["came_back"].sum()):
        sessions = formatting.plural(came_back, "Direct session")
        text = f"{sessions} resumed from an internal link after a pause or on return from a payment provider; neither counts as a source."
        notes.append(Note("came-back", text))
    return tuple(notes)


@dataclass(frozen=True)
class _SessionCount:
    """The number of sessions per channel that bounced, converted or reached a goal."""

    title: str
    by_channel: Mapping[str, int]
    rank: int
    is_rate: bool = False
    """Whether only the rate is shown, without the number."""
    family: str = _OF_GOALS
    """The family of figures with which it shares an error rate."""
    is_macro: bool = False

    @property
    def item(self) -> str:
        """The name of its cells in `Marks`."""
        return f"{self.family} {self.title}"

    @property
    def total(self) -> int:
        """The number of these sessions in all channels."""
        return sum(self.by_channel.values())


def _draw(frame: pl.DataFrame, goals: pl.DataFrame, view: View, order: str, screen: Screen) -> list[Block]:
    """Return one row per channel; `frame` is the report with the counts it is based on, `goals` has `channel, goal, reached, then_converted`."""
    if frame.is_empty():
        return []
    shown, total = frame.head(screen.rows(_ROWS) or frame.height), int(frame["sessions"].sum())
    counts, marks = _counts(frame, goals, view), _marks(frame, goals, view)
    whole = {"channel": _ALL, "is_all": True, "sessions": total, **{name: int(frame[name].sum()) for name in _OF_TOUCH.values()}}
    grid = table([whole, *shown.rows(named=True)], _columns(counts, total, marks, view, screen))
    some = f"; {shown.height} of {formatting.plural(frame.height, 'channel')}" if shown.height < frame.height else ""
    heading = Heading("CHANNELS", f"where {formatting.plural(total, 'session')} came from{order and ', ' + order}{some}")
    legend = marks.legend((count.item, channel) for count in counts for channel in shown["channel"])
    legend += [Paragraph(_TOUCHES, style="dim")] if view.knows_macro and screen.wide else []
    return [heading, grid, *legend]


def _marks(frame: pl.DataFrame, goals: pl.DataFrame, view: View) -> Marks:
    """Return the marks on the goals, bounces and conversions of all channels, shown or not."""
    reached = frame.select("channel", "sessions").join(pl.DataFrame({"goal": [goal.name for goal in view.goals.goals]}), how="cross")
    reached = reached.join(goals, on=["channel", "goal"], how="left", maintain_order="left")
    cells = [reached.select("goal", "channel", "reached", "sessions", family=pl.lit(_OF_GOALS))]
    for family, column in {_BOUNCED: "bounces", _CONVERTED: _CONVERTED}.items():
        counts = frame.select("channel", "sessions", reached=column, goal=pl.lit(view.macro_name if family == _CONVERTED else family))
        cells.append(counts.select("goal", "channel", "reached", "sessions", family=pl.lit(family)))
    part, whole = pl.col("reached").fill_null(0), pl.col("sessions")
    rows = pl.concat(cells).select(
        "family",
        item=pl.format("{} {}", "family", "goal"),
        value="channel",
        part=part,
        whole=whole,
        of_part=part.sum().over("family", "goal"),
        of_whole=whole.sum().over("family", "goal"),
    )
    given = [f"{_OF_GOALS} {goal}" for goal in given_goals(rows, "channel", view.goals)]
    return Marks(rows.with_columns(is_given=pl.col("item").is_in(given)))


def _counts(frame: pl.DataFrame, goals: pl.DataFrame, view: View) -> list[_SessionCount]:
    """Return the counts to show: bounces, macro goals, and the micro goals that most often precede a conversion."""
    none = dict.fromkeys(frame["channel"].to_list(), 0)
    by_goal = {goal.name: none | dict(goals.filter(goal=goal.name).select("channel", "reached").rows()) for goal in view.goals.goals}
    counts = [_SessionCount(_BOUNCED, dict(frame.select("channel", "bounces").rows()), 6, is_rate=True, family=_BOUNCED)]
    macros = view.goals.macros[:MOST_MACROS] if view.knows_macro and (view.separate_macros or len(view.goals.macros) == 1) else ()
    if view.knows_macro and not macros:
        converted = dict(frame.select("channel", _CONVERTED).rows())
        counts.append(_SessionCount(view.macro_name, converted, 10, family=_CONVERTED, is_macro=True))
    counts += [_SessionCount(goal.name, by_goal[goal.name], 10 - place, is_macro=True) for place, goal in enumerate(macros)]
    micros = goals.filter(pl.col("goal").is_in([goal.name for goal in view.goals.micros]))
    sums = micros.group_by("goal").agg(pl.col("then_converted", "reached").sum()).filter(pl.col("reached") > 0)
    names = sums.sort("then_converted", "reached", "goal", descending=[True, True, False])["goal"].head(_MOST_MICROS)
    return [*counts, *(_SessionCount(name, by_goal[name], 5 - place) for place, name in enumerate(names))]


def _columns(counts: list[_SessionCount], total: int, marks: Marks, view: View, screen: Screen) -> dict[str, Shown]:
    """Return the columns of the screen, with marks on the counts that differ clearly from the other channels."""
    columns = {
        "channel": Shown(most=_NAME),
        "sessions": Shown("sessions", "count"),
        "share": Shown("share", lambda row: formatting.share(row["sessions"], total), 3),
    }
    is_detailed = view.knows_macro and screen.wide
    for number, count in enumerate(counts):
        most = _GOAL if len(count.title) > _GOAL else None
        columns[f"count {number}"] = Shown(count.title, partial(_count_and_mark, count, marks), count.rank, most=most)
        if is_detailed and count.is_macro and not view.separate_macros:
            columns["range"] = Shown("likely range", _likely, 1)
    columns |= {name: Shown(title, "count", 2) for title, name in _OF_TOUCH.items()} if is_detailed else {}
    return {name: replace(column, style=lambda row: "dim" if "is_all" in row else "") for name, column in columns.items()}


def _count_and_mark(count: _SessionCount, marks: Marks, row: Mapping[str, Any]) -> str:
    """Return a count for a channel with its rate, or the rate alone, and a mark if it differs clearly from the other channels."""
    is_all = "is_all" in row
    part = count.total if is_all else count.by_channel[row["channel"]]
    text = formatting.share(part, row["sessions"]) if count.is_rate else formatting.count_and_rate(part, row["sessions"], _RATE)
    return f"{text}{' ' * WIDTH if is_all else marks.of(count.item, row['channel'])}"


def _likely(row: Mapping[str, Any]) -> str:
    """Return the likely range of a conversion rate."""
    return "" if "is_all" in row else formatting.rate_interval(row["conversion_rate_low"], row["conversion_rate_high"], row["sessions"])
