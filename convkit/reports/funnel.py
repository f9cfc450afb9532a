"""How far visitors got, step by step."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import polars as pl

from convkit.analysis import breakdown
from convkit.analysis.breakdown_screen import BreakdownTable, Section
from convkit.core import formatting, stats
from convkit.core.blocks import BlankLine, Heading, Paragraph, Shown, table
from convkit.core.document import FUNNELS, Column, Note, Report, empty_frame
from convkit.core.durations import microseconds
from convkit.core.schema import OBSTACLES_FIELD
from convkit.funnels.drop_off import LEFT, TESTED, has_slow_answers, judge_drop_off, next_pages
from convkit.funnels.friction import NOTHING_JUDGED, describe, judge_friction

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from convkit.analysis.analysis import Analysis, View
    from convkit.core.blocks import Block, Screen
    from convkit.core.model import Funnel

PLACE = 30
IN_REPORT = True
SESSION_FIELDS = (OBSTACLES_FIELD,)
COLUMNS = (
    Column("funnel", "text"),
    Column("step", "step"),
    Column("name", "text"),
    Column("reached", "count"),
    Column("of_first", "rate"),
    Column("went_on", "count"),
    Column("went_on_rate", "rate"),
    Column("drop_offs", "count"),
    Column("drop_off_rate", "rate"),
    Column("drop_off_low", "rate"),
    Column("drop_off_high", "rate"),
    Column("q1_seconds_to_next", "seconds"),
    Column("median_seconds_to_next", "seconds"),
    Column("q3_seconds_to_next", "seconds"),
    Column("entries", "count"),
    Column("incomplete", "count"),
)
_QUARTILES = {"q1_seconds_to_next": 0.25, "median_seconds_to_next": 0.5, "q3_seconds_to_next": 0.75}
_BAR, _WIDE_BAR, _OPEN_BAR = 40, 18, 8
_FUNNELS_IN_REPORT = 2
_ITEMS, _WIDE_ITEMS = 3, 2
_ORDERS = {"ordered": "in this order", "strict": "in this order with nothing in between", "any": "in any order"}
_DETOURS = {
    "window": "after the window",
    "between": "with another page or event in between",
    "value": "with another {same}",
    "order": "in another order",
    "earlier": "in a later session",
    "before": "started before this period",
    "outside": "started in a session that was filtered out",
    "without": "without step {step}",
}
_NOTHING_LOSES = "No {} was clearly more common among those who dropped off than among others at the same point."
_TOO_FEW = "Too few met an {} to compare them with others at the same point."
_BIAS = "people behind one address count as one visitor, and one person with changing addresses as several."


def tally(analysis: Analysis) -> dict[str, pl.LazyFrame]:
    """Return `base` (who may enter), `steps`, `matched` (hits), `seconds` (to the next step), `departures` (next pages) and `ways` (detours).

    `points` and `met` show what got in the way (see `points.tally_points`).

    A breakdown has only `base`, `steps` and `seconds`: its sentences and notes are about all sessions.
    """
    parts: dict[str, list[pl.LazyFrame]] = {}
    for funnel in analysis.goals.funnels:
        name, chains = pl.lit(funnel.name).alias("funnel"), analysis.chains[funnel.name]
        of_funnel = {"base": _base(analysis, funnel), "steps": _steps(chains, funnel, analysis), "seconds": _seconds(chains, funnel, analysis)}
        if not analysis.by:
            ways = analysis.detours[funnel.name].group_by("detour", pl.col("step").cast(pl.Int32)).agg(n=_count(pl.len()))
            of_funnel |= {"matched": _matched(analysis, funnel), "departures": analysis.drop_off[funnel.name], "ways": ways}
        for part, frame in of_funnel.items():
            parts.setdefault(part, []).append(frame.select(*analysis.by, name, pl.exclude(analysis.by)))
    return {**(analysis.points if parts and not analysis.by else {}), **{key: pl.concat(frames) for key, frames in parts.items()}}


def _base(analysis: Analysis, funnel: Funnel) -> pl.LazyFrame:
    """Return the number of sessions and visitors that may enter the funnel."""
    return analysis.summed(analysis.split(analysis.entering[funnel.name]), sessions=_count(pl.len()), visitors=_count(pl.col("visitor").n_unique()))


def _count(number: pl.Expr) -> pl.Expr:
    return number.cast(pl.Int64)


def _steps(chains: pl.LazyFrame, funnel: Funnel, analysis: Analysis) -> pl.LazyFrame:
    """Return one row per step: how many reached it, began there, continued, or still have time left in the window."""
    ends = int(analysis.ends.timestamp() * 1_000_000) if analysis.ends else 0
    begins = pl.min_horizontal(f"at{number}" for number in funnel.numbers)
    has_time = pl.lit(value=False) if funnel.window is None else begins + microseconds(funnel.window) > ends
    entered = pl.coalesce(*(pl.when(pl.col(f"row{number}").is_not_null()).then(number) for number in funnel.numbers))
    rows = []
    for number in funnel.numbers:
        is_here, following = pl.col(f"row{number}").is_not_null(), funnel.next_step(number)
        goes_on = pl.col(f"row{following}").is_not_null() if following else pl.lit(value=True)
        counts = {
            "reached": is_here,
            "went_on": is_here & goes_on,
            "entries": entered == number,
            "incomplete": is_here & ~goes_on & has_time,
        }
        summed = analysis.summed(chains, **{name: _count(fits.sum()) for name, fits in counts.items()})
        rows.append(summed.select(*analysis.by, pl.lit(number, dtype=pl.Int32).alias("step"), *counts))
    return pl.concat(rows)


def _matched(analysis: Analysis, funnel: Funnel) -> pl.LazyFrame:
    """Return one row per step: how many hits in the period match it, in any order."""
    inside = analysis.hits.filter("inside")
    counts = [
        inside.select(pl.lit(number, dtype=pl.Int32).alias("step"), matched=_count(pl.any_horizontal(step.columns).sum()))
        for number, step in zip(funnel.numbers, funnel.steps, strict=True)
    ]
    return pl.concat(counts)


def _seconds(chains: pl.LazyFrame, funnel: Funnel, analysis: Analysis) -> pl.LazyFrame:
    """Return the number of chains for each duration, in whole seconds, from one step to the next."""
    rows = []
    for number in funnel.numbers[:-1]:
        took = stats.whole_seconds((pl.col(f"at{funnel.next_step(number)}") - pl.col(f"at{number}")) // 1_000_000)
        went_on = chains.select(*analysis.by, seconds=took).drop_nulls().group_by(*analysis.by, "seconds").agg(n=_count(pl.len()))
        rows.append(went_on.select(*analysis.by, pl.lit(number, dtype=pl.Int32).alias("step"), "seconds", "n"))
    return pl.concat(rows)


def present(tally: dict[str, pl.DataFrame], view: View) -> Report:
    """Return the report, with funnels and steps in the order of the goals file."""
    columns = (*view.keys, *COLUMNS)
    if not view.goals.funnels:
        return Report("funnel", columns, empty_frame(columns), lambda *_: [])
    frame = _rates(tally, view)
    shown = frame.select(column.name for column in columns)
    if view.by:
        return Report("funnel", columns, shown, lambda *_: [], details=frame)
    steps = frame.filter(pl.col("next_step").is_not_null()).select("funnel", "step", stopped="drop_offs", continued="went_on")
    # A comparison needs no sentences on what got in the way.
    friction = judge_friction(tally) if "points" in tally else NOTHING_JUDGED
    departures = judge_drop_off(tally["departures"], steps, friction)
    # A complete chain that is not shown started outside: before the period, or in a session that was filtered out.
    ways = tally["ways"].with_columns(pl.col("detour").replace("before", "outside")) if view.is_narrowed else tally["ways"]
    texts, sessions = {}, "" if view.goals.is_builtin else "none of these sessions" if view.is_narrowed else "no counted session"
    notes: list[Note] = []
    for funnel in view.goals.funnels:
        is_funnel = pl.col("funnel") == funnel.name
        texts[funnel.name] = _sentences(funnel, departures.filter(is_funnel), friction.filter(is_funnel), ways.filter(is_funnel))
        notes += _notes(funnel, frame.filter(is_funnel), texts[funnel.name], sessions)
    # A funnel makes no sense out of order: on a screen its steps are never sorted.
    return Report("funnel", columns, shown, lambda _, screen: _draw(frame, departures, texts, view, screen), tuple(notes), details=frame)


def _rates(tally: Mapping[str, pl.DataFrame], view: View) -> pl.DataFrame:
    """Return the columns of the report, plus those that only its screen needs."""
    at, text = [*view.by, "funnel", "step"], pl.col(view.by).cast(pl.String)
    seconds, n = pl.col("seconds").cast(pl.Float64), pl.col("n")
    quartiles = {name: stats.weighted_quantile(seconds, n, quantile) for name, quantile in _QUARTILES.items()}
    times = tally["seconds"].sort("seconds").with_columns(text).group_by(at).agg(**quartiles)
    reached, on, has_next = pl.col("reached"), pl.col("went_on"), pl.col("next_step").is_not_null()
    low, high = stats.wilson(pl.col("drop_offs"), reached)
    counts = ["reached", "went_on", "entries", "incomplete", "sessions", "visitors"]
    rates = (
        breakdown.repeat_for_values(view.steps, tally, view)
        .join(tally["steps"].with_columns(text), on=at, how="left")
        .join(tally["base"].with_columns(text), on=[*view.by, "funnel"], how="left")
        .with_columns(pl.col(counts).fill_null(0))
        .join(times, on=at, how="left")
        .sort("place", "step")
        # Every chain begins at exactly one step: at any step of an open funnel, at the first step of all others.
        .with_columns(went_on=pl.when(has_next).then(on), entered=pl.col("entries").sum().over("place", *view.by))
        .with_columns(drop_offs=reached - on, went_on_rate=stats.ratio(on, reached), of_first=stats.ratio(reached, pl.col("entered")))
        .with_columns(drop_off_rate=stats.ratio(pl.col("drop_offs"), reached), drop_off_low=low, drop_off_high=high)
        .with_columns(everybody=pl.when(pl.col("unit") == "visitors").then("visitors").otherwise("sessions"))
        .with_columns(entries=pl.when("is_open").then("entries"), incomplete=pl.when(pl.col("has_window") & has_next).then("incomplete"))
    )
    return breakdown.in_value_order(rates, tally, view) if view.by else rates.join(tally["matched"], on=at, how="left", maintain_order="left")


def _draw(frame: pl.DataFrame, departures: pl.DataFrame, texts: Mapping[str, FunnelSentences], view: View, screen: Screen) -> list[Block]:
    """Return the funnels with their sentences; in `convkit report` only the first two, and the names of the others."""
    shown, hidden = _shown(frame, view, screen)
    blocks: list[Block] = []
    for funnel in shown:
        is_funnel = pl.col("funnel") == funnel.name
        blocks += [BlankLine()] if blocks else []
        blocks += _funnel(funnel, frame.filter(is_funnel).rows(named=True), departures.filter(is_funnel), texts[funnel.name], screen)
    return [*blocks, *hidden]


def _shown(frame: pl.DataFrame, view: View, screen: Screen) -> tuple[tuple[Funnel, ...], list[Block]]:
    """Return the funnels that are shown, and the line that names the others."""
    funnels = view.goals.funnels
    if view.goals.is_builtin:
        reached = frame.filter(pl.col("reached") > 0)["funnel"].to_list()
        funnels = tuple(funnel for funnel in funnels if funnel.name in reached)
    shown = funnels[:_FUNNELS_IN_REPORT] if screen.part and screen.limit is None else funnels
    if len(shown) == len(funnels):
        return shown, []
    names = ", ".join(funnel.name for funnel in funnels[len(shown) :])
    more = f"{formatting.plural(len(funnels) - len(shown), 'more funnel')}: {names}. All: convkit funnel."
    return shown, [BlankLine(), Paragraph(more, style="dim")]


def _breakdown_sections(whole: Report, view: View, screen: Screen) -> Iterator[Section]:
    """Yield one table per funnel: how many of those who entered reached each step, followed by the sentences on all sessions."""
    frame = pl.DataFrame(whole.details)
    shown, hidden = _shown(frame, view, screen)
    for funnel in shown:
        rows = frame.filter(funnel=funnel.name)
        heading = Heading(f"FUNNEL {funnel.name}", _describe(funnel, rows.rows(named=True), screen))
        notes = [note for note in whole.notes if note.is_drawn and note.text.startswith((f"{funnel.name}: ", f"{funnel.name} at "))]
        sentences = [Paragraph(note.text) for note in notes if note.code == "other-ways" or not screen.part]
        below: list[Block] = [BlankLine(), *sentences] if sentences else []
        yield Section(heading, rows, {"funnel": funnel.name}, (*below, *(hidden if funnel is shown[-1] else [])))


BREAKDOWN = BreakdownTable(pl.format("{} {}", "step", "name"), "reached", "entered", sections=_breakdown_sections)


def _funnel(funnel: Funnel, rows: list[dict[str, Any]], departures: pl.DataFrame, texts: FunnelSentences, screen: Screen) -> list[Block]:
    """Return one funnel."""
    heading = Heading(f"FUNNEL {funnel.name}", _describe(funnel, rows, screen))
    picture = _wide(rows, departures) if screen.wide else _narrow(rows, departures, texts, screen)
    # Narrow screens show a difference below its step; only the funnel report itself has a line that says that there is none.
    is_shown = screen.wide if texts.has_difference else not screen.part
    sentences = [sentence for sentence in (texts.other_ways, *(texts.differences if is_shown else ())) if sentence]
    return [heading, *picture, *([BlankLine()] if sentences else []), *(Paragraph(sentence) for sentence in sentences)]


def _describe(funnel: Funnel, rows: list[dict[str, Any]], screen: Screen) -> str:
    """Return how the funnel is counted, and how many never entered."""
    scope = ("within one session" if screen.wide else "in one session") if funnel.per == "session" else "across a visitor's sessions"
    everybody, entered = rows[0]["everybody"], rows[0]["entered"]
    is_named = screen.wide or funnel.per == "visitor"
    whole = formatting.plural(everybody, funnel.per) if is_named else formatting.count(everybody)
    share = f" ({formatting.share(everybody - entered, everybody)})" if screen.wide and everybody >= formatting.MIN_BASE else ""
    return f"{_conditions(funnel, scope)}; {formatting.count(everybody - entered)} of {whole} never entered{share}"


def _narrow(rows: list[dict[str, Any]], departures: pl.DataFrame, texts: FunnelSentences, screen: Screen) -> list[Block]:
    """Return one line per step with its bar, and below it where those who dropped off went."""
    first = rows[0]["entered"]
    columns = {
        "step": Shown(text=_label),
        "reached": Shown(text="count", style="bold"),
        "bar": Shown(text=lambda row: f"{formatting.bar(row['reached'], first, _BAR):{_BAR}}", rank=1, style="bar", left=True),
        "share": Shown(text=lambda row: formatting.share(row["reached"], first), rank=2),
    }
    return [BlankLine(), table(rows, columns, details=lambda row: _details(row, departures.filter(step=row["step"]), texts, screen))]


def _label(row: Mapping[str, Any]) -> str:
    return f"{row['step']} {row['name']}{' (optional)' if row['is_optional'] else ''}"


def _details(row: Mapping[str, Any], departures: pl.DataFrame, texts: FunnelSentences, screen: Screen) -> list[Paragraph]:
    """Return how many began at a step, if the funnel is open, and where those who dropped off went."""
    began = [Paragraph(f"{formatting.count(row['entries'])} began here", indent=6, first="↳ ", style="dim")] if row["entries"] else []
    if not row["drop_offs"]:
        return began
    share = formatting.share(row["drop_offs"], row["reached"])
    text = f"{formatting.count(row['drop_offs'])} dropped off" + (f" ({share})" if share != formatting.TOO_FEW else "")
    following = _next(departures)
    text += _after(following)
    items = [f"{formatting.count(number)} {_place(item)}" for item, number in following.select("item", "dropped").head(_ITEMS).rows()]
    while len(f"      ↳ {text}: {', '.join(items)}") > screen.width and len(items) > 1:
        items.pop()
    lines = [*began, Paragraph(f"{text}: {', '.join(items)}", indent=6, first="↳ ", style="dim")]
    return lines + [Paragraph(f"{sentence}.", indent=8, style="") for sentence in texts.losses.get(row["step"], ())]


def _next(departures: pl.DataFrame) -> pl.DataFrame:
    """Return where those who dropped off went next, most frequent first."""
    next_items = next_pages(departures).filter(pl.col("dropped") > 0)
    return next_items.sort("dropped", "item", descending=[True, False])


def _after(following: pl.DataFrame) -> str:
    """Return the page that nearly all saw before they went to one of these, or nothing if there is none."""
    page = following["behind"][0] if following.height else ""
    return f" after {page}" if page else ""


def _place(item: str) -> str:
    return "left" if item == LEFT else item


def _wide(rows: list[dict[str, Any]], departures: pl.DataFrame) -> list[Block]:
    """Return a table with one row per step."""
    first, is_open = rows[0]["entered"], rows[0]["is_open"]
    width = _OPEN_BAR if is_open else _WIDE_BAR
    columns = {
        "step": Shown(text=_label),
        "reached": Shown(rows[0]["unit"], "count", style="bold"),
        "entries": Shown("began here", "count"),
        "of_first": Shown("of all" if is_open else "of step 1", lambda row: formatting.share(row["reached"], first)),
        "bar": Shown(text=lambda row: f"{formatting.bar(row['reached'], first, width):{width}}", rank=1, style="bar", left=True),
        "drop_offs": Shown("dropped", _unless_last(lambda row: formatting.count(row["drop_offs"]))),
        "drop_off_rate": Shown("share", _unless_last(lambda row: formatting.share(row["drop_offs"], row["reached"]))),
        "range": Shown("likely range", _unless_last(_likely), 4),
        "to_next": Shown("to next", _unless_last(lambda row: formatting.duration(row["median_seconds_to_next"])), 3),
        "went_to": Shown("mostly went", _unless_last(lambda row: _mostly(departures.filter(step=row["step"]))), 2, "dim", left=True),
    }
    return [table(rows, {name: column for name, column in columns.items() if is_open or name != "entries"})]


def _unless_last(text: Callable[[Mapping[str, Any]], str]) -> Callable[[Mapping[str, Any]], str]:
    """Return a formatter that leaves the last step empty, because it has no drop-off."""
    return lambda row: "" if row["drop_offs"] is None else text(row)


def _likely(row: Mapping[str, Any]) -> str:
    return formatting.rate_interval(row["drop_off_low"], row["drop_off_high"], row["reached"])


def _mostly(departures: pl.DataFrame) -> str:
    following = _next(departures)
    return ", ".join(_place(item) for item in following["item"].head(_WIDE_ITEMS)) + _after(following)


def _conditions(funnel: Funnel, scope: str) -> str:
    """Return the conditions on chains; `scope` is the session or visitor."""
    return ", ".join([_ORDERS[funnel.order], scope, *_limits(funnel)])


def _limits(funnel: Funnel) -> Iterator[str]:
    """Yield the conditions on chains other than the order of steps."""
    if funnel.is_open:
        yield "may begin at any step"
    if funnel.window:
        yield f"at most {formatting.duration_in_words(funnel.window)} from first to last"
    for number, step in zip(funnel.numbers, funnel.steps, strict=True):
        if step.within:
            yield f"step {number} at most {formatting.duration_in_words(step.within)} after the previous step"
    for one in funnel.without:
        yield f"without {one.name} between {one.after} and {one.before}"
    if funnel.same:
        yield f"with the same {funnel.same_name}"
    if funnel.where:
        yield f"only where {' and '.join(funnel.where)}"


@dataclass(frozen=True)
class FunnelSentences:
    """Sentences about one funnel."""

    other_ways: str
    """How the last step's goal was reached outside of the funnel; empty if it never was."""
    losses: Mapping[int, tuple[str, ...]]
    """By step, a sentence without its full stop for each thing that loses."""
    differences: tuple[str, ...]
    """The same as sentences with the name of the step; if there are none, one sentence that says so."""

    @property
    def has_difference(self) -> bool:
        """Whether anything loses."""
        return bool(self.losses)


