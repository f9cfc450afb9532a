"""The partition: the lines of the logs, in memory or on disk, and their visitors, divided into as many parts as the memory budget requires.

Usually there is only one part. Each part is analyzed like a separate log, with the addition of a few facts that depend on all lines. On disk, all
lines of a visitor are in one bucket; buckets whose visitors may be the same person (by user, cookie or ID) are in one group.
"""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeVar

import polars as pl

from convkit.core import datafiles
from convkit.core.collect import collect_frame
from convkit.core.conditions import any_of
from convkit.core.document import sum_tallies
from convkit.core.model import USER_RULE
from convkit.core.schema import NEVER_COUNTED, NO_VISITOR, TEXT
from convkit.engine import stages
from convkit.engine.memory import MemoryBudget
from convkit.files import unpacking
from convkit.files.paths import kept_open
from convkit.formats.parsers import requests
from convkit.formats.parsers.base import Assets
from convkit.ingest import merge
from convkit.ingest.load import Selection, load_logs
from convkit.ingest.log_data import GlobalFacts, LogData, Part
from convkit.ingest.logs import open_logs
from convkit.ingest.merge import find_newest_first, identify_users, rank_sources, source_ranks
from convkit.ingest.repeats import NO_DUPLICATES, Duplicates, find_shared_lines
from convkit.ingest.store import BUCKET_KEY, BUCKETS, DiskStore, MemoryFullError, MemoryStore, bucket_of
from convkit.ingest.stray import find_stray
from convkit.traffic import attributes, crowds, events, hits, identity
from convkit.traffic import visitors as traffic_visitors
from convkit.traffic.money import money_by_value
from convkit.traffic.proxies import resolve_proxies

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from convkit.core.model import Goals, Site
    from convkit.engine.plan import Plan
    from convkit.files.paths import Paths
    from convkit.ingest.load import LoadedLines
    from convkit.ingest.logs import Log, OpenLogs

T = TypeVar("T")

_COUNTED_AT_ONCE = 1_000_000
"""The number of lines on disk that are counted at a time: grouping reads ahead without limit, and took 1.4 GB for 50 million lines at once."""
_FEW = 200_000
"""The number of lines that are always read at once."""
_MANY = 1 << 30
"""The row count passed with queries for lines on disk, so that they run on the engine that holds few rows in memory."""
_NODE = "node:"
_USER_NODES = (f"{_NODE}{USER_RULE}", f"{_NODE}anonymous")
_NO_USER = " - -"
"""The characters at the end of a sender that has no user."""


@dataclass(frozen=True)
class Partition:
    """The lines of logs, and their visitors part by part."""

    data: LogData
    every_line: bool = False
    """Whether parts keep every line; otherwise they keep only one static-file request per client, which leaves a third of the lines."""
    whole: Part | None = None
    """The only part if the lines are in memory; None if they are on disk."""
    filters: tuple[pl.Expr, ...] = ()
    """For each part, whether a line on disk belongs to it."""
    store: DiskStore | None = None
    """Where the lines are on disk."""

    @property
    def is_divided(self) -> bool:
        """Whether the lines are on disk and parts are read from there."""
        return self.whole is None

    def map(self, function: Callable[[Part], T]) -> list[T]:
        """Return the function's result for each part; only one part is in memory at a time."""
        return [function(self.part(number)) for number in range(len(self.filters) or 1)]

    def part(self, number: int) -> Part:
        """Return a part by its number."""
        if self.whole is not None:
            return self.whole
        lines = _read_part(self.data.lines, self.filters[number], self.data.size).drop(BUCKET_KEY)
        lines = collect_frame(identify_users(lines), lines.height)
        part = Part(lines, self.data.facts, blank=0 if number else self.data.blank_lines)
        return part if self.every_line else _without_more_assets(part)

    def with_own_hosts(self, own_hosts: tuple[str, ...]) -> Partition:
        """Return the same partition, with the site's own hosts made known to its parts."""
        return replace(self, data=replace(self.data, facts=replace(self.data.facts, own_hosts=own_hosts)))


