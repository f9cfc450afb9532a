"""`convkit formats`: the log formats, the detected format of a log, and the position in a line where a format stops matching."""

from __future__ import annotations

import re
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import polars as pl

from convkit.core import plugins
from convkit.core.blocks import BlankLine, Cell, Heading, Line, Paragraph
from convkit.core.collect import collect_frame
from convkit.core.formatting import plural, sentence
from convkit.core.schema import LINES, NO_VISITOR, first_problem
from convkit.core.text import safe
from convkit.files import lines, reader, sampling, unpacking
from convkit.formats import load_formats, sample_lines, strings
from convkit.formats.parsers import masking, timestamps
from convkit.formats.parsers.base import ALL_ASSETS
from convkit.formats.parsers.masked_addresses import ADDRESS_MASK
from convkit.formats.parsers.regex import Template
from convkit.formats.strings import OWN_FORMAT
from convkit.formats.strings.template import StringTemplate
from convkit.ingest import detection, load
from convkit.ingest.detection import UnknownFormatError
from convkit.ingest.logs import open_logs, unwrap
from convkit.traffic.hits import parser_needs

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from convkit.core.blocks import Block, Screen
    from convkit.core.model import Goals
    from convkit.formats import Layout, LogFormat
    from convkit.ingest.logs import Log

_SHOWN, _TESTED, _REASONS = 3, 1_000, 3
_LONGEST = 500
_NO_LINES = ("blank", "comment")
_COMMON = '%h %l %u %t "%r" %>s %b'
_COMBINED = f'{_COMMON} "%{{Referer}}i" "%{{User-Agent}}i"'
_AS_STRINGS = {"combined": _COMBINED, "common": _COMMON, "vhost-combined": f"%v:%p {_COMBINED}"}
"""Format strings that are equivalent to the formats without a template of their own."""
_TIME = "%Y-%m-%d %H:%M:%S UTC"
_FIELD, _INDENT = 13, 4
EXAMPLE = """'$remote_addr [$time_local] "$request"'"""


def known_formats() -> dict[str, tuple[str, str]]:
    """Return, by name, the headline of each format and a sample line, which is empty if there is none."""
    names = plugins.names("formats")
    samples = {name: next((line for line in sample_lines(name) if len(line) > len("[]")), "") for name in names}
    return {name: (plugins.headline("formats", name), samples[name].strip()) for name in names}


def guess(paths: Iterable[str], log_format: str, goals: Goals, max_unpacked: int | None = None) -> list[Guess]:
    """Return the detected formats of logs, read with the settings of the goals.

    Raises InputError if a log cannot be read, and UsageError if `log_format` is not valid.
    """
    guesses: list[Guess] = []
    log_format = goals.site.log_format if log_format == "auto" else log_format
    for path in paths:
        with ExitStack() as stack:
            try:
                opened = open_logs([path], log_format, stack, parser_needs(goals), max_unpacked)
            except UnknownFormatError as error:
                guesses.append(_closest_format(error))
            else:
                guesses += [_guess_of(log) for log in opened.logs]
                guesses += [Guess(path, "left out", 0, 0, left_out=sentence) for sentence in opened.left_out]
    return guesses


def _guess_of(log: Log) -> Guess:
    """Return the format of a log, and how its first lines are read."""
    records, head = _test_lines(log)
    tested = records.filter(~pl.col("problem").is_in(_NO_LINES).fill_null(value=False))
    false_from = None
    if 2 * tested["problem"].null_count() < tested.height and unpacking.may_have_false_lines(log.source):
        false_from = tested.filter(pl.col("problem").is_not_null())["line_no"].min()
        tested = tested.filter(pl.col("line_no") < false_from)
    fitting = tested.filter(pl.col("problem").is_null())
    reasons = tested["problem"].drop_nulls().cast(pl.String).value_counts(sort=True).rows()
    unusable = fitting.select(reason=_unusable().cast(pl.String)).to_series().drop_nulls().value_counts(sort=True).rows()
    unread = tested.filter(pl.col("problem").is_not_null()).head(1)["line_no"].to_list()
    stop = _format_stop(log.name, log.layout, head[unread[0] - 1]) if unread and len(head) else None
    # Requests first: the server's own messages are the least informative.
    shown = fitting.sort(pl.col("target").is_null() & pl.col("event").is_null(), "asset", maintain_order=True).head(_SHOWN)
    fields = tuple(_record_fields(record) for record in shown.to_dicts())
    timeless = [head[number - 1] for number in fitting.filter(pl.col("time").is_null()).head(1)["line_no"] if len(head)]
    times = log.layout.time_texts(pl.Series(timeless, dtype=pl.String)) if timeless else ()
    unread_time = next((detection.shown_line(text) for text in times if not any(timestamps.are_times([text]))), "")
    is_wrapped, reasons = log.wrapping is not None, reasons[:_REASONS]
    return Guess(
        log.source.name,
        log.name,
        fitting.height,
        tested.height,
        fields,
        is_wrapped,
        tuple(reasons),
        tuple(unusable),
        stop,
        unread_time=unread_time,
        false_from=cast("int | None", false_from),
    )


