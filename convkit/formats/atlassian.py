"""Confluence and Jira access log: time, user, thread, client, method, target, protocol, status, duration, bytes, referrer, user agent."""

from __future__ import annotations

from convkit.formats.parsers.regex import Template

SAMPLES = (
    "[10/Oct/2026:13:55:36 +0200] ann http-nio-8090-exec-6 203.0.113.7 GET /index.action HTTP/1.1 200 1020ms 7881 - Mozilla/5.0 (X11)",
    "[10/Oct/2026:13:55:37 +0200] 10.0.0.1 - https-jsse-nio-8443-exec-1 2001:db8::7 POST /x?id=1 HTTP/1.1 302 12ms - - curl/8.11.1",
)
FORMAT = Template(
    # Since 2021, the forwarded IP address follows the time.
    r"^\[(?P<time>[0-9]{2}/[A-Za-z]{3}/[^\]]+)\] (?:[!-~]+ )?(?P<user>[!-~]+) [!-~]+-exec-[0-9]+ (?P<address>[!-~]+) "
    r"(?P<method>[A-Z]+) (?P<target>[!-~]+) (?P<protocol>HTTP/[0-9.]+) "
    r"(?P<status>[0-9]{3}) (?P<milliseconds>[0-9]+)ms (?P<bytes>[-0-9]+) (?P<referrer>[!-~]+) (?P<agent>.+)$",
    names_month=True,
)