@contextmanager
def read(paths: Paths, plan: Plan) -> Iterator[Partition]:
    """Read logs into memory, or onto disk if they may need more memory than the plan allows. Raises InputError, OutputError, UsageError."""
    log_format = plan.goals.site.log_format if plan.log_format == "auto" else plan.log_format
    with ExitStack() as stack:
        needs = hits.parser_needs(plan.goals, plan.session_fields)
        needs = replace(needs, properties=tuple(sorted({*needs.properties, *plan.properties})))
        opened = open_logs(paths, log_format, stack, needs, plan.max_unpacked)
        for log in opened.logs:
            unpacking.refuse_bomb(log.source)
        sources = [replace(kept_open(log.source, stack), in_blocks=plan.memory.is_small) for log in opened.logs]
        opened = replace(opened, logs=tuple(replace(log, source=source) for log, source in zip(opened.logs, sources, strict=True)))
        fits = plan.memory.holds(log.source for log in opened.logs)
        yield (_in_memory(opened, plan) if fits else None) or _on_disk(opened, plan, stack)


def _in_memory(opened: OpenLogs, plan: Plan) -> Partition | None:
    """Read logs into memory, as one part; return None if they turn out to be too large."""
    try:
        data, lines = _loaded(opened, plan)
    except MemoryFullError:
        return None
    part = Part(lines, data.facts, blank=data.blank_lines)
    part = part if plan.every_line else _without_more_assets(part)
    return Partition(replace(data, lines=part.lines.lazy(), size=part.lines.height, omitted=part.omitted), plan.every_line, part)


def _loaded(opened: OpenLogs, plan: Plan) -> tuple[LogData, pl.DataFrame]:
    """Return the data of logs in memory without their lines, and the lines: nothing else may hold a reference to them when some are dropped."""
    selection = Selection(_assets(plan), hits.select_needed, MemoryStore(plan.memory.fits), every_line=plan.every_line)
    loaded = load_logs(opened.logs, selection, plan.progress, rejects=plan.rejects)
    lines, logs = collect_frame(loaded.lines, 0), loaded.logs
    if len(logs) > 1:
        # The numbers of logs must not depend on the order in which the logs were given.
        ranks = collect_frame(source_ranks(lines.lazy(), [log.source.name for log in logs]), lines.height)
        lines, logs = collect_frame(rank_sources(lines.lazy(), ranks.lazy()), lines.height), tuple(logs[number] for number in ranks["source"])
    if plan.goals.site.trusted_proxy:
        lines = collect_frame(resolve_proxies(lines.lazy(), plan.goals.site.trusted_proxy), lines.height)
    size = lines.height
    judged, notes, duplicates = _judged(lines.lazy(), plan, size, len(logs), lambda query: collect_frame(query, size).lazy())
    lines = collect_frame(identify_users(collect_frame(judged, size)), size)
    stray = find_stray(lines.lazy(), lines.height)
    facts = GlobalFacts(
        span=None if stray is None else (stray.begin, stray.end),
        stray=stray,
        newest_first=find_newest_first(lines.lazy(), lines.height),
        money=money_by_value(lines.lazy(), plan.goals, lines.height),
    )
    data = replace(_log_data(opened, logs, loaded, lines.clear().lazy(), 0), facts=facts)
    return replace(data, identity_notes=notes, duplicates=duplicates), lines


