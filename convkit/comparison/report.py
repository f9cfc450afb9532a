"""The `compare` report: the analysis of both sides, the table of their differences, and its screen."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import polars as pl

from convkit.analysis import sorting
from convkit.analysis.analysis import View
from convkit.analysis.breakdown_screen import shortened
from convkit.analysis.periods import DateRange
from convkit.analysis.segment import is_inside
from convkit.comparison import rows as comparison_rows
from convkit.comparison import sides as comparison_sides
from convkit.comparison import wording
from convkit.comparison.rows import Pair, SideFigures
from convkit.core import formatting, schema, verdicts
from convkit.core.blocks import BlankLine, Heading, Paragraph, Shown, table
from convkit.core.collect import collect_frame, collect_frames
from convkit.core.document import Document, Note, Period, Report
from convkit.core.progress import NO_PROGRESS
from convkit.engine import document, empty_result, first_visits, lost_lines, partition, stages, thresholds
from convkit.engine.partial_result import merge
from convkit.engine.plan import plan_segment, read_goals
from convkit.errors import UsageError
from convkit.traffic import bots, programs
from convkit.traffic import quality as traffic_quality
from convkit.version import __version__

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from convkit.analysis.segment import Matched
    from convkit.comparison.sides import CompareRequest, Side, Sides
    from convkit.core.blocks import Block, Screen
    from convkit.core.model import Goals
    from convkit.core.options import CompareOptions
    from convkit.core.progress import Progress
    from convkit.core.verdicts import Words
    from convkit.engine.partial_result import PartialResult
    from convkit.engine.partition import Partition
    from convkit.engine.plan import Plan
    from convkit.engine.stages import Run
    from convkit.files.paths import Paths
    from convkit.ingest.log_data import LogData, Part
    from convkit.traffic.coverage import Coverage

NAME = "compare"
_REPORTS = ("overview", "goals", "funnel")
_ROWS, _FUNNELS = 20, 2
_RATE, _WIDEST = 6, 18
"""The width of a rate next to a count, and the maximum width of a group's name."""
_COLUMNS = ("label", "before", "now", "change", "verdict")
_LABELS = {"value": "value each", comparison_rows.TIME: "median time", comparison_rows.PAGES: "pages each", comparison_rows.ORDER: "order value"}
"""The labels of the rows of the overview that have a median or a mean."""
_MOST_NAMED = 30
"""The maximum number of rows named in the line on those that cannot be told."""


def compare(paths: Paths, options: CompareOptions, progress: Progress = NO_PROGRESS) -> Document:
    """Read logs and return the `compare` report on two periods or two groups of sessions.

    Raises GoalsFileError, InputError, OutputError and UsageError, the last one also if the logs do not contain both sides.
    """
    goals = read_goals(options)
    plan = plan_segment(options, goals, progress=progress)
    request = comparison_sides.parse(plan.segment.date_range, plan.where, options.against, options.at, goals)
    if options.variant is not None:
        request = comparison_sides.with_variant(request, options.variant, options.against, options.at, goals)
    order = None if options.sort is None else sorting.parse_sorting(options.sort, {NAME: comparison_rows.COLUMNS})
    variant = [f"{schema.VARIANT_PREFIX}{options.variant}"] if options.variant else []
    fields = schema.session_fields_of([*variant, *(one.field for one in (*request.where, *(request.group or ())))])
    plan = replace(
        plan,
        segment=replace(plan.segment, filters=(), session_fields=fields),
        reports=_REPORTS,
        order=order,
        thresholds=thresholds.of_comparison(options, goals),
    )
    with partition.read(paths, plan) as parts:
        return replace(compare_sides(parts, plan, request), unsaved=document.unsaved_goals(paths, plan))


