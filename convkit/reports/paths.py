"""Which pages came before a goal, or after a page."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl

from convkit.analysis import breakdown, breakdown_screen
from convkit.analysis.breakdown_screen import BreakdownTable, Section
from convkit.core import formatting, patterns, stats, windows
from convkit.core.blocks import Heading, Shown, table
from convkit.core.document import Column, Note, Report
from convkit.core.nearest import nearest_values
from convkit.core.schema import is_kind
from convkit.errors import UsageError, suggestion
from convkit.goals import filters, matching

if TYPE_CHECKING:
    from collections.abc import Mapping

    from convkit.analysis.analysis import Analysis, View
    from convkit.core.blocks import Block, Screen
    from convkit.core.model import Goal, Goals

PLACE = 80
IN_REPORT = False
OPTIONS = {
    "to": ("GOAL", "The pages before a goal; default: the first macro goal."),
    "from": ("PAGE", "The pages after a page: its path, or a pattern."),
    "steps": ("N", "Number of pages; default: 3."),
}
COLUMNS = (
    Column("path", "text"),
    Column("sessions", "count"),
    Column("share", "rate"),
    Column("converted", "count"),
)
_START, _LEFT, _JOINED = "(start)", "(left)", " > "
_STEPS, _MOST_STEPS, _ROWS = 3, 10, 20
_FEWEST_CHARACTERS = 6


@dataclass(frozen=True)
class PathQuery:
    """The requested paths: the pages before `goal`, or after a page that matches the pattern `page`; both are None if no macro goal is known."""

    goal: Goal | None
    page: str | None
    steps: int
    is_default: bool = False


def parse_options(options: Mapping[str, str], goals: Goals) -> PathQuery:
    """Return the query that the options describe. Raises UsageError if they are invalid."""
    to, page, steps = (options.get(name) for name in OPTIONS)
    if to is not None and page is not None:
        raise UsageError("--to and --from cannot be used together; use one of them")
    if steps is not None and not (steps.isdecimal() and 1 <= int(steps) <= _MOST_STEPS):
        raise UsageError(f"--steps {steps}: use a number from 1 to {_MOST_STEPS}")
    number = _STEPS if steps is None else int(steps)
    if page is not None:
        if problem := patterns.problem(page) or filters.FILTER_FIELDS["page"].check(page, goals):
            raise UsageError(f"--from {page}: {problem}")
        return PathQuery(None, page, number)
    goals_by_name = {goal.name: goal for goal in goals.goals}
    if to is not None and to not in goals_by_name:
        raise UsageError(f"--to {to}: unknown goal {to!r}{suggestion(to, goals_by_name, 'Goals')}")
    return PathQuery(goals_by_name[to] if to is not None else next(iter(goals.macros), None), None, number, is_default=to is None)


def tally(analysis: Analysis) -> dict[str, pl.LazyFrame]:
    """Return `paths`: sessions per path, and how many of them reached a macro goal."""
    path_query = parse_options(analysis.options, analysis.goals)
    paths = _before(analysis, path_query.goal, path_query.steps) if path_query.page is None else _after(analysis, path_query.page, path_query.steps)
    names = [f"page{place}" for place in range(path_query.steps)]
    one = pl.concat_str(names, separator=_JOINED, ignore_nulls=True)
    whole = paths.join(analysis.sessions.select("session", "converted"), on="session", how="inner")
    counts = {"sessions": pl.len().cast(pl.Int64), "converted": pl.col("converted").sum().cast(pl.Int64)}
    # The pages are needed only if the one that was named does not occur.
    seen = (
        {} if path_query.page is None or analysis.by else {"pages": _pages(analysis).group_by(path=pl.col("path").cast(pl.String)).agg(n=_sessions())}
    )
    return seen | {
        "paths": analysis.split(whole)
        .group_by(*analysis.by, *names, "edge")
        .agg(**counts)
        .select(*analysis.by, path=pl.concat_str(*_in_order(path_query, one), separator=_JOINED, ignore_nulls=True), **{n: pl.col(n) for n in counts})
        .group_by(*analysis.by, "path")
        .agg(pl.col(*counts).sum())
    }


def _sessions() -> pl.Expr:
    """Return the number of sessions."""
    return pl.col("session").n_unique().cast(pl.Int64)


def _in_order(path_query: PathQuery, pages: pl.Expr) -> list[pl.Expr]:
    """Return the parts of a path: its pages, if any, and the start or end of the session before or after them."""
    edge = pl.when("edge").then(pl.lit(_LEFT if path_query.page is not None else _START))
    pages = pl.when(pages != "").then(pages)
    return [pages, edge] if path_query.page is not None else [edge, pages]


def _pages(analysis: Analysis) -> pl.LazyFrame:
    """Return the page views of sessions, in order."""
    return analysis.hits.filter(pl.col("inside") & pl.col("session").is_not_null() & is_kind("page")).select("session", "row", "path", "page")


def _before(analysis: Analysis, goal: Goal | None, steps: int) -> pl.LazyFrame:
    """Return `session, page0, ..., edge` of sessions that reached a goal: the last pages before it, and whether the session began with them."""
    matches = analysis.hits.clear() if goal is None else matching.goal_hits(analysis.hits, goal)
    reached = matches.unique("session", keep="first", maintain_order=True).select("session", reached="row")
    pages = _pages(analysis).join(reached, on="session", maintain_order="left").filter(pl.col("row") < pl.col("reached"))
    names = [f"page{steps - 1 - back}" for back in range(steps)]
    last = _collapsed(pages).with_columns(_at(back).alias(name) for back, name in enumerate([*names, "further"]))
    before_goal = last.unique("session", keep="last", maintain_order=True)
    return reached.join(before_goal, on="session", how="left").select("session", *names, edge=pl.col("further").is_null())


def _after(analysis: Analysis, page: str, steps: int) -> pl.LazyFrame:
    """Return `session, page0, ..., edge` of sessions that saw a page: the first pages after it, and whether the session ended with them."""
    seen = _pages(analysis)
    is_match = patterns.matches(pl.col("path").cast(pl.String), page, ignore_case=analysis.goals.site.ignore_case)
    fitting = seen.select(pl.col("path").unique()).filter(is_match)
    first = seen.join(fitting, on="path", how="semi", maintain_order="left").unique("session", keep="first", maintain_order=True)
    pages = seen.join(first.select("session", begins="row"), on="session", maintain_order="left").filter(pl.col("row") >= pl.col("begins"))
    names = [f"page{place}" for place in range(steps)]
    ahead = _collapsed(pages).with_columns(_at(-1 - place).alias(name) for place, name in enumerate([*names, "further"]))
    after_page = ahead.unique("session", keep="first", maintain_order=True)
    return after_page.select("session", *names, edge=pl.col("further").is_null())


def _collapsed(pages: pl.LazyFrame) -> pl.LazyFrame:
    """Return pages without immediate repetitions."""
    return pages.filter(windows.previous(pl.col("page"), "session").ne_missing(pl.col("page"))).select("session", "page")


def _at(back: int) -> pl.Expr:
    """Return the page `back` rows earlier in the same session, or null if there is none."""
    return pl.when(pl.col("session") == pl.col("session").shift(back)).then(pl.col("page").shift(back))


def present(tally: dict[str, pl.DataFrame], view: View) -> Report:
    """Return the report, sorted by sessions, then path; `converted` is empty for paths to a macro goal."""
    path_query, columns = parse_options(view.options, view.goals), (*view.keys, *COLUMNS)
    all_sessions = pl.col("sessions").sum().over(view.by) if view.by else pl.col("sessions").sum()
    has_converted = view.knows_macro and not (path_query.goal and path_query.goal.macro)
    frame = (
        tally["paths"]
        .with_columns(all_sessions=all_sessions)
        .with_columns(share=stats.ratio(pl.col("sessions"), pl.col("all_sessions")), converted=pl.when(has_converted).then("converted"))
        .sort("sessions", "path", descending=[True, False])
    )
    frame = breakdown.in_value_order(frame, tally, view)
    shown = frame.select(column.name for column in columns)
    is_asked = path_query.goal is not None or path_query.page is not None
    notes: tuple[Note, ...] = () if is_asked else (Note("no-goal", "No macro goal is known; name a goal with --to or a page with --from."),)
    if frame.is_empty() and is_asked:
        notes = (_no_path(path_query, tally.get("pages")),)
    return Report("paths", columns, shown, lambda rows, screen: _draw(rows, path_query, view, screen), notes, details=frame)


def _no_path(path_query: PathQuery, pages: pl.DataFrame | None) -> Note:
    """Return the note on a goal that no session reached, or a page that none viewed, with the pages closest to it."""
    if path_query.goal is not None:
        return Note("no-path", f"No session reached {path_query.goal.name}.")
    near = "" if pages is None else nearest_values(path_query.page or "", dict(pages.rows()), "pages")
    return Note("no-path", f"No session viewed {path_query.page}.{near}")


def _heading(path_query: PathQuery, frame: pl.DataFrame, shown: int, order: str) -> Heading:
    """Return the heading: the query, and the number of sessions."""
    pages = f"{path_query.steps} pages" if path_query.steps > 1 else "page"
    goal = path_query.goal.name if path_query.goal else ""
    path_before = f"the last {pages} before {goal}{', the first macro goal' if path_query.is_default else ''}"
    words = path_before if path_query.page is None else f"the next {pages} after {path_query.page}"
    sessions = formatting.plural(int(frame["sessions"].sum()), "session")
    some = f"; {formatting.count(shown)} of {formatting.plural(frame.height, 'path')}" if shown < frame.height else ""
    return Heading("PATHS", f"{words}; {sessions}{order and ', ' + order}{some}")


def _draw(frame: pl.DataFrame, path_query: PathQuery, view: View, screen: Screen) -> list[Block]:
    """Return one row per path."""
    shown = frame.head(screen.rows(_ROWS) or frame.height)
    if shown.is_empty():
        return []
    total = int(frame["sessions"].sum())
    is_converted = frame["converted"].null_count() < frame.height
    space = screen.width - (28 + len(view.macro_name) if is_converted else 24)
    columns = {
        "path": Shown(text=lambda row: _fit(row["path"], space)),
        "sessions": Shown("sessions", "count", style="bold"),
        "share": Shown("share", lambda row: formatting.share(row["sessions"], total)),
    }
    if is_converted:
        columns["converted"] = Shown(f"then {view.macro_name}", lambda row: formatting.count_and_rate(row["converted"], row["sessions"]))
    return [_heading(path_query, frame, shown.height, view.order(COLUMNS, "")), table(shown.rows(named=True), columns)]


def _fit(path: str, space: int) -> str:
    """Return a path that fits: its longest pages are shortened in the middle."""
    pages = path.split(_JOINED)
    longest = max(map(len, pages))
    while len(_JOINED.join(pages)) > space and longest > _FEWEST_CHARACTERS:
        longest -= 1
        pages = [breakdown_screen.shortened(page, longest) for page in path.split(_JOINED)]
    return _JOINED.join(pages)


def _breakdown_section(whole: Report, view: View, screen: Screen) -> list[Section]:
    """Return the paths that are shown, taken from the report on all sessions."""
    path_query, rows = parse_options(view.options, view.goals), pl.DataFrame(whole.details).head(screen.rows(_ROWS) or whole.frame.height)
    widest = screen.width * 2 // 5
    heading = _heading(path_query, whole.frame, rows.height, "")
    return [Section(heading, rows, widest=widest, shorten=lambda path: _fit(path, widest))]


BREAKDOWN = BreakdownTable("path", "sessions", "all_sessions", sections=_breakdown_section)
