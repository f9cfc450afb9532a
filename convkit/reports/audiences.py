"""Who dropped off at a step and has not converted since."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import polars as pl

from convkit.analysis import audience, listing
from convkit.analysis.audience import CONVERTED, ELSEWHERE, NOTHING, UNSEEN
from convkit.core import formatting
from convkit.core.blocks import BlankLine, Cell, Heading, Paragraph, Row, Shown, table
from convkit.core.document import Column, Note, Report, empty_frame
from convkit.core.durations import parse_duration
from convkit.core.schema import CHANNEL_FIELD, DEVICE_FIELD, OBSTACLES, OBSTACLES_FIELD
from convkit.errors import UsageError, suggestion, unknown_name
from convkit.funnels import friction, steps
from convkit.funnels.obstacles import TEXTS, met
from convkit.funnels.points import GOAL
from convkit.traffic.visitor_ids import OWN_ID, SHA256_ID, VISITOR

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime, timedelta

    from convkit.analysis.analysis import Analysis, View
    from convkit.core.blocks import Block, Screen
    from convkit.core.model import Funnel, Goals

PLACE = 85
IN_REPORT = False
SESSION_FIELDS = (DEVICE_FIELD, CHANNEL_FIELD, OBSTACLES_FIELD)
OPTIONS = {
    "dropped_at": ("STEP", "The step; default: the last but one of the first funnel."),
    "met": ("WHAT...", "Only those who met this after it: an obstacle, a goal, or nothing."),
    "seen": ("DURATION", "Only those seen this long before the log ends; default: 30d."),
    "ids": ("KIND", "key (default), own or sha256; the last two need -o."),
}
COLUMNS = (
    Column("id", "text"),
    Column("dropped", "time"),
    Column("last_seen", "time"),
    Column("sessions", "count"),
    Column("met", "text"),
    Column("goals_after", "text"),
    Column("last_page", "text"),
    Column("channel", "text"),
    Column("device", "text"),
)
_KINDS = {"key": VISITOR, "own": OWN_ID, "sha256": SHA256_ID}
"""The kinds of IDs, and the column of the tally that becomes each."""
_SEEN = "30d"
_NO_ID, _NO_CONSENT = "id", "consent"
_ROWS, _FEW = 5, 100
"""How many goals are shown; and most ad platforms refuse lists of fewer people."""


@dataclass(frozen=True)
class AudienceQuery:
    """The requested audience: who dropped off at a step, what they met, and how they are named; `funnel` is None if there is none."""

    funnel: Funnel | None
    step: int
    met: tuple[str, ...]
    seen: timedelta
    ids: str

    @property
    def is_of_people(self) -> bool:
        """Whether the IDs are those of the site, so that consent is needed."""
        return self.ids != "key"


def parse_options(options: Mapping[str, str], goals: Goals) -> AudienceQuery:
    """Return the query that the options describe. Raises UsageError if they are invalid."""
    dropped_at, met, seen, ids = options.get("dropped_at"), options.get("met", ""), options.get("seen", _SEEN), options.get("ids", "key")
    if ids not in _KINDS:
        raise UsageError(f"--ids {ids}: {unknown_name('kind', ids, _KINDS, 'Kinds')}")
    if ids != "key" and goals.site.consent is None:
        raise UsageError(f"--ids {ids}: say under `site.consent` how people agreed to be written to; see convkit help audiences")
    try:
        length = parse_duration(seen)
    except ValueError as error:
        raise UsageError(f"--seen {seen}: {error}") from None
    names = [goal.name for goal in goals.goals]
    wanted = tuple(dict.fromkeys(word.strip() for word in met.split(",") if word.strip()))
    for word in wanted:
        if word not in {*OBSTACLES, NOTHING, *names}:
            raise UsageError(f"--met {word}: unknown obstacle or goal{suggestion(word, (*OBSTACLES, NOTHING, *names), 'Obstacles and goals')}")
    funnel, step = _place(dropped_at, goals)
    return AudienceQuery(funnel, step, wanted, length, ids)


def _place(dropped_at: str | None, goals: Goals) -> tuple[Funnel | None, int]:
    """Return the funnel and the number of the step; by default, the last step of the first funnel at which one can drop off."""
    if dropped_at is not None:
        return steps.parse_step(dropped_at, goals)
    return (goals.funnels[0], len(goals.funnels[0].steps) - 1) if goals.funnels else (None, 0)


def reason_for_file(options: Mapping[str, str]) -> str:
    """Return why IDs of the site are written to a file only, or an empty string for keyed hashes."""
    ids = options.get("ids", "key")
    return f"--ids {ids} writes personal data; name a file with -o, which only you can read" if ids in {"own", "sha256"} else ""


def tally(analysis: Analysis) -> dict[str, pl.LazyFrame]:
    """Return `people`, one row per visitor who dropped off, and the points behind steps (`points.tally_points`).

    If IDs of the site are asked for, there is also `barred`: those who converted or withdrew consent. People who are left out have no ID.
    """
    query = parse_options(analysis.options, analysis.goals)
    if query.funnel is None:
        return {}
    found = audience.people(analysis, query.funnel, query.step, query.seen)
    if query.met:
        is_met = {obstacle: pl.col(met(obstacle)) for obstacle in OBSTACLES}
        is_met[NOTHING] = ~pl.any_horizontal(list(is_met.values()))
        # A goal may have the name of an obstacle; then both are meant.
        wanted = [is_met[word] for word in query.met if word in is_met]
        wanted += [pl.col(goal.column) for goal in analysis.goals.goals if goal.name in query.met]
        found = found.filter(pl.any_horizontal(wanted))
    column = _KINDS[query.ids]
    shown = [column.name for column in COLUMNS if column.name not in {"id", "sessions"}]
    is_kept = pl.col("left_out") == ""
    people = found.select(
        "left_out",
        *(pl.when(is_kept).then(name).alias(name) for name in ("agrees", *shown)),
        pl.when(is_kept).then("visitor").alias(column),
        pl.col("sessions"),
        people=pl.lit(1, dtype=pl.Int64),
    )
    tallies = {**analysis.points, "people": people}
    if not query.is_of_people:
        return tallies
    barred = audience.barred(analysis, query.funnel).rename({"visitor": column})
    return {**tallies, "barred": barred.with_columns(people=pl.lit(1, dtype=pl.Int64))}


def present(tally: dict[str, pl.DataFrame], view: View) -> Report:
    """Return the report, sorted by the time of the drop-off: a row per visitor or, if IDs of the site are asked for, per ID."""
    query = parse_options(view.options, view.goals)
    if query.funnel is None:
        return Report("audiences", COLUMNS, empty_frame(COLUMNS), lambda *_: [], (_NO_FUNNEL,))
    people, column = tally["people"].with_columns(id=_KINDS[query.ids]), _KINDS[query.ids]
    if query.is_of_people:
        people = _by_own_id(people, tally["barred"].rename({column: "id"}))
    left_out = dict(people.filter(pl.col("left_out") != "").group_by("left_out").agg(pl.col("people").sum()).rows())
    times = [pl.col(name).dt.convert_time_zone(view.period.timezone) for name in ("dropped", "last_seen")]
    frame = people.filter(pl.col("left_out") == "").with_columns(times).sort("dropped", "id").select(column.name for column in COLUMNS)
    losing = _losing(query, tally)
    notes = _notes(query, losing, frame.height)
    facts = _Facts(query, left_out, losing)
    return Report("audiences", COLUMNS, frame, lambda rows, screen: _draw(rows, facts, view, screen), notes, is_private=True)


@dataclass(frozen=True)
class _Facts:
    """What the screen shows besides the rows: why others were left out, and what those who met it went on less often after."""

    query: AudienceQuery
    left_out: Mapping[str, int]
    losing: Sequence[str]


def _losing(query: AudienceQuery, tally: Mapping[str, pl.DataFrame]) -> list[str]:
    """Return the obstacles and goals after which visitors go on from the step less often than others at the same point (`friction`)."""
    if query.funnel is None or "points" not in tally:
        return []
    rows = friction.judge_friction(tally).filter(pl.col("loses"), funnel=query.funnel.name, step=query.step)
    return [*(name for name in OBSTACLES if name in set(rows["what"])), *rows.filter(what=GOAL)["item"].sort()]


def _by_own_id(people: pl.DataFrame, barred: pl.DataFrame) -> pl.DataFrame:
    """Return one row per ID of the site; those without an ID or consent are left out, and those who converted or withdrew as another visitor."""
    of_ids = barred.drop_nulls("id").group_by("id").agg(pl.col("converted_at").max(), pl.col("withdrew").any())
    is_kept, has_converted = pl.col("left_out") == "", (pl.col("converted_at") > pl.col("dropped")).fill_null(value=False)
    has_consent = pl.col("agrees") & ~pl.col("withdrew").fill_null(value=False)
    left_out = (
        pl.when(~is_kept)
        .then("left_out")
        .when(has_converted)
        .then(pl.lit(CONVERTED))
        .when(pl.col("id").is_null())
        .then(pl.lit(_NO_ID))
        .when(~has_consent)
        .then(pl.lit(_NO_CONSENT))
        .otherwise("left_out")
    )
    people = people.join(of_ids, on="id", how="left").with_columns(left_out=left_out)
    names = [column.name for column in COLUMNS if column.name not in {"id", "sessions"}]
    # The latest drop-off counts; the other columns only make the choice certain.
    of_one = people.filter(is_kept).sort(names).group_by("id").agg(pl.col("left_out", *names).last(), pl.col("sessions", "people").sum())
    return pl.concat([people.filter(~is_kept), of_one], how="diagonal")


_NO_FUNNEL = Note("no-funnel", "An audience is made of those who drop off at a step of a funnel; add one under `funnels` in the goals file.")


def _notes(query: AudienceQuery, losing: Sequence[str], people: int) -> tuple[Note, ...]:
    """Return the notes on what `met` means and on what the list is."""
    named = " or ".join(TEXTS.get(name, name) for name in losing)
    which = f"Of those who met {named}, fewer went on than of others at the same point; for anything else, that is not known"
    what = which if losing else "It is not known to keep anybody from going on"
    notes = [Note("met", f"met: after the step, in the same session. {what}; see `convkit friction`.")]
    notes += [] if query.is_of_people else listing.visitor_id_notes()
    if query.is_of_people:
        notes.append(Note("personal-data", "The list is personal data, hashed or not: use it the same day, then delete it."))
    if query.is_of_people and 0 < people < _FEW:
        notes.append(Note("few-people", f"Most ad platforms refuse lists of fewer than {_FEW} people, and a list this short singles people out."))
    return tuple(notes)


def _draw(frame: pl.DataFrame, facts: _Facts, view: View, screen: Screen) -> list[Block]:
    """Return how many people the audience has, and what they met, but never their IDs."""
    query = facts.query
    if query.funnel is None or screen.part:
        return []
    total, wanted = frame.height, [goal.name for goal in view.goals.goals if goal.name in query.met]
    names = {"met": OBSTACLES, "goals_after": [goal.name for goal in view.goals.goals]}
    obstacles, reached = (_counts(frame[column], words) for column, words in names.items())
    groups = {
        "met after the step": obstacles | {NOTHING: _nothing(frame)},
        "reached after the step": dict(sorted(reached.items(), key=lambda one: (one[0] not in wanted, -one[1]))[: screen.rows(_ROWS)]),
    }
    texts = TEXTS | {NOTHING: "none of these" if obstacles else "no obstacle"}
    columns = {
        "what": Shown(text=lambda row: f"  {texts.get(row['what'], row['what'])}"),
        "people": Shown(text=lambda row: formatting.count_and_rate(row["people"], total)),
        "loses": Shown(text=lambda row: "loses" if row["what"] in facts.losing else "", style="bold", left=True),
    }
    records: list[Mapping[str, Any] | Row] = []
    for title, counts in groups.items():
        rows = [{"what": what, "people": count} for what, count in counts.items() if count]
        records += [Row([Cell(title, "dim")]), *rows] if rows else []
    blocks: list[Block] = [_heading(query, view), BlankLine(), Paragraph(_size(query, total, facts.left_out, view))]
    blocks += [table(records, columns)] if records else []
    if total:
        blocks.append(Paragraph("One row per visitor: -o FILE.csv", style="dim"))
    return blocks


def _counts(words: pl.Series, names: Sequence[str]) -> dict[str, int]:
    """Return how many of the texts contain each of the names that any of them has, in the order of the names."""
    counts = dict(words.str.split(" ").explode().value_counts().rows())
    return {name: counts[name] for name in names if name in counts}


def _nothing(frame: pl.DataFrame) -> int:
    """Return how many people met no obstacle."""
    return int((frame["met"] == "").sum())


def _heading(query: AudienceQuery, view: View) -> Heading:
    """Return the heading: the step, what was met, what has not happened since, and when they were last seen."""
    if query.funnel is None:
        return Heading("AUDIENCE")
    met = f", met {' or '.join(query.met)}" if query.met else ""
    step = f"dropped off at {query.funnel.names[query.step - 1]} ({query.funnel.name})"
    return Heading("AUDIENCE", f"{step}{met}, without {_conversion(query, view)} since; seen {formatting.dates(_cut(query, view), _local(view))}")


def _size(query: AudienceQuery, people: int, left_out: Mapping[str, int], view: View) -> str:
    """Return how many visitors the audience has, and how many are left out and why."""
    reasons = {
        UNSEEN: f"last seen more than {view.options.get('seen', _SEEN)} before the log ends",
        CONVERTED: f"with {_conversion(query, view)} since",
        ELSEWHERE: "stopped at another step since",
        _NO_ID: "without an ID of your own",
        _NO_CONSENT: "without consent",
    }
    named = [f"{formatting.count(left_out[reason])} {words}" for reason, words in reasons.items() if left_out.get(reason)]
    return f"{formatting.plural(people, 'visitor')}{'; left out: ' if named else ''}{', '.join(named)}"


def _conversion(query: AudienceQuery, view: View) -> str:
    """Return what those in the audience have not done since: the last step of the funnel, or one of several goals."""
    last = query.funnel.names[-1] if query.funnel is not None else ""
    return last if {goal.name for goal in view.goals.macros} <= {last} else "a conversion"


def _local(view: View) -> datetime | None:
    """Return the time of the last hit in the log, in the site's time zone."""
    return None if view.ends is None else view.ends.astimezone(ZoneInfo(view.period.timezone))


def _cut(query: AudienceQuery, view: View) -> datetime | None:
    """Return the time since which the visitors of the audience were seen."""
    ends = _local(view)
    return None if ends is None else ends - query.seen
