"""Files that people bring and nothing can be told from: what each is, and what to bring instead.

It stands alone because such a file is no log that is damaged or unknown: its tool has left out what sessions are made of.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from convkit.errors import InputError
from convkit.formats.parsers import separated
from convkit.formats.parsers.presets import squeezed

if TYPE_CHECKING:
    import polars as pl

_UVICORN = r'^(?:\x1b\[[0-9;]*m)*INFO(?:\x1b\[[0-9;]*m)*: +\S+:\d+ - "(?:\x1b\[[0-9;]*m)*[A-Z]+ \S+ HTTP/[0-9.]+'
_OF_UVICORN = r"^(?:\x1b\[[0-9;]*m)*(?:INFO|WARNING|ERROR)(?:\x1b\[[0-9;]*m)*:"
_MOST = 0.5
_REPORTS = {"a data file of AWStats": "^AWSTATS DATA FILE", "a report of GoAccess": r'^\{\s*"general"\s*:\s*\{\s*"start_date"'}
_XML = r"^\s*<(?:\?xml|result)"
_UMAMI = ["x", "y"]
_COUNTS = {"visitors", "uniquevisitors", "pageviews", "visits", "nbvisits", "views", "users", "activeusers", "totalusers", "sessions"}
_COUNTS |= {"uniqueconversions", "totalconversions", "bouncerate", "nbhits", "nbuniqvisitors"}
_SINGLE = {"userid", "user", "visitorid", "sessionid", "time", "timestamp", "eventtime", "createdat", "ip", "url", "event", "eventname"}


def check(name: str, lines: pl.Series) -> None:
    """Raise InputError where lines, none of them blank, are of a file that says nothing of single visits, or not when they were."""
    if lines.str.contains(_UVICORN).any() and lines.str.contains(_OF_UVICORN).sum() > _MOST * len(lines):
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
    columns = max((separated.names_in(header[0], separator) for separator in (",", ";", "\t")), key=len) if len(header) else []
    named = {squeezed(column) for column in columns}
    if columns == _UMAMI or (named & _COUNTS and not named & _SINGLE and len(columns) > 1):
        raise InputError(
            f"{name} holds counts and not single visits, as what Plausible and Umami export: no session or funnel is in them; bring the "
            "access log of the server, or the tool's table of events (website_event of Umami)"
        )
