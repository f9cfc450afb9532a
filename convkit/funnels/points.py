"""Points: the moments behind a funnel step at which a unit stands somewhere, and what it met there, tallied so that equal points can be compared.

Point 0 is the hit that fills the step; points 1, 2, ... are the interactions after it in its session, up to the next step. What happens between an
interaction and the next one is met at the first of the two. Across the whole site, all interactions of a session are points, without a step.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from convkit.core import datafiles, equal_points
from convkit.core.conditions import any_of
from convkit.core.schema import OBSTACLES, TEXT, is_interaction, is_kind
from convkit.funnels.obstacles import met

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from convkit.core.model import Funnel, Goals

ANYWHERE, WHOLE_SITE = 0, ""
"""The step and the funnel of points that belong to none."""
EVENT, GOAL, ANY_PATH = "event", "goal", "(any)"
"""What is met, besides OBSTACLES, and the item of everything that is counted on all paths together."""
STRATUM = ("funnel", "step", "acts", "index", "page")
"""The columns that equal points share."""
_NO_ROW = (1 << 32) - 1
"""A row after all others."""


def _count(condition: str | pl.Expr | None = None) -> pl.Expr:
    """Return the number of rows, or of those that meet a condition."""
    if condition is None:
        return pl.len().cast(pl.Int64)
    return (pl.col(condition) if isinstance(condition, str) else condition).sum().cast(pl.Int64)


def stops_of(hits: pl.LazyFrame) -> pl.LazyFrame:
    """Return one row per interaction of matched hits: `row, session, inside`, and `page`, the page on show, or an empty text before the first one."""
    page, session = (pl.when(is_kind("page")).then(name).forward_fill() for name in ("page", "session"))
    shown = pl.when(session == pl.col("session")).then(page).fill_null(pl.lit("", dtype=TEXT))
    return hits.filter(pl.col("session").is_not_null(), is_interaction()).select("row", "session", "inside", page=shown)


def reached_steps(
    stops: pl.DataFrame, chains: Mapping[str, pl.LazyFrame], funnels: Sequence[Funnel], by: tuple[str, ...] = (), values: pl.LazyFrame | None = None
) -> pl.LazyFrame:
    """Return one row per unit and step that it reached, and one per session in the period across the whole site.

    `chains` are those of the funnels in the period; in a breakdown, they have the columns in `by`, and `values` has those of sessions.
    """
    steps = [_reached(chains[funnel.name], funnel, number, by) for funnel in funnels for number in funnel.numbers[:-1]]
    return pl.concat([*steps, _visits(stops, by, values)])


def _reached(chains: pl.LazyFrame, funnel: Funnel, number: int, by: tuple[str, ...]) -> pl.LazyFrame:
    """Return one row per unit that reached a step: where it stands, and the row of the next step that is not optional, if it was reached."""
    next_row = pl.col(f"row{funnel.next_step(number)}")
    return chains.filter(pl.col(f"row{number}").is_not_null()).select(
        *by,
        funnel=pl.lit(funnel.name),
        step=pl.lit(number, dtype=pl.Int32),
        session=f"session{number}",
        row=f"row{number}",
        end_row=next_row.fill_null(_NO_ROW),
        goes_on=next_row.is_not_null(),
    )


def _visits(stops: pl.DataFrame, by: tuple[str, ...], values: pl.LazyFrame | None) -> pl.LazyFrame:
    """Return one row per session in the period, from its first interaction on."""
    is_first = pl.col("session").ne_missing(pl.col("session").shift(1))
    rows = stops.lazy().filter("inside", is_first)
    rows = rows if values is None else rows.join(values, on="session", maintain_order="left")
    place = {"funnel": pl.lit(WHOLE_SITE), "step": pl.lit(ANYWHERE, dtype=pl.Int32)}
    return rows.select(*by, **place, session="session", row="row", end_row=pl.lit(_NO_ROW, dtype=pl.UInt32), goes_on=pl.lit(value=False))


def find_walks(reached: pl.DataFrame, stops: pl.DataFrame) -> pl.DataFrame:
    """Add the stops that are a unit's points, from number `first` to `end` (exclusive), to `reached_steps`, and number the rows as `walk`.

    At stops before number `until`, the unit goes on later. Point 0 has the stop at or before the step's hit; units that fill the next step with the
    same hit have no points.
    """
    rows, sessions = stops["row"], stops["session"]
    places = {
        "first": rows.search_sorted(reached["row"], side="right") - 1,
        "end": sessions.search_sorted(reached["session"], side="right"),
        "end_of_step": rows.search_sorted(reached["end_row"], side="left"),
    }
    walks = reached.with_columns(**{name: place.cast(pl.Int64) for name, place in places.items()})
    walks = walks.with_columns(end=pl.min_horizontal("end", "end_of_step"))
    until = pl.when(pl.col("step") == ANYWHERE).then(pl.col("end") - 1).when("goes_on").then("end").otherwise(0)
    return walks.with_columns(until=until).drop("goes_on", "end_of_step").filter(pl.col("first") < pl.col("end")).with_row_index("walk")


def tally_points(walks: pl.DataFrame, stops: pl.DataFrame, by: tuple[str, ...] = ()) -> pl.LazyFrame:
    """Return how many points there are (`n`), and at how many of them the unit goes on (`n_went_on`), for each `funnel, step, acts, index, page`.

    `index` is the band of the point's number, and `page` the one on show or, with `acts`, the one on show before. To go on is to reach the next step
    or, across the whole site, to have any other interaction.
    """
    acts = pl.lit(value=True)
    of_both = pl.concat([walks.lazy().with_columns(acts=~acts), walks.lazy().filter(pl.col("step") != ANYWHERE).with_columns(acts=acts)])
    return _at_points(of_both, stops).group_by(*by, *STRATUM).agg(n=_count(), n_went_on=_count("goes_on"))


def tally_met(meetings: pl.DataFrame, stops: pl.DataFrame, by: tuple[str, ...] = ()) -> pl.LazyFrame:
    """Return how many met `what, item` for the first time at such points (`met`), and at how many of them it had been met before (`had`).

    Each comes with how many of these go on: `met_went_on`, `had_went_on`. `meetings` come from `first_meetings`.
    """
    stop = stops["row"].search_sorted(meetings["at"], side="right").cast(pl.Int64) - 1
    met_at = meetings.with_columns(stop=stop - meetings["happens"]).with_columns(pl.max_horizontal("stop", "first"), is_new=pl.lit(value=True))
    later = _at_points(met_at.lazy().with_columns(begin=pl.col("stop") + 1, is_new=pl.lit(value=False)).drop("stop"), stops, "begin").drop("begin")
    rows = pl.concat([_described(met_at.lazy(), stops), later], how="diagonal")
    is_new, goes_on = pl.col("is_new"), pl.col("goes_on")
    counts = {"met": is_new, "met_went_on": is_new & goes_on, "had": ~is_new, "had_went_on": ~is_new & goes_on}
    return rows.group_by(*by, "what", "item", *STRATUM).agg(**{name: _count(condition) for name, condition in counts.items()})


def _at_points(walks: pl.LazyFrame, stops: pl.DataFrame, begin: str = "first") -> pl.LazyFrame:
    """Repeat walks for each of their points from stop `begin` on, with the point's `index` (a band), its `page`, and `goes_on`."""
    walks = walks.filter(pl.col(begin) < pl.col("end"))
    points = walks.with_columns(stop=pl.int_ranges(begin, "end")).explode("stop")
    return _described(points, stops)


