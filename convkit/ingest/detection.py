"""Detecting the format of a log from its lines, and rejecting files that cannot be analyzed."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import polars as pl

from convkit.core.conditions import any_of
from convkit.core.text import safe
from convkit.errors import InputError
from convkit.files import kinds
from convkit.formats import load_format, load_formats, strings
from convkit.formats.parsers import delimited, masking
from convkit.formats.parsers.presets import normalized
from convkit.formats.parsers.w3c import COMMENT, W3cLog
from convkit.ingest.unwanted import ERROR_LOG, is_error_log

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from convkit.files.lines import Source
    from convkit.formats import LogFormat
    from convkit.formats.parsers.base import Needs


SHOWN_LINES, _HEAD_LINES, _SAMPLED_LINES, _MAX_SHOWN = 3, 10, 300, 500
"""SHOWN_LINES is the number of lines that are shown from a log that cannot be read."""
USUAL_FORMAT = "combined"
"""The format that is tried first. No two formats claim the same lines, so most others then need not be loaded. Also used for empty logs."""
_EXPORTS = ("csv", "tsv", "ndjson", "json")
"""The formats of exports from any tool."""
_MIN_SHARE = 0.5
"""The share of the sampled lines that a format must read to be the log's format."""
_MIN_SHARE_OF_EXPORTS = 0.9
"""The share of lines that must have the same shape to be an export whose column names are all unknown."""
_PURE_SHARE, _MIN_OTHERS = 0.995, 2
"""Below this share, a log may be in several formats; another format must read half of the remaining lines, and at least this many."""

_SAMPLED_LATE_LINES, _MIN_SHARE_OF_LATE_LINES = 5_000, 0.01
"""The share of late lines that a format must claim: the other lines may be of no format at all, like the requests of scanners."""
_HOST_FORMAT = "vhost-combined"
"""The format that can be detected from a single line, because the usual format would read its host as an IP address."""


