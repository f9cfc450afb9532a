"""Detecting a log's format from its lines, and refusing files that no figure can be made of."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import polars as pl

from convkit.core.text import safe
from convkit.errors import InputError
from convkit.formats import load_format, load_formats, strings
from convkit.formats.parsers import addresses, delimited
from convkit.formats.parsers.presets import normalized

if TYPE_CHECKING:
    from collections.abc import Mapping

    from convkit.files.lines import Source
    from convkit.formats import LogFormat
    from convkit.formats.parsers.base import Needs


SHOWN_LINES, _HEAD_LINES, _SAMPLED_LINES, _MAX_SHOWN = 3, 10, 300, 500
"""How many lines of a log that is not read are shown."""
USUAL_FORMAT = "combined"
"""The format that is asked first, because no two claim the same lines, so that no other need be loaded; it is also that of a log without lines."""
_MIN_SHARE = 0.5
"""Of the lines looked at, the share that a format must read to be taken for the log's."""
_MIN_SHARE_OF_EXPORTS = 0.9
"""The share that must be alike to be taken for an export's, where no name of a column is known."""
_PURE_SHARE, _MIN_OTHERS = 0.995, 2
"""Below this share, a log may be of several formats: of what is left, another format must read half, and this many lines."""

_HOST_FORMAT = "vhost-combined"
"""The format of whose lines one is enough, because the usual format would take its host for an address."""


