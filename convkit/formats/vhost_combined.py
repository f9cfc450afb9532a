"""A virtual host before a combined or common line, like Debian's other_vhosts_access.log."""

from __future__ import annotations

from convkit.formats.parsers.clf import CommonLog

SAMPLES = (
    'shop.example:443 203.0.113.7 - - [10/Oct/2026:13:55:36 +0200] "GET / HTTP/2.0" 200 2326 "-" "Mozilla/5.0"',
    'shop.example 2001:db8::7 - ann [10/Oct/2026:13:55:36 +0200] "GET /cart HTTP/1.1" 200 -',
)
FORMAT = CommonLog(host_first=True)