def _described(points: pl.LazyFrame, stops: pl.DataFrame) -> pl.LazyFrame:
    """Add `index`, `page` and `goes_on` to points with a `stop`; before a session's first interaction, no page is on show."""
    stop = pl.col("stop")
    shown = stop - pl.col("acts").cast(pl.Int64)
    of_stop = {name: pl.lit(stops[name]).gather(shown.clip(0)) for name in ("page", "session")}
    is_here = (shown >= 0) & (of_stop["session"] == pl.col("session"))
    page = pl.when(is_here).then(of_stop["page"]).otherwise(pl.lit("", dtype=TEXT))
    return points.with_columns(index=equal_points.band(stop - pl.col("first") + 1), page=page, goes_on=stop < pl.col("until"))


def first_meetings(hits: pl.LazyFrame, walks: pl.DataFrame, goals: Goals) -> pl.LazyFrame:
    """Return the walks with each thing that they meet, `what` and `item`, and `at`, the row of the first hit that is one.

    Behind the steps of funnels, goals and events of an export are met as well as obstacles, each by name. Those that visitors do (`acts`) are
    compared with anything else that others did from the same page. What happens to them, as its name shows, is compared where they stood: `happens`
    is 1 if that is the point before the hit, else 0.
    """
    in_sessions = hits.filter(pl.col("session").is_not_null())
    in_funnels = [_met_in_funnel(in_sessions, walks.filter(funnel=funnel.name), goals, funnel) for funnel in goals.funnels]
    return pl.concat([*in_funnels, _first_meetings(walks.filter(step=ANYWHERE), _obstacles(in_sessions))])