def compare_sides(parts: Partition, plan: Plan, request: CompareRequest) -> Document:
    """Return the document for a comparison. Raises UsageError if the logs do not contain both sides."""
    goals, timezone = plan.goals, plan.goals.site.timezone
    by_hour = traffic_quality.lines_per_hour(parts.data)
    coverage = traffic_quality.coverage_of_logs(traffic_quality.without_stray(by_hour, parts.data), timezone)
    if coverage is None:
        raise UsageError("these logs have no lines to compare; specify different logs")
    parts = stages.with_own_hosts(parts, goals, plan.segment.bots, plan.session_fields)
    if request.variant and request.group is None:
        request = comparison_sides.between_variants(request, _variants_seen(parts, plan, request))
    sides = comparison_sides.choose(request, coverage, timezone, goals.site.notes)
    results = parts.map(lambda part: _part_results(part, plan, sides))
    before, now = (merge([sides_of_part[number] for sides_of_part in results]) for number in (0, 1))
    pair = _pair(sides, before, now, plan, coverage)
    rows = comparison_rows.compared_rows(pair)
    report = report_of(pair, rows)
    quality = traffic_quality.describe_logs(parts.data, by_hour, coverage, timezone, bots.quality_of_bots(now.bot_lines))
    report = sorting.sort_report(report, plan.order) if plan.order else report
    outcomes = thresholds.evaluate_moves(plan.thresholds, rows)
    return replace(_document(parts.data, goals, sides, (before, now), report), quality=quality, thresholds=outcomes)


def _variants_seen(parts: Partition, plan: Plan, request: CompareRequest) -> list[str]:
    """Return the variants that sessions saw, sorted."""
    column = pl.col(f"{schema.VARIANT_PREFIX}{request.variant}").cast(pl.String)
    segment = replace(plan.segment, date_range=request.date_range, filters=request.where)

    def variants(part: Part) -> pl.DataFrame:
        analysis = stages.analyze_segment(_match(part, plan), part, plan.goals, segment).analysis
        return collect_frame(analysis.sessions.select(column.drop_nulls().unique()), analysis.size)

    return pl.concat(parts.map(variants)).to_series().unique().sort().to_list()


def _match(part: Part, plan: Plan) -> Matched:
    """Return the hits of a part, matched against the goals."""
    return stages.match(part, plan.goals, plan.segment.bots, plan.session_fields)


def _part_results(part: Part, plan: Plan, sides: Sides) -> tuple[PartialResult, PartialResult]:
    """Return the results of both sides for one part, with the tallies that only a comparison needs."""
    matched = _match(part, plan)
    before, now = (
        stages.analyze_segment(matched, part, plan.goals, replace(plan.segment, date_range=DateRange(side.begin, side.end), filters=side.filters))
        for side in (sides.before, sides.now)
    )
    shared = {"shared": _shared(before, now), "programs": _programs(matched, part, plan, sides)}
    return _side_result(before, matched, sides.before, plan, shared), _side_result(now, matched, sides.now, plan, shared)


def _programs(matched: Matched, part: Part, plan: Plan, sides: Sides) -> pl.DataFrame:
    """Return `agent, n`: the conversions of excluded programs on both sides, by user agent."""
    segments = (replace(plan.segment, date_range=DateRange(side.begin, side.end), filters=side.filters) for side in (sides.before, sides.now))
    rows = [row for segment in segments for row in stages.converted_programs(matched, part, plan.goals, segment).items()]
    return pl.DataFrame(rows, schema={"agent": pl.String, "n": pl.Int64}, orient="row").group_by("agent").agg(pl.col("n").sum())


def _side_result(run: Run, matched: Matched, side: Side, plan: Plan, shared: Mapping[str, pl.DataFrame]) -> PartialResult:
    """Return the result of one side."""
    queries = comparison_rows.tally(run.analysis)
    tallies = dict(zip(queries, collect_frames(queries.values(), run.analysis.size), strict=True))
    result = run.tallied(plan)
    return replace(result, tallies={**result.tallies, NAME: {**tallies, "bot_lines": _bot_lines(matched, side), **shared}}).as_text()


def _shared(before: Run, now: Run) -> pl.DataFrame:
    """Return `in_both, kept`: sessions that are on both sides, and hits that are kept on either."""
    sessions_before, sessions_now = (run.analysis.sessions.select("session") for run in (before, now))
    in_both = collect_frame(
        sessions_before.join(sessions_now, on="session", how="semi").select(in_both=pl.len().cast(pl.Int64)), before.analysis.size
    )
    hits = [run.analysis.hits.select(pl.col("inside").alias(name), "fate") for name, run in (("before", before), ("now", now))]
    kept = pl.concat([hits[0], hits[1].select("now")], how="horizontal").filter((pl.col("fate") == "kept") & (pl.col("before") | pl.col("now")))
    return in_both.hstack(collect_frame(kept.select(kept=pl.len().cast(pl.Int64)), now.analysis.size))


