"""Loading logs: their parsed lines, in memory or on disk, and what was lost.

Whether a log really is in its format, and which lines are unfinished, is known only after all
lines have been loaded.
"""

from __future__ import annotations

import sys
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING

import polars as pl

from convkit.core.formatting import plural, were
from convkit.core.progress import NO_PROGRESS
from convkit.core.schema import LINES, NEVER_COUNTED, NO_SUCH_TIME, NO_VISITOR, PARSED_EVENTS, RECORDS, TEXT, TOO_LONG, UNFINISHED, first_problem
from convkit.errors import InputError
from convkit.files import reader, unpacking
from convkit.files.lines import PARQUET, parquet_damage_as_error, read_error
from convkit.files.unpacking import FalseLinesLoss
from convkit.formats.parsers import requests
from convkit.formats.parsers.base import ALL_ASSETS
from convkit.formats.parsers.delimited import UNCLOSED_QUOTE
from convkit.formats.parsers.timestamps import NEVER
from convkit.ingest import detection, late_lines
from convkit.ingest.logs import unwrap
from convkit.ingest.merge import LINE_KEY, mark_problem
from convkit.ingest.repeated_hours import later, second_hours
from convkit.ingest.store import MEMORY_STORE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from concurrent.futures import Future
    from pathlib import Path

    from convkit.core.progress import Progress
    from convkit.formats.parsers.base import Assets
    from convkit.ingest.logs import Log
    from convkit.ingest.store import Store, Text

    Narrow = Callable[[pl.LazyFrame, Sequence[str], Sequence[str], Text, datetime], pl.LazyFrame]
    """Selects the part of PARSED that a run needs (NARROWED).

    It is given the text columns needed, the visitor rules, the type of text columns, and the latest time that the log can have.
    """


_NO_LOSSES = (*NEVER_COUNTED, UNFINISHED)
_REPLACEMENT_CHARACTER = "\ufffd"
_ENCODING_HINT = "if its text is in another encoding, try --set encoding=windows-1252"
_MAX_LOST, _MAX_REJECT_BYTES = 0.5, 500
_PARALLEL_LOGS = 2
"""The number of logs that are read at once: decompressing each of them keeps one core busy."""


@dataclass(frozen=True)
class Selection:
    """The data that is kept from the lines of logs, and where it is stored."""

    assets: Assets
    """The static files to keep."""
    narrow: Narrow | None = None
    """Selects the part of PARSED that a run needs; if it is None, everything is kept."""
    store: Store = MEMORY_STORE
    every_line: bool = False
    """Whether to keep blank lines, too; otherwise, those of a log that is read in blocks are only counted."""


@dataclass(frozen=True)
class LoadedLines:
    """The parsed lines of logs, in memory or on disk, and what was lost."""

    lines: pl.LazyFrame
    """The lines, with the columns NARROWED."""
    losses: tuple[str, ...]
    logs: tuple[Log, ...]
    """The logs, with all formats that their lines turned out to have, and the number of blank lines that are not kept."""
    rejects: pl.DataFrame | None
    """`file, line, reason, text`: the first 500 bytes of each rejected line, without what identifies people or grants access."""


