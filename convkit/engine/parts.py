"""Lines that do not fit into memory -> their visitors part by part, and the runs of all parts as one.

It stands alone because nothing else knows that a part is none of the whole: given the `GlobalFacts`, each is analyzed like a log.
"""

from __future__ import annotations

import operator
from collections import Counter
from dataclasses import dataclass, replace
from functools import reduce
from typing import TYPE_CHECKING, Any

import polars as pl

from convkit.core.collect import collect_frame
from convkit.core.document import sum_tallies
from convkit.core.schema import TEXT
from convkit.engine import analyzing, linking
from convkit.engine.budget import Budget
from convkit.ingest import merge, store
from convkit.ingest.load import LogData, load_logs
from convkit.ingest.log_data import GlobalFacts
from convkit.ingest.merge import identify_users
from convkit.ingest.store import BUCKET_KEY, DiskStore
from convkit.traffic import bots, events, hits
from convkit.traffic.proxies import resolve_proxies

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from contextlib import ExitStack

    from convkit.analysis.analysis import Run
    from convkit.core.model import Goals
    from convkit.engine.analyzing import Opened
    from convkit.ingest.log_data import Taken
    from convkit.ingest.logs import Log


_AT_ONCE = 5_000_000
"""Lines on disk that are counted together."""
_MANY = 1 << 30
"""Rows that queries on disk are told to be of, for the engine that holds few of them at once."""


@dataclass(frozen=True)
class Dealt:
    """All lines on disk, dealt out to buckets."""

    taken: Taken
    """What is known of the logs; its intake has the cells of nobody."""
    bucket: pl.Expr
    """That of a row."""
    bounds: tuple[tuple[int, int], ...]
    """The first and the last bucket of each part."""

    def intake(self, bounds: tuple[int, int]) -> LogData:
        """Return what was read of the visitors of one part."""
        mine = self.taken.cells.filter(self.bucket.is_between(*bounds)).drop(BUCKET_KEY)
        cells = collect_frame(mine.with_columns(pl.col(pl.String).cast(TEXT)), self.taken.size)
        return analyzing.one_asset_each(replace(self.taken.intake, cells=collect_frame(identify_users(cells), cells.height)))

    def told(self, whole: GlobalFacts) -> Dealt:
        """Return the same where more is known of all lines."""
        return replace(self, taken=replace(self.taken, intake=replace(self.taken.intake, whole=whole)))


def deal(opened: Opened, goals: Goals, budget: Budget, stack: ExitStack, **options: Any) -> Dealt:  # noqa: ANN401 (as `load_logs` takes them)
    """Read logs onto disk, where they stay as long as the stack. Raises InputError, OutputError."""
    keeper = DiskStore(stack)
    lines = load_logs(opened.logs, analyzing.assets_of(goals), hits.select_needed, keeper=keeper, **options)
    cells, logs = _ranked(lines.cells, opened.logs)
    if goals.site.trusted_proxy:
        cells = keeper.keep(resolve_proxies(cells.drop(BUCKET_KEY), goals.site.trusted_proxy))
    size = collect_frame(cells.select(pl.len()), _MANY).item()
    if "event_number" in cells.collect_schema():
        cells = merge.mark_problem(cells, merge.find_duplicates(cells, size), "duplicate")
    linked = linking.links(cells, goals.site, size)
    bucket = store.bucket_of(pl.col(BUCKET_KEY).replace(linked[BUCKET_KEY], linked["group"]))
    intake = LogData(collect_frame(cells.clear().drop(BUCKET_KEY), 0), lines.losses, lines.rejects, _whole(cells, goals))
    return Dealt(opened.taken(intake, logs, cells, size), bucket, _bounds(_counts(cells, bucket, size), budget))


def _ranked(cells: pl.LazyFrame, logs: Sequence[Log]) -> tuple[pl.LazyFrame, Sequence[Log]]:
    """Return cells whose `source` is the rank of their log, and the logs by it."""
    if len(logs) == 1:
        return cells, logs
    ranks = collect_frame(merge.source_ranks(cells, [log.source.name for log in logs]), _MANY)
    rank = pl.col("source").replace_strict(ranks["source"], ranks["rank"])
    return cells.with_columns(source=rank), [logs[number] for number in ranks["source"]]


def joined(runs: Sequence[Run]) -> Run:
    """Return the runs of all parts as one, without the frames of anybody."""
    first, sent = runs[0], sum_tallies([run.bot_lines for run in runs if run.bot_lines is not None])
    choices = [run.sensitivity for run in runs if run.sensitivity is not None]
    narrowed = [run.where for run in runs if run.where]
    of_bots = [run.quality.bot_sessions for run in runs if run.quality.bot_sessions]
    return replace(
        first,
        input=_summed(run.input for run in runs),
        reasons={kind: dict(sorted(_summed(run.reasons[kind] for run in runs).items())) for kind in first.reasons},
        knows_macro=any(run.knows_macro for run in runs),
        of_variants=tuple(reduce(operator.add, several) for several in zip(*(run.of_variants for run in runs), strict=True)),
        where=reduce(operator.add, narrowed) if narrowed else None,
        bot_lines=sent,
        quality=replace(bots.quality_of_bots(sent), bot_sessions=reduce(operator.add, of_bots) if of_bots else None),
        sensitivity=sum_tallies(choices) if choices else None,
    )


def _summed(counts: Iterable[Mapping[str, int]]) -> dict[str, int]:
    """Add counts by name."""
    total = Counter[str]()
    for some in counts:
        total.update(some)
    return dict(total)


def _whole(cells: pl.LazyFrame, goals: Goals) -> GlobalFacts:
    """Return what holds of all lines."""
    time = pl.col("time")
    facts = cells.select(first=time.min(), last=time.max(), assets=(pl.col("problem") == "asset").any())
    first, last, has_assets = collect_frame(facts, _MANY).row(0)
    has_events = "event" in cells.collect_schema()
    return GlobalFacts((first, last), has_assets, collect_frame(events.has_page_names(cells, goals), _MANY).item() if has_events else None)


def _counts(cells: pl.LazyFrame, bucket: pl.Expr, size: int) -> pl.DataFrame:
    """Return `bucket, lines, records`."""
    sums = {"lines": pl.len().cast(pl.Int64), "records": pl.col("problem").is_null().sum().cast(pl.Int64)}
    # Grouping reads ahead without a limit: of 50 million lines at once, that took 1.4 GB.
    some = (cells.slice(start, _AT_ONCE) for start in range(0, max(size, 1), _AT_ONCE))
    return sum_tallies([collect_frame(part.group_by(bucket=bucket).agg(**sums), _MANY) for part in some]).sort("bucket")


def _bounds(counts: pl.DataFrame, budget: Budget) -> tuple[tuple[int, int], ...]:
    """Return the first and the last bucket of parts that fit into memory, as far as buckets do."""
    weight = Budget.weight(pl.col("records"), pl.col("lines") - pl.col("records"))
    parts = budget.parts(int(counts.select(weight.sum()).item()))
    part = (weight.cum_sum() - weight) * parts // weight.sum()
    rows = counts.group_by(part.alias("part")).agg(first=pl.col("bucket").min(), last=pl.col("bucket").max()).sort("part")
    return tuple(rows.select("first", "last").rows()) or ((0, store.BUCKETS),)
