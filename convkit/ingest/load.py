"""Loading logs: their parsed lines in memory or on disk, and what was lost.

The fast reader is tried first, the one for damage where it fails. Only when all lines are loaded it is known whether a log is of its format at all,
and which line its writer had not finished.
"""

from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import polars as pl

from convkit.core.formatting import plural
from convkit.core.progress import NO_PROGRESS
from convkit.core.schema import NO_VISITOR, PARSED_EVENTS, RECORDS, TEXT, TOO_LONG, UNFINISHED
from convkit.errors import InputError
from convkit.files import damaged
from convkit.files.lines import GZIP, PARQUET, PLAIN, ZSTD, parquet_damage_as_error, read_error, scan
from convkit.formats.parsers import requests
from convkit.formats.parsers.base import ALL_ASSETS
from convkit.formats.parsers.delimited import UNCLOSED_QUOTE
from convkit.ingest import detection
from convkit.ingest.logs import unwrap
from convkit.ingest.merge import LINE_KEY, mark_problem
from convkit.ingest.store import MEMORY_STORE

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Sequence
    from pathlib import Path

    from convkit.core.progress import Progress
    from convkit.formats.parsers.base import Assets
    from convkit.ingest.logs import Log
    from convkit.ingest.store import Store, Text

    Narrow = Callable[[pl.LazyFrame, Sequence[str], Sequence[str], Text], pl.LazyFrame]
    """Keeps of PARSED what a run needs: given texts, the rules that tell visitors, and the type of texts."""


_NO_LOSSES = ("asset", "blank", "comment", UNFINISHED)
_REPLACEMENT_CHARACTER = "\ufffd"
_MAX_LOST, _MAX_REJECT_BYTES = 0.5, 500
_PARALLEL_LOGS = 2
"""Logs that are read at once: unpacking one keeps a single core busy."""


@dataclass(frozen=True)
class LoadedLines:
    """The parsed lines of logs, wherever they are kept, and what was lost."""

    lines: pl.LazyFrame
    """PARSED, as `narrow` leaves them."""
    losses: tuple[str, ...]
    rejects: pl.DataFrame | None
    """`file, line, reason, text`: the text's first 500 bytes, with everything that looks like an address masked."""


def load_logs(  # noqa: PLR0913 (how logs are read, and what is kept of them)
    logs: Sequence[Log], assets: Assets, narrow: Narrow, *, store: Store = MEMORY_STORE, rejects: bool = False, progress: Progress = NO_PROGRESS
) -> LoadedLines:
    """Read logs, of whose lines `narrow` keeps what a run needs.

    Raises InputError where a log is damaged beyond what can be kept, or most of it is not of its format.
    """
    progress.begin(sum(log.source.size for log in logs))
    loaded = _load_each(logs, partial(load_log, assets=assets, progress=progress, narrow=narrow, store=store))
    lines = pl.concat([of_log.lines for of_log in loaded], how="diagonal")
    mended = {log.number for log, of_log in zip(logs, loaded, strict=True) if of_log.is_mended}
    lost = _collect(lines.filter(~pl.col("problem").is_in(_NO_LOSSES)).select("source", "line_no", "problem"))
    unfinished = _unfinished(logs, lines, lost)
    if unfinished.height:
        lines = mark_problem(lines, unfinished, UNFINISHED)
        lost = lost.join(unfinished, on=LINE_KEY, how="anti")
    _refuse_unreadable_logs(logs, lines, lost, mended)
    said = (*(sentence for of_log in loaded for sentence in of_log.losses), *_replaced_bytes(lines, logs), *_shrunk_logs(logs))
    if said and not _collect(lines.select(pl.len())).item():
        raise InputError(said[0])
    return LoadedLines(lines, said, _rejects(logs, lost, mended) if rejects else None)


def _collect(query: pl.LazyFrame) -> pl.DataFrame:
    """Run a query on lines, wherever they are kept."""
    return query.collect(engine="streaming")


