"""Where sessions came from, and what they reached."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from convkit.analysis import split_screen, split_tables
from convkit.analysis.split_screen import Lines
from convkit.core import facts, figures, stats
from convkit.core.schema import TEXT
from convkit.core.tables import Column, Heading, Note, Report
from convkit.goals import matching
from convkit.reports import _channels_screen

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from convkit.analysis.analysis import Analysis, View
    from convkit.analysis.split_screen import Split
    from convkit.core.definitions import Goal
    from convkit.core.tables import Block, Room

IN_REPORT = None
FACTS = (facts.CHANNEL,)
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
_COUNTS = ("sessions", "pageviews", "bounces", "timed", "converted", "came_back", "referred", "value", "firsts", "lasts")
_MICROS: dict[str, pl.DataType | type[pl.DataType]] = {"channel": TEXT, "goal": pl.String, "reached": pl.Int64, "then_converted": pl.Int64}


def tally(analysis: Analysis) -> dict[str, pl.LazyFrame]:
    """Return `channels` and `touches` (a row a channel), `seconds` (sessions of two interactions or more by whole seconds) and `micros`.

    `touches` counts visitors who converted, each once, by their first conversion: under the channel of the first session of all that was read, and
    under that of the session of this conversion. `micros` are the sessions of a channel that reached a micro goal, and a macro goal later.
    """
    keys, sessions = [*analysis.by, "channel"], analysis.split(analysis.sessions)
    channels = sessions.group_by(keys).agg(
        sessions=pl.len().cast(pl.Int64),
        pageviews=pl.col("pages").sum().cast(pl.Int64),
        bounces=pl.col("bounced").sum().cast(pl.Int64),
        timed=(pl.col("interactions") > 1).sum().cast(pl.Int64),
        converted=pl.col("converted").sum().cast(pl.Int64),
        came_back=pl.col("came_back").sum().cast(pl.Int64),
        referred=pl.col("referred").sum().cast(pl.Int64),
    )
    seconds = sessions.filter(pl.col("interactions") > 1).group_by(*keys, seconds=pl.col("seconds").cast(pl.Int32))
    macros = matching.last_macros(analysis.hits, analysis.goals)
    micros = [_micro(analysis, keys, macros, goal) for goal in analysis.goals.micros]
    return {
        "channels": channels.join(_amounts(analysis, keys), on=keys, how="left").with_columns(pl.col("value").fill_null(0)),
        "touches": _touches(analysis, keys, sessions),
        "seconds": seconds.agg(n=pl.len().cast(pl.Int64)),
        "micros": pl.concat([pl.LazyFrame(schema={**dict.fromkeys(analysis.by, TEXT), **_MICROS}), *micros]),
    }


def _of_channel(analysis: Analysis, rows: pl.LazyFrame) -> pl.LazyFrame:
    """Return rows of sessions with their channel, split."""
    return analysis.split(rows.join(analysis.sessions.select("session", "channel"), on="session", maintain_order="left"))


def _amounts(analysis: Analysis, keys: list[str]) -> pl.LazyFrame:
    """Sum what the counted hits of macro goals are worth."""
    return _of_channel(analysis, matching.macro_amounts(analysis.hits, analysis.goals)).group_by(keys).agg(value=pl.col("amount").sum())


def _touches(analysis: Analysis, keys: list[str], sessions: pl.LazyFrame) -> pl.LazyFrame:
    """Count visitors who converted; a visitor's sessions follow each other, so that the first that converted is that of the first conversion."""
    once = sessions.filter("converted").unique([*analysis.by, "visitor"], keep="first", maintain_order=True)
    one, none = pl.lit(1, dtype=pl.Int64), pl.lit(0, dtype=pl.Int64)
    first = once.select(*analysis.by, channel="first_channel", firsts=one, lasts=none)
    last = once.select(*analysis.by, channel="channel", firsts=none, lasts=one)
    return pl.concat([first, last]).group_by(keys).agg(pl.col("firsts", "lasts").sum())


def _micro(analysis: Analysis, keys: list[str], macros: pl.LazyFrame, goal: Goal) -> pl.LazyFrame:
    """Return the rows of one micro goal."""
    reached = matching.with_then(matching.firsts(analysis.hits, goal), macros)
    counts = _of_channel(analysis, reached).group_by(keys).agg(reached=pl.len().cast(pl.Int64), then_converted=pl.col("then").sum().cast(pl.Int64))
    return counts.select(*keys, pl.lit(goal.name).alias("goal"), "reached", "then_converted")


