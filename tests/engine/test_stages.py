"""The frames that pass between stages have the columns and types of `core/schema.py`, and so do those that the Python API returns."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import polars as pl
import pytest
import runs
from places import EXAMPLE_GOALS, ROOT

import convkit
from convkit.core import schema
from convkit.core.schema import CHANNEL_COLUMNS, FATE_ROWS, HITS, MATCHED, NARROWED, RECORDS, SESSIONIZED, SESSIONS, TEXT
from convkit.engine import partition, stages
from convkit.traffic import hits as traffic_hits

if TYPE_CHECKING:
    from collections.abc import Mapping

    from polars._typing import PolarsDataType

    from convkit.analysis.segment import Matched

LOGS = {"an access log": "access.log.gz", "an export": "events.csv.gz"}
GOALS = convkit.load_goals(EXAMPLE_GOALS)
NAMING = [goal.name for goal in GOALS.goals if goal.named]
VARIANT = "variants.shown=query.utm_medium"
OF_CHANNELS = (*CHANNEL_COLUMNS, "first_channel", "referred", "resumed")
FIELDS = {
    "without session fields": (),
    "with device and channel": (schema.DEVICE_FIELD, schema.CHANNEL_FIELD),
}
ADDED_TO_HITS = {"device": schema.DEVICE, "referrer": TEXT, "sent_query": TEXT}
OF_EXPORTS = {"event_number": pl.Int64(), "event": TEXT, "prop.file": TEXT}
"""Columns that are kept only for the lines of exports."""
VALUES = {"query.currency": TEXT, "query.order": TEXT, "query.total": TEXT}
"""Columns of hits that the goals use."""


class Frames(NamedTuple):
    """The frames that a run passes from stage to stage."""

    lines: pl.DataFrame
    hits: pl.DataFrame
    fates: pl.DataFrame
    sessionized: pl.LazyFrame
    matched: Matched


def is_test(name: str) -> bool:
    """Return whether a column belongs to a goal or to one of its pattern tests."""
    return name.startswith(("names:", "goal:", "shared:")) or "~" in name


def fixed(frame: pl.DataFrame | pl.LazyFrame) -> dict[str, PolarsDataType]:
    """Return the columns of a frame except goals and their tests."""
    return {name: dtype for name, dtype in frame.collect_schema().items() if not is_test(name)}


def values_of(log: str) -> Mapping[str, PolarsDataType]:
    """Return the columns of a log's hits that the goals use."""
    return VALUES | ({"prop.file": TEXT} if "events" in log else {})


def goals_in(frame: pl.DataFrame | pl.LazyFrame, prefix: str) -> list[str]:
    """Return the goals that have a column with this prefix, and check that all these columns are Boolean."""
    columns = {name: dtype for name, dtype in frame.collect_schema().items() if name.startswith(prefix)}
    assert set(columns.values()) == {pl.Boolean()}
    return [name.removeprefix(prefix) for name in columns]


def frames(log: str, fields: tuple[str, ...]) -> Frames:
    """Return the frames of a run on a sample log."""
    plan = runs.segment_plan(GOALS, fields=fields)
    with partition.read(ROOT / "sample_logs" / log, plan) as parts:
        part = parts.part(0)
    visitors = stages.identify_visitors(part, GOALS, "drop", plan.session_fields)
    hits, fates = stages.settle_hits(part, visitors, GOALS, "drop", plan.session_fields)
    analyzed = hits.filter(traffic_hits.is_analyzed("drop")).drop("user_agent", "reason")
    return Frames(part.lines, hits, fates, stages.sessionized(analyzed, GOALS), stages.match(part, GOALS, "drop", plan.session_fields))


@pytest.mark.parametrize("fields", FIELDS.values(), ids=FIELDS)
@pytest.mark.parametrize("log", LOGS.values(), ids=LOGS)
def test_frames_between_stages_match_the_schemas(log: str, fields: tuple[str, ...]) -> None:
    of_stages = frames(log, fields)
    added, values = ADDED_TO_HITS if fields else {}, values_of(log)
    assert fixed(of_stages.lines) == {**NARROWED, **(OF_EXPORTS if "events" in log else {}), **({"referrer": TEXT} if fields else {})}
    assert fixed(of_stages.hits) == {**HITS, **values, **added, "by:user": pl.Int64(), "user_agent": TEXT, "reason": TEXT}
    assert fixed(of_stages.fates) == FATE_ROWS
    assert fixed(of_stages.sessionized) == {**SESSIONIZED, **values, **added}
    assert fixed(of_stages.matched.hits) == {**MATCHED, **values} | ({"device": schema.DEVICE} if fields else {})
    assert fixed(of_stages.matched.fates) == FATE_ROWS
    assert fixed(of_stages.matched.sessions) == {name: dtype for name, dtype in SESSIONS.items() if fields or name not in {"device", *OF_CHANNELS}}


@pytest.mark.parametrize("log", LOGS.values(), ids=LOGS)
def test_goals_have_a_column_in_every_stage(log: str) -> None:
    of_stages = frames(log, ())
    names = [goal.name for goal in GOALS.goals]
    assert goals_in(of_stages.hits, "names:") == goals_in(of_stages.sessionized, "names:") == NAMING
    assert sorted(goals_in(of_stages.matched.hits, "goal:")) == sorted(names)
    assert goals_in(of_stages.matched.sessions, "goal:") == names
    assert not [name for name in of_stages.matched.hits.columns if name.startswith("names:")]


@pytest.mark.parametrize("log", LOGS.values(), ids=LOGS)
def test_frames_of_the_api_match_the_schemas(log: str) -> None:
    path = ROOT / "sample_logs" / log
    names = [goal.name for goal in GOALS.goals]
    assert convkit.read_records(path).collect_schema() == RECORDS
    hits, sessions = convkit.read_hits(path, goals=GOALS).collect(), convkit.read_sessions(path, goals=GOALS).collect()
    assert hits.schema == {**HITS, **{f"names:{name}": pl.Boolean() for name in NAMING}}
    assert list(hits.columns) == [*HITS, *(f"names:{name}" for name in NAMING)]
    assert sessions.schema == {**SESSIONS, **{f"goal:{name}": pl.Boolean() for name in names}}
    assert list(sessions.columns) == [*SESSIONS, *(f"goal:{name}" for name in names)]
    assert min(hits.height, sessions.height) > 0


def test_a_variant_is_a_column_of_sessions() -> None:
    path = ROOT / "sample_logs" / LOGS["an access log"]
    sessions = convkit.read_sessions(path, goals=EXAMPLE_GOALS, settings=[VARIANT], where=["variant.shown=email"])
    assert sessions.collect_schema()["variant.shown"] == TEXT
    assert sessions.collect()["variant.shown"].unique().to_list() == ["email"]
