"""Evidence for goals in a log: pages, forms, downloads and events, how many sessions have them, and the words in their names.

The words for each kind of goal are in `data/goal_words.txt`, in several languages.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

import polars as pl

from convkit.core import datafiles, windows
from convkit.core.schema import is_kind
from convkit.traffic import events, subrequests

if TYPE_CHECKING:
    from collections.abc import Mapping

    from convkit.analysis.analysis import Analysis

_WRITABLE = r"^[^\p{C}\p{Zl}\p{Zp}*]{1,200}$"
"""A pattern for text that is readable in a goals file and contains no wildcard; other paths and events are left out."""
_FIRST_REDIRECT, _FIRST_ERROR = 300, 400
_FIRST_SUCCESS, _CREATED = 200, 201
_NEARLY_ALL = 0.9
"""A folder with this share of the views of pages, apart from the home page, is the site itself."""
_STEP_BY_STEP = ("cart", "checkout", "purchase", "lead", "signup", "newsletter")
"""The kinds of goals whose folders contain separate steps, so that their pages are not grouped into one pattern."""


@dataclass(frozen=True, eq=False)
class Evidence:
    """Frames with `n` (the number of sessions) and `words` (the pattern as `plain_words` writes it), the most frequent patterns first."""

    pages: pl.DataFrame
    """`pattern, is_group, n`"""
    forms: pl.DataFrame
    """`pattern, n` of POST requests that were answered with a redirect."""
    posts: pl.DataFrame
    """`pattern, n` of POST requests that were answered with a page and whose path ends with a word of confirmation, or with 201 Created."""
    after: pl.DataFrame
    """`pattern, form, n`, and `form_words` (the words of the form): pages viewed right after such a form was sent."""
    downloads: pl.DataFrame
    """`pattern, n`"""
    events: pl.DataFrame
    """`pattern, n` of events in exports."""
    files: tuple[str, ...]
    """Patterns of paths that are not pages, like images without an extension or subrequests; none of the frames contain them."""


def session_hits(analysis: Analysis) -> pl.LazyFrame:
    """Return the hits in sessions with the columns that `queries` needs, to be collected first; the hits must have been matched without goals."""
    is_form = (pl.col("method") == "POST") & pl.col("status").is_between(_FIRST_REDIRECT, _FIRST_ERROR - 1)
    is_post = (pl.col("method") == "POST") & pl.col("status").is_between(_FIRST_SUCCESS, _FIRST_REDIRECT - 1)
    is_created = (pl.col("method") == "POST") & (pl.col("status") == _CREATED)
    sent = {"is_form": is_form.fill_null(value=False), "is_post": is_post.fill_null(value=False), "is_created": is_created.fill_null(value=False)}
    return (
        analysis.hits.filter(pl.col("inside"), pl.col("session").is_not_null())
        .select("session", "path", "event", **sent, is_page=is_kind("page"), is_download=is_kind("download"))
        .with_columns(is_named=(pl.col("event") == pl.col("path")).fill_null(value=False), form=windows.previous(pl.col("path"), "session"))
        .with_columns(is_after=windows.previous(pl.col("is_form"), "session").fill_null(value=False))
    )


def queries(hits: pl.LazyFrame) -> Mapping[str, pl.LazyFrame]:
    """Return the queries whose results `gather` takes, by frame of `Evidence`: `path, n`, and for `after` also `form`."""
    is_page = pl.col("is_page")
    return {
        "pages": _counted(hits.filter(is_page & ~pl.col("is_named")), "path"),
        "forms": _counted(hits.filter("is_form"), "path"),
        "posts": _counted(hits.filter("is_post"), "path"),
        "created": _counted(hits.filter("is_created"), "path"),
        "after": _counted(hits.filter("is_after", is_page), "path", "form"),
        "downloads": _counted(hits.filter("is_download"), "path"),
        "events": _counted(hits.filter(pl.col("event").is_not_null()).select("session", path="event"), "path"),
    }


def followers_of(analysis: Analysis) -> pl.LazyFrame:
    """Return the query from which `gather` finds pages that hardly ever load alone (`subrequests.count_paths`)."""
    return subrequests.count_paths(analysis.hits).filter(pl.col("path").str.contains(_WRITABLE))


def _counted(hits: pl.LazyFrame, *keys: str) -> pl.LazyFrame:
    """Return the number of sessions, `n`, for each combination of keys."""
    counts = hits.group_by(keys).agg(n=pl.col("session").n_unique().cast(pl.Int64)).cast(dict.fromkeys(keys, pl.String))
    return counts.filter(pl.col(name).str.contains(_WRITABLE) for name in keys)


def gather(frames: Mapping[str, pl.DataFrame]) -> Evidence:
    """Return the evidence in the collected results of the queries, with paths grouped into patterns."""
    # Probes and exports have targets that are not paths, and no goal could name them.
    frames = {name: frame if name == "events" else frame.filter(pl.col("path").str.starts_with("/")) for name, frame in frames.items()}
    sites = _site_folders(frames["pages"])
    pages = subrequests.add_patterns(frames["pages"], lambda folder: _is_step_by_step(folder) | folder.is_in(sites), _is_telling)
    folder = pl.when("is_group").then(pl.col("pattern").str.extract(rf"(?i)^((?:/[^/*]+)*?/(?:{'|'.join(goal_words('files'))}))/"))
    pages = pages.with_columns(folder=pl.concat_str(folder, pl.lit("/**")))
    followers = subrequests.subrequest_patterns(frames["followers"])
    loaded = followers.filter(~has_segment(plain_words(pl.col("pattern")), "list", "product", "article", "search", *_STEP_BY_STEP))["pattern"]
    not_pages = pl.concat([pages["folder"].drop_nulls().unique().sort(), loaded])
    pages = pages.filter(pl.col("folder").is_null(), ~pl.col("pattern").is_in(loaded.implode()))
    patterns = pages.select("path", "pattern")
    form = subrequests.without_ids(pl.col("form"))
    after = frames["after"].join(patterns, on="path").with_columns(form=form)
    downloads = frames["downloads"].with_columns(pattern=pl.col("path").str.replace(r"/[^/]*(\.\w+)$", "/*${1}"))
    forms, posts, created = (
        _summed(frames[name].with_columns(pattern=subrequests.without_ids(pl.col("path"))), "pattern") for name in ("forms", "posts", "created")
    )
    is_event = ~pl.col("path").str.starts_with("re:") & ~events.names_page_view(pl.col("path")) & ~events.is_of_tools(pl.col("path"))
    return Evidence(
        _summed(pages, "pattern", "is_group"),
        forms,
        pl.concat([posts.filter(has_ending(pl.col("words"), "thanks")), created.filter(is_resource(pl.col("words")))]).unique(
            "pattern", keep="first", maintain_order=True
        ),
        _summed(after, "pattern", "form").with_columns(form_words=plain_words(pl.col("form"))),
        _summed(downloads, "pattern"),
        _summed(frames["events"].filter(is_event).rename({"path": "pattern"}), "pattern"),
        tuple(not_pages),
    )


def _site_folders(pages: pl.DataFrame) -> pl.Series:
    """Return the folders that hold nearly all pages and are the site itself, like `/shop`; a folder of products or articles is none."""
    pages, parts = pages.filter(pl.col("path") != "/"), pl.col("path").str.strip_chars_end("/").str.split("/")
    counts = [
        pages.filter(parts.list.len() >= depth).group_by(folder=parts.list.head(depth).list.join("/")).agg(pl.col("n").sum(), pages=pl.len())
        for depth in range(2, subrequests.DEEPEST_FOLDER + 1)
    ]
    name = plain_words(pl.col("folder").str.extract(r"([^/]*)$"))
    is_of_things = has_segment(name, "product", "article", "search") | pl.col("folder").str.contains(r"/\d+$")
    folders = pl.concat(counts).filter(pl.col("n") >= _NEARLY_ALL * pl.lit(pages["n"].sum()), pl.col("pages") > 1, ~is_of_things)
    return folders["folder"].implode()


def _is_telling(path: pl.Expr) -> pl.Expr:
    """Return whether a path names a cart, a checkout or a confirmation, so that no pattern of other pages may contain it."""
    words = plain_words(path)
    is_named = has_segment(words, "cart", "checkout", "thanks") | (has_ending(words, "thanks") & has_word(words, *_STEP_BY_STEP))
    return is_named & ~has_segment(words, "article")


def _is_step_by_step(folder: pl.Expr) -> pl.Expr:
    return has_segment(plain_words(folder), *_STEP_BY_STEP)


def _summed(frame: pl.DataFrame, *keys: str) -> pl.DataFrame:
    sums = frame.group_by(keys).agg(pl.col("n").sum()).sort("n", *keys, descending=[True, *(False for _ in keys)])
    return sums.with_columns(words=plain_words(pl.col("pattern")))


@cache
def goal_words(kind: str) -> tuple[str, ...]:
    """Return the words for a kind of goal, from `data/goal_words.txt`."""
    entries = (line.partition(": ") for line in datafiles.lines("goal_words"))
    return tuple(word for name, _, words in entries if name == kind for word in words.split())


def plain_words(text: pl.Expr) -> pl.Expr:
    """Return a path or name as lower-case words joined by `-`, with slashes around each segment: /Order/thankYou.php becomes /order/thank-you/."""
    bare = text.str.replace_all(r"(\p{Ll})(\p{Lu})", "${1}-${2}").str.to_lowercase()
    bare = bare.str.replace(r"\?\w+=", "/").str.replace_all(r"\.\w+(/|$)", "${1}")
    return pl.concat_str(pl.lit("/"), bare.str.replace_all("%20", "-").str.replace_all(r"[^\p{L}/]+", "-").str.strip_chars("/"), pl.lit("/"))


def has_word(text: pl.Expr, *kinds: str) -> pl.Expr:
    """Return whether text from `plain_words` contains a word for one of these kinds."""
    return text.str.replace_all("/", "-", literal=True).str.contains_any([f"-{word}-" for word in _spellings(*kinds)])


def has_segment(text: pl.Expr, *kinds: str) -> pl.Expr:
    """Return whether text from `plain_words` has a segment that is a word for one of these kinds."""
    return text.str.contains_any([f"/{word}/" for word in _spellings(*kinds)])


def has_ending(text: pl.Expr, kind: str) -> pl.Expr:
    """Return whether text from `plain_words` has a segment that ends with a word for this kind."""
    return text.str.contains_any([f"{before}{word}/" for word in _spellings(kind) for before in "/-"])


def is_resource(text: pl.Expr) -> pl.Expr:
    """Return whether text from `plain_words` ends with a word for an action, like the path of an API that creates orders."""
    words = "|".join(re.escape(word) for word in _spellings("purchase", "lead", "signup", "newsletter"))
    return text.str.contains(f"/(?:{words})/$")


@cache
def _spellings(*kinds: str) -> list[str]:
    """Return the words for these kinds in all spellings: for `thank-you`, also `thankyou`."""
    words = [word.replace("_", "-") for kind in kinds for word in goal_words(kind)]
    return [*words, *(word.replace("-", "") for word in words if "-" in word)]