def _pair(sides: Sides, result_before: PartialResult, result_now: PartialResult, plan: Plan, coverage: Coverage) -> Pair:
    """Return the figures of both sides."""
    knows_macro = result_before.knows_macro or result_now.knows_macro
    results = ((sides.before, result_before), (sides.now, result_now))
    before, now = (_figures(side, result, plan, knows_macro=knows_macro) for side, result in results)
    if sides.variant:
        before, now = before.in_visitors(), now.in_visitors()
    in_both = int(result_now.tallies[NAME]["shared"]["in_both"].item())
    notes = tuple(note for several in result_before.of_variants for note in several.notes)
    return Pair(sides, before, now, plan.goals, coverage, knows_macro, in_both, notes)


def report_of(pair: Pair, rows: pl.DataFrame) -> Report:
    """Return the report with its heading, caveats, table and conclusions."""
    heading, caveats, conclusions = wording.heading(pair), wording.caveats(pair), wording.conclusions(pair, rows)

    def draw(frame: pl.DataFrame, screen: Screen) -> list[Block]:
        shown = frame.select("what", "item").join(rows, on=["what", "item"], how="left", maintain_order="left")
        warnings: list[Block] = [BlankLine(), *(Paragraph(note.text) for note in caveats)] if caveats else []
        table = _draw_table(shown, pair, screen)
        return [Heading("COMPARE", heading), *warnings, BlankLine(), *table, BlankLine(), *(Paragraph(note.text) for note in conclusions)]

    frame = rows.select(column.name for column in comparison_rows.COLUMNS)
    return Report(NAME, comparison_rows.COLUMNS, frame, draw, (Note("sides", f"{heading}.", is_drawn=True), *caveats, *conclusions))


def _figures(side: Side, result: PartialResult, plan: Plan, *, knows_macro: bool) -> SideFigures:
    """Return the figures of one side."""
    view = View(
        goals=plan.goals,
        period=result.period,
        input=result.input,
        knows_macro=knows_macro,
        bots=plan.segment.bots,
        is_narrowed=result.filtered is not None,
    )
    reports = document.present({name: result.tallies[name] for name in _REPORTS}, view)
    details = {name: reports[name].details for name in _REPORTS}
    frames = {name: reports[name].frame if frame is None else frame for name, frame in details.items()}
    tallies = result.tallies[NAME]
    bot_lines, lines = tallies["bot_lines"].row(0)
    return SideFigures(
        side,
        frames["overview"],
        frames["goals"],
        frames["funnel"],
        tallies["days"],
        tallies["amounts"],
        (bot_lines, lines),
        result.tallies["overview"]["seconds"],
        tallies["pages"],
        tallies["orders"],
    )


def _bot_lines(matched: Matched, side: Side) -> pl.DataFrame:
    """Return `bots, lines`: the lines from bots in a side's period, and all lines in it, not counting static files and excluded lines."""
    is_counted = is_inside(side.begin, side.end, "time") & ~pl.col("fate").is_in(["asset", "excluded"])
    counts = matched.fates.lazy().select(
        bots=(is_counted & pl.col("reason").is_not_null()).sum().cast(pl.Int64), lines=is_counted.sum().cast(pl.Int64)
    )
    return collect_frame(counts, matched.fates.height)


def _document(data: LogData, goals: Goals, sides: Sides, results: tuple[PartialResult, PartialResult], report: Report) -> Document:
    """Return the document; a hit counts as outside only if it is on neither side."""
    before, now = results
    kept = int(now.tallies[NAME]["shared"]["kept"].item())
    zone, of_sides = goals.site.timezone, zip(results, (sides.before, sides.now), strict=True)
    notes = [empty_result.note_on_empty(result, zone, side.filters, side.dates) for result, side in of_sides]
    empty = [note for note in dict.fromkeys(notes) if note]
    pageless = (before.of_pageless[0] + now.of_pageless[0], before.of_pageless[1] + now.of_pageless[1])
    lost = lost_lines.notes_on_lost(replace(now, of_pageless=pageless), data, goals)
    visits = first_visits.notes_on_visits(before, (*sides.before.filters, *sides.now.filters))
    on_data = (*visits, *document.stray_notes(data, goals), *lost)
    return Document(
        version=__version__,
        logs=data.names,
        goals_file=goals.file,
        goals_summary=document.summary(goals),
        input={**now.input, "kept": kept, "outside": now.input["outside"] + now.input["kept"] - kept},
        reasons=now.reasons,
        period=Period(before.period.begin, now.period.end, goals.site.timezone),
        reports={report.name: replace(report, notes=(*report.notes, *_visitor_notes(data, before, now, goals), *empty, *on_data))},
        copies=data.copies,
        left_out=data.left_out,
        remarks=data.remarks,
        lost=lost_lines.warnings_of(lost),
        empty=empty[0].text if empty and empty_result.is_period_empty(results) else "",
        losses=data.losses,
        rejects=data.rejects,
        files=data.files,
    )


