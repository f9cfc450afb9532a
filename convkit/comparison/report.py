"""The report `compare`: both sides analyzed and tallied, the table of their differences, and its screen."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import polars as pl

from convkit.analysis import sorting
from convkit.analysis.analysis import View
from convkit.analysis.breakdown_screen import shortened
from convkit.analysis.periods import DateRange, parse_period
from convkit.analysis.segment import Matched, Segment, is_inside
from convkit.analysis.tallies import tally
from convkit.comparison import rows as comparison_rows
from convkit.comparison import sides, wording
from convkit.comparison import sides as sides_of
from convkit.comparison.rows import Pair, SideFigures
from convkit.comparison.sides import choose
from convkit.core import formatting, schema, verdicts
from convkit.core.blocks import BlankLine, Cell, Grid, Heading, Paragraph, Row
from convkit.core.collect import collect_frame, collect_frames
from convkit.core.document import Document, Note, Period, Report
from convkit.core.progress import NO_PROGRESS
from convkit.engine import analyzing, documents
from convkit.engine.analyzing import look_at, match
from convkit.engine.pipeline import check_bots, loaded_goals
from convkit.errors import UsageError
from convkit.goals import filters
from convkit.traffic import quality as traffic_quality
from convkit.version import __version__

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from convkit.analysis.analysis import Run
    from convkit.analysis.sorting import Sorting
    from convkit.comparison.sides import CompareRequest, Side, Sides
    from convkit.core.blocks import Block, Screen
    from convkit.core.model import Goals
    from convkit.core.progress import Progress
    from convkit.files.paths import Paths
    from convkit.goals.filters import Filter
    from convkit.ingest.log_data import Taken
    from convkit.traffic.coverage import Coverage

NAME = "compare"
_REPORTS = ("overview", "goals", "funnel")
_ROWS, _FUNNELS = 20, 2
_RATE, _WIDEST = 6, 18
"""Characters of a rate beside its count, and of a group's name at most."""
_CHANGE, _LIKELY = 3, 4
"""Columns that are left out first."""


def compare_sides(taken: Taken, goals: Goals, asked: CompareRequest, scope: Segment, sort: Sorting | None = None) -> Document:
    """Return the document of a comparison; of the `scope` count bots and facts. Raises UsageError where the log has no two sides."""
    by_hour = traffic_quality.lines_per_hour(taken)
    known = traffic_quality.coverage_of_logs(by_hour, goals.site.timezone)
    if known is None:
        raise UsageError("the logs hold nothing to compare; name others")
    matched = match(taken.intake, goals, scope.bots, scope.needed(goals))

    def looked_at(wanted: DateRange, where: Sequence[Filter]) -> Run:
        return look_at(matched, taken.intake, goals, replace(scope, wanted=wanted, asked=where))

    if asked.variant and asked.group is None:
        asked = sides_of.between_variants(asked, _variant_values(looked_at(asked.wanted, asked.where), asked.variant))
    sides = choose(asked, known, goals.site.timezone, goals.site.notes)
    runs = [looked_at(DateRange(side.begin, side.end), side.asked) for side in (sides.before, sides.now)]
    pair = _pair(sides, runs, matched, goals, known)
    report = report_of(pair, comparison_rows.compared_rows(pair))
    quality = traffic_quality.describe_logs(taken, by_hour, known, goals.site.timezone, runs[-1].quality)
    return replace(_document(taken, goals, runs, sorting.sort_report(report, sort) if sort else report), quality=quality)


def _variant_values(run: Run, variant: str) -> list[str]:
    """Return the variants that sessions have, in order."""
    column = pl.col(f"{schema.VARIANT_PREFIX}{variant}").cast(pl.String)
    values = collect_frame(run.analysis.sessions.select(column.drop_nulls().unique().sort()), run.analysis.size)
    return values.to_series().to_list()


def _pair(sides: Sides, runs: list[Run], matched: Matched, goals: Goals, known: Coverage) -> Pair:
    """Return both sides' figures."""
    knows_macro = any(run.knows_macro for run in runs)
    before, now = (_figures(side, run, matched, knows_macro=knows_macro) for side, run in zip((sides.before, sides.now), runs, strict=True))
    if sides.variant:
        before, now = before.in_visitors(), now.in_visitors()
    of_before, of_now = (run.analysis.sessions.select("session") for run in runs)
    both = collect_frame(of_before.join(of_now, on="session", how="semi").select(pl.len()), runs[0].analysis.size).item()
    return Pair(sides, before, now, goals, known, knows_macro, both, tuple(note for several in runs[0].of_variants if (note := several.note)))


def report_of(pair: Pair, rows: pl.DataFrame) -> Report:
    """Return the report: its heading and what must be known first, the table, and the sentences under it."""
    heading, caveats, said = wording.heading(pair), wording.caveats(pair), wording.conclusions(pair, rows)

    def draw(frame: pl.DataFrame, room: Screen) -> list[Block]:
        shown = frame.select("what", "item").join(rows, on=["what", "item"], how="left", maintain_order="left")
        first: list[Block] = [BlankLine(), *(Paragraph(note.text) for note in caveats)] if caveats else []
        table = _draw_table(shown, pair, room)
        return [Heading("COMPARE", heading), *first, BlankLine(), *table, BlankLine(), *(Paragraph(note.text) for note in said)]

    frame = rows.select(column.name for column in comparison_rows.COLUMNS)
    return Report(NAME, comparison_rows.COLUMNS, frame, draw, (Note("sides", f"{heading}.", is_drawn=True), *caveats, *said))