def load_logs(logs: Sequence[Log], selection: Selection, progress: Progress = NO_PROGRESS, *, rejects: bool = False) -> LoadedLines:
    """Read logs and keep a selection of their lines.

    Raises InputError if nothing can be rescued from a log, or if most of it does not match its format.
    """
    progress.begin(sum(log.source.size for log in logs))
    loaded = _load_each(logs, partial(load_log, selection=selection, progress=progress))
    logs = [one.log for one in loaded]
    lines = pl.concat([one.lines for one in loaded], how="diagonal")
    lost = _collect(lines.filter(~pl.col("problem").is_in(_NO_LOSSES)).select("source", "line_no", "problem"))
    unfinished = _unfinished(logs, lines, lost)
    if unfinished.height:
        lines = mark_problem(lines, unfinished, UNFINISHED)
        lost = lost.join(unfinished, on=LINE_KEY, how="anti")
    doubtful = {log.number for log, one in zip(logs, loaded, strict=True) if one.has_false_lines and _fits_at_first(log, lines)}
    _refuse_unreadable_logs(logs, lines, lost.filter(~pl.col("source").is_in(doubtful)))
    damaged_logs = [log.number for log, one in zip(logs, loaded, strict=True) if one.losses]
    read = {*_collect(lines.filter(pl.col("source").is_in(damaged_logs)).select(pl.col("source").unique()))["source"]} if damaged_logs else set()
    read |= {log.number for log in logs if log.blank_lines}
    own_losses = (
        _nothing_read(log.source.name)
        if isinstance(sentence, unpacking.PartlyReadLoss) and log.number not in read
        else _with_false_lines(sentence, lost.filter(source=log.number))
        for log, one in zip(logs, loaded, strict=True)
        for sentence in one.losses
    )
    lost_before = (sentence for log in logs for sentence in log.source.losses)
    losses = (*lost_before, *own_losses, *_replaced_bytes(lines, logs), *_shrunk_logs(logs))
    if losses and not (any(log.blank_lines for log in logs) or _collect(lines.select(pl.len())).item()):
        raise InputError(losses[0])
    return LoadedLines(lines, losses, tuple(logs), _rejects(logs, lost) if rejects else None)


def _nothing_read(name: str) -> str:
    return f"{name} is damaged, and nothing in it could be read; copy it again"


def _collect(query: pl.LazyFrame) -> pl.DataFrame:
    """Return the result of a query on lines in memory or on disk."""
    return query.collect(engine="streaming")


def _load_each(logs: Sequence[Log], read: Callable[[Log], LoadedLog]) -> list[LoadedLog]:
    """Read logs, a few at a time."""
    if len(logs) == 1:
        return [read(logs[0])]
    with ThreadPoolExecutor(_PARALLEL_LOGS) as pool:
        return list(pool.map(read, logs))


def _unfinished(logs: Sequence[Log], lines: pl.LazyFrame, lost: pl.DataFrame) -> pl.DataFrame:
    """Return `source, line_no` of unfinished last lines: those that do not end with a newline and are not records."""
    ends = _collect(lines.group_by("source").agg(pl.col("line_no").max())) if lost.height else lost.select(LINE_KEY)
    last = lost.filter(pl.col("problem") != TOO_LONG).join(ends, on=LINE_KEY, how="semi").select(LINE_KEY)
    candidates = [log for log in logs if log.number in last["source"] and log.source.packing != PARQUET]
    open_ended = [log.number for log in candidates if not unpacking.ends_with_newline(log.source)]
    return last.filter(pl.col("source").is_in(open_ended))


def _shrunk_logs(logs: Sequence[Log]) -> list[str]:
    """Return a sentence for each log that shrank while it was read, as when log rotation truncates it."""
    shrunk = (log.source for log in logs if _size_of(log.source.path) < log.source.size < sys.maxsize)
    return [f"{source.name} was truncated while it was being read; read it again, together with the file it was rotated into" for source in shrunk]


def _latest_time(path: Path) -> datetime:
    """Return the latest time that a log can have, with a day to spare: when its file was last changed, or now."""
    try:
        changed = datetime.fromtimestamp(path.stat().st_mtime, UTC)
    except (OSError, OverflowError, ValueError):
        changed = datetime.min.replace(tzinfo=UTC)
    return max(changed, datetime.now(UTC)) + timedelta(days=1)


def _size_of(path: Path) -> int:
    """Return the size of a file in bytes; a deleted file counts as complete."""
    try:
        return path.stat().st_size
    except OSError:
        return sys.maxsize