def _visitor_notes(data: LogData, before: PartialResult, now: PartialResult, goals: Goals) -> tuple[Note, ...]:
    """Return the notes on how well visitors are identified, and on programs that may be people."""
    conversions = dict(now.tallies[NAME]["programs"].rows())
    of_programs = programs.conversions_note(conversions, goals) if conversions else None
    of_crowd = now.crowd_note or before.crowd_note
    return (*(note for note in (of_crowd,) if note), *(Note(*note) for note in data.identity_notes), *(note for note in (of_programs,) if note))


def _draw_table(rows: pl.DataFrame, pair: Pair, screen: Screen) -> list[Block]:
    """Return the table: the overview, the goals that were reached, and the steps of funnels.

    Figures that moved come first, and those that cannot be told share one line below; `--limit 0` shows every row, in the order of the files.
    """
    eligible = rows.filter(_is_eligible(pair.goals) & ((screen.limit == 0) | (pl.col("item") != "sessions") | pl.col("verdict").is_not_null()))
    is_undecided = (pl.col("verdict") == verdicts.CANNOT_TELL).fill_null(value=False) & (screen.limit != 0)
    parts, sides = _parts(eligible.filter(~is_undecided), pair.goals, screen), pair.sides
    texts = [_aligned([_texts(row, pair, screen) for row in part]) for _, part in parts]
    headings = ["", *_side_names(sides), "change (likely range)" if screen.wide else "change (range)", "verdict"]
    # Each part is a separate grid, padded to the widest so that their columns line up.
    widths = [max(map(len, column)) for column in zip(headings, *(row for part in texts for row in part), strict=True)]
    blocks: list[Block] = []
    for (title, part), cells in zip(parts, texts, strict=True):
        columns = _columns([""] * len(headings) if blocks else _padded(headings, widths))
        blocks += [BlankLine()] if blocks else []
        blocks += [Heading(f"FUNNEL {title}", "share of those who entered")] if title else []
        lines = [dict(zip(_COLUMNS, _padded(text, widths), strict=True)) | {"style": _style(row)} for row, text in zip(part, cells, strict=True)]
        blocks.append(replace(table(lines, columns), least=widths[0]))
    judged = eligible.filter(~is_undecided)
    below = [*_given(judged), *_unseen_funnels(judged, parts, screen), *_undecided(eligible, is_undecided), *_short_verdict(texts, pair)]
    return [*blocks, *([BlankLine()] if blocks and below else []), *below]


def _is_eligible(goals: Goals) -> pl.Expr:
    """Return which rows a screen shows: without values where there are none, and without goals that nobody reached."""
    is_reached = (pl.col("before") + pl.col("now") > 0) | ((pl.col("group") == "macro") & (not goals.is_builtin))
    return pl.when(pl.col("what") == "goal").then(is_reached).otherwise(pl.col("before").is_not_null())


def _undecided(rows: pl.DataFrame, is_undecided: pl.Expr) -> list[Block]:
    """Return the line that names the figures that cannot be told."""
    undecided = rows.filter(is_undecided)
    if undecided.is_empty():
        return []
    named = undecided.head(_MOST_NAMED)
    names = [_label(row) for row in named.filter(pl.col("what") != "funnel").rows(named=True)]
    steps = named.filter(what="funnel").group_by("group", maintain_order=True).agg("label")
    texts = [*([", ".join(names)] if names else []), *(f"in {funnel}: {', '.join(labels)}" for funnel, labels in steps.rows())]
    more = [f"{undecided.height - named.height} more"] if undecided.height > named.height else []
    number = f"{undecided.height} of {rows['verdict'].count()}"
    return [Paragraph(f"Cannot tell: {'; '.join([*texts, *more])} ({number}; all rows: --limit 0)", style="dim")]


