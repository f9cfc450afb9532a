"""A run, from paths to a document: read the logs, analyze their visitors part by part, add up the results, present them."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import replace
from typing import TYPE_CHECKING

import polars as pl

from convkit.analysis.segment import select_segment
from convkit.core.schema import CHANNEL_FIELD, DEVICE_FIELD, HITS, RECORDS, SESSIONS
from convkit.engine import document, partition, stages
from convkit.engine.memory import UNLIMITED
from convkit.engine.partial_result import merge
from convkit.engine.plan import plan_segment, read_goals
from convkit.ingest.load import read_parsed, to_records
from convkit.ingest.logs import open_logs

if TYPE_CHECKING:
    from convkit.core.document import Document
    from convkit.core.options import Options
    from convkit.engine.partial_result import PartialResult
    from convkit.engine.partition import Partition
    from convkit.engine.plan import Plan
    from convkit.files.paths import Paths
    from convkit.ingest.log_data import Part


def report(paths: Paths, plan: Plan) -> Document:
    """Read logs and return the document of a plan. Raises InputError, OutputError, UsageError."""
    with partition.read(paths, plan) as parts:
        return document.build(analyze(parts, plan), parts.data, plan, paths)


def analyze(parts: Partition, plan: Plan) -> PartialResult:
    """Analyze the visitors part by part and return the sum of the results."""
    parts = stages.with_own_hosts(parts, plan.goals, plan.segment.bots, plan.session_fields)

    def result_of(part: Part) -> PartialResult:
        result = stages.analyze(part, plan).tallied(plan)
        if parts.store is None:
            return result
        return result.as_text().on_disk(parts.store.write) if len(parts.filters) > 1 else result.as_text()

    results = parts.map(result_of)
    if any(result.bot_sessions for result in results):
        # If bots were worth counting in one part, they must be counted in all parts.
        results = [result if result.bot_sessions else _with_bot_sessions(result, parts.part(number), plan) for number, result in enumerate(results)]
    merged = merge(results)
    is_worthy = stages.has_worthy_bots(merged.bot_lines, plan.goals, is_requested=plan.bot_sessions)
    is_shown = is_worthy or (merged.bot_sessions is not None and merged.bot_sessions.are_mostly_behaviour)
    return merged if is_shown else replace(merged, bot_sessions=None)


def _with_bot_sessions(result: PartialResult, part: Part, plan: Plan) -> PartialResult:
    """Return the result of a part with the sessions that its bots would add."""
    return replace(result, bot_sessions=stages.analyze(part, plan, count_bots=True).bot_sessions)


def read_records(paths: Paths, log_format: str = "auto") -> pl.LazyFrame:
    """Return the records of logs (RECORDS), including static files, before anything is counted or excluded. Raises InputError, UsageError."""
    with ExitStack() as stack:
        lines = read_parsed(open_logs(paths, log_format, stack).logs)
    return to_records(lines).filter(pl.col("problem").is_null()).select(*RECORDS)


def read_hits(paths: Paths, options: Options) -> pl.LazyFrame:
    """Return the hits made by people (HITS), sorted by visitor and ORDER, with `names:<goal>`. Raises GoalsFileError, InputError, UsageError."""
    goals = read_goals(options)
    plan = replace(plan_segment(options, goals), memory=UNLIMITED, every_line=True)
    with partition.read(paths, plan) as parts:
        part = parts.part(0)
    hits, _ = stages.settle_hits(part, stages.identify_visitors(part, goals, "drop"), goals, "drop")
    is_person = pl.col("reason").is_null() & ~pl.col("fate").is_in(["asset", "excluded"])
    return hits.lazy().filter(is_person).select(*HITS, *(column for goal in goals.goals for column in goal.named))


def read_sessions(paths: Paths, options: Options) -> pl.LazyFrame:
    """Return one row per session (SESSIONS), with its device, its channel and `goal:<name>`. Raises GoalsFileError, InputError, UsageError."""
    goals = read_goals(options)
    plan = replace(plan_segment(options, goals, fields=(DEVICE_FIELD, CHANNEL_FIELD)), memory=UNLIMITED)
    with partition.read(paths, plan) as parts:
        part = parts.part(0)
    matched = stages.match(part, goals, plan.segment.bots, plan.session_fields)
    selected = select_segment(matched, goals, plan.segment, *stages.limits_of(part, plan.segment, goals))
    return selected.sessions.lazy().sort("started", "session").select(*SESSIONS, "^goal:.*$", "^variant[.].*$")