def _obstacles(hits: pl.LazyFrame) -> pl.LazyFrame:
    """Return `session, at, what, item, acts, happens` of hits in sessions that are an obstacle; `at` is the hit's row."""
    plain = {"acts": pl.lit(value=False), "happens": pl.lit(0, dtype=pl.Int64)}
    things = [hits.filter(met(name)).select("session", at="row", what=pl.lit(name), item=pl.lit(ANY_PATH, dtype=TEXT), **plain) for name in OBSTACLES]
    return pl.concat(things)


def _named(hits: pl.LazyFrame, what: str, item: pl.Expr) -> pl.LazyFrame:
    """Return the columns of `_obstacles` for hits that are a goal or an event of this name."""
    happens = says_failure(item)
    stands_before = (happens & is_interaction()).cast(pl.Int64)
    return hits.select("session", at="row", what=pl.lit(what), item=item.cast(TEXT), acts=~happens, happens=stands_before)


def says_failure(name: pl.Expr) -> pl.Expr:
    """Return whether the name of an event or a goal says that something failed."""
    words = name.cast(pl.String).str.replace_all("([a-z])([A-Z])", "${1}_${2}").str.to_lowercase().str.replace_all("[^a-z]+", "_")
    return words.str.contains(f"(?:^|_)(?:{'|'.join(datafiles.words('failure_words'))})(?:_|$)")


def _met_in_funnel(hits: pl.LazyFrame, walks: pl.DataFrame, goals: Goals, funnel: Funnel) -> pl.LazyFrame:
    """Return the first meetings behind a funnel's steps.

    Left out are macro goals, and the goals that the funnel consists of or excludes, which decide by themselves how far it goes; and their events.
    """
    parts = [goal.column for goal in goals.macros], *(step.columns for step in funnel.steps), *(part.columns for part in funnel.without)
    deciding = {column for columns in parts for column in columns}
    of_goals = [_named(hits.filter(goal.column), GOAL, pl.lit(goal.name)) for goal in goals.goals if goal.column not in deciding]
    event, page = pl.col("event").cast(pl.String), pl.col("page").cast(pl.String)
    is_event = is_kind("event", "passive") | (is_kind("page") & (event == page))
    of_events = _named(hits.filter(pl.col("event").is_not_null(), event != "", is_event, ~any_of(sorted(deciding))), EVENT, pl.col("event"))
    return _first_meetings(walks, pl.concat([_obstacles(hits), *of_goals, of_events]))


def _first_meetings(walks: pl.DataFrame, things: pl.LazyFrame) -> pl.LazyFrame:
    """Return the walks with each of the things that they meet, and the row of the first hit that is one."""
    met_behind = things.join(walks.lazy().select("walk", "session", "row", "end_row"), on="session").filter(
        pl.col("at") >= pl.col("row"), pl.col("at") < pl.col("end_row")
    )
    first = met_behind.sort("at").unique(["walk", "what", "item"], keep="first", maintain_order=True).drop("session", "row", "end_row")
    return walks.lazy().join(first, on="walk")