def _given(rows: pl.DataFrame) -> list[Block]:
    """Return the line on goals that have no verdict."""
    names = rows.filter(pl.col("verdict").is_null(), what="goal")["label"].to_list()
    return [Paragraph(f"No verdict on {', '.join(names)}: defined by the same thing as the groups.", style="dim")] if names else []


def _unseen_funnels(rows: pl.DataFrame, parts: Sequence[tuple[str, Any]], screen: Screen) -> list[Block]:
    """Return the line on funnels that changed and are not shown."""
    number = _judged_funnels(rows, screen).len() - sum(bool(title) for title, _ in parts)
    return [Paragraph(f"{formatting.plural(number, 'more funnel')}: --limit 0.", style="dim")] if number > 0 else []


def _judged_funnels(rows: pl.DataFrame, screen: Screen) -> pl.Series:
    """Return the names of funnels with a row to show in addition to the first step, which is the same for everyone."""
    steps = rows.filter(what="funnel")
    return steps.filter(pl.col("verdict").is_not_null() | pl.lit(screen.limit == 0))["group"].unique(maintain_order=True)


def _short_verdict(texts: Sequence[Sequence[Sequence[str]]], pair: Pair) -> list[Block]:
    """Return the explanation of the short verdict of narrow screens, if it is used."""
    short, words = _within(pair), _words(pair).unchanged(pair.goals.site.margin)
    is_used = any(row[-1] == short for part in texts for row in part)
    return [Paragraph(f"{short}: {words}", style="dim")] if is_used else []


def _words(pair: Pair) -> Words:
    return verdicts.GROUP_WORDS if pair.sides.are_groups else verdicts.PERIOD_WORDS


def _within(pair: Pair) -> str:
    """Return the short form of the verdict on a figure within the margin."""
    return f"within {pair.goals.site.margin * 100:g}%"


def _side_names(sides: Sides) -> list[str]:
    """Return the headings of the sides; if both groups are defined by the same field, its values are the headings."""
    names = [sides.before.name, sides.now.name]
    fields = {name.partition("=")[0] for name in names}
    return [shortened(name.partition("=")[2] if sides.are_groups and len(fields) == 1 else name, _WIDEST) for name in names]


def _parts(rows: pl.DataFrame, goals: Goals, screen: Screen) -> list[tuple[str, list[dict[str, Any]]]]:
    """Return the parts of the table that are shown, each with the name of its funnel as the title, or an empty title."""
    overview, reached, metrics, steps = (rows.filter(what=what) for what in ("overview", "goal", "metric", "funnel"))
    if screen.limit != 0:
        has_moved = pl.col("verdict").is_in([*verdicts.PERIOD_WORDS[:2], *verdicts.GROUP_WORDS[:2]]).fill_null(value=False)
        reached = reached.sort(~has_moved, maintain_order=True)
    reached, judged = reached.head(screen.rows(_ROWS) or rows.height), _judged_funnels(rows, screen)
    funnels = [funnel.name for funnel in goals.funnels if funnel.name in judged][: screen.rows(_FUNNELS) if screen.limit == 0 else _FUNNELS]
    parts = [("", overview), ("", reached), ("", metrics), *((name, steps.filter(group=name)) for name in funnels)]
    return [(title, part.rows(named=True)) for title, part in parts if part.height]


def _label(row: Mapping[str, Any]) -> str:
    return _LABELS.get(row["item"], str(row["label"])) if row["what"] == "overview" else str(row["label"])


