"""The cells of all lines -> the document of `compare`: both sides analyzed, tallied, and set beside each other.

It stands alone because a comparison is of two analyses, of which a report knows only one.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import polars as pl

from convkit.analysis import sorting
from convkit.analysis.analysis import View
from convkit.analysis.periods import Wanted, parse_period
from convkit.analysis.scopes import Matched, Scope, is_inside
from convkit.analysis.tallying import tally
from convkit.comparison import compare_caveats, compare_rows, compare_screen, compare_words, sides
from convkit.comparison import sides as sides_of
from convkit.comparison.compare_rows import Figures, Pair
from convkit.comparison.sides import choose
from convkit.core import facts
from convkit.core import facts as core_facts
from convkit.core.collecting import all_collected, collected
from convkit.core.progress import UNWATCHED
from convkit.core.tables import Document, Gap, Heading, Note, Paragraph, Period, Report
from convkit.engine import analyzing, documents
from convkit.engine.analyzing import look_at, match
from convkit.engine.pipeline import check_bots, loaded_goals
from convkit.errors import UsageError
from convkit.goals import questions
from convkit.traffic import inspecting
from convkit.version import __version__

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from convkit.analysis.analysis import Run
    from convkit.analysis.sorting import Sorting
    from convkit.comparison.sides import Asked, Side, Sides
    from convkit.core.definitions import Goals
    from convkit.core.progress import Progress
    from convkit.core.tables import Block, Room
    from convkit.goals.questions import Question
    from convkit.ingest.reading import Paths
    from convkit.ingest.whole import Taken
    from convkit.traffic.gaps import Coverage


NAME = "compare"
_REPORTS = ("overview", "goals", "funnel")


def compare_sides(taken: Taken, goals: Goals, asked: Asked, scope: Scope, sort: Sorting | None = None) -> Document:
    """Return the document of a comparison; of the `scope` count bots and facts. Raises UsageError where the log has no two sides."""
    by_hour = inspecting.hours(taken)
    known = inspecting.coverage(by_hour, goals.site.timezone)
    if known is None:
        raise UsageError("the logs hold nothing to compare; name others")
    matched = match(taken.intake, goals, scope.bots, scope.needed(goals))

    def looked_at(wanted: Wanted, where: Sequence[Question]) -> Run:
        return look_at(matched, taken.intake, goals, replace(scope, wanted=wanted, asked=where))

    if asked.variant and asked.group is None:
        asked = sides_of.two_of(asked, _seen(looked_at(asked.wanted, asked.where), asked.variant))
    sides = choose(asked, known, goals.site.timezone, goals.site.notes)
    runs = [looked_at(Wanted(side.begin, side.end), side.asked) for side in (sides.before, sides.now)]
    pair = _pair(sides, runs, matched, goals, known)
    report = report_of(pair, compare_rows.compared(pair))
    quality = inspecting.told(taken, by_hour, known, goals.site.timezone, runs[-1].quality)
    return replace(_document(taken, goals, runs, sorting.applied(report, sort) if sort else report), quality=quality)


def _seen(run: Run, variant: str) -> list[str]:
    """Return the variants that sessions have, in order."""
    column = pl.col(f"{facts.VARIANT}{variant}").cast(pl.String)
    values = collected(run.analysis.sessions.select(column.drop_nulls().unique().sort()), run.analysis.size)
    return values.to_series().to_list()


def _pair(sides: Sides, runs: list[Run], matched: Matched, goals: Goals, known: Coverage) -> Pair:
    """Return both sides' figures."""
    knows_macro = any(run.knows_macro for run in runs)
    before, now = (_figures(side, run, matched, knows_macro=knows_macro) for side, run in zip((sides.before, sides.now), runs, strict=True))
    if sides.variant:
        before, now = before.in_visitors(), now.in_visitors()
    of_before, of_now = (run.analysis.sessions.select("session") for run in runs)
    both = collected(of_before.join(of_now, on="session", how="semi").select(pl.len()), runs[0].analysis.size).item()
    return Pair(sides, before, now, goals, known, knows_macro, both, tuple(note for several in runs[0].of_variants if (note := several.note)))


def report_of(pair: Pair, rows: pl.DataFrame) -> Report:
    """Return the report: its heading and what must be known first, the table, and the sentences under it."""
    heading, caveats, said = compare_words.heading(pair), compare_caveats.find(pair), compare_words.say(pair, rows)

    def draw(frame: pl.DataFrame, room: Room) -> list[Block]:
        shown = frame.select("what", "item").join(rows, on=["what", "item"], how="left", maintain_order="left")
        first: list[Block] = [Gap(), *(Paragraph(note.text) for note in caveats)] if caveats else []
        table = compare_screen.draw(shown, pair, room)
        return [Heading("COMPARE", heading), *first, Gap(), *table, Gap(), *(Paragraph(note.text) for note in said)]

    frame = rows.select(column.name for column in compare_rows.COLUMNS)
    return Report(NAME, compare_rows.COLUMNS, frame, draw, (Note("sides", f"{heading}.", is_drawn=True), *caveats, *said))


def _figures(side: Side, run: Run, matched: Matched, *, knows_macro: bool) -> Figures:
    """Return what the reports say of one side."""
    view = View(run.analysis.goals, run.period, run.input, knows_macro, bots=run.bots, is_narrowed=run.where is not None)
    reports = documents.present(tally(run.analysis, _REPORTS), view)
    own = compare_rows.tally(run.analysis)
    tallies = dict(zip(own, all_collected(own.values(), run.analysis.size), strict=True))
    details = {name: reports[name].details for name in ("goals", "funnel")}
    frames = {name: reports[name].frame if frame is None else frame for name, frame in details.items()}
    return Figures(side, reports["overview"].frame, frames["goals"], frames["funnel"], tallies["days"], tallies["amounts"], _bot_lines(matched, side))


def _bot_lines(matched: Matched, side: Side) -> tuple[int, int]:
    """Return how many lines bots sent in the period of a side, and how many all senders did, but for assets and what was left out."""
    sent = is_inside(side.begin, side.end, "time") & ~pl.col("fate").is_in(["asset", "excluded"])
    counts = matched.met.lazy().select(bots=(sent & pl.col("reason").is_not_null()).sum(), lines=sent.sum())
    bots, lines = collected(counts, matched.met.height).row(0)
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
    kept = collected(found.select(pl.len()), now.analysis.size).item()
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
    progress: Progress = UNWATCHED,
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
    asked = asked if variant is None else sides.of_variant(asked, variant, against, at, loaded)
    order = None if sort is None else sorting.parse(sort, {NAME: compare_rows.COLUMNS})
    needed = questions.needed((*asked.where, *(asked.group or ())), loaded)
    scope = Scope(wanted, bots, facts=needed | core_facts.of([f"{core_facts.VARIANT}{variant}"] if variant else []))
    taken = analyzing.once(analyzing.read(paths, loaded, log_format, needed=scope.facts, rejects=rejects, progress=progress))
    return compare_sides(taken, loaded, asked, scope, order)
