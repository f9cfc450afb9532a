"""Which hosts the pages of a log are of, and what is said where nobody told which of them are the site's own.

It stands alone because a log of several sites is the one case in which all figures may be right and mean nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from convkit.core import figures
from convkit.core.schema import is_kind
from convkit.core.tables import Note

if TYPE_CHECKING:
    from convkit.core.definitions import Site

_FEWEST = 0.01
"""The share of pages from which on a host is a site, and no name that a robot has sent."""
_NAME = r"^[a-z0-9_-]*[a-z][a-z0-9_.-]*$"
"""Names of hosts; an address in the place of one is shown to nobody."""
_SHOWN = 3


def counted(hits: pl.LazyFrame, site: Site) -> pl.LazyFrame:
    """Return `host, pages`, of pages in sessions of the period, a `www.` in front left out; nothing where `site.hosts` are known."""
    host = pl.col("host").cast(pl.String).str.strip_prefix("www.")
    pages = hits.filter(pl.lit(not site.hosts), pl.col("inside"), pl.col("session").is_not_null(), is_kind("page"), pl.col("host").is_not_null())
    return pages.group_by(host=host).agg(pages=pl.len().cast(pl.Int64))


def note(hosts: pl.DataFrame) -> Note | None:
    """Say which sites a log holds, of what was `counted`; nothing where it is one."""
    whole = int(hosts["pages"].sum())
    found = hosts.filter(pl.col("pages") >= _FEWEST * whole, pl.col("host").str.contains(_NAME)).sort("pages", "host", descending=[True, False])
    if found.height < 2:  # noqa: PLR2004 (several are two or more)
        return None
    named = [f"{host} {figures.share(pages, whole)}" for host, pages in found.head(_SHOWN).rows()]
    more = [f"{found.height - _SHOWN} more"] if found.height > _SHOWN else []
    text = f"The log holds {found.height} sites: {', '.join([*named, *more])} of the pages; name yours under `site.hosts`."
    return Note("several-sites", text)
