"""Late lines: those that the layout of their log does not read, or reads only in part, and the layout that reads them.

A layout is chosen from a sample of lines, so a log may hold lines of kinds that are not among them: of another format, in another wrapper, or with
times in another notation. They are read again with a layout that is fitted to them.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import polars as pl

from convkit.core.conditions import any_of
from convkit.core.schema import NEVER_COUNTED, UNFINISHED
from convkit.files.wrappers import detect_wrapping
from convkit.formats import load_format
from convkit.formats.parsers.base import MixedFormat
from convkit.ingest import detection

if TYPE_CHECKING:
    from convkit.formats import Layout
    from convkit.ingest.logs import Log

_MIN_LINES = 2
"""The number of late lines from which on they are read again; one may be damaged."""
_MOST_COMMENTS = 1_000
"""The number of comments up to which these may be headers of late lines."""
IS_READ = pl.col("problem").is_in(NEVER_COUNTED).fill_null(value=True)
"""Whether a line of PARSED or NARROWED was read: as a record, or as one of those that never count."""


def find_late_lines(lines: pl.LazyFrame, layout: Layout) -> pl.Series:
    """Return the numbers of a log's lines (PARSED or NARROWED) that its layout may not read, or not read in full; none if they are too few."""
    is_late = ~IS_READ & (pl.col("problem") != UNFINISHED)
    if (doubtful := layout.doubtful_senders) is not None:
        senders = lines.select(pl.col("sender").unique()).collect(engine="streaming")
        odd = senders.filter(senders.select(pl.col("sender").cast(pl.String)).select(doubtful).to_series())["sender"]
        is_late = is_late | pl.col("sender").is_in(odd.implode()) if len(odd) else is_late
    is_comment = (pl.col("problem") == "comment").fill_null(value=False)
    rows = lines.filter(is_late | is_comment).select("line_no", is_comment=is_comment).collect(engine="streaming")
    late = rows.filter(~pl.col("is_comment"))["line_no"]
    if len(late) < _MIN_LINES:
        return late.clear()
    return (late if int(rows["is_comment"].sum()) > _MOST_COMMENTS else rows["line_no"]).sort()


def log_of_late_lines(log: Log, raw: pl.Series, *, is_damaged: bool) -> Log | None:
    """Return a log with the layout and the wrapping for some of its late lines, or None if these are the ones that it has.

    Lines of a damaged log may be false, so it gets no further formats.
    """
    wrapping = detect_wrapping(raw, log.source) if log.formats and not is_damaged else None
    if wrapping:
        wrapping = wrapping.without(detection.foreign_programs(wrapping.by_program(raw), "auto"))
    wrapping = wrapping or log.wrapping
    lines = wrapping.unwrap_texts(raw) if wrapping else raw
    names = detection.late_formats(lines, log.formats) if log.formats and not is_damaged else []
    own = log.layout.late_lines(lines)
    if own is None and not names and wrapping == log.wrapping:
        return None
    late = replace(log, wrapping=wrapping, name=" and ".join([log.name, *names]))
    claims = {name: claim for name in (*log.formats, *names) if (claim := load_format(name).claims()) is not None}
    layouts = {name: load_format(name).fit(log.source, lines, log.needs) for name in names}
    if claims.keys() >= {*log.formats}:
        claims |= {name: ~any_of(claims.values()) for name in names if name not in claims}
        return replace(late, layout=MixedFormat((own or log.layout, *layouts.values()), tuple(claims[name] for name in names)))
    # The layout of a whole file, like a table, cannot read single lines.
    return replace(late, layout=MixedFormat(tuple(layouts.values()), tuple(claims[name] for name in names[1:]))) if names else None