def _sentences(funnel: Funnel, departures: pl.DataFrame, friction: pl.DataFrame, ways: pl.DataFrame) -> FunnelSentences:
    """Return the sentences about a funnel, from its rows of `judge_drop_off`, of `judge_friction` and of the tallied detours."""
    losses: dict[int, tuple[str, ...]] = {}
    for row in friction.filter("loses").sort("step", "what", "item").rows(named=True):
        losses[row["step"]] = (*losses.get(row["step"], ()), describe(row, funnel.per))
    names = dict(zip(funnel.numbers, funnel.names, strict=True))
    differing = tuple(f"{names[step]}: {sentence}; more than chance would explain." for step, of_step in losses.items() for sentence in of_step)
    tested = "error, returned form or slow response" if has_slow_answers(departures) else "error or returned form"
    is_judged = not friction.filter("is_judged", pl.col("what").is_in(TESTED)).is_empty()
    none = (_NOTHING_LOSES if is_judged else _TOO_FEW).format(tested)
    return FunnelSentences(_detours(funnel, ways), losses, differing or (none,))


def _detours(funnel: Funnel, ways: pl.DataFrame) -> str:
    """Return how the last step's goal was reached outside of the funnel."""
    order = {way: place for place, way in enumerate(_DETOURS)}
    ordered = sorted(ways.select("detour", "step", "n").rows(), key=lambda row: (order[row[0]], row[1]))
    if not ordered:
        return ""
    detours = [(formatting.count(number), _DETOURS[way].format(step=step, same=funnel.same_name)) for way, step, number in ordered]
    words = detours[0][1] if len(detours) == 1 else ", ".join(f"{number} {how}" for number, how in detours)
    total, goal = sum(number for _, _, number in ordered), funnel.steps[-1].name
    if formatting.is_noun(goal):
        return f"{formatting.goal_count(total, goal).replace(' ', ' more ', 1)} happened outside this funnel: {words}."
    subject = f"Another {funnel.per}" if total == 1 else f"Another {formatting.plural(total, funnel.per)}"
    return f"{subject} reached {goal} outside this funnel: {words}."