def _on_disk(opened: OpenLogs, plan: Plan, stack: ExitStack) -> Partition:
    """Read logs onto disk, where they are kept until the stack is closed."""
    goals, store = plan.goals, DiskStore(stack)
    loaded = load_logs(
        opened.logs, Selection(_assets(plan), hits.select_needed, store, every_line=plan.every_line), plan.progress, rejects=plan.rejects
    )
    lines, logs = _ranked(loaded.lines, loaded.logs)
    if goals.site.trusted_proxy:
        lines = store.keep(resolve_proxies(lines.drop(BUCKET_KEY), goals.site.trusted_proxy))
    size = collect_frame(lines.select(pl.len()), _MANY).item()
    lines, notes, duplicates = _judged(lines, plan, size, len(logs), lambda query: query)
    with_values = _with_values(lines, goals, size)
    facts, nodes = _global_facts(lines, with_values, plan, size), rule_nodes(lines, goals.site, size)
    if any(goal.shared is not None for goal in goals.all):
        nodes = pl.concat([nodes, _value_nodes(with_values, size, nodes, plan, facts)], how="diagonal")
    data = replace(_log_data(opened, logs, loaded, lines, size), facts=facts, identity_notes=notes, duplicates=duplicates)
    return Partition(data, plan.every_line, filters=_filters(lines, group_keys(nodes), size, plan.memory), store=store)


def _judged(
    lines: pl.LazyFrame, plan: Plan, size: int, number_of_logs: int, keep: Callable[[pl.LazyFrame], pl.LazyFrame]
) -> tuple[pl.LazyFrame, tuple[tuple[str, str], ...], Duplicates]:
    """Return lines with the problems that only all lines show, the notes on what they lack, and the duplicates; `keep` collects in memory."""
    senders, records = identity.count_senders(lines, size)
    nobody = traffic_visitors.unidentified(lines, senders, plan.goals.site.visitor_rules, size)
    lines = keep(merge.mark_problem(lines, nobody, NO_VISITOR)) if nobody.height else lines
    agents = identity.has_agents(lines, size)
    notes = identity.identity_notes(senders, records, agents=agents)
    lines = lines if agents else keep(identity.without_agents(lines))
    if "event_number" in lines.collect_schema():
        lines = keep(merge.mark_problem(lines, merge.find_duplicates(lines, size), "duplicate"))
    duplicates = _repeated_rows(lines, size)
    if number_of_logs > 1:
        repeats, shared = find_shared_lines(lines, size)
        duplicates = replace(duplicates, shared=shared)
        lines = keep(merge.mark_problem(lines, repeats, "duplicate")) if repeats.height else lines
    return lines, notes, duplicates


def _filters(lines: pl.LazyFrame, linked: pl.DataFrame, size: int, memory: MemoryBudget) -> tuple[pl.Expr, ...]:
    """Return, for each part, whether a line on disk belongs to it; `linked` are the groups of keys that must stay together."""
    bucket = bucket_of(pl.col(BUCKET_KEY).replace(linked[BUCKET_KEY], linked["group"]))
    return tuple(bucket.is_between(first, last) for first, last in _bounds(_counts(lines, bucket, size), memory))


def _assets(plan: Plan) -> Assets:
    """Return the static files to read like pages: those that a goal may name, or all of them."""
    extensions = tuple(datafiles.words("assets"))
    return Assets(extensions if plan.every_asset else hits.goal_asset_extensions(plan.goals, extensions))


def _without_more_assets(part: Part) -> Part:
    """Return a part with only one static-file request per client: the others, which make up most of a log, add nothing."""
    lines, omitted = traffic_visitors.deduplicate_assets(part.lines)
    return replace(part, lines=lines, omitted=omitted)


def _repeated_rows(lines: pl.LazyFrame, size: int) -> Duplicates:
    """Return the number of rows of exports, or of lines with the ID of a request, that repeat an earlier one; most access logs have no IDs."""
    if "event_number" not in (columns := lines.collect_schema()):
        return NO_DUPLICATES
    problem = pl.col("problem").cast(pl.String)
    counts = lines.select((problem == "duplicate").sum(), (~problem.is_in(NEVER_COUNTED).fill_null(value=False)).sum().alias("of"))
    rows, of = collect_frame(counts, size).row(0)
    return Duplicates(rows, of, are_requests="event" not in columns)


def _log_data(opened: OpenLogs, logs: Sequence[Log], loaded: LoadedLines, lines: pl.LazyFrame, size: int) -> LogData:
    """Return the data of logs that were read; `logs` are in the order of their numbers."""
    names = tuple(log.source.name for log in opened.logs)
    return LogData(lines, size, names, tuple(logs), opened.copies, opened.left_out, loaded.losses, rejects=loaded.rejects, files=opened.files)