def _figures(side: Side, run: Run, matched: Matched, *, knows_macro: bool) -> SideFigures:
    """Return what the reports say of one side."""
    view = View(run.analysis.goals, run.period, run.input, knows_macro, bots=run.bots, is_narrowed=run.where is not None)
    reports = documents.present(tally(run.analysis, _REPORTS), view)
    own = comparison_rows.tally(run.analysis)
    tallies = dict(zip(own, collect_frames(own.values(), run.analysis.size), strict=True))
    details = {name: reports[name].details for name in ("goals", "funnel")}
    frames = {name: reports[name].frame if frame is None else frame for name, frame in details.items()}
    return SideFigures(
        side, reports["overview"].frame, frames["goals"], frames["funnel"], tallies["days"], tallies["amounts"], _bot_lines(matched, side)
    )


def _bot_lines(matched: Matched, side: Side) -> tuple[int, int]:
    """Return how many lines bots sent in the period of a side, and how many all senders did, but for assets and what was left out."""
    sent = is_inside(side.begin, side.end, "time") & ~pl.col("fate").is_in(["asset", "excluded"])
    counts = matched.met.lazy().select(bots=(sent & pl.col("reason").is_not_null()).sum(), lines=sent.sum())
    bots, lines = collect_frame(counts, matched.met.height).row(0)
    return bots, lines


def _document(taken: Taken, goals: Goals, runs: list[Run], report: Report) -> Document:
    """Return what outputs take; what lies in one of the sides is not outside."""
    before, now = runs
    period = Period(before.period.begin, now.period.end, goals.site.timezone)
    return Document(
        version=__version__,
        logs=taken.names,
        goals_file=goals.file,
        goals_summary=documents.summary(goals),
        input=_fates(before, now),
        reasons=now.reasons,
        period=period,
        reports={report.name: report},
        copies=taken.copies,
        losses=now.losses,
        rejects=now.rejects,
    )


def _fates(before: Run, now: Run) -> Mapping[str, int]:
    """Return what became of every line: hits of either side are kept."""
    sides = [run.analysis.hits.select(pl.col("inside").alias(name), "fate") for name, run in (("before", before), ("now", now))]
    found = pl.concat([sides[0], sides[1].select("now")], how="horizontal").filter((pl.col("fate") == "kept") & (pl.col("before") | pl.col("now")))
    kept = collect_frame(found.select(pl.len()), now.analysis.size).item()
    return {**now.input, "kept": kept, "outside": now.input["outside"] + now.input["kept"] - kept}


def compare(  # noqa: PLR0913 (every filter of a run is one keyword)
    paths: Paths,
    goals: str | Path | Goals | None = None,
    *,
    against: str | None = None,
    at: str | None = None,
    variant: str | None = None,
    log_format: str = "auto",
    since: str | None = None,
    until: str | None = None,
    last: str | None = None,
    bots: str = "drop",
    where: Iterable[str] = (),
    sort: str | None = None,
    rejects: bool = False,
    progress: Progress = NO_PROGRESS,
) -> Document:
    """Read logs and return the report `compare`: a period beside the one before it, or a group of sessions beside another.

    `against` is what `--with` takes: `last-year`, a period like `2026-09-01..2026-09-30`, or a question like `device=mobile`, which takes the place
    of the one in `where` about the same field; `at` is a day on which something changed; `variant` is one of `site.variants`, of which two were seen.
    All else is as in `run`.

    Raises InputError, UsageError.
    """
    check_bots(bots)
    loaded = loaded_goals(goals)
    wanted = parse_period(since, until, last, loaded.site.timezone)
    asked = sides.parse(wanted, [where] if isinstance(where, str) else list(where), against, at, loaded)
    asked = asked if variant is None else sides_of.with_variant(asked, variant, against, at, loaded)
    order = None if sort is None else sorting.parse_sorting(sort, {NAME: comparison_rows.COLUMNS})
    needed = filters.needed_fields((*asked.where, *(asked.group or ())), loaded)
    scope = Segment(wanted, bots, facts=needed | schema.session_fields_of([f"{schema.VARIANT_PREFIX}{variant}"] if variant else []))
    taken = analyzing.once(analyzing.read(paths, loaded, log_format, needed=scope.facts, rejects=rejects, progress=progress))
    return compare_sides(taken, loaded, asked, scope, order)