def _notes(funnel: Funnel, rows: pl.DataFrame, texts: FunnelSentences, sessions: str) -> Iterator[Note]:
    """Yield the notes on a funnel; `rows` are the funnel's rows in the report, `sessions` is the subject of the note on steps that none reached."""
    if texts.other_ways:
        yield Note("other-ways", f"{funnel.name}: {texts.other_ways}", is_drawn=True)
    begin = f"{funnel.name} at " if texts.has_difference else f"{funnel.name}: "
    yield from (Note("difference", f"{begin}{sentence}", is_drawn=True) for sentence in texts.differences)
    never = rows.filter(pl.col("matched") == 0)["name"].to_list()
    if never and sessions:
        yield Note("empty-step", f"{funnel.name}: {sessions} reached {', '.join(never)}.", group=FUNNELS)
    waiting = int(rows["incomplete"].sum())
    if waiting and funnel.window:
        length = formatting.duration_in_words(funnel.window).removesuffix("s").replace(" ", "-")
        yield Note(
            "incomplete",
            f"{funnel.name}: for {formatting.plural(waiting, funnel.per)} the {length} window was still open when the log ended.",
            group=FUNNELS,
        )
    if funnel.per == "visitor":
        yield Note("visitors", f"{funnel.name} counts visitors: {_BIAS}", group=FUNNELS)