def _load_each(logs: Sequence[Log], read: Callable[[Log], LoadedLog]) -> list[LoadedLog]:
    """Read logs, a few at once."""
    if len(logs) == 1:
        return [read(logs[0])]
    with ThreadPoolExecutor(_PARALLEL_LOGS) as pool:
        return list(pool.map(read, logs))


def _unfinished(logs: Sequence[Log], lines: pl.LazyFrame, lost: pl.DataFrame) -> pl.DataFrame:
    """Return the places of last lines that no line end closes and that are no records: their writer has not finished them."""
    ends = _collect(lines.group_by("source").agg(pl.col("line_no").max())) if lost.height else lost.select(LINE_KEY)
    last = lost.filter(pl.col("problem") != TOO_LONG).join(ends, on=LINE_KEY, how="semi").select(LINE_KEY)
    of_lines = [log for log in logs if log.number in last["source"] and log.source.packing != PARQUET]
    open_ended = [log.number for log in of_lines if not damaged.ends_with_newline(log.source)]
    return last.filter(pl.col("source").is_in(open_ended))


def _shrunk_logs(logs: Sequence[Log]) -> list[str]:
    """Say which logs lost bytes while they were read, as where a rotation empties the file under its reader."""
    cut = (log.source for log in logs if _size_of(log.source.path) < log.source.size < sys.maxsize)
    return [f"{source.name} was cut while it was read; read it again, together with the file that it was rotated into" for source in cut]


def _size_of(path: Path) -> int:
    """Return how many bytes a file has; one that has gone lost none of what was read before."""
    try:
        return path.stat().st_size
    except OSError:
        return sys.maxsize


def _replaced_bytes(lines: pl.LazyFrame, logs: Sequence[Log]) -> list[str]:
    """Say in how many lines of each log bytes were replaced that are no text, as far as the lines were read."""
    schema = lines.collect_schema()
    texts = [name for name, dtype in schema.items() if dtype in {TEXT, pl.String}]
    # All texts in memory share their categories: where none of them holds the sign, no line needs a look.
    if TEXT in schema.dtypes() and not TEXT.categories.to_series().str.contains(_REPLACEMENT_CHARACTER, literal=True).any():
        return []
    holds = pl.any_horizontal(pl.col(name).cast(pl.String).str.contains(_REPLACEMENT_CHARACTER, literal=True) for name in texts)
    numbers = _collect(lines.filter(holds).group_by("source").len().sort("source")).rows()
    return [f"{logs[number].source.name} holds bytes that are no UTF-8 in {plural(count, 'line')}; they are read as �" for number, count in numbers]


def _refuse_unreadable_logs(logs: Sequence[Log], lines: pl.LazyFrame, lost: pl.DataFrame, mended: Collection[int]) -> None:
    """Raise InputError for the first log most of whose lines are not read, or all of nobody: its figures would mean nothing."""
    if lost.is_empty():
        return
    counts = _collect(lines.filter(~pl.col("problem").is_in(("blank", "comment")).fill_null(value=False)).group_by("source").len())
    is_of_nobody = pl.col("problem") == NO_VISITOR
    counted = lost.group_by("source").agg(of_nobody=is_of_nobody.sum(), unread=(~is_of_nobody).sum())
    is_refused = (pl.col("unread") > _MAX_LOST * pl.col("len")) | (pl.col("unread") + pl.col("of_nobody") == pl.col("len"))
    numbers = counts.join(counted, on="source").filter(is_refused).sort("source")
    for number, of_all, of_nobody, unread in numbers.select("source", "len", "of_nobody", "unread").head(1).rows():
        log = logs[number]
        if of_nobody > unread:
            raise InputError(
                f"no line of {log.source.name} says who it was, by an address or a user id ({log.name}); let what writes it say so, "
                "or name the column of an export with --set columns.user=NAME"
            )
        shown = _rejects([log], lost.filter(source=number).sort("line_no").head(detection.SHOWN_LINES), mended)
        raise detection.unknown_format_error(log.source, log.name, (of_all - unread) / of_all, shown["text"].to_list())