def _texts(row: Mapping[str, Any], pair: Pair, screen: Screen) -> list[str]:
    """Return the text of each cell in a row; the change and its likely range are two texts, which `_aligned` joins."""
    if row["what"] == "overview" and row["item"] in _LABELS:
        counts = [f"{_measured(row['item'], row[rate], pair.goals.site.currency)}{'':{_RATE}}" for rate in ("before_rate", "now_rate")]
    elif row["what"] == "metric":
        counts = [_metric(row, side, pair.goals) for side in ("before", "now")]
    elif row["before_of"] is None:
        counts = [f"{formatting.count(int(row[side]))}{'':{_RATE}}" for side in ("before", "now")]
    else:
        counts = [formatting.count_and_rate(int(row[side]), row[f"{side}_of"], _RATE) for side in ("before", "now")]
    bounds = [row[bound] for bound in ("difference_low", "difference_high")]
    change, verdict = _change(row), row["verdict"] or ""
    if change not in {formatting.TOO_FEW, formatting.UNKNOWN} and None not in bounds and row["before_rate"]:
        bounds = [bound / row["before_rate"] for bound in bounds]
    else:
        bounds = [row["change_low"], row["change_high"]]
    likely = "" if None in bounds else f"({formatting.change_range(*bounds)})"
    is_long = not screen.wide and verdict == _words(pair).unchanged(pair.goals.site.margin)
    return [_label(row), *counts, change, likely, _within(pair) if is_long else verdict]


def _metric(row: Mapping[str, Any], side: str, goals: Goals) -> str:
    """Return a computed metric: its count and rate if it is a plain share, or else the figure alone."""
    base, figure = row[f"{side}_of"], row[f"{side}_rate"]
    is_plain = row["tests"] is not None and all(metric.factor == 1 for metric in goals.metrics if metric.name == row["item"])
    if is_plain:
        return formatting.count_and_rate(int(row[side]), base, _RATE)
    text = formatting.UNKNOWN if figure is None else formatting.number(figure) if base >= formatting.MIN_BASE else formatting.TOO_FEW
    return f"{text}{'':{_RATE}}"


def _measured(item: str, value: float | None, currency: str) -> str:
    """Return the median or mean of a row of the overview."""
    if value is None:
        return formatting.UNKNOWN
    return (
        formatting.duration(value) if item == comparison_rows.TIME else f"{value:.1f}" if item == comparison_rows.PAGES else _money(value, currency)
    )


def _money(value: float, currency: str) -> str:
    return formatting.money(value * 1_000_000, currency)


def _aligned(rows: Sequence[Sequence[str]]) -> list[list[str]]:
    """Join each change with its range, so that the changes of a part are right-aligned and the ranges left-aligned."""
    change, likely = (max((len(row[column]) for row in rows), default=0) for column in (-3, -2))
    return [[*row[:-3], f"{row[-3]:>{change}} {row[-2]:{likely}}" if likely else row[-3], row[-1]] for row in rows]


def _change(row: Mapping[str, Any]) -> str:
    """Return the change relative to the `before` side, or a dot if there is too little data."""
    before, now = row["before_rate"], row["now_rate"]
    if row["what"] == "overview" and row["item"] in comparison_rows.MEASURES and row["difference"] is None:
        return formatting.TOO_FEW
    if row["item"] == "sessions" and row["what"] == "overview":
        return formatting.change(row["now"] / row["before"] - 1) if row["verdict"] and row["before"] else ""
    if row["before_of"] is not None and not verdicts.has_enough_data(row):
        return formatting.TOO_FEW
    if before is None or now is None:
        return formatting.TOO_FEW
    return formatting.change(now / before - 1) if before > 0 else formatting.UNKNOWN


def _columns(titles: Sequence[str]) -> dict[str, Shown]:
    """Return the columns of the screen."""
    columns = {name: Shown(title, style="bold" if name == "now" else "") for name, title in zip(_COLUMNS, titles, strict=True)}
    columns["verdict"] = replace(columns["verdict"], style=lambda row: row["style"], left=True)
    return columns


def _style(row: Mapping[str, Any]) -> str:
    """Return the style of a verdict, which is coloured only if it is good or bad news."""
    return (
        "" if row["what"] in {"overview", "metric"} else "good" if verdicts.rose(row["verdict"]) else "bad" if verdicts.fell(row["verdict"]) else ""
    )


def _padded(texts: Sequence[str], widths: Sequence[int]) -> list[str]:
    """Pad each text to the width of its column, except the first, which the grid may shorten; the last one is left-aligned."""
    middle = [text.rjust(width) for text, width in zip(texts[1:-1], widths[1:-1], strict=True)]
    return [texts[0], *middle, texts[-1].ljust(widths[-1])]