def _replaced_bytes(lines: pl.LazyFrame, logs: Sequence[Log]) -> list[str]:
    """Return a sentence for each log with invalid UTF-8 in the columns that were read."""
    schema = lines.collect_schema()
    texts = [name for name, dtype in schema.items() if dtype in {TEXT, pl.String}]
    # All strings in memory share their categories: if no category contains the character, no line does.
    if TEXT in schema.dtypes() and not any(_REPLACEMENT_CHARACTER in text for text in TEXT.categories if text):
        return []
    has_sign = pl.any_horizontal(pl.col(name).cast(pl.String).str.contains(_REPLACEMENT_CHARACTER, literal=True) for name in texts)
    numbers = _collect(lines.filter(has_sign).group_by("source").len().sort("source")).rows()
    return [f"{logs[number].source.name} has invalid UTF-8 in {plural(count, 'line')}, shown as �; {_ENCODING_HINT}" for number, count in numbers]


def _fits_at_first(log: Log, lines: pl.LazyFrame) -> bool:
    """Return whether at least half of the first lines of a log fit its format, however few these lines are."""
    ordered = lines.filter(~pl.col("problem").is_in(("blank", "comment")).fill_null(value=False), source=log.number).sort("line_no")
    fits = _collect(ordered.select(fits=pl.col("problem").is_in(_NO_LOSSES).fill_null(value=True)))["fits"]
    return bool((2 * fits.cum_sum().cast(pl.Int64) >= pl.int_range(1, len(fits) + 1, eager=True)).any())


def _with_false_lines(loss: str, lost: pl.DataFrame) -> str:
    """Return a sentence about a loss and, if lines after the damage may be false, how many of them did not fit, and what to do."""
    if not isinstance(loss, FalseLinesLoss):
        return loss
    if lost.is_empty():
        return f"{loss}; copy it again"
    first = int(lost.select(pl.col("line_no").min()).item())
    return f"{loss}; {plural(lost.height, 'line')} that did not match the format, from line {first:,} on, {were(lost.height)} ignored; copy it again"


def _refuse_unreadable_logs(logs: Sequence[Log], lines: pl.LazyFrame, lost: pl.DataFrame) -> None:
    """Raise InputError for the first log whose figures would be meaningless because most lines, or all lines with a visitor, are unreadable."""
    if lost.is_empty():
        return
    counts = _collect(lines.filter(~pl.col("problem").is_in(("blank", "comment")).fill_null(value=False)).group_by("source").len())
    lacks_visitor = pl.col("problem") == NO_VISITOR
    counted = lost.group_by("source").agg(without_visitor=lacks_visitor.sum(), unread=(~lacks_visitor).sum())
    is_refused = (pl.col("unread") > _MAX_LOST * pl.col("len")) | (pl.col("unread") + pl.col("without_visitor") == pl.col("len"))
    numbers = counts.join(counted, on="source").filter(is_refused).sort("source")
    for number, total, without_visitor, unread in numbers.select("source", "len", "without_visitor", "unread").head(1).rows():
        log = logs[number]
        if without_visitor > unread:
            raise InputError(
                f"no line of {log.source.name} (format {log.name}) identifies the visitor by IP address or user ID; add one of these to the log, "
                "or name the column of an export with --set columns.user=NAME"
            )
        shown = _rejects([log], lost.filter(source=number).sort("line_no").head(detection.SHOWN_LINES))
        raise detection.unknown_format_error(log.source, log.name, (total - unread) / total, shown["text"].to_list())


def _rejects(logs: Sequence[Log], lost: pl.DataFrame) -> pl.DataFrame:
    """Return `file, line, reason, text` of rejected lines."""
    schema = {"file": pl.String, "line": pl.UInt32, "reason": pl.String, "text": pl.String}
    parts = [(log, lost.filter(source=log.number)) for log in logs]
    frames = [_rejects_of_log(log, part) for log, part in parts if part.height]
    return pl.concat(frames) if frames else pl.DataFrame(schema=schema)