def _rejects(logs: Sequence[Log], lost: pl.DataFrame, mended: Collection[int]) -> pl.DataFrame:
    """Return `file, line, reason, text` of lines that were not read, of logs read tolerantly where they are among `mended`."""
    schema = {"file": pl.String, "line": pl.UInt32, "reason": pl.String, "text": pl.String}
    parts = [(log, lost.filter(source=log.number)) for log in logs]
    found = [_rejects_of_log(log, part, is_easy=log.number not in mended) for log, part in parts if part.height]
    return pl.concat(found) if found else pl.DataFrame(schema=schema)


def _rejects_of_log(log: Log, lost: pl.DataFrame, *, is_easy: bool) -> pl.DataFrame:
    """Return the rejects of one log, read once more in the way that worked."""
    reasons = lost.select("line_no", reason=pl.col("problem").cast(pl.String))
    again = [scan(log.source, log.number)] if is_easy else (frame.lazy() for frame in damaged.frames(log.source, log.number, []))
    is_wanted = pl.col("line_no").is_in(reasons["line_no"].implode())
    start = pl.col("line").fill_null("").cast(pl.Binary).bin.slice(0, _MAX_REJECT_BYTES)
    found = pl.concat([frame.filter(is_wanted).select("line_no", start=start).collect(engine="streaming") for frame in again])
    found = found.join(reasons, on="line_no").sort("line_no")
    text = pl.Series("text", [detection.shown_line(raw.decode("utf-8", "ignore")) for raw in found["start"]], dtype=pl.String)
    return found.select(pl.lit(log.source.name).alias("file"), pl.col("line_no").alias("line"), "reason", text)


_READ_ERRORS = (pl.exceptions.ComputeError, pl.exceptions.SchemaError, OSError)
_MAX_WAITING = 2_000_000
"""Lines that are kept at once of a log that is read piece by piece."""
_MAX_READ_AT_ONCE = 256 << 20
"""Bytes of a log that is read as a whole for whoever asks for its records."""
_SUSPICIOUS_RATIO, _SUSPICIOUS_SIZE = 100, 64 << 20
"""A gzip file that says it holds so many times its size, and more than this, may be one line without an end."""


@dataclass(frozen=True)
class LoadedLog:
    """What a log says: PARSED as `select_needed` leaves them, where they are kept, and sentences of what was lost."""

    lines: pl.LazyFrame
    losses: tuple[str, ...] = ()
    is_mended: bool = False
    """Whether the tolerant reader read it."""


@dataclass(frozen=True)
class LoadJob:
    """How a log is read, and what is kept of its lines."""

    log: Log
    assets: Assets
    narrow: Narrow | None
    store: Store

    def of(self, lines: pl.LazyFrame) -> pl.LazyFrame:
        """Return PARSED of LINES, as they are narrowed or whole."""
        parsed = self.log.layout.scan(lines, self.assets)
        return parsed if self.narrow is None else self.narrow(parsed, self.log.texts, self.log.visitor, self.store.text)

    def kept(self, lines: pl.LazyFrame) -> pl.LazyFrame:
        """Return the same once it is read."""
        return self.store.keep(self.of(lines))


def load_log(log: Log, assets: Assets, progress: Progress, *, narrow: Narrow | None = None, store: Store = MEMORY_STORE) -> LoadedLog:
    """Read a log: `assets` are the static files that are wanted, `narrow` keeps of PARSED what a run needs.

    Raises InputError if nothing of it can be kept.
    """
    is_parquet = log.source.packing == PARQUET
    job = LoadJob(log, assets, narrow, store)
    found = LoadedLog(_load_parquet(job)) if is_parquet else _load_fast(job) or _load_damaged(job, progress)
    if not found.is_mended:
        progress.advance(log.source.size)
    return found


