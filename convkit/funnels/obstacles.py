"""Obstacles: what may get in the way of a visitor, as far as hits show it; and the site's own links to what does not exist.

- `form_again`: a POST to the page just viewed that returned the form instead of a redirect.
- `error`: any other response with a status of 400 or more.
- `slow`: a response that took more than 3 s, except files and background requests.
- `reload`: the same path and query three times or more, with nothing else in between and less than 10 s from one to the next.
- `back_forth`: the last of four pages A B A B.
- `search_again`: a page with a search parameter, right after a page with another value of the same parameter.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import polars as pl

from convkit.core import windows
from convkit.core.schema import OBSTACLES, SEARCH_NUMBER, TARGET_NUMBER, TEXT, is_kind
from convkit.sessions.referrers import host_of, is_own_host
from convkit.traffic import paths

if TYPE_CHECKING:
    from collections.abc import Sequence

    from convkit.core.model import Site

LINKED_FROM = "linked_from"
TEXTS = {
    "form_again": "a form shown again",
    "error": "an error page (4xx, 5xx)",
    "slow": "a response slower than 3 s",
    "reload": "the same page three times",
    "back_forth": "back and forth between pages",
    "search_again": "another search",
}
"""What screens call each of OBSTACLES."""
_FORM_STATUSES = (200, 400, 422)
_MISSING_STATUSES = (404, 410)
_RELOADED_WITHIN = timedelta(seconds=10)


def met(obstacle: str) -> str:
    """Return the column of hits that says whether they are an obstacle."""
    return f"met:{obstacle}"


def add_obstacles(hits: pl.LazyFrame) -> pl.LazyFrame:
    """Add a Boolean `met:OBSTACLE` for each of OBSTACLES to matched hits, sorted by visitor and ORDER, with TARGET_NUMBER and SEARCH_NUMBER."""
    form_again = is_form_again()
    in_sessions = hits.filter(pl.col("session").is_not_null())
    at_once = {"form_again": form_again, "error": is_kind("error") & ~form_again, "slow": is_slow()}
    among_pages = _among_pages()
    needed = ("row", "session", "time", TARGET_NUMBER, SEARCH_NUMBER)
    pages = in_sessions.select(*needed, is_page=is_kind("page"), number=pl.int_range(pl.len())).filter("is_page")
    marked = [frame.select("row", **marks).filter(pl.any_horizontal(*marks)) for frame, marks in ((in_sessions, at_once), (pages, among_pages))]
    columns = {met(name): pl.col(name).any() for name in OBSTACLES}
    found = pl.concat(marked, how="diagonal").group_by("row").agg(**columns)
    return hits.join(found, on="row", how="left", maintain_order="left").with_columns(pl.col(*columns).fill_null(value=False))


def _among_pages() -> dict[str, pl.Expr]:
    """Return the obstacles that only the order of pages shows, for pages with their `number` among all hits of sessions."""
    target, search, session = pl.col(TARGET_NUMBER), pl.col(SEARCH_NUMBER), pl.col("session")
    follows = session == session.shift(1)
    is_next = pl.col("number") - pl.col("number").shift(1) == 1
    repeats = follows & is_next & (target == target.shift(1)) & (pl.col("time") - pl.col("time").shift(1) < _RELOADED_WITHIN)
    alternates = (target == target.shift(2)) & (target.shift(1) == target.shift(3)) & (target != target.shift(1))
    is_same_parameter = search % paths.MOST_SEARCH_WORDS == search.shift(1) % paths.MOST_SEARCH_WORDS
    found = {
        "reload": repeats & repeats.shift(1),
        "back_forth": (session == session.shift(3)) & alternates,
        "search_again": follows & is_same_parameter & (search != search.shift(1)),
    }
    return {name: is_met.fill_null(value=False) for name, is_met in found.items()}


def is_form_again() -> pl.Expr:
    """Return whether a hit is a POST to the page just viewed that returned the form instead of a redirect."""
    last_page = windows.last_matching(pl.col("path"), is_kind("page"), "session")
    is_form = (pl.col("method") == "POST") & ~pl.col("background") & pl.col("status").is_in(_FORM_STATUSES)
    return (is_form & (pl.col("path") == last_page)).fill_null(value=False)


def is_slow() -> pl.Expr:
    """Return whether a response was slow, if the log has durations; files and background requests never count as slow."""
    return pl.col("slow").fill_null(value=False) & ~pl.any_horizontal("background", "download", "asset")


def add_dead_links(hits: pl.LazyFrame, site: Site, own: Sequence[str]) -> pl.LazyFrame:
    """Add LINKED_FROM (TEXT) to matched hits with `referrer`: the site's own page that links to a page that does not exist, or null.

    `own` are the hosts that are assumed to be the site's own, in addition to the hit's own host.
    """
    is_missing = is_kind("error") & pl.col("status").is_in(_MISSING_STATUSES) & (pl.col("method") == "GET") & pl.col("session").is_not_null()
    texts = {name: pl.col(name).cast(pl.String) for name in ("host", "path", "referrer")}
    missing = hits.filter(is_missing & pl.col("referrer").is_not_null()).select("row", **texts)
    wanted = paths.add_lists(paths.add_paths(missing.select(target="path").unique(), site), site).select("scanner", path="target")
    linking = paths.add_paths(missing.select(target="referrer").unique(), site).select(referrer="target", linked_from=paths.page(site))
    referrer_host, host = host_of(pl.col("referrer")), pl.col("host").str.strip_prefix("www.")
    is_own = (referrer_host == host).fill_null(value=False) | is_own_host(referrer_host, site, own)
    links = (
        missing.filter(is_own)
        .join(wanted, on="path", how="left")
        .filter(~pl.col("scanner"))
        .join(linking, on="referrer", how="left")
        .select("row", pl.col(LINKED_FROM).cast(TEXT))
    )
    return hits.join(links, on="row", how="left", maintain_order="left")