def _test_lines(log: Log) -> tuple[pl.DataFrame, pl.Series]:
    """Return RECORDS and `problem` for some lines, numbered from 1, and the lines as they are passed to the format."""
    if log.source.packing == lines.PARQUET:
        read, head = reader.scan(log.source, log.number).head(_TESTED), pl.Series("line", [], dtype=pl.String)
    else:
        sample = sampling.sample(log.source).head(_TESTED)
        text = pl.when(pl.col("line").str.strip_chars() != "").then("line")
        read = sample.to_frame("line").lazy().select(source=pl.lit(0), line_no=pl.int_range(1, pl.len() + 1), line=text, fault=pl.lit(None))
        read = read.cast({name: dtype for name, dtype in LINES.items() if name != "outer"})
        # Lines are looked up by number, so even those that do not belong to the log must be kept here.
        unwrapped = collect_frame(unwrap(read, log), _TESTED)
        head = unwrapped["line"].fill_null("")
        read = pl.concat(log.layout.mend([unwrapped])).lazy()
        return collect_frame(load.to_records(log.layout.scan(read, ALL_ASSETS)), _TESTED), head
    return collect_frame(load.to_records(log.layout.scan(unwrap(read, log), ALL_ASSETS)), _TESTED), head


def _unusable() -> pl.Expr:
    """Return why a record that fits its format cannot be used, or null if it can: without a time, and events without a visitor.

    A request without an IP address or user may still be identified by a rule of `site.visitor`.
    """
    names_nobody = pl.col("event").is_not_null() & pl.col("address").is_null() & pl.col("user").is_null()
    return first_problem({"no time": pl.col("time").is_null(), NO_VISITOR: names_nobody})


def _record_fields(record: dict[str, Any]) -> dict[str, str]:
    """Return the fields of a record, made safe to print and without what identifies people."""
    fields = {name: value for name, value in record.items() if name not in {"source", "line_no", "asset", "problem"} and value not in {None, ""}}
    shown = {name: detection.shown_line(f"{value:{_TIME}}" if name == "time" else str(value)) for name, value in fields.items()}
    whole: dict[str, Callable[[str], str]] = {"user": masking.mask_user, "session_key": masking.mask_user, "address": lambda _: ADDRESS_MASK}
    return shown | {name: mask(shown[name]) for name, mask in whole.items() if name in shown}


def _closest_format(error: UnknownFormatError) -> Guess:
    """Return the closest format for an unrecognised log: the one that fits most lines, or else the one that matches most of its pattern."""
    formats = load_formats()
    unread = next((line for line in error.looked_at if not formats[error.best].sniff(pl.Series([line]))), "")
    fits = round(formats[error.best].sniff(pl.Series(error.looked_at, dtype=pl.String)) * len(error.looked_at))
    templates = {name: _template(name, log_format) for name, log_format in formats.items()}
    shares = {name: _share(template, unread) for name, template in templates.items() if template is not None}
    best = error.best if fits else max(shares, key=lambda name: shares[name])
    return Guess(error.log, best, fits, len(error.looked_at), stop=_format_stop(best, formats[best], unread))


def _format_stop(name: str, layout: LogFormat | Layout, line: str) -> Stop | None:
    """Return where a format stops matching a line, or None if it has no template."""
    template = _template(name, layout)
    return None if template is None else _template_stop(template, line, is_own=name == strings.OWN_FORMAT)