def detect_formats(source: Source, head: pl.Series, needs: Needs) -> list[str]:
    """Return the formats that read most of a log's lines: one, or several if the format changes within the log. Raises InputError."""
    lines = head.filter(head.str.strip_chars().str.len_bytes() > 0)
    if lines.str.contains("\r", literal=True).sum() > _MIN_SHARE * len(lines):
        _refuse_binary(source.name, lines)
        raise InputError(f"the lines of {source.name} end with a bare CR; convert them first with tr '\\r' '\\n'")
    # The first lines are always included, because they may be headers.
    sampled = lines if len(lines) <= _SAMPLED_LINES else pl.concat([lines.head(_HEAD_LINES), lines.gather_every(len(lines) // _SAMPLED_LINES + 1)])
    if len(sampled) and load_format(USUAL_FORMAT).sniff(sampled) >= _PURE_SHARE:
        return [USUAL_FORMAT]
    formats = load_formats()
    without_comments = {
        name: sampled if one.comment is None else sampled.filter(~sampled.str.starts_with(one.comment)) for name, one in formats.items()
    }
    scores = {name: one.sniff(without_comments[name]) for name, one in formats.items()}
    best = max(scores, key=lambda name: (scores[name], name == USUAL_FORMAT))
    if scores[best] < _MIN_SHARE:
        _refuse_binary(source.name, lines)
        refuse_unusable_file(source.name, lines)
    if scores[best] < _MIN_SHARE and (export := _export_of_unknown_columns(lines, formats, _MIN_SHARE if needs.columns else _MIN_SHARE_OF_EXPORTS)):
        return [export]
    names = [best] if scores[best] >= _PURE_SHARE else _formats_of_mixture(best, without_comments[best])
    if all(map(len, without_comments.values())) and sum(scores.values()) < _MIN_SHARE:
        unread = [line for line in without_comments[best] if not formats[best].sniff(pl.Series([line]))]
        raise unknown_format_error(source, best, scores[best], [shown_line(line) for line in unread[:SHOWN_LINES]], tuple(without_comments[best]))
    return names


def _refuse_binary(name: str, lines: pl.Series) -> None:
    """Raise InputError for the lines of a binary file."""
    if kinds.is_binary(lines):
        raise InputError(f"{name} is a binary file, not text; if it is compressed, unpack it first")


def is_export(name: str) -> bool:
    """Return whether a format is that of event exports."""
    log_format = load_format(name)
    return log_format.preset is not None or name in _EXPORTS


def foreign_programs(lines_by_program: Mapping[str, pl.Series], log_format: str) -> list[str]:
    """Return the programs most of whose lines cannot be read with the format (with any, if `auto`), or none if that would be all programs."""
    if len(lines_by_program) < _MIN_OTHERS:
        return []
    candidates = load_formats().values() if log_format == "auto" else [load_format(log_format)]
    reads = {name: any(one.sniff(lines) >= _MIN_SHARE for one in candidates) for name, lines in lines_by_program.items()}
    return [name for name, is_read in reads.items() if not is_read] if any(reads.values()) else []


def _formats_of_mixture(best: str, lines: pl.Series) -> list[str]:
    """Return the format that reads most lines, and others that read the rest, for example if the server's format was changed."""
    claims = _claims()
    return [best, *_others([best], lines, claims, _MIN_SHARE)] if best in claims else [best]


def late_formats(lines: pl.Series, names: Sequence[str]) -> list[str]:
    """Return the formats that claim lines which the log's own formats, `names`, do not read or read only in part."""
    lines, is_header = lines.filter(lines.str.strip_chars() != ""), pl.col("line").str.starts_with(COMMENT)
    frame = lines.to_frame("line")
    sampled = pl.concat([frame.filter(is_header), frame.filter(~is_header).gather_every(len(lines) // _SAMPLED_LATE_LINES + 1)])["line"]
    claims = _claims()
    others = _others(names, sampled, claims, _MIN_SHARE_OF_LATE_LINES)
    rest = sampled.to_frame("line").filter(~any_of(claims[name] for name in (*names, *others) if name in claims))["line"]
    tables = {name: one.sniff(rest) for name, one in load_formats().items() if isinstance(one, W3cLog) and name not in names}
    table = max(tables, key=lambda name: tables[name])
    return others if tables[table] < _MIN_SHARE else [table, *others]


def _others(names: Sequence[str], lines: pl.Series, claims: Mapping[str, pl.Expr], min_share: float) -> list[str]:
    """Return the formats that claim lines which these do not claim: the one with the most lines first, then the one with the most of the rest."""
    others: list[str] = []
    rest = lines.to_frame("line").filter(~any_of(claims[name] for name in names if name in claims))
    while rest.height:
        counts = rest.select(**{name: claim.sum() for name, claim in claims.items() if name not in (*names, *others)}).row(0, named=True)
        most = [name for name in counts if counts[name] == max(counts.values())]
        # Several JSON formats may claim the same lines, but only one reads them best.
        shares = {name: (name == _HOST_FORMAT, load_format(name).sniff(rest["line"])) for name in most} if len(most) > 1 else {}
        other = max(most, key=shares.__getitem__) if shares else most[0]
        if counts[other] < (1 if other == _HOST_FORMAT else max(_MIN_OTHERS, min_share * rest.height)):
            break
        others.append(other)
        rest = rest.filter(~claims[other])
    return others


def _claims() -> dict[str, pl.Expr]:
    """Return what each format claims, for those formats that claim single lines."""
    return {name: claim for name, one in load_formats().items() if (claim := one.claims()) is not None}


def _export_of_unknown_columns(lines: pl.Series, formats: Mapping[str, LogFormat], min_share: float) -> str | None:
    """Return the format of an export whose columns the user must name, if at least `min_share` of its lines have the same shape."""
    shares = {name: one.sniff_rows(lines) for name, one in formats.items()}
    best = max(shares, key=lambda name: shares[name])
    return best if shares[best] >= min_share else None


class UnknownFormatError(InputError):
    """The error for a log that no format can read: `log` is its name, `best` the closest format, `looked_at` the raw sampled lines."""

    def __init__(self, message: str, log: str, best: str, looked_at: tuple[str, ...] = ()) -> None:
        """Keep the log's name, the closest format and the sampled lines."""
        super().__init__(message)
        self.log, self.best, self.looked_at = log, best, looked_at


def unknown_format_error(source: Source, best: str, share: float, shown: list[str], looked_at: tuple[str, ...] = ()) -> UnknownFormatError:
    """Return the error for a log if even the closest format reads only this share of its lines; `shown` are examples that are safe to show."""
    fitting = f"{math.floor(share * 100)}% of its lines" if share * 100 >= 1 else "almost none of its lines" if share else "none of its lines"
    samples = "".join(f"\n  {line}" for line in shown)
    sentence = (
        f"{source.name} does not match its format string, which fits {fitting}; see where they differ with `convkit formats LOG`"
        if best == strings.OWN_FORMAT
        else f"{source.name}: unrecognised format (the closest, {best}, fits {fitting}); "
        f"see where it differs with `convkit formats LOG`, or force a format with --log-format"
    )
    return UnknownFormatError(f"{sentence}:{samples}", source.name, best, looked_at)


def shown_line(line: str, *, is_cut: bool = False) -> str:
    """Return the beginning of a line, safe to show and without what identifies people or grants access."""
    text = safe(line[:_MAX_SHOWN], longest=None)
    return masking.mask_people(masking.without_cut_word(text) if is_cut or len(line) > _MAX_SHOWN else text)


_UVICORN = r'^(?:\x1b\[[0-9;]*m)*INFO(?:\x1b\[[0-9;]*m)*: +\S+:\d+ - "(?:\x1b\[[0-9;]*m)*[A-Z]+ \S+ HTTP/[0-9.]+'
_UVICORN_LEVELS = r"^(?:\x1b\[[0-9;]*m)*(?:INFO|WARNING|ERROR)(?:\x1b\[[0-9;]*m)*:"
_UVICORN_SHARE = 0.5
_REPORTS = {"an AWStats data file": "^AWSTATS DATA FILE", "a GoAccess report": r'^\{\s*"general"\s*:\s*\{\s*"start_date"'}
_XML = r"^\s*<(?:\?xml|result)"
_UMAMI_COLUMNS = ["x", "y"]
_AGGREGATE_COLUMNS = {"visitors", "uniquevisitors", "pageviews", "visits", "nbvisits", "views", "users", "activeusers", "totalusers", "sessions"}
_AGGREGATE_COLUMNS |= {"uniqueconversions", "totalconversions", "bouncerate", "nbhits", "nbuniqvisitors"}
_EVENT_COLUMNS = {"userid", "user", "visitorid", "sessionid", "time", "timestamp", "eventtime", "createdat", "ip", "url", "event", "eventname"}


def refuse_unusable_file(name: str, lines: pl.Series) -> None:
    """Raise InputError if the lines, which must not be blank, are from a file that has no individual visits or no times."""
    if lines.str.contains(_UVICORN).any() and lines.str.contains(_UVICORN_LEVELS).sum() > _UVICORN_SHARE * len(lines):
        raise InputError(
            f"{name} is uvicorn's own log, which has no timestamps; use the log of the proxy in front of it, or give uvicorn a --log-config "
            "whose access format begins with %(asctime)s"
        )
    if is_error_log(lines.head(_SAMPLED_LINES)):
        raise InputError(f"{name} is {ERROR_LOG}, not of requests; use the access log of the same server")
    for what, pattern in _REPORTS.items():
        if lines.head(1).str.contains(pattern).any():
            raise InputError(f"{name} is {what}, which contains totals only, not individual visits; use the access logs that it was made from")
    if lines.head(1).str.contains(_XML).any():
        raise InputError(f"{name} is XML, which is not supported; export it as CSV or JSON")
    header = lines.filter(~lines.str.starts_with("#")).head(1)
    delimited.refuse_wide_table(name, header)
    columns = max((delimited.split_row(header[0], separator) for separator in (",", ";", "\t")), key=len) if len(header) else []
    names = {normalized(column) for column in columns}
    if columns == _UMAMI_COLUMNS or (names & _AGGREGATE_COLUMNS and not names & _EVENT_COLUMNS and len(columns) > 1):
        raise InputError(
            f"{name} contains totals only, not individual visits, like the exports of Plausible and Umami, so it has no sessions or funnels; "
            "use the server's access log, or the tool's table of events (website_event in Umami)"
        )
