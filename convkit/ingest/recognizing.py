"""A log's lines -> the format that it is of, whatever it is called.

It stands alone because a wrong guess makes every figure wrong: here it is decided how sure one must be, and what is said where nothing fits.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import polars as pl

from convkit.core import plugins
from convkit.core.text import safe
from convkit.errors import InputError
from convkit.formats.parsers import addresses
from convkit.formats.strings import own_formats
from convkit.ingest import refusals

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import ModuleType

    from convkit.files.lines import Source
    from convkit.formats.parsers.columns import Asked

SHOWN, _FIRST, _TRIED, _LONGEST = 3, 10, 300, 500
"""How many lines of a log that is not read are shown."""
USUAL = "combined"
"""The format that is asked first, because no two claim the same lines, so that no other need be loaded; it is also that of a log without lines."""
_RECOGNISED = 0.5
"""Of the lines looked at, the share that a format must read to be taken for the log's."""
_SURELY = 0.9
"""The share that must be alike to be taken for an export's, where no name of a column is known."""
_MIXED, _OTHERS = 0.995, 2
"""Below this share, a log may be of several formats: of what is left, another format must read half, and this many lines."""

_MISTAKEN = "vhost-combined"
"""The format of whose lines one is enough, because the usual format would take its host for an address."""


def names_of(source: Source, head: pl.Series, asked: Asked) -> list[str]:
    """Return the names of the formats that read most of a log's lines: one, or several where a log goes on in another. Raises InputError."""
    told = head.filter(head.str.strip_chars().str.len_bytes() > 0)
    if told.str.contains("\r", literal=True).sum() > _RECOGNISED * len(told):
        raise InputError(f"the lines of {source.name} end in CR alone; convert them first with tr '\\r' '\\n'")
    # Headers stand first, and are told by as little as any line.
    few = told if len(told) <= _TRIED else pl.concat([told.head(_FIRST), told.gather_every(len(told) // _TRIED + 1)])
    if len(few) and plugins.load("formats", USUAL).sniff(few) >= _MIXED:
        return [USUAL]
    formats = plugins.load_all("formats")
    bare = {name: few if module.COMMENT is None else few.filter(~few.str.starts_with(module.COMMENT)) for name, module in formats.items()}
    scores = {name: module.sniff(bare[name]) for name, module in formats.items()}
    best = max(scores, key=lambda name: (scores[name], name == USUAL))
    if scores[best] < _RECOGNISED:
        refusals.check(source.name, told)
    if scores[best] < _RECOGNISED and (export := _export_of_other_names(told, formats, _RECOGNISED if asked.told else _SURELY)):
        return [export]
    names = [best] if scores[best] >= _MIXED else _mixture(best, bare[best], formats)
    if all(map(len, bare.values())) and sum(scores.values()) < _RECOGNISED:
        odd = [line for line in bare[best] if not formats[best].sniff(pl.Series([line]))]
        raise of_no_format(source, best, scores[best], [shown(line) for line in odd[:SHOWN]], tuple(bare[best]))
    return names


def unread(lines_of: Mapping[str, pl.Series], wanted: str) -> list[str]:
    """Return the programs most of whose lines no format reads, or not the one wanted; none where that is all of them."""
    if len(lines_of) < _OTHERS:
        return []
    formats = plugins.load_all("formats") if wanted == "auto" else {wanted: plugins.load("formats", wanted)}
    reads = {name: any(module.sniff(lines) >= _RECOGNISED for module in formats.values()) for name, lines in lines_of.items()}
    return [name for name, is_read in reads.items() if not is_read] if any(reads.values()) else []


def _mixture(best: str, lines: pl.Series, formats: Mapping[str, ModuleType]) -> list[str]:
    """Return the format that reads most, and others that read what it leaves, as where a server's format was changed."""
    claims = {name: module.claims() for name, module in formats.items() if hasattr(module, "claims")}
    names = [best] if best in claims else []
    left = lines.to_frame("line").filter(~claims[best]) if names else pl.DataFrame({"line": []}, schema={"line": pl.String})
    while left.height:
        fits = left.select(**{name: claim.sum() for name, claim in claims.items() if name not in names}).row(0, named=True)
        other = max(fits, key=lambda name: (fits[name], name == _MISTAKEN))
        if fits[other] < (1 if other == _MISTAKEN else max(_OTHERS, _RECOGNISED * left.height)):
            break
        names.append(other)
        left = left.filter(~claims[other])
    return names or [best]


def _export_of_other_names(told: pl.Series, formats: Mapping[str, ModuleType], least: float) -> str | None:
    """Return the format of what is written like an export, at least that share of its lines: what its columns are is for its owner to tell."""
    shares = {name: module.alike(told) for name, module in formats.items() if hasattr(module, "alike")}
    best = max(shares, key=lambda name: shares[name])
    return best if shares[best] >= least else None


class UnknownFormatError(InputError):
    """A log most of whose lines no format reads: its name, the format that reads most, and the lines that were looked at, as they stand."""

    def __init__(self, message: str, log: str, best: str, looked_at: tuple[str, ...] = ()) -> None:
        """Keep what there is to see."""
        super().__init__(message)
        self.log, self.best, self.looked_at = log, best, looked_at


def of_no_format(source: Source, best: str, fits: float, shown: list[str], looked_at: tuple[str, ...] = ()) -> UnknownFormatError:
    """Return the error of a log most of whose lines the best format does not read; `shown` are some of them, as they may be shown."""
    percent = f"{math.floor(fits * 100)}% of its lines"
    samples = "".join(f"\n  {line}" for line in shown)
    said = (
        f"{source.name} is not written as the string of its format says: it fits {percent}; see with `convkit formats` where they differ"
        if best == own_formats.NAME
        else f"{source.name} is of no format that is read here ({best} fits best, with {percent}); "
        "name one with --log-format to try it all the same, or see where it stops with `convkit formats`"
    )
    return UnknownFormatError(f"{said}:{samples}", source.name, best, looked_at)


def shown(line: str) -> str:
    """Return the start of a line as it may be shown: harmless, and without addresses."""
    return addresses.masked(safe(line[:_LONGEST], longest=None))
