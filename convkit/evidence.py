"""What there is to be seen in logs of which nobody said what they are about: pages, forms, downloads and events, by sessions.

It stands alone because `init` knows words, and this knows hits.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

import polars as pl

from convkit import lists, siblings, windows
from convkit.schema import is_kind

if TYPE_CHECKING:
    from collections.abc import Mapping

    from convkit.analysis import Analysis

_WRITABLE = r"^[^\p{C}\p{Zl}\p{Zp}*]{1,200}$"
"""Text that people can read in a file, and no wildcard; all else is left out."""
_FIRST_REDIRECT, _FIRST_ERROR = 300, 400


@dataclass(frozen=True)
class Evidence:
    """Frames with `n`, the sessions that saw or did it, the most frequent first."""

    pages: pl.DataFrame
    """`pattern, is_group, n`"""
    forms: pl.DataFrame
    """`pattern, n`: of POSTs answered by a redirect."""
    after: pl.DataFrame
    """`pattern, form, n`: pages right after such a form."""
    downloads: pl.DataFrame
    """`pattern, n`"""
    events: pl.DataFrame
    """`pattern, n`: of exports."""
    files: tuple[str, ...]
    """Patterns of pages that nobody looks at, as images without an ending; they are among no frame."""


def looked_at(analysis: Analysis) -> pl.LazyFrame:
    """Return what hits of sessions say, of hits that no goal changed; to be collected, for all `queries` look at it."""
    is_form = (pl.col("method") == "POST") & pl.col("status").is_between(_FIRST_REDIRECT, _FIRST_ERROR - 1)
    return (
        analysis.hits.filter(pl.col("inside"), pl.col("session").is_not_null())
        .select("session", "path", "event", is_form=is_form.fill_null(value=False), is_page=is_kind("page"), is_download=is_kind("download"))
        .with_columns(is_named=(pl.col("event") == pl.col("path")).fill_null(value=False), form=windows.before(pl.col("path"), "session"))
        .with_columns(is_after=windows.before(pl.col("is_form"), "session").fill_null(value=False))
    )


def queries(hits: pl.LazyFrame) -> Mapping[str, pl.LazyFrame]:
    """Return by the frames of `Evidence` what `gather` takes: `path, n`, of `after` also `form`."""
    is_page, is_named = pl.col("is_page"), pl.col("is_named")
    return {
        "pages": _counted(hits.filter(is_page & ~is_named), "path"),
        "forms": _counted(hits.filter("is_form"), "path"),
        "after": _counted(hits.filter("is_after", is_page), "path", "form"),
        "downloads": _counted(hits.filter("is_download"), "path"),
        "events": _counted(hits.filter(pl.col("event").is_not_null(), is_named | ~is_page).select("session", path="event"), "path"),
    }


def _counted(hits: pl.LazyFrame, *of: str) -> pl.LazyFrame:
    """Count sessions."""
    counted = hits.group_by(of).agg(n=pl.col("session").n_unique().cast(pl.Int64)).cast(dict.fromkeys(of, pl.String))
    return counted.filter(pl.col(name).str.contains(_WRITABLE) for name in of)


def gather(frames: Mapping[str, pl.DataFrame]) -> Evidence:
    """Return what the collected queries tell, by patterns."""
    pages = siblings.add_patterns(frames["pages"].filter(pl.col("path").str.starts_with("/")))
    folder = pl.when("is_group").then(pl.col("pattern").str.extract(rf"(?i)^((?:/[^/*]+)*?/(?:{_any('files')}))/"))
    pages = pages.with_columns(folder=pl.concat_str(folder, pl.lit("/**")))
    files, pages = pages["folder"].drop_nulls().unique().sort(), pages.filter(pl.col("folder").is_null())
    patterns = pages.select("path", "pattern")
    form = siblings.without_ids(pl.col("form"))
    after = frames["after"].join(patterns, on="path").with_columns(form=form)
    downloads = frames["downloads"].with_columns(pattern=pl.col("path").str.replace(r"/[^/]*(\.\w+)$", "/*${1}"))
    return Evidence(
        _summed(pages, "pattern", "is_group"),
        _summed(frames["forms"].with_columns(pattern=siblings.without_ids(pl.col("path"))), "pattern"),
        _summed(after, "pattern", "form"),
        _summed(downloads, "pattern"),
        _summed(frames["events"].filter(~pl.col("path").str.starts_with("re:")).rename({"path": "pattern"}), "pattern"),
        tuple(files),
    )


def _summed(frame: pl.DataFrame, *of: str) -> pl.DataFrame:
    return frame.group_by(of).agg(pl.col("n").sum()).sort("n", *of, descending=[True, *(False for _ in of)])


@cache
def words(kind: str) -> tuple[str, ...]:
    """Return the words of a kind, from `data/goal_words.txt`."""
    found = (line.partition(": ") for line in lists.lines("goal_words"))
    return tuple(word for of, _, text in found if of == kind for word in text.split())


def tells(text: pl.Expr, *kinds: str) -> pl.Expr:
    """Tell paths and events in which a word of some kinds stands, whole, anywhere between signs; `AddToCart` is `add-to-cart`."""
    apart = text.str.replace_all(r"(\p{Ll})(\p{Lu})", "${1}-${2}").str.replace_all("%20|[+ ]", "-")
    return apart.str.contains(rf"(?i)(?:^|[^\p{{L}}])(?:{_any(*kinds)})(?:$|[^\p{{L}}])")


def is_named(path: pl.Expr, kind: str) -> pl.Expr:
    """Tell paths that have a segment which is a word of a kind and nothing else but an ending."""
    return path.str.contains(rf"(?i)/(?:{_any(kind)})(?:\.\w+)?(?:/|$)")


def ends(path: pl.Expr, kind: str) -> pl.Expr:
    """Tell paths that have a segment which ends in a word of a kind."""
    return path.str.contains(rf"(?i)[/_-](?:{_any(kind)})(?:\.\w+)?(?:/|$)")


@cache
def _any(*kinds: str) -> str:
    """Return the regular expression of any word of some kinds, the longest first."""
    found = sorted((word for kind in kinds for word in words(kind)), key=len, reverse=True)
    return "|".join(re.escape(word).replace(r"\-", "[-_ ]?") for word in found)
