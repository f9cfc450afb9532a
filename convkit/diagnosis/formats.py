"""`convkit formats`: the log formats, the format a log is detected as, and the position in a line where a format stops."""

from __future__ import annotations

import re
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import polars as pl

from convkit.core import plugins
from convkit.core.blocks import BlankLine, Cell, Heading, Line, Paragraph
from convkit.core.collect import collect_frame
from convkit.core.formatting import plural
from convkit.core.schema import LINES
from convkit.core.text import safe
from convkit.files import lines, sampling
from convkit.formats import strings
from convkit.formats.parsers.base import ALL_ASSETS
from convkit.formats.parsers.regex import Template
from convkit.formats.strings import OWN_FORMAT
from convkit.formats.strings.template import StringTemplate
from convkit.ingest import detection, load
from convkit.ingest.detection import UnknownFormatError
from convkit.ingest.logs import open_logs, unwrap

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from convkit.core.blocks import Block, Screen
    from convkit.ingest.logs import Log

_SHOWN, _LOOKED_AT, _REASONS = 3, 1_000, 3
_LONGEST = 500
_NO_LINES = ("blank", "comment")
_COMMON = '%h %l %u %t "%r" %>s %b'
_COMBINED = f'{_COMMON} "%{{Referer}}i" "%{{User-Agent}}i"'
_AS_STRINGS = {"combined": _COMBINED, "common": _COMMON, "vhost-combined": f"%v:%p {_COMBINED}"}
"""Formats that are no template: strings that say the same."""
_TIME = "%Y-%m-%d %H:%M:%S UTC"
_FIELD, _INDENT = 13, 4
EXAMPLE = """'$remote_addr [$time_local] "$request"'"""


def known_formats() -> dict[str, tuple[str, str]]:
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
                logs = open_logs([path], log_format, stack).logs
            except UnknownFormatError as error:
                found.append(_nearest_format(error))
            else:
                found += [_guess_of(log) for log in logs]
    return found


def _guess_of(log: Log) -> Guess:
    """Return what a log is taken for."""
    cells, head = _looked_at(log)
    asked = cells.filter(~pl.col("problem").is_in(_NO_LINES).fill_null(value=False))
    good = asked.filter(pl.col("problem").is_null())
    reasons = asked["problem"].drop_nulls().cast(pl.String).value_counts(sort=True).rows()
    odd = asked.filter(pl.col("problem").is_not_null()).head(1)["line_no"].to_list()
    stop = _format_stop(log.name, log.format, head[odd[0] - 1]) if odd and len(head) else None
    # A server's own messages say least of how its requests are read.
    shown = good.sort(pl.col("target").is_null() & pl.col("event").is_null(), "asset", maintain_order=True).head(_SHOWN)
    records = tuple(_record_fields(record) for record in shown.to_dicts())
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
        head = collect_frame(unwrap(read, log).select("line"), _LOOKED_AT)["line"].fill_null("")
    return collect_frame(load.to_records(log.format.scan(unwrap(read, log), ALL_ASSETS)), _LOOKED_AT), head


def _record_fields(record: dict[str, Any]) -> dict[str, str]:
    """Return what a record says, harmless and without addresses."""
    told = {name: value for name, value in record.items() if name not in {"source", "line_no", "asset", "problem"} and value not in {None, ""}}
    return {name: detection.shown_line(f"{value:{_TIME}}" if name == "time" else str(value)) for name, value in told.items()}


def _nearest_format(error: UnknownFormatError) -> Guess:
    """Return the nearest format of a log that is of none: the one that reads most, else the one most of whose pattern fits its first line."""
    formats = plugins.load_all("formats")
    odd = next((line for line in error.looked_at if not formats[error.best].sniff(pl.Series([line]))), "")
    fits = round(formats[error.best].sniff(pl.Series(error.looked_at, dtype=pl.String)) * len(error.looked_at))
    known = {name: _template(name, module.fit) for name, module in formats.items()}
    shares = {name: _share(template, odd) for name, template in known.items() if template is not None}
    best = error.best if fits else max(shares, key=lambda name: shares[name])
    return Guess(error.log, best, fits, len(error.looked_at), stop=_format_stop(best, formats[best].fit, odd))


def _format_stop(name: str, layout: object, line: str) -> Stop | None:
    """Return where a format stops in a line, None where that cannot be told."""
    template = _template(name, layout)
    return None if template is None else _template_stop(template, line, is_own=name == strings.OWN_FORMAT)


def _template(name: str, layout: object) -> Template | None:
    """Return the template that a format is, or one that says the same."""
    if name in _AS_STRINGS:
        return strings.parse_string(_AS_STRINGS[name])
    found = getattr(layout, "__self__", layout)
    return found if isinstance(found, Template) else None


def _share(template: Template, line: str) -> float:
    """Return how much of a template fits the beginning of a line, from 0 to 1."""
    _, fit = _reached(template, line)
    parts = [looks for _, looks in template.parts] if isinstance(template, StringTemplate) else [*template.pattern]
    return len("".join(parts[:fit])) / len("".join(parts))


def _template_stop(template: Template, line: str, *, is_own: bool) -> Stop:
    """Return where a template stops in a line."""
    place, part = _reached(template, line)
    shown, before = detection.shown_line(line), detection.shown_line(line[:place])
    parts = template.parts if is_own and isinstance(template, StringTemplate) else ()
    string = "".join(written for written, _ in parts) or template.pattern * is_own
    return Stop(place, shown, min(len(before), len(shown)), string, len("".join(written for written, _ in parts[:part])) if parts else part)