def read_parsed(logs: Iterable[Log]) -> pl.LazyFrame:
    """Return PARSED of all lines, assets too: read at once by the readers that nothing stops, but for logs that are too large for that.

    Those are read later, by the fast reader alone, and their files must still be there then.
    """
    parts = []
    for log in logs:
        job = LoadJob(log, ALL_ASSETS, None, MEMORY_STORE)
        waits = log.source.size > _MAX_READ_AT_ONCE and _is_easy(log) and not log.layout.can_mend
        read = unwrap(scan(log.source, log.number), log) if waits else None
        parts.append(load_log(log, ALL_ASSETS, NO_PROGRESS).lines if read is None else job.of(read))
    return pl.concat(parts, how="diagonal")


def _load_fast(job: LoadJob) -> LoadedLog | None:
    """Read a log the fast way, and once more as a whole where records go on over several lines; None where that fails."""
    log = job.log
    with suppress(*_READ_ERRORS):
        if not _is_easy(log):
            return None
        lines = job.kept(unwrap(scan(log.source, log.number), log))
        if log.layout.can_mend and lines.select((pl.col("problem") == UNCLOSED_QUOTE).any()).collect(engine="streaming").item():
            lines = _load_in_pieces([scan(log.source, log.number).collect()], job)
        return LoadedLog(lines)
    return None


def _load_parquet(job: LoadJob) -> pl.LazyFrame:
    """Read a Parquet file."""
    source = job.log.source
    with parquet_damage_as_error(source.name):
        return job.kept(scan(source, job.log.number))


def _is_easy(log: Log) -> bool:
    """Tell logs that the fast reader may be given."""
    source = log.source
    return source.packing in {PLAIN, ZSTD} or (source.packing == GZIP and not _may_burst(source.path))


def _may_burst(path: Path) -> bool:
    """Tell a gzip file whose trailer says that it holds a great many times its size."""
    size = path.stat().st_size
    with path.open("rb") as file:
        file.seek(-min(size, 4), 2)
        unpacked = int.from_bytes(file.read(4), "little")
    return unpacked > _SUSPICIOUS_SIZE and unpacked > size * _SUSPICIOUS_RATIO


def _load_damaged(job: LoadJob, progress: Progress) -> LoadedLog:
    """Read a log by the reader for damage; of zstd, which that does not know, the lines are read at once and mended."""
    source, number, losses = job.log.source, job.log.number, list[str]()
    try:
        if source.packing != ZSTD:
            return LoadedLog(_load_in_pieces(damaged.frames(source, number, losses, progress.advance), job), tuple(losses), is_mended=True)
        return LoadedLog(_load_in_pieces([scan(source, number).collect()], job))
    except pl.exceptions.ComputeError:
        raise InputError(f"{source.name} is damaged; copy it again, or unpack what can be unpacked with zstd -dc") from None
    except OSError as error:
        raise read_error(source.name, error) from None


def _load_in_pieces(frames: Iterable[pl.DataFrame], job: LoadJob) -> pl.LazyFrame:
    """Return what is wanted of the lines of a log, mended where its format can do that, a few million of them at a time."""
    bare = (unwrap(frame, job.log) for frame in frames)
    kept, waiting = list[pl.LazyFrame](), list[pl.DataFrame]()
    for frame in job.log.layout.mend(bare):
        waiting.append(job.of(frame.lazy()).collect())
        if sum(part.height for part in waiting) >= _MAX_WAITING:
            kept.append(job.store.keep(pl.concat(waiting).lazy()))
            waiting.clear()
    return pl.concat([*kept, *([job.store.keep(pl.concat(waiting).lazy())] if waiting else [])])


def to_records(lines: pl.LazyFrame) -> pl.LazyFrame:
    """Return RECORDS, `asset` and `problem` of PARSED, senders and requests taken apart line by line, escapes undone."""
    nothing = pl.LazyFrame(schema=PARSED_EVENTS)
    whole = pl.concat([lines, nothing], how="diagonal")
    apart = whole.pipe(requests.split_senders).pipe(requests.split_requests).with_columns(target=pl.coalesce("target", requests.probe_text()))
    return apart.with_columns(**{name: requests.unescape(name) for name in requests.ESCAPED_TEXTS}).select(*RECORDS, "asset", "problem")
