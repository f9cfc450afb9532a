"""What got in the way, compared with others at the same point."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import polars as pl

from convkit.analysis import breakdown
from convkit.core import formatting
from convkit.core.blocks import BlankLine, Heading, Paragraph, Row, Shown, table
from convkit.core.document import Column, Report
from convkit.core.schema import DEAD_LINKS_FIELD, OBSTACLES, OBSTACLES_FIELD, TEXT, is_interaction
from convkit.funnels import friction
from convkit.funnels.obstacles import LINKED_FROM, TEXTS
from convkit.funnels.points import ANYWHERE, EVENT, GOAL, WHOLE_SITE

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from convkit.analysis.analysis import Analysis, View
    from convkit.analysis.breakdown_screen import Breakdown
    from convkit.core.blocks import Block, Screen

PLACE = 45
IN_REPORT = False
SESSION_FIELDS = (OBSTACLES_FIELD, DEAD_LINKS_FIELD)
COLUMNS = (
    Column("funnel", "text"),
    Column("step", "step"),
    Column("name", "text"),
    Column("what", "text"),
    Column("item", "text"),
    Column("met", "count"),
    Column("compared", "count"),
    Column("went_on", "count"),
    Column("went_on_rate", "rate"),
    Column("others_rate", "rate"),
    Column("times", "ratio"),
    Column("times_low", "ratio"),
    Column("times_high", "ratio"),
    Column("loses", "flag"),
    Column("lost", "count"),
    Column("up_to", "count"),
)
_PAGE, _DEAD_LINK = "page", "dead_link"
_RANKS = (*OBSTACLES, GOAL, EVENT, _PAGE, _DEAD_LINK)
_ARROW = " ← "
_STEPS = {"funnel": pl.String, "step": pl.Int32}
_TEXTS = TEXTS | {"form_again": "the form shown again"}
_TESTED = {
    "form_again": "forms shown again",
    "error": "error pages",
    "slow": "slow responses",
    "reload": "the same page three times in a row",
    "back_forth": "going back and forth",
    "search_again": "another search",
}
_MOST_LINKS, _MOST_FROM, _FEW_FROM, _MOST_VALUES = 10, 5, 2, 5
_MEANING = (
    "others: those on the same page, as far behind the same step, who had not met it. loses: went on less often than they did, by more than chance "
    "would explain. up to: if they had gone on like the others, and then like those who do."
)
_ACROSS = "Anywhere on the site, going on means to view anything else."


def tally(analysis: Analysis) -> dict[str, pl.LazyFrame]:
    """Return `points` and `met` (see `points.tally_points`), `reached` (units per step), `pages` seen behind steps, and `dead_links`."""
    funnels, by = analysis.goals.funnels, analysis.by
    none = dict.fromkeys(by, TEXT) | _STEPS
    reached = [pl.LazyFrame(schema=none | {"reached": pl.Int64})]
    pages = [pl.LazyFrame(schema=none | {"item": pl.String, "met": pl.Int64, "went_on": pl.Int64})]
    for funnel in funnels:
        name, chains = pl.lit(funnel.name).alias("funnel"), analysis.chains[funnel.name]
        for number in funnel.numbers:
            count = analysis.summed(chains, reached=pl.col(f"row{number}").is_not_null().sum().cast(pl.Int64))
            reached.append(count.select(*by, name, pl.lit(number, dtype=pl.Int32).alias("step"), "reached"))
        seen = analysis.drop_off[funnel.name].filter(pl.col("what") == "met")
        pages.append(seen.select(*by, name, "step", "item", met=pl.col("dropped") + pl.col("went_on"), went_on="went_on"))
    return {**analysis.points, "reached": pl.concat(reached), "pages": pl.concat(pages), "dead_links": _dead_links(analysis)}


def _dead_links(analysis: Analysis) -> pl.LazyFrame:
    """Return one row per dead link: how many sessions followed it, and how many of them viewed something else afterwards."""
    links = analysis.hits.filter(pl.col("inside") & pl.col(LINKED_FROM).is_not_null()).select("session", "row", "path", LINKED_FROM)
    keys = ["session", "path", LINKED_FROM]
    later = analysis.hits.filter(is_interaction()).group_by("session").agg(last_row=pl.col("row").max())
    sessions = links.group_by(keys).agg(pl.col("row").min()).join(later, on="session", how="left")
    counts = {"met": pl.len(), "went_on": (pl.col("last_row") > pl.col("row")).sum()}
    rows = analysis.split(sessions).group_by(*analysis.by, "path", LINKED_FROM).agg(**{name: count.cast(pl.Int64) for name, count in counts.items()})
    return rows.with_columns(pl.col("path", LINKED_FROM).cast(pl.String))


def present(tally: dict[str, pl.DataFrame], view: View) -> Report:
    """Return the report: what could win most first, then what is only listed."""
    by, columns = view.by, (*view.keys, *COLUMNS)
    tally = {name: frame.with_columns(pl.col(by).cast(pl.String)) for name, frame in tally.items()}
    bounds = friction.add_bounds(friction.judge_friction(tally, by), tally, by)
    judged = friction.add_stakes(bounds, tally["reached"], view.steps, view.period.days, by)
    at_site = {"funnel": pl.lit(WHOLE_SITE), "step": pl.lit(ANYWHERE, dtype=pl.Int32)}
    links = tally["dead_links"].with_columns(what=pl.lit(_DEAD_LINK), item=pl.concat_str("path", LINKED_FROM, separator=_ARROW), **at_site)
    pages = tally["pages"].with_columns(what=pl.lit(_PAGE))
    of_funnel = {name: pl.when(pl.col("step") != ANYWHERE).then(name) for name in ("funnel", "step")}
    frame = (
        pl.concat([judged, pages, links], how="diagonal")
        .join(view.steps.select("place", "funnel", "step", "name"), on=["funnel", "step"], how="left")
        .with_columns(rank=pl.col("what").replace_strict(_RANKS, list(range(len(_RANKS))), return_dtype=pl.Int32))
        .sort(-pl.col("up_to"), -pl.col("lost"), "place", "step", "rank", -pl.col("met"), "item", nulls_last=True)
        .with_columns(loses=pl.when("is_judged").then("loses"), **of_funnel)
    )
    frame = breakdown.in_value_order(frame, tally, view)
    shown = frame.select(column.name for column in columns)
    return Report("friction", columns, shown, lambda _, screen: _draw(frame, view, screen), details=frame)


def _draw(frame: pl.DataFrame, view: View, screen: Screen) -> list[Block]:
    """Return what was tested, step by step, and the dead links."""
    days = formatting.plural(round(view.period.days), "day")
    heading = Heading("FRICTION", f"what got in the way, compared with others at the same point; {days}")
    drawn = _grid(frame, view, screen)
    nothing = [BlankLine(), Paragraph("At no step did enough meet anything that is tested to compare them with others.")]
    return [heading, *(drawn or nothing), *_legend(frame, is_drawn=bool(drawn)), *_dead_link_blocks(frame, screen)]


def _grid(frame: pl.DataFrame, view: View, screen: Screen) -> list[Block]:
    """Return the rows that were judged, those of each step together; goals and events are shown only if they lose."""
    is_named = pl.col("what").is_in([GOAL, EVENT])
    rows = frame.filter(pl.col("is_judged").fill_null(value=False) & (~is_named | pl.col("loses"))).rows(named=True)
    groups: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        groups.setdefault(_place(row, view), []).append(row)
    records: list[Mapping[str, Any] | Row] = []
    for place, of_step in groups.items():
        records += [Row([], [Paragraph(place)]), *(row for row in of_step if not _is_of_goal(row, of_step))]
    return [table(records, _columns(rows, view, screen))] if records else []


def _is_of_goal(row: Mapping[str, Any], rows: Sequence[Mapping[str, Any]]) -> bool:
    """Return whether a row is that of an event which a goal with a row of its own names."""
    figures = ("met", "went_on", "compared", "expected")
    return row["what"] == EVENT and any(other["what"] == GOAL and all(other[name] == row[name] for name in figures) for other in rows)


def _place(row: Mapping[str, Any], view: View) -> str:
    """Return the funnel and the step of a row, and the step after it."""
    if row["funnel"] is None:
        return "anywhere on the site"
    funnel = next(funnel for funnel in view.goals.funnels if funnel.name == row["funnel"])
    following = funnel.next_step(row["step"])
    return f"{funnel.name}: {row['step']} {row['name']}" + (f" → {following} {funnel.names[following - 1]}" if following else "")


def _columns(rows: Sequence[Mapping[str, Any]], view: View, screen: Screen) -> dict[str, Shown]:
    """Return the columns of the screen."""
    goals = {funnel.names[-1] for funnel in view.goals.funnels if any(row["funnel"] == funnel.name for row in rows)}
    last = goals.pop() if len(goals) == 1 else ""

    def won(row: Mapping[str, Any]) -> str:
        return formatting.plural(row["up_to"], last) if formatting.is_noun(last) else formatting.count(row["up_to"])

    columns = {
        "item": Shown(text=lambda row: f"  {_label(row)}"),
        "met": Shown("met", "count", style="bold"),
        "went_on": Shown("went on", lambda row: formatting.percent(row["went_on_rate"])),
        "others": Shown("others", lambda row: formatting.percent(row["others_rate"])),
        "range": Shown("times, likely", _times),
        "lost": Shown("lost", lambda row: formatting.count(row["lost"]) if _is_printed(row, "lost") else ""),
        "up_to": Shown("up to a month", lambda row: won(row) if _is_printed(row, "up_to") else ""),
        "loses": Shown(text=lambda row: "loses" if row["loses"] else "", style="bold", left=True),
    }
    return columns if screen.wide else {name: column for name, column in columns.items() if name != "range"}


def _is_printed(row: Mapping[str, Any], name: str) -> bool:
    """Return whether a row's stake is shown: only what loses by more than chance, and at least 1."""
    return bool(row["loses"] and row[name])


