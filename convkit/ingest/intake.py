"""Logs -> the cells of every line in memory, and what was lost on the way.

It stands alone because only when all lines are there it is known whether a log is one, which line its writer had not finished, and what was lost.
"""

from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

import polars as pl

from convkit.core.figures import plural
from convkit.core.progress import UNWATCHED
from convkit.core.schema import NOBODY, TEXT, TOO_LONG, UNFINISHED
from convkit.errors import InputError
from convkit.files import tolerant
from convkit.files.lines import PARQUET, scan
from convkit.ingest import recognizing
from convkit.ingest.keeping import IN_MEMORY
from convkit.ingest.loading import load
from convkit.ingest.sources import PLACE, marked
from convkit.ingest.whole import ALL_AT_HAND, Whole

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence
    from pathlib import Path

    from convkit.core.progress import Progress
    from convkit.formats.parsers.assets import Assets
    from convkit.ingest.keeping import Keeper
    from convkit.ingest.loading import Loaded, Narrow
    from convkit.ingest.reading import Log

_NO_LOSS = ("asset", "blank", "comment", UNFINISHED)
_REPLACED = "\ufffd"
_MOST_LOST, _LONGEST = 0.5, 500
_AT_ONCE = 2
"""Logs that are read at once: unpacking one keeps a single core busy."""


@dataclass(frozen=True)
class Intake:
    """What was read: CELLS as `traffic.narrow` leaves them, sentences of what was lost, and the lines that were not read, where they are wanted."""

    cells: pl.DataFrame
    losses: tuple[str, ...]
    rejects: pl.DataFrame | None
    """`file, line, reason, text`: the text's first 500 bytes, what looks like an address masked."""
    whole: Whole = ALL_AT_HAND
    """What holds of all lines, where the cells are those of some visitors."""
    more: Mapping[int, int] = field(default_factory=dict)
    """By log, how many lines there are beside the cells."""


@dataclass(frozen=True)
class Lines:
    """The same where cells may be on disk: a query that gives them."""

    cells: pl.LazyFrame
    losses: tuple[str, ...]
    rejects: pl.DataFrame | None


def take_in(  # noqa: PLR0913 (how logs are read, and what is kept of them)
    logs: Sequence[Log], assets: Assets, narrow: Narrow, *, keeper: Keeper = IN_MEMORY, rejects: bool = False, progress: Progress = UNWATCHED
) -> Lines:
    """Read logs, of whose lines `narrow` keeps what a run needs.

    Raises InputError where a log is damaged beyond what can be kept, or most of it is not of its format.
    """
    progress.begin(sum(log.source.size for log in logs))
    loaded = _loaded(logs, partial(load, assets=assets, progress=progress, narrow=narrow, keeper=keeper))
    cells = pl.concat([of_log.cells for of_log in loaded], how="diagonal")
    mended = {log.number for log, of_log in zip(logs, loaded, strict=True) if of_log.is_mended}
    lost = _found(cells.filter(~pl.col("problem").is_in(_NO_LOSS)).select("source", "line_no", "problem"))
    unfinished = _unfinished(logs, cells, lost)
    if unfinished.height:
        cells = marked(cells, unfinished, UNFINISHED)
        lost = lost.join(unfinished, on=PLACE, how="anti")
    _refuse_what_is_of_no_format(logs, cells, lost, mended)
    said = (*(sentence for of_log in loaded for sentence in of_log.losses), *_replaced(cells, logs), *_shrunk(logs))
    if said and not _found(cells.select(pl.len())).item():
        raise InputError(said[0])
    return Lines(cells, said, _rejects(logs, lost, mended) if rejects else None)


def _found(query: pl.LazyFrame) -> pl.DataFrame:
    """Run a query on cells, wherever they are kept."""
    return query.collect(engine="streaming")


def _loaded(logs: Sequence[Log], read: Callable[[Log], Loaded]) -> list[Loaded]:
    """Read logs, a few at once."""
    if len(logs) == 1:
        return [read(logs[0])]
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        return list(pool.map(read, logs))


def _unfinished(logs: Sequence[Log], cells: pl.LazyFrame, lost: pl.DataFrame) -> pl.DataFrame:
    """Return the places of last lines that no line end closes and that are no records: their writer has not finished them."""
    ends = _found(cells.group_by("source").agg(pl.col("line_no").max())) if lost.height else lost.select(PLACE)
    last = lost.filter(pl.col("problem") != TOO_LONG).join(ends, on=PLACE, how="semi").select(PLACE)
    of_lines = [log for log in logs if log.number in last["source"] and log.source.packing != PARQUET]
    open_ended = [log.number for log in of_lines if not tolerant.is_finished(log.source)]
    return last.filter(pl.col("source").is_in(open_ended))