def _reached(template: Template, line: str) -> tuple[int, int]:
    """Return how far a template reads a line, and how many of its parts, or characters of its pattern, do it."""
    line = line[:_LONGEST]
    parts = [looks for _, looks in template.parts] if isinstance(template, StringTemplate) else []
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


@dataclass(frozen=True)
class Stop:
    """Where a format stops in a line: positions from 0, and the line, harmless and without addresses."""

    position: int
    line: str
    place: int
    """The position in the line as it is shown."""
    string: str = ""
    """How the format is written, where that can be shown."""
    place_in_string: int = 0


@dataclass(frozen=True)
class Guess:
    """What one log is."""

    log: str
    name: str
    """Of the format, or of the nearest one where none fits."""
    fits: int
    of: int
    """Lines that fit, of those that were looked at."""
    records: tuple[Mapping[str, Any], ...] = ()
    """Some of RECORDS: what a line says by the name of the field, harmless and without addresses."""
    is_wrapped: bool = False
    reasons: tuple[tuple[str, int], ...] = ()
    stop: Stop | None = None

    @property
    def is_read(self) -> bool:
        """Whether most of the lines fit."""
        return self.of == 0 or 2 * self.fits >= self.of

    @property
    def is_own(self) -> bool:
        """Whether the format is a string of its owner's."""
        return self.name == OWN_FORMAT


def draw_known(formats: Mapping[str, tuple[str, str]], room: Screen) -> list[Block]:
    """Return all formats by name: what each is, and a line of it."""
    blocks: list[Block] = []
    width = max(map(len, formats)) + 2
    for name, (headline, sample) in formats.items():
        blocks.append(Paragraph(headline, first=f"{name:<{width}}"))
        blocks += [Line.of(safe(sample, room.width - width - 2), "dim", width + 2)] if sample else []
    ways = "Any other log of requests: --log-format takes the string of your nginx or Apache; `convkit formats LOG` shows what is found in a log."
    return [*blocks, BlankLine(), Paragraph(ways)]


def draw(guesses: Sequence[Guess], room: Screen) -> list[Block]:
    """Return what was guessed, log by log."""
    blocks: list[Block] = []
    for guess in guesses:
        blocks += [BlankLine()] if blocks else []
        blocks += _read_blocks(guess, room) if guess.is_read else _unread_blocks(guess, room)
    return blocks


def _read_blocks(guess: Guess, room: Screen) -> list[Block]:
    """Return the format, how many lines fit, and what the first ones say."""
    all_of = f"All of the {guess.of:,} lines looked at fit" if guess.of > 1 else "The line looked at fits"
    fit = all_of if guess.fits == guess.of else f"{guess.fits:,} of the {guess.of:,} lines looked at fit"
    wrapped = "; what a container, a collector or syslog puts around them is peeled off" if guess.is_wrapped else ""
    blocks: list[Block] = [Heading(guess.log, guess.name), Paragraph(f"{fit}{wrapped}." if guess.of else "There is nothing in it.")]
    blocks += [Paragraph(f"{plural(number, 'line')}: {reason}.") for reason, number in guess.reasons]
    for record in guess.records:
        blocks.append(BlankLine())
        blocks += [_field(name, value, room) for name, value in record.items()]
    return [*blocks, *([BlankLine(), *_stop_blocks(guess.stop, room)] if guess.stop else [])]


def _unread_blocks(guess: Guess, room: Screen) -> list[Block]:
    """Return the nearest format, where it stops, and what to do."""
    fits = f"{guess.fits:,} of {plural(guess.of, 'line')} looked at"
    stop = _stop_blocks(guess.stop, room) if guess.stop else []
    if guess.is_own:
        return [Heading(guess.log, "is not written so"), Paragraph(f"The format fits {fits}."), *stop]
    ways = "Say how its lines are written: by the string in your server's configuration, or a regular expression with groups like (?P<address>...):"
    example = f"convkit formats {safe(guess.log)} --log-format {EXAMPLE}"
    near = Paragraph(f"The nearest is {guess.name}, which reads {fits}.")
    return [Heading(guess.log, "no format that is read here"), near, *stop, Paragraph(ways), Line.of(example, indent=_INDENT)]


def _field(name: str, value: object, room: Screen) -> Line:
    """Return what a line says in one field."""
    return Line((Cell(f"{name:<{_FIELD}}", "dim"), Cell(safe(str(value), room.width - _FIELD - _INDENT))), _INDENT)


def _stop_blocks(stop: Stop, room: Screen) -> list[Block]:
    """Return the line and the place where the format stopped, and the place in the format where it is known."""
    whole = [Paragraph(f"It stops at position {stop.position + 1} of this line:"), *_pointed(stop.line, stop.place, room)]
    return [*whole, *([Paragraph("which is here in the format:"), *_pointed(stop.string, stop.place_in_string, room)] if stop.string else [])]


def _pointed(text: str, place: int, room: Screen) -> list[Block]:
    """Return a text, cut to the screen, with a mark under a place in it."""
    width = room.width - _INDENT
    begins = max(0, place - width * 2 // 3)
    return [Line.of(safe(text[begins:], width), indent=_INDENT), Line.of(" " * (place - begins) + "^", "bold", _INDENT)]