def detect_formats(source: Source, head: pl.Series, asked: Needs) -> list[str]:
    """Return the names of the formats that read most of a log's lines: one, or several where a log goes on in another. Raises InputError."""
    told = head.filter(head.str.strip_chars().str.len_bytes() > 0)
    if told.str.contains("\r", literal=True).sum() > _MIN_SHARE * len(told):
        raise InputError(f"the lines of {source.name} end in CR alone; convert them first with tr '\\r' '\\n'")
    # Headers stand first, and are told by as little as any line.
    few = told if len(told) <= _SAMPLED_LINES else pl.concat([told.head(_HEAD_LINES), told.gather_every(len(told) // _SAMPLED_LINES + 1)])
    if len(few) and load_format(USUAL_FORMAT).sniff(few) >= _PURE_SHARE:
        return [USUAL_FORMAT]
    known = load_formats()
    bare = {name: few if one.comment is None else few.filter(~few.str.starts_with(one.comment)) for name, one in known.items()}
    scores = {name: one.sniff(bare[name]) for name, one in known.items()}
    best = max(scores, key=lambda name: (scores[name], name == USUAL_FORMAT))
    if scores[best] < _MIN_SHARE:
        refuse_unusable_file(source.name, told)
    if scores[best] < _MIN_SHARE and (export := _export_of_unknown_columns(told, known, _MIN_SHARE if asked.columns else _MIN_SHARE_OF_EXPORTS)):
        return [export]
    names = [best] if scores[best] >= _PURE_SHARE else _formats_of_mixture(best, bare[best], known)
    if all(map(len, bare.values())) and sum(scores.values()) < _MIN_SHARE:
        odd = [line for line in bare[best] if not known[best].sniff(pl.Series([line]))]
        raise unknown_format_error(source, best, scores[best], [shown_line(line) for line in odd[:SHOWN_LINES]], tuple(bare[best]))
    return names


def foreign_programs(lines_of: Mapping[str, pl.Series], wanted: str) -> list[str]:
    """Return the programs most of whose lines no format reads, or not the one wanted; none where that is all of them."""
    if len(lines_of) < _MIN_OTHERS:
        return []
    candidates = load_formats().values() if wanted == "auto" else [load_format(wanted)]
    reads = {name: any(one.sniff(lines) >= _MIN_SHARE for one in candidates) for name, lines in lines_of.items()}
    return [name for name, is_read in reads.items() if not is_read] if any(reads.values()) else []


def _formats_of_mixture(best: str, lines: pl.Series, known: Mapping[str, LogFormat]) -> list[str]:
    """Return the format that reads most, and others that read what it leaves, as where a server's format was changed."""
    claims = {name: claim for name, one in known.items() if (claim := one.claims()) is not None}
    names = [best] if best in claims else []
    left = lines.to_frame("line").filter(~claims[best]) if names else pl.DataFrame({"line": []}, schema={"line": pl.String})
    while left.height:
        fits = left.select(**{name: claim.sum() for name, claim in claims.items() if name not in names}).row(0, named=True)
        other = max(fits, key=lambda name: (fits[name], name == _HOST_FORMAT))
        if fits[other] < (1 if other == _HOST_FORMAT else max(_MIN_OTHERS, _MIN_SHARE * left.height)):
            break
        names.append(other)
        left = left.filter(~claims[other])
    return names or [best]


def _export_of_unknown_columns(told: pl.Series, known: Mapping[str, LogFormat], least: float) -> str | None:
    """Return the format of what is written like an export, at least that share of its lines: what its columns are is for its owner to tell."""
    shares = {name: one.sniff_rows(told) for name, one in known.items()}
    best = max(shares, key=lambda name: shares[name])
    return best if shares[best] >= least else None


class UnknownFormatError(InputError):
    """A log most of whose lines no format reads: its name, the format that reads most, and the lines that were looked at, as they stand."""

    def __init__(self, message: str, log: str, best: str, looked_at: tuple[str, ...] = ()) -> None:
        """Keep what there is to see."""
        super().__init__(message)
        self.log, self.best, self.looked_at = log, best, looked_at


def unknown_format_error(source: Source, best: str, fits: float, shown: list[str], looked_at: tuple[str, ...] = ()) -> UnknownFormatError:
    """Return the error of a log most of whose lines the best format does not read; `shown` are some of them, as they may be shown."""
    percent = f"{math.floor(fits * 100)}% of its lines"
    samples = "".join(f"\n  {line}" for line in shown)
    said = (
        f"{source.name} is not written as the string of its format says: it fits {percent}; see with `convkit formats` where they differ"
        if best == strings.OWN_FORMAT
        else f"{source.name} is of no format that is read here ({best} fits best, with {percent}); "
        "name one with --log-format to try it all the same, or see where it stops with `convkit formats`"
    )
    return UnknownFormatError(f"{said}:{samples}", source.name, best, looked_at)


def shown_line(line: str) -> str:
    """Return the start of a line as it may be shown: harmless, and without addresses."""
    return addresses.mask_addresses(safe(line[:_MAX_SHOWN], longest=None))


_UVICORN = r'^(?:\x1b\[[0-9;]*m)*INFO(?:\x1b\[[0-9;]*m)*: +\S+:\d+ - "(?:\x1b\[[0-9;]*m)*[A-Z]+ \S+ HTTP/[0-9.]+'
_UVICORN_LEVELS = r"^(?:\x1b\[[0-9;]*m)*(?:INFO|WARNING|ERROR)(?:\x1b\[[0-9;]*m)*:"
_UVICORN_SHARE = 0.5
_REPORTS = {"a data file of AWStats": "^AWSTATS DATA FILE", "a report of GoAccess": r'^\{\s*"general"\s*:\s*\{\s*"start_date"'}
_XML = r"^\s*<(?:\?xml|result)"
_UMAMI_COLUMNS = ["x", "y"]
_AGGREGATE_COLUMNS = {"visitors", "uniquevisitors", "pageviews", "visits", "nbvisits", "views", "users", "activeusers", "totalusers", "sessions"}
_AGGREGATE_COLUMNS |= {"uniqueconversions", "totalconversions", "bouncerate", "nbhits", "nbuniqvisitors"}
_EVENT_COLUMNS = {"userid", "user", "visitorid", "sessionid", "time", "timestamp", "eventtime", "createdat", "ip", "url", "event", "eventname"}


def refuse_unusable_file(name: str, lines: pl.Series) -> None:
    """Raise InputError where lines, none of them blank, are of a file that says nothing of single visits, or not when they were."""
    if lines.str.contains(_UVICORN).any() and lines.str.contains(_UVICORN_LEVELS).sum() > _UVICORN_SHARE * len(lines):
        raise InputError(
            f"{name} is uvicorn's own log, whose lines do not say when they were written; bring the log of the proxy in front of it, or give uvicorn "
            "a --log-config whose access format begins with %(asctime)s"
        )
    for what, pattern in _REPORTS.items():
        if lines.head(1).str.contains(pattern).any():
            raise InputError(f"{name} is {what}, which holds counts and not single visits; bring the access logs that it was made of")
    if lines.head(1).str.contains(_XML).any():
        raise InputError(f"{name} is XML, which is not read here; export it as CSV or JSON")
    header = lines.filter(~lines.str.starts_with("#")).head(1)
    columns = max((delimited.split_row(header[0], separator) for separator in (",", ";", "\t")), key=len) if len(header) else []
    named = {normalized(column) for column in columns}
    if columns == _UMAMI_COLUMNS or (named & _AGGREGATE_COLUMNS and not named & _EVENT_COLUMNS and len(columns) > 1):
        raise InputError(
            f"{name} holds counts and not single visits, as what Plausible and Umami export: no session or funnel is in them; bring the "
            "access log of the server, or the tool's table of events (website_event of Umami)"
        )