def _times(row: Mapping[str, Any]) -> str:
    """Return the range of the ratio of both rates."""
    low, high = (formatting.UNKNOWN if row[name] is None else f"{row[name]:.2f}" for name in ("times_low", "times_high"))
    return f"{low} – {high}"


def _label(row: Mapping[str, Any]) -> str:
    """Return what was met in words."""
    return _TEXTS.get(row["what"], f"{row['what']} {row['item']}")


def _legend(frame: pl.DataFrame, *, is_drawn: bool) -> list[Block]:
    """Return what was tested, what the words mean, and how many rows are not shown."""
    judged = frame.filter(pl.col("is_judged").fill_null(value=False))
    shown = [_TESTED[name] for name in OBSTACLES if name != "slow" or (frame["what"] == "slow").any()]
    named = judged.filter(pl.col("what").is_in([GOAL, EVENT]))
    number, losing = named.height, int(named["loses"].sum())
    which = "none loses" if not losing else "those that lose are shown"
    others = f"; and goals and events by name ({formatting.plural(number, 'comparison')}; {which})" if number else ""
    nothing = "" if not is_drawn or judged["loses"].any() else " Nothing here loses."
    across = f" {_ACROSS}" if judged["funnel"].is_null().any() else ""
    more = f" {_MEANING}{nothing}{across}" if is_drawn else ""
    return [BlankLine(), Paragraph(f"Tested: {', '.join(shown)}{others}.{more}", style="dim")]