def _ranked(lines: pl.LazyFrame, logs: Sequence[Log]) -> tuple[pl.LazyFrame, Sequence[Log]]:
    """Return lines on disk with the rank of their log as `source`, and the logs in order of rank."""
    if len(logs) == 1:
        return lines, logs
    ranks = collect_frame(source_ranks(lines, [log.source.name for log in logs]), _MANY)
    rank = pl.col("source").replace_strict(ranks["source"], ranks["rank"])
    return lines.with_columns(source=rank), [logs[number] for number in ranks["source"]]


def _global_facts(lines: pl.LazyFrame, with_values: pl.LazyFrame, plan: Plan, size: int) -> GlobalFacts:
    """Return the facts that depend on all lines; `with_values` are the lines that may have a value that goals read."""
    goals, time = plan.goals, pl.col("time")
    summary = lines.select(first=time.min(), last=time.max(), assets=((pl.col("problem") == "asset") | pl.col("asset")).any())
    first, last, has_assets = collect_frame(summary, _MANY).row(0)
    stray, has_events = find_stray(lines, _MANY), "event" in lines.collect_schema()
    event_pages, hash_routes = events.facts_of_events(lines, goals, _MANY) if has_events else (None, None)
    return GlobalFacts(
        span=(first, last) if stray is None else (stray.begin, stray.end),
        stray=stray,
        has_assets=has_assets,
        event_pages=event_pages,
        hash_routes=hash_routes,
        newest_first=find_newest_first(lines, _MANY),
        money=money_by_value(with_values, goals, _MANY),
        crowd=crowds.find_crowd_on_disk(lines, goals.site, size, is_memory_small=plan.memory.is_small),
    )


def _counts(lines: pl.LazyFrame, bucket: pl.Expr, size: int) -> pl.DataFrame:
    """Return `bucket, lines, records`: the number of lines and records in each bucket."""
    counts = {"lines": pl.len().cast(pl.Int64), "records": pl.col("problem").is_null().sum().cast(pl.Int64)}
    pieces = (lines.slice(start, _COUNTED_AT_ONCE) for start in range(0, max(size, 1), _COUNTED_AT_ONCE))
    return sum_tallies([collect_frame(piece.group_by(bucket=bucket).agg(**counts), _MANY) for piece in pieces]).sort("bucket")


def _bounds(counts: pl.DataFrame, memory: MemoryBudget) -> tuple[tuple[int, int], ...]:
    """Return the first and the last bucket of each part, chosen so that the parts fit into memory if each bucket does."""
    weight = MemoryBudget.weight(pl.col("records"), pl.col("lines") - pl.col("records"))
    parts = memory.parts(int(counts.select(weight.sum()).item()))
    part = (weight.cum_sum() - weight) * parts // weight.sum()
    rows = counts.group_by(part.alias("part")).agg(first=pl.col("bucket").min(), last=pl.col("bucket").max()).sort("part")
    return tuple(rows.select("first", "last").rows()) or ((0, BUCKETS),)


def _read_part(lines: pl.LazyFrame, is_of_part: pl.Expr, size: int) -> pl.DataFrame:
    """Return the lines of a part, in memory, with their `key`; `size` is the number of all lines."""
    return collect_frame(lines.filter(is_of_part).with_columns(pl.col(pl.String).cast(TEXT)), size)


