"""Logs -> what each is taken for, some of its lines as they are read, and where a format stops in one that it does not read.

It stands alone because a run needs one answer, while whoever asks `convkit formats` wants to see why it is that one.
"""

from __future__ import annotations

import re
from contextlib import ExitStack, suppress
from typing import TYPE_CHECKING, Any

import polars as pl

from convkit.core import plugins
from convkit.core.collecting import collected
from convkit.core.schema import LINES
from convkit.diagnosis.guess_screen import Guess, Stop
from convkit.files import lines, sampling
from convkit.formats.parsers.assets import ALL_READ
from convkit.formats.parsers.templates import Template
from convkit.formats.strings import own_formats
from convkit.formats.strings.log_strings import OwnTemplate
from convkit.ingest import reading, recognizing
from convkit.ingest.recognizing import UnknownFormatError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from convkit.ingest.reading import Log

_SHOWN, _LOOKED_AT, _REASONS = 3, 1_000, 3
_LONGEST = 500
_NO_LINES = ("blank", "comment")
_COMMON = '%h %l %u %t "%r" %>s %b'
_COMBINED = f'{_COMMON} "%{{Referer}}i" "%{{User-Agent}}i"'
_AS_STRINGS = {"combined": _COMBINED, "common": _COMMON, "vhost-combined": f"%v:%p {_COMBINED}"}
"""Formats that are no template: strings that say the same."""
_TIME = "%Y-%m-%d %H:%M:%S UTC"


def formats() -> dict[str, tuple[str, str]]:
    """Return what each format is, and a line of it, empty where it has none, by name."""
    found = plugins.load_all("formats")
    samples = {name: next((line for line in module.SAMPLES if len(line) > len("[]")), "") for name, module in found.items()}
    return {name: (plugins.headline("formats", name), samples[name].strip()) for name in found}


def guess(paths: Iterable[str], log_format: str) -> list[Guess]:
    """Return what logs are. Raises InputError where one cannot be read, UsageError for a wrong format."""
    found: list[Guess] = []
    for path in paths:
        with ExitStack() as stack:
            try:
                logs = reading.open_logs([path], log_format, stack)
            except UnknownFormatError as error:
                found.append(_unknown(error))
            else:
                found += [_of(log) for log in logs]
    return found


def _of(log: Log) -> Guess:
    """Return what a log is taken for."""
    cells, head = _looked_at(log)
    asked = cells.filter(~pl.col("problem").is_in(_NO_LINES).fill_null(value=False))
    good = asked.filter(pl.col("problem").is_null())
    reasons = asked["problem"].drop_nulls().cast(pl.String).value_counts(sort=True).rows()
    odd = asked.filter(pl.col("problem").is_not_null()).head(1)["line_no"].to_list()
    stop = _stop(log.name, log.format, head[odd[0] - 1]) if odd and len(head) else None
    # A server's own messages say least of how its requests are read.
    shown = good.sort(pl.col("target").is_null() & pl.col("event").is_null(), "asset", maintain_order=True).head(_SHOWN)
    records = tuple(_said(record) for record in shown.to_dicts())
    fits = good.height, asked.height
    return Guess(log.source.name, log.name, *fits, records, log.around is not None, tuple(reasons[:_REASONS]), stop)


def _looked_at(log: Log) -> tuple[pl.DataFrame, pl.Series]:
    """Return RECORDS and `problem` of some lines, numbered by their place among them, and the lines as the format is given them."""
    if log.source.packing == lines.PARQUET:
        read, head = lines.scan(log.source, log.number).head(_LOOKED_AT), pl.Series("line", [], dtype=pl.String)
    else:
        some = sampling.sample(log.source).head(_LOOKED_AT)
        text = pl.when(pl.col("line").str.strip_chars() != "").then("line")
        read = some.to_frame("line").lazy().select(source=pl.lit(0), line_no=pl.int_range(1, pl.len() + 1), line=text, fault=pl.lit(None))
        read = read.cast({name: dtype for name, dtype in LINES.items() if name != "outer"})
        # By its number a line is found: those that are left out of the log are among them.
        head = collected(reading.peeled(read, log).select("line"), _LOOKED_AT)["line"].fill_null("")
    return collected(reading.records(log.format.scan(reading.peeled(read, log), ALL_READ)), _LOOKED_AT), head