def _dead_link_blocks(frame: pl.DataFrame, screen: Screen) -> list[Block]:
    """Return the dead links, those that most sessions followed first, each with the pages that have them."""
    links = frame.filter(what=_DEAD_LINK).with_columns(
        pl.col("item").str.split_exact(_ARROW, 1).struct.rename_fields(["path", "page"]).struct.unnest()
    )
    if links.is_empty():
        return []
    paths = links.sort(-pl.col("met"), "page").group_by("path", maintain_order=True).agg(pl.col("met").sum(), "page").sort(-pl.col("met"), "path")
    shown = paths.head(screen.rows(_MOST_LINKS) or paths.height)
    some = f"; {shown.height} of {formatting.count(paths.height)}" if shown.height < paths.height else ""
    columns = {
        "path": Shown(),
        "met": Shown("sessions", "count"),
        "page": Shown("linked from", lambda row: _pages(row["page"], screen), left=True),
    }
    heading = Heading("DEAD LINKS", f"the site's own pages link to what does not exist{some}")
    return [BlankLine(), heading, table(shown.rows(named=True), columns)]


def _pages(pages: Sequence[str], screen: Screen) -> str:
    """Return the first pages of those that have a link, and how many others do."""
    most = _MOST_FROM if screen.wide else _FEW_FROM
    others = len(pages) - most
    return ", ".join(pages[:most]) + (f" and {others} more" if others > 0 else "")


class _ByValue:
    """The report broken down by a key: one table per value, each judged on its own."""

    def draw(self, whole: Report, fold: Callable[[int | None], Breakdown], view: View, screen: Screen) -> list[Block]:
        """Return the tables of the largest values."""
        split = fold(None)
        values = split.values.rows(named=True)
        shown = values[: screen.rows(_MOST_VALUES) or len(values)]
        of = f"by {view.key}; what got in the way, compared with others of the same {view.key} at the same point"
        blocks: list[Block] = [Heading("FRICTION", of)]
        few = []
        for value in shown:
            rows = split.rows.filter(pl.col(view.by[0]) == value[view.by[0]])
            if grid := _grid(rows, view, screen):
                blocks += [BlankLine(), Heading(value[view.by[0]], formatting.plural(value["sessions"], "session")), *grid]
            else:
                few.append(value[view.by[0]])
        blocks += [BlankLine(), Paragraph(f"Too few to compare: {', '.join(few)}.")] if few else []
        hidden = len(values) - len(shown)
        blocks += [Paragraph(f"{formatting.plural(hidden, 'more value')}: --limit 0.", style="dim")] if hidden else []
        return [*blocks, *_legend(split.rows, is_drawn=len(few) < len(shown)), *_dead_link_blocks(pl.DataFrame(whole.details), screen)]


BREAKDOWN = _ByValue()