def _rejects_of_log(log: Log, lost: pl.DataFrame) -> pl.DataFrame:
    """Return the rejected lines of a log, which is read again."""
    reasons = lost.select("line_no", reason=pl.col("problem").cast(pl.String))
    is_rejected = pl.col("line_no").is_in(reasons["line_no"].implode())
    start = pl.col("line").fill_null("").cast(pl.Binary).bin.slice(0, _MAX_REJECT_BYTES + 1)
    rows = reader.collect(log.source, lambda lines: lines.filter(is_rejected).select("line_no", start=start))
    rows = rows.join(reasons, on="line_no").sort("line_no")
    starts = ((raw[:_MAX_REJECT_BYTES].decode("utf-8", "ignore"), len(raw) > _MAX_REJECT_BYTES) for raw in rows["start"])
    text = pl.Series("text", [detection.shown_line(start, is_cut=is_cut) for start, is_cut in starts], dtype=pl.String)
    return rows.select(pl.lit(log.source.name).alias("file"), pl.col("line_no").alias("line"), "reason", text)


_MAX_LATE_AT_ONCE = 200_000
"""The number of late lines up to which they are in memory as text; of more, a sample decides how they are read."""
_MOST_ROUNDS = 5
_MAX_WAITING = 250_000
"""The number of lines that are collected before they are stored, if a log is read in blocks."""
_WORKERS = 2
"""The number of threads that parse blocks while the next ones are decompressed."""
_MAX_READ_AT_ONCE = 256 << 20
"""The largest log, in bytes, whose records are read immediately."""


@dataclass(frozen=True)
class LoadedLog:
    """The lines of a log (NARROWED), in memory or on disk, and sentences about what was lost."""

    lines: pl.LazyFrame
    log: Log
    """The log, with the formats of its late lines and the number of its blank lines, and marked if it had to be read in blocks."""
    losses: tuple[str, ...] = ()

    @property
    def has_false_lines(self) -> bool:
        """Whether some of its lines may be false."""
        return any(isinstance(loss, FalseLinesLoss) for loss in self.losses)


@dataclass(frozen=True)
class LoadJob:
    """A log to read, and the selection of data to keep from its lines."""

    log: Log
    selection: Selection

    def parse(self, lines: pl.LazyFrame) -> pl.LazyFrame:
        """Parse LINES into NARROWED, or into PARSED if there is no `narrow`."""
        selection = self.selection
        parsed = self.log.layout.scan(lines, selection.assets)
        if selection.narrow is None:
            return parsed
        return selection.narrow(parsed, self.log.needs.texts, self.log.needs.visitor, selection.store.text, _latest_time(self.log.source.path))

    def store_lines(self, lines: pl.LazyFrame) -> pl.LazyFrame:
        """Parse LINES, store the result and return it."""
        return self.selection.store.keep(self.parse(lines))


def load_log(log: Log, selection: Selection, progress: Progress = NO_PROGRESS) -> LoadedLog:
    """Read a log. Raises InputError if nothing can be rescued from it."""
    job = LoadJob(log, selection)
    if log.source.packing == PARQUET:
        with parquet_damage_as_error(log.source.name):
            loaded = LoadedLog(job.store_lines(reader.scan(log.source, log.number)), log)
        progress.advance(log.source.size)
        return _with_second_hours(loaded)
    loaded = _load_with_polars(job, progress) or _load_in_blocks(job, progress)
    return _with_second_hours(_with_late_lines(replace(job, log=loaded.log), loaded))


def read_parsed(logs: Iterable[Log]) -> pl.LazyFrame:
    """Return PARSED for all lines, including assets. Logs are read immediately, except for large ones.

    Large logs are read lazily, by the fast reader alone, so their files must still exist when the result is collected.
    """
    parts, everything = [], Selection(ALL_ASSETS)
    for log in logs:
        job = LoadJob(log, everything)
        is_lazy = log.source.size > _MAX_READ_AT_ONCE and reader.is_read_by_polars(log.source) and not log.layout.can_mend
        lines = unwrap(reader.scan(log.source, log.number), log) if is_lazy else None
        parts.append(load_log(log, everything).lines if lines is None else job.parse(lines))
    return pl.concat(parts, how="diagonal")