def _draw_table(rows: pl.DataFrame, pair: Pair, room: Screen) -> list[Block]:
    """Return the table: the overview, the goals that were reached, and the steps of funnels."""
    parts, sides = _parts(rows, pair.goals, room), pair.sides
    texts = [[_texts(row, pair.goals.site.currency) for row in part] for _, part in parts]
    headings = ["", *_side_names(sides), "change", "likely change", "verdict"]
    # Each part is a grid of its own: padded to the widest, their columns stand below each other.
    widths = [max(map(len, column)) for column in zip(headings, *(row for part in texts for row in part), strict=True)]
    hidden = () if room.wide else (_LIKELY,)
    blocks: list[Block] = []
    for (title, part), cells in zip(parts, texts, strict=True):
        above = [] if blocks else [Cell(text, "dim", left=True) for text in _padded(headings, widths)]
        blocks += [BlankLine()] if blocks else []
        blocks += [Heading(f"FUNNEL {title}", "of those who began")] if title else []
        lines = [Row(_cells(row, text, widths)) for row, text in zip(part, cells, strict=True)]
        blocks.append(Grid(lines, above, hidden=hidden, drops=(_LIKELY, _CHANGE), least=widths[0]))
    more = rows.filter(what="funnel")["group"].n_unique() - sum(bool(title) for title, _ in parts)
    if more:
        blocks += [BlankLine(), Paragraph(f"{formatting.plural(more, 'more funnel')}: --limit 0.", style="dim")]
    return blocks


def _side_names(sides: Sides) -> list[str]:
    """Return what the columns of the sides are called: groups by what they do not have in common."""
    names = [sides.before.name, sides.now.name]
    fields = {name.partition("=")[0] for name in names}
    return [shortened(name.partition("=")[2] if sides.are_groups and len(fields) == 1 else name, _WIDEST) for name in names]


def _parts(rows: pl.DataFrame, goals: Goals, room: Screen) -> list[tuple[str, list[dict[str, Any]]]]:
    """Return the rows that are shown, under each other, of a funnel with its name."""
    is_reached = (pl.col("before") + pl.col("now") > 0) | ((pl.col("group") == "macro") & (goals.file is not None))
    overview = rows.filter(pl.col("what") == "overview", pl.col("before").is_not_null())
    reached = rows.filter((pl.col("what") == "goal") & is_reached).head(room.rows(_ROWS) or rows.height)
    found = rows.filter(pl.col("what") == "funnel")
    funnels = [funnel.name for funnel in goals.funnels if funnel.name in found["group"]][: room.rows(_FUNNELS) if room.limit == 0 else _FUNNELS]
    parts = [("", overview), ("", reached), *((name, found.filter(group=name)) for name in funnels)]
    return [(title, part.rows(named=True)) for title, part in parts if part.height]


def _texts(row: Mapping[str, Any], currency: str) -> list[str]:
    """Return the cells of a row."""
    if row["item"] == "value" and row["what"] == "overview":
        counts = ["–" if row[rate] is None else formatting.money(row[rate] * 1_000_000, currency) for rate in ("before_rate", "now_rate")]
        counts, label = [f"{count}{'':{_RATE}}" for count in counts], "value each"
    elif row["before_of"] is None:
        counts, label = [f"{formatting.count(int(row[side]))}{'':{_RATE}}" for side in ("before", "now")], row["label"]
    else:
        counts, label = [formatting.count_and_rate(int(row[side]), row[f"{side}_of"], _RATE) for side in ("before", "now")], row["label"]
    likely = [row[bound] for bound in ("difference_low", "difference_high")]
    change = _change(row)
    has_range = change not in {formatting.TOO_FEW, formatting.UNKNOWN} and None not in likely and row["before_rate"]
    words = " to ".join(formatting.change(max(bound / row["before_rate"], -1)) for bound in likely) if has_range else ""
    return [label, *counts, change, words, row["verdict"] or ""]


def _change(row: Mapping[str, Any]) -> str:
    """Return the movement relative to the side before; a dot where there are too few to tell one."""
    before, now = row["before_rate"], row["now_rate"]
    if row["item"] == "sessions" and row["what"] == "overview":
        before, now = (row["before"], row["now"]) if row["verdict"] else (None, None)
    elif row["before_of"] is not None and not verdicts.has_enough_data(row):
        return formatting.TOO_FEW
    if before is None or now is None:
        return formatting.TOO_FEW
    return formatting.change(now / before - 1) if before > 0 else formatting.UNKNOWN


def _cells(row: Mapping[str, Any], texts: Sequence[str], widths: Sequence[int]) -> list[Cell]:
    """Return the cells as they are drawn: only the verdict has a colour, and only where it is good or bad news."""
    label, before, now, change, likely, verdict = _padded(texts, widths)
    style = "" if row["what"] == "overview" else "good" if verdicts.rose(row["verdict"]) else "bad" if verdicts.fell(row["verdict"]) else ""
    return [Cell(label), Cell(before), Cell(now, "bold"), Cell(change), Cell(likely), Cell(verdict, style, left=True)]


def _padded(texts: Sequence[str], widths: Sequence[int]) -> list[str]:
    """Return texts as wide as their columns; the first gives way where the screen is narrow, and the last begins at the left."""
    middle = [text.rjust(width) for text, width in zip(texts[1:-1], widths[1:-1], strict=True)]
    return [texts[0], *middle, texts[-1].ljust(widths[-1])]
