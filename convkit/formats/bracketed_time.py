"""Time in brackets, then at most a quoted request and a few numbers: a last resort, for logs without IP addresses."""

from __future__ import annotations

from convkit.formats.parsers.regex import Template

SAMPLES = (
    '[10/Oct/2026:13:55:36 +0000] "GET /cart HTTP/1.1" 8080',
    "ann.lee.[10/Oct/2026:13:55:36 +0000]",
    '[10/Oct/2026 13:55:36] "POST /cart/add HTTP/1.1" 302 0',
)
FORMAT = Template(
    r'^[^ "\[]*\[(?P<time>\d{2}/[A-Z][a-z]{2}/\d{4}[: ]\d{2}:\d{2}:\d{2}(?: [+-]\d{4})?)\](?: "(?P<request>[^"]*)")?'
    r"(?: (?P<status>[1-5]\d\d) (?P<bytes>\d+))?(?: -?\d+)* *$",
    names_month=True,
)