def _load_with_polars(job: LoadJob, progress: Progress) -> LoadedLog | None:
    """Read a log with Polars' reader; return None if it cannot read it, if that might take too much memory, or if records span several lines."""
    log = job.log
    if not reader.is_read_by_polars(log.source) or (log.layout.reorders and job.selection.store.is_on_disk):
        return None
    with suppress(*reader.READ_ERRORS):
        lines = job.store_lines(unwrap(reader.scan(log.source, log.number), log))
        if not _has_open_quotes(log, lines):
            progress.advance(log.source.size)
            return LoadedLog(lines, log)
    return None


def _load_in_blocks(job: LoadJob, progress: Progress) -> LoadedLog:
    """Read a log in blocks, and again if that fails or if records span several lines, which are then joined."""
    log = replace(job.log, source=replace(job.log.source, in_blocks=True))
    losses, blank = list[str](), None if job.selection.every_line else list[int]()

    def loaded(lines: pl.LazyFrame) -> LoadedLog:
        return LoadedLog(lines, replace(log, blank_lines=sum(blank or ())), tuple(losses))

    try:
        with suppress(*(reader.PARSE_ERRORS if log.layout.can_mend else ())):
            frames = reader.frames(job.log.source, log.number, losses, progress.advance, blank)
            lines = _store_blocks(job, (unwrap(frame, log) for frame in frames), blank)
            if not _has_open_quotes(log, lines):
                return loaded(lines)
        losses.clear()
        if blank:
            blank.clear()
        # Inside a record that spans several lines, an empty line belongs to it.
        return loaded(_store_blocks(job, _mended(reader.frames(job.log.source, log.number, losses), log), blank))
    except OSError as error:
        raise read_error(log.source.name, error) from None


def _has_open_quotes(log: Log, lines: pl.LazyFrame) -> bool:
    """Return whether records of a log may span several lines that can be joined."""
    return log.layout.can_mend and bool(_collect(lines.select((pl.col("problem") == UNCLOSED_QUOTE).any())).item())


def _mended(frames: Iterable[pl.DataFrame], log: Log) -> Iterable[pl.DataFrame]:
    """Return LINES of a log, with records that span several lines joined."""
    return log.layout.mend(unwrap(frame, log) for frame in frames)


def _store_blocks(job: LoadJob, frames: Iterable[pl.DataFrame], blank: list[int] | None = None) -> pl.LazyFrame:
    """Parse LINES block by block, a few at a time, store the result and return it; if `blank` is given, blank lines are only counted there."""
    kept, waiting = list[pl.LazyFrame](), list[pl.DataFrame]()
    for parsed in _in_turn(lambda frame: job.parse(frame.lazy()).collect(), frames):
        waiting.append(parsed if blank is None else _without_blank(parsed, blank))
        if sum(part.height for part in waiting) >= _MAX_WAITING:
            kept.append(job.selection.store.keep(pl.concat(waiting).lazy()))
            waiting.clear()
    if waiting or not kept:
        rest = pl.concat(waiting).lazy() if waiting else job.parse(pl.LazyFrame(schema=LINES))
        kept.append(job.selection.store.keep(rest))
    return pl.concat(kept)


def _without_blank(parsed: pl.DataFrame, blank: list[int]) -> pl.DataFrame:
    """Return a block without blank lines, and add their number to `blank`; its last line is kept, as it may be the end of the log."""
    is_blank = (parsed["problem"] == "blank").fill_null(value=False)
    if not is_blank.any():
        return parsed
    kept = parsed.filter(~is_blank | (pl.int_range(pl.len()) == pl.len() - 1))
    blank.append(parsed.height - kept.height)
    return kept


def _in_turn(function: Callable[[pl.DataFrame], pl.DataFrame], frames: Iterable[pl.DataFrame]) -> Iterator[pl.DataFrame]:
    """Yield the function's result for each frame, in order, computed in threads while further frames are read."""
    with ThreadPoolExecutor(_WORKERS) as pool:
        waiting: deque[Future[pl.DataFrame]] = deque()
        for frame in frames:
            waiting.append(pool.submit(function, frame))
            if len(waiting) > _WORKERS:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