def present(tally: Mapping[str, pl.DataFrame], view: View) -> Report:
    """Return the report by sessions; where no macro goal is known, nothing is said of conversions."""
    columns, frame = (*view.keys, *COLUMNS), split_tables.ordered(_figures(tally, view), tally, view)
    shown = frame.select(column.name for column in columns)
    if view.by:
        return Report("channels", columns, shown, lambda *_: [], details=frame)
    micros = tally["micros"].with_columns(pl.col("channel").cast(pl.String))

    def draw(rows: pl.DataFrame, room: Room) -> list[Block]:
        counts = frame.select("channel", *(name for name in _COUNTS if name not in shown.columns))
        return _channels_screen.draw(rows.join(counts, on="channel", maintain_order="left"), micros, view, view.order(COLUMNS, ""), room)

    return Report("channels", columns, shown, draw, _notes(frame, view), details=frame)


def _figures(tally: Mapping[str, pl.DataFrame], view: View) -> pl.DataFrame:
    """Return the columns of the report, and the counts that they are made of."""
    keys, known = [*view.by, "channel"], view.knows_macro
    has_value = any(goal.value is not None for goal in view.goals.macros)
    of = {name: tally[name].with_columns(pl.col(keys).cast(pl.String)) for name in ("channels", "touches", "seconds")}
    medians = (
        of["seconds"].sort("seconds").group_by(keys).agg(median_seconds=stats.weighted_quantile(pl.col("seconds").cast(pl.Float64), pl.col("n"), 0.5))
    )
    sessions, converted = pl.col("sessions"), pl.col("converted_sessions")
    of_all = sessions.sum().over(view.by) if view.by else sessions.sum()
    low, high = stats.wilson(converted, sessions)
    return (
        of["channels"]
        .join(of["touches"], on=keys, how="full", coalesce=True)
        .with_columns(pl.col(_COUNTS).fill_null(0))
        .join(medians, on=keys, how="left")
        .with_columns(of_all=of_all, converted_sessions=pl.when(known).then("converted"), value=pl.when(known & has_value).then("value"))
        .with_columns(first_touch=pl.when(known).then("firsts"), last_touch=pl.when(known).then("lasts"))
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


def draw_split(whole: Report, split: Callable[[int | None], Split], view: View, room: Room) -> list[Block]:
    """Return a row a channel: its sessions and their share of all by value, or over the periods."""
    rows = _lines(whole, ()).filter(pl.col("part") > 0)
    lines = Lines(
        Heading("CHANNELS", "where sessions came from"),
        rows.head(_channels_screen.rows(room) or rows.height),
        lambda part: _lines(part.report, view.by),
        of_sessions=True,
    )
    return split_screen.draw(lines, split, view.key, room)


def _lines(report: Report, by: tuple[str, ...]) -> pl.DataFrame:
    """Return how many of how many sessions came from a channel."""
    of = pl.DataFrame(report.details).select(*by, "channel", "of_all")
    return report.frame.join(of, on=[*by, "channel"], maintain_order="left").select(*by, label="channel", part="sessions", whole="of_all")


def _notes(frame: pl.DataFrame, view: View) -> tuple[Note, ...]:
    """Say whose links open no channel, how many sessions are Direct for that reason, and where the log may have no referrers at all."""
    notes = []
    if not view.is_narrowed and not frame["referred"].sum() and frame["sessions"].sum() >= figures.FEWEST:
        notes.append(
            Note("no-referrers", "No session began with a referrer: where a log has none, as of the format common, only links with tags tell.")
        )
    if view.own_hosts:
        shown, more = view.own_hosts[:_MOST_HOSTS], len(view.own_hosts) - _MOST_HOSTS
        names = [*shown, *([f"{more} more"] if more > 0 else [])]
        said = names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
        which = "is taken for the site's own host: name yours" if len(names) == 1 else "are taken for the site's own hosts: name yours"
        notes.append(Note("own-hosts", f"{said} {which} under `site.hosts`."))
    if came_back := int(frame["came_back"].sum()):
        began = figures.plural(came_back, "session under Direct", "sessions under Direct")
        text = f"{began} began on a link of the site itself, after a pause, or on the way back from a payment provider: neither opens a channel."
        notes.append(Note("came-back", text))
    return tuple(notes)