def _template(name: str, layout: LogFormat | Layout) -> Template | None:
    """Return the template of a format or an equivalent one, or None if there is none."""
    if name in _AS_STRINGS:
        return strings.parse_string(_AS_STRINGS[name])
    return layout if isinstance(layout, Template) else None


def _share(template: Template, line: str) -> float:
    """Return how much of a template fits the beginning of a line, from 0 to 1."""
    _, fit = _reached(template, line)
    parts = [pattern for _, pattern in template.parts] if isinstance(template, StringTemplate) else [*template.pattern]
    return len("".join(parts[:fit])) / len("".join(parts))


def _template_stop(template: Template, line: str, *, is_own: bool) -> Stop:
    """Return where a template stops matching a line."""
    position, part = _reached(template, line)
    shown, before = detection.shown_line(line), detection.shown_line(line[:position])
    parts = template.parts if is_own and isinstance(template, StringTemplate) else ()
    string = "".join(directive for directive, _ in parts) or template.pattern * is_own
    position_in_string = len("".join(directive for directive, _ in parts[:part])) if parts else part
    return Stop(position, shown, min(len(before), len(shown)), string, position_in_string)


def _reached(template: Template, line: str) -> tuple[int, int]:
    """Return how far a template matches a line, and how many of its parts, or of the characters in its pattern, match."""
    line = line[:_LONGEST]
    parts = [pattern for _, pattern in template.parts] if isinstance(template, StringTemplate) else []
    pieces = ["^", *parts] if parts else [*template.pattern]
    least, most, end = 0, len(pieces), 0
    while least < most:
        middle = (least + most + 1) // 2
        match = _match("".join(pieces[:middle]), line)
        if match is None:
            most = middle - 1
        else:
            least, end = middle, len(match)
    return end, max(least - 1, 0) if parts else least


def _match(pattern: str, line: str) -> str | None:
    """Return the text that a pattern matches at the start of a line, or None; an incomplete group or character at the pattern's end is dropped."""
    series = pl.Series([line])
    for shorter in range(len(pattern), 0, -1):
        start = pattern[:shorter]
        bare = re.sub(r"\\.|\[\^?\]?[^\]]*\]", "", start)
        with suppress(pl.exceptions.ComputeError):
            match: str | None = series.str.extract(f"^(?:{start}{')' * (bare.count('(') - bare.count(')'))})", 0)[0]
            return match
    return ""


@dataclass(frozen=True)
class Stop:
    """Where a format stops matching a line; positions count from 0, and the line is safe to print and contains no IP addresses."""

    position: int
    line: str
    shown_position: int
    """The position in the line as it is shown."""
    string: str = ""
    """The format string, if there is one."""
    position_in_string: int = 0


@dataclass(frozen=True)
class Guess:
    """The detected format of one log."""

    log: str
    name: str
    """The format, or the closest one if none fits."""
    fits: int
    tested: int
    """The number of lines that were tested, of which `fits` fit."""
    records: tuple[Mapping[str, Any], ...] = ()
    """Some records, each as values by field, made safe to print and without IP addresses."""
    is_wrapped: bool = False
    reasons: tuple[tuple[str, int], ...] = ()
    """Why lines do not fit, each with their number."""
    unusable: tuple[tuple[str, int], ...] = ()
    """Why lines that fit cannot be used, each with their number."""
    stop: Stop | None = None
    unread_time: str = ""
    """A time that cannot be read, as it is written and safe to print."""
    left_out: str = ""
    """Which files were left out, if this is not about a log."""
    false_from: int | None = None
    """In a damaged log, the number of the first line that does not fit; only the lines before it were tested."""

    @property
    def is_read(self) -> bool:
        """Whether most of the lines fit."""
        return self.tested == 0 or 2 * self.fits >= self.tested

    @property
    def is_usable(self) -> bool:
        """Whether a line that fits can be used, or none fits."""
        return self.fits == 0 or sum(number for _, number in self.unusable) < self.fits

    @property
    def is_own(self) -> bool:
        """Whether the format is the user's own --log-format."""
        return self.name == OWN_FORMAT