def _with_late_lines(job: LoadJob, loaded: LoadedLog) -> LoadedLog:
    """Return the lines of a log, with those that its layout does not read, or reads only in part, read again with a layout for them.

    If they are too many to be looked at, a kind that is rare among them is found once the frequent ones have been read.
    """
    numbers = late_lines.find_late_lines(loaded.lines, job.log.layout)
    for _ in range(_MOST_ROUNDS):
        if numbers.is_empty():
            break
        loaded = _with_lines_read_again(replace(job, log=replace(job.log, name=loaded.log.name)), loaded, numbers)
        if len(numbers) <= _MAX_LATE_AT_ONCE:
            break
        seen, numbers = len(numbers), late_lines.find_late_lines(loaded.lines, job.log.layout)
        if len(numbers) == seen:
            break
    return loaded


def _with_lines_read_again(job: LoadJob, loaded: LoadedLog, numbers: pl.Series) -> LoadedLog:
    """Return the lines of a log, with those of these numbers read with a layout that is fitted to them, if there is one."""
    chosen = numbers.gather_every(len(numbers) // _MAX_LATE_AT_ONCE + 1)
    raw = _raw_lines(job.log, chosen)
    log = late_lines.log_of_late_lines(job.log, raw["line"].fill_null(""), is_damaged=loaded.has_false_lines)
    if log is None:
        return loaded
    late = replace(job, log=log)
    is_all = len(chosen) == len(numbers)
    again = (late.store_lines(unwrap(raw.lazy(), log)) if is_all else _load_again(late, numbers)).filter(late_lines.IS_READ)
    is_again = pl.col("line_no").is_in(_collect(again.select("line_no"))["line_no"].implode())
    lines = pl.concat([loaded.lines.filter(~is_again), again], how="diagonal")
    return replace(loaded, lines=lines, log=replace(log, layout=log.layout if log.layout.has_local_times else job.log.layout))


def _with_second_hours(loaded: LoadedLog) -> LoadedLog:
    """Return the lines of a log, with local times in an hour that clocks repeat moved to the second one where the order of lines shows it."""
    log, lines = loaded.log, loaded.lines
    if log.has_local_times and log.needs.timezone != "UTC":
        for length, numbers in second_hours(lines, log.needs.timezone).items():
            lines = later(lines, numbers, length)
    return replace(loaded, lines=lines)


def _raw_lines(log: Log, numbers: pl.Series) -> pl.DataFrame:
    """Return some lines of a log, which is read again."""
    is_chosen = pl.col("line_no").is_in(numbers.implode())
    return reader.collect(log.source, lambda lines: lines.filter(is_chosen)).with_columns(source=pl.lit(log.number, dtype=pl.UInt32))


def _load_again(job: LoadJob, numbers: pl.Series) -> pl.LazyFrame:
    """Load many lines of a log, which is read again."""
    is_chosen, source, number = pl.col("line_no").is_in(numbers.implode()), job.log.source, job.log.number
    if reader.is_read_by_polars(source):
        return job.store_lines(unwrap(reader.scan(source, number).filter(is_chosen), job.log))
    return _store_blocks(job, _mended((frame.filter(is_chosen) for frame in reader.frames(source, number, [])), job.log))


def to_records(lines: pl.LazyFrame) -> pl.LazyFrame:
    """Turn PARSED into RECORDS with `asset` and `problem`: split senders and requests, and decode escapes."""
    no_events = pl.LazyFrame(schema=PARSED_EVENTS)
    with_events = pl.concat([lines, no_events], how="diagonal")
    is_never = pl.col("time") == NEVER
    with_events = with_events.with_columns(
        problem=pl.coalesce("problem", first_problem({NO_SUCH_TIME: is_never})), time=pl.when(is_never.not_().fill_null(value=True)).then("time")
    )
    records = with_events.pipe(requests.split_senders).pipe(requests.split_requests).with_columns(target=pl.coalesce("target", requests.probe_text()))
    return records.with_columns(**{name: requests.unescape(name) for name in requests.ESCAPED_TEXTS}).select(*RECORDS, "asset", "problem")