def _shrunk(logs: Sequence[Log]) -> list[str]:
    """Say which logs lost bytes while they were read, as where a rotation empties the file under its reader."""
    cut = (log.source for log in logs if _size(log.source.path) < log.source.size < sys.maxsize)
    return [f"{source.name} was cut while it was read; read it again, together with the file that it was rotated into" for source in cut]


def _size(path: Path) -> int:
    """Return how many bytes a file has; one that has gone lost none of what was read before."""
    try:
        return path.stat().st_size
    except OSError:
        return sys.maxsize


def _replaced(cells: pl.LazyFrame, logs: Sequence[Log]) -> list[str]:
    """Say in how many lines of each log bytes were replaced that are no text, as far as the lines were read."""
    schema = cells.collect_schema()
    texts = [name for name, dtype in schema.items() if dtype in {TEXT, pl.String}]
    # All texts in memory share their categories: where none of them holds the sign, no line needs a look.
    if TEXT in schema.dtypes() and not TEXT.categories.to_series().str.contains(_REPLACED, literal=True).any():
        return []
    holds = pl.any_horizontal(pl.col(name).cast(pl.String).str.contains(_REPLACED, literal=True) for name in texts)
    numbers = _found(cells.filter(holds).group_by("source").len().sort("source")).rows()
    return [f"{logs[number].source.name} holds bytes that are no UTF-8 in {plural(lines, 'line')}; they are read as �" for number, lines in numbers]


def _refuse_what_is_of_no_format(logs: Sequence[Log], cells: pl.LazyFrame, lost: pl.DataFrame, mended: Collection[int]) -> None:
    """Raise InputError for the first log most of whose lines are not read, or all of nobody: its figures would mean nothing."""
    if lost.is_empty():
        return
    lines = _found(cells.filter(~pl.col("problem").is_in(("blank", "comment")).fill_null(value=False)).group_by("source").len())
    is_of_nobody = pl.col("problem") == NOBODY
    counted = lost.group_by("source").agg(of_nobody=is_of_nobody.sum(), unread=(~is_of_nobody).sum())
    is_refused = (pl.col("unread") > _MOST_LOST * pl.col("len")) | (pl.col("unread") + pl.col("of_nobody") == pl.col("len"))
    numbers = lines.join(counted, on="source").filter(is_refused).sort("source")
    for number, of_all, of_nobody, unread in numbers.select("source", "len", "of_nobody", "unread").head(1).rows():
        log = logs[number]
        if of_nobody > unread:
            raise InputError(
                f"no line of {log.source.name} says who it was, by an address or a user id ({log.name}); let what writes it say so, "
                "or name the column of an export with --set columns.user=NAME"
            )
        shown = _rejects([log], lost.filter(source=number).sort("line_no").head(recognizing.SHOWN), mended)
        raise recognizing.of_no_format(log.source, log.name, (of_all - unread) / of_all, shown["text"].to_list())


def _rejects(logs: Sequence[Log], lost: pl.DataFrame, mended: Collection[int]) -> pl.DataFrame:
    """Return `file, line, reason, text` of lines that were not read, of logs read tolerantly where they are among `mended`."""
    schema = {"file": pl.String, "line": pl.UInt32, "reason": pl.String, "text": pl.String}
    parts = [(log, lost.filter(source=log.number)) for log in logs]
    found = [_of_log(log, part, is_easy=log.number not in mended) for log, part in parts if part.height]
    return pl.concat(found) if found else pl.DataFrame(schema=schema)


def _of_log(log: Log, lost: pl.DataFrame, *, is_easy: bool) -> pl.DataFrame:
    """Return the rejects of one log, read once more in the way that worked."""
    wanted = lost.select("line_no", reason=pl.col("problem").cast(pl.String))
    again = [scan(log.source, log.number)] if is_easy else (frame.lazy() for frame in tolerant.frames(log.source, log.number, []))
    is_wanted = pl.col("line_no").is_in(wanted["line_no"].implode())
    start = pl.col("line").fill_null("").cast(pl.Binary).bin.slice(0, _LONGEST)
    found = pl.concat([frame.filter(is_wanted).select("line_no", start=start).collect(engine="streaming") for frame in again])
    found = found.join(wanted, on="line_no").sort("line_no")
    text = pl.Series("text", [recognizing.shown(raw.decode("utf-8", "ignore")) for raw in found["start"]], dtype=pl.String)
    return found.select(pl.lit(log.source.name).alias("file"), pl.col("line_no").alias("line"), "reason", text)