def draw_known(formats: Mapping[str, tuple[str, str]], screen: Screen) -> list[Block]:
    """Draw the list of formats, each with its name, headline and sample line."""
    blocks: list[Block] = []
    width = max(map(len, formats)) + 2
    for name, (headline, sample) in formats.items():
        blocks.append(Paragraph(headline, first=f"{name:<{width}}"))
        blocks += [Line.of(safe(sample, screen.width - width - 2), "dim", width + 2)] if sample else []
    other = "For any other request log, pass your nginx or Apache format string with --log-format; `convkit formats LOG` shows how a log is read."
    return [*blocks, BlankLine(), Paragraph(other)]


def draw(guesses: Sequence[Guess], screen: Screen) -> list[Block]:
    """Draw the guesses, log by log."""
    blocks: list[Block] = []
    for guess in guesses:
        blocks += [BlankLine()] if blocks else []
        blocks += _read_blocks(guess, screen) if guess.is_read else _unread_blocks(guess, screen)
    return blocks


def _read_blocks(guess: Guess, screen: Screen) -> list[Block]:
    """Return the format, how many lines fit, and the fields of the first ones that do."""
    all_fit = f"All {guess.tested:,} lines tested fit" if guess.tested > 1 else "The only line tested fits"
    fit = all_fit if guess.fits == guess.tested else f"{guess.fits:,} of the {guess.tested:,} lines tested fit"
    wrapped = "; wrappers added by a container runtime, a collector, syslog or an export were removed" if guess.is_wrapped else ""
    tested = f"{fit}{wrapped}." if guess.tested else sentence(guess.left_out) if guess.left_out else "The log is empty."
    blocks: list[Block] = [Heading(guess.log, guess.name), Paragraph(tested)]
    if guess.false_from is not None:
        blocks.append(Paragraph(f"The log is damaged; only the lines before line {guess.false_from:,}, the first that does not fit, were tested."))
    blocks += [Paragraph(f"{plural(number, 'line')}: {reason}.") for reason, number in guess.reasons]
    blocks += [Paragraph(f"{plural(number, 'line')} cannot be used: {reason}.") for reason, number in guess.unusable]
    blocks += [Paragraph(f"{guess.unread_time!r} is not a time.")] if guess.unread_time else []
    for record in guess.records:
        blocks.append(BlankLine())
        blocks += [_field(name, value, screen) for name, value in record.items()]
    return [*blocks, *([BlankLine(), *_stop_blocks(guess.stop, screen)] if guess.stop else [])]


def _unread_blocks(guess: Guess, screen: Screen) -> list[Block]:
    """Return the closest format, where it stops matching, and what to do."""
    fits = f"{guess.fits:,} of {plural(guess.tested, 'line')} tested"
    stop = _stop_blocks(guess.stop, screen) if guess.stop else []
    if guess.is_own:
        return [Heading(guess.log, "does not fit --log-format"), Paragraph(f"The format fits {fits}."), *stop]
    fix = "Describe its lines with the format string from your server's configuration, or a regular expression with groups like (?P<address>...):"
    example = f"convkit formats {safe(guess.log)} --log-format {EXAMPLE}"
    closest = Paragraph(f"The closest format, {guess.name}, fits {fits}.")
    return [Heading(guess.log, "unrecognised format"), closest, *stop, Paragraph(fix), Paragraph(example, indent=_INDENT)]


def _field(name: str, value: object, screen: Screen) -> Line:
    """Return a field and its value."""
    return Line((Cell(f"{name:<{_FIELD}}", "dim"), Cell(safe(str(value), screen.width - _FIELD - _INDENT))), _INDENT)


def _stop_blocks(stop: Stop, screen: Screen) -> list[Block]:
    """Return the line with a mark where the format stops matching, and the format string with a mark in the same place."""
    blocks: list[Block] = [Paragraph(f"It stops at position {stop.position + 1} of this line:"), *_marked(stop.line, stop.shown_position, screen)]
    if stop.string:
        blocks += [Paragraph("The corresponding position in the format:"), *_marked(stop.string, stop.position_in_string, screen)]
    return blocks


def _marked(text: str, position: int, screen: Screen) -> list[Block]:
    """Return text, cut to the width of the screen, with a mark under the given position."""
    width = screen.width - _INDENT
    begin = max(0, position - width * 2 // 3)
    return [Line.of(safe(text[begin:], width), indent=_INDENT), Line.of(" " * (position - begin) + "^", "bold", _INDENT)]