def _said(record: dict[str, Any]) -> dict[str, str]:
    """Return what a record says, harmless and without addresses."""
    told = {name: value for name, value in record.items() if name not in {"source", "line_no", "asset", "problem"} and value not in {None, ""}}
    return {name: recognizing.shown(f"{value:{_TIME}}" if name == "time" else str(value)) for name, value in told.items()}


def _unknown(error: UnknownFormatError) -> Guess:
    """Return the nearest format of a log that is of none: the one that reads most, else the one most of whose pattern fits its first line."""
    formats = plugins.load_all("formats")
    odd = next((line for line in error.looked_at if not formats[error.best].sniff(pl.Series([line]))), "")
    fits = round(formats[error.best].sniff(pl.Series(error.looked_at, dtype=pl.String)) * len(error.looked_at))
    known = {name: _template(name, module.fit) for name, module in formats.items()}
    shares = {name: _share(template, odd) for name, template in known.items() if template is not None}
    best = error.best if fits else max(shares, key=lambda name: shares[name])
    return Guess(error.log, best, fits, len(error.looked_at), stop=_stop(best, formats[best].fit, odd))


def _stop(name: str, layout: object, line: str) -> Stop | None:
    """Return where a format stops in a line, None where that cannot be told."""
    template = _template(name, layout)
    return None if template is None else _stop_of(template, line, is_own=name == own_formats.NAME)


def _template(name: str, layout: object) -> Template | None:
    """Return the template that a format is, or one that says the same."""
    if name in _AS_STRINGS:
        return own_formats.template(_AS_STRINGS[name])
    found = getattr(layout, "__self__", layout)
    return found if isinstance(found, Template) else None


def _share(template: Template, line: str) -> float:
    """Return how much of a template fits the beginning of a line, from 0 to 1."""
    _, fit = _reached(template, line)
    parts = [looks for _, looks in template.parts] if isinstance(template, OwnTemplate) else [*template.pattern]
    return len("".join(parts[:fit])) / len("".join(parts))


def _stop_of(template: Template, line: str, *, is_own: bool) -> Stop:
    """Return where a template stops in a line."""
    place, part = _reached(template, line)
    shown, before = recognizing.shown(line), recognizing.shown(line[:place])
    parts = template.parts if is_own and isinstance(template, OwnTemplate) else ()
    string = "".join(written for written, _ in parts) or template.pattern * is_own
    return Stop(place, shown, min(len(before), len(shown)), string, len("".join(written for written, _ in parts[:part])) if parts else part)


def _reached(template: Template, line: str) -> tuple[int, int]:
    """Return how far a template reads a line, and how many of its parts, or characters of its pattern, do it."""
    line = line[:_LONGEST]
    parts = [looks for _, looks in template.parts] if isinstance(template, OwnTemplate) else []
    pieces = ["^", *parts] if parts else [*template.pattern]
    least, most, end = 0, len(pieces), 0
    while least < most:
        middle = (least + most + 1) // 2
        found = _match("".join(pieces[:middle]), line)
        if found is None:
            most = middle - 1
        else:
            least, end = middle, len(found)
    return end, max(least - 1, 0) if parts else least


def _match(pattern: str, line: str) -> str | None:
    """Return what the beginning of a pattern finds at the beginning of a line; what its last group or sign lacks is left out."""
    told = pl.Series([line])
    for shorter in range(len(pattern), 0, -1):
        begun = pattern[:shorter]
        bare = re.sub(r"\\.|\[\^?\]?[^\]]*\]", "", begun)
        with suppress(pl.exceptions.ComputeError):
            found: str | None = told.str.extract(f"^(?:{begun}{')' * (bare.count('(') - bare.count(')'))})", 0)[0]
            return found
    return ""