def rule_nodes(lines: pl.LazyFrame, site: Site, size: int) -> pl.DataFrame:
    """Return `key` and nodes, for `group_keys`, of lines on disk that visitor rules or IDs may link with others."""
    columns = lines.collect_schema().names()
    if not site.preferred_rules and "anonymous" not in columns:
        return pl.DataFrame(schema={BUCKET_KEY: pl.UInt32})
    has_user = ~pl.col("sender").str.ends_with(_NO_USER)
    if {*site.preferred_rules} <= {USER_RULE}:
        lines = lines.filter(any_of([has_user, *(pl.col(name).is_not_null() for name in ("anonymous",) if name in columns)]))
    # Few senders have a user, and splitting nulls costs almost nothing.
    with_user = lines.with_columns(sender=pl.when(has_user).then("sender"))
    values = traffic_visitors.visitor_numbers(site.preferred_rules, columns) | {USER_RULE: traffic_visitors.visitor_number(USER_RULE, pl.col("user"))}
    values |= {"anonymous": traffic_visitors.visitor_number(USER_RULE, pl.col("anonymous"))} if "anonymous" in columns else {}
    nodes = requests.split_senders(with_user).select(BUCKET_KEY, **{f"{_NODE}{name}": value for name, value in values.items()})
    linked = nodes.filter(pl.any_horizontal(pl.col(f"^{_NODE}.*$").is_not_null())).unique()
    return collect_frame(linked, size)


def _with_values(lines: pl.LazyFrame, goals: Goals, size: int) -> pl.LazyFrame:
    """Return the records that may have a value that goals read as an amount or count once: in memory if they are few, otherwise on disk."""
    columns = lines.collect_schema().names()
    read = {goal.value for goal in goals.goals if isinstance(goal.value, str)}
    read |= {goal.once_value for goal in goals.all if goal.shared is not None and goal.once_value is not None}
    with_values = lines.filter(pl.col("problem").is_null() & any_of(attributes.may_have(value, columns) for value in sorted(read)))
    few = _read_part(with_values.head(_FEW + 1), pl.lit(value=True), size)
    return few.lazy() if few.height <= _FEW else with_values


def _value_nodes(with_values: pl.LazyFrame, size: int, nodes: pl.DataFrame, plan: Plan, facts: GlobalFacts) -> pl.DataFrame:
    """Return `key` and a node per goal, for `group_keys`, of values that count once at all and occur with several keys.

    The hits that goals name are found among the lines that may have a value: as a rule, these are few, otherwise part by part, as in an analysis.
    """
    goals, is_in_memory = plan.goals, with_values.collect_schema()["sender"] == TEXT
    filters = (pl.lit(value=True),) if is_in_memory else _filters(with_values, group_keys(nodes), size, plan.memory)
    values = pl.DataFrame(schema={BUCKET_KEY: pl.UInt32, "goal": pl.UInt32, "value": pl.Int64})
    for is_of_part in filters:
        # No name may keep a part, and with it all of its texts, while the next one is read.
        of_part = stages.values_counted_once(Part(_read_part(with_values, is_of_part, size), facts), goals, BUCKET_KEY)
        values = pl.concat([values, of_part]).unique()
    of_several = values.filter(pl.col(BUCKET_KEY).n_unique().over("goal", "value") > 1)
    numbers = of_several["goal"].unique().sort()
    return of_several.select(BUCKET_KEY, **{f"{_NODE}once:{number}": pl.when(goal=number).then("value") for number in numbers})


def group_keys(lines: pl.DataFrame) -> pl.DataFrame:
    """Return `key, group` for lines with a `key` and nodes: lines linked by nodes, directly or not, form a group named after its lowest key.

    A group must stay in one part.

    A user and an anonymous ID are nodes of the same kind, because exports may use one in place of the other.
    """
    rows = lines.with_row_index("row")
    kinds = {name: USER_RULE if name in _USER_NODES else name for name in lines.columns}
    nodes = pl.concat([rows.select("row", kind=pl.lit(kind), node=pl.col(name).cast(pl.Int64)) for name, kind in kinds.items()]).drop_nulls("node")
    group = rows.select("row", group=BUCKET_KEY)
    while True:
        lowest = nodes.join(group, on="row").with_columns(pl.col("group").min().over("kind", "node")).group_by("row").agg(pl.col("group").min())
        if lowest.sort("row").equals(group):
            return rows.join(group, on="row").select(BUCKET_KEY, "group").unique()
        group = lowest.sort("row")
