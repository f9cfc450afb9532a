"""uWSGI's default log: IP address, user, time, request, bytes, duration, status."""

from __future__ import annotations

import polars as pl

from convkit.formats.parsers.regex import Template

SAMPLES = (
    (
        "[pid: 8|app: 0|req: 1/1] 203.0.113.7 () {38 vars in 696 bytes} [Sat Oct 10 13:55:36 2026] GET /cart?id=1 => generated 47 bytes in 9 msecs "
        "(HTTP/1.1 200) 9 headers in 378 bytes"
    ),
    (
        "[pid: 9|app: 0|req: 3/3] 2001:db8::7 (ann) {34 vars in 617 bytes} [Sat Oct  3 13:55:37 2026] POST /a => generated 215 bytes in 68 micros "
        "(HTTP/1.1 302) 9 headers in 373 bytes"
    ),
    "*** Starting uWSGI 2.0.12 (64bit) on [Sat Oct 10 13:55:35 2026] ***",
)
_START = r"^(?:\{[ -|~]*\} ?)*\[pid: [ -\\^-~]*\] "
_MIDDLE = r"\((?P<user>[^)]*)\) \{[ -|~]*\} \[(?P<time>[0-9A-Za-z/: +-]+)\] (?P<method>[!-~]+) "
_END = r"=> generated (?P<bytes>[0-9]+) bytes in (?P<took>[0-9]+) (?P<unit>[a-z]+) (?:via [^(]*)?\((?P<protocol>[!-~]+) (?P<status>[0-9]+)\)"
FORMAT = Template(
    rf"{_START}(?P<address>[!-~]+) {_MIDDLE}(?P<target>[!-~]*) {_END}",
    otherwise=rf"{_START}(?P<address>[^(]*) {_MIDDLE}(?P<target>.*?) {_END}",
    made={"milliseconds": pl.when(pl.col("unit") == "msecs").then("took"), "microseconds": pl.when(pl.col("unit") == "micros").then("took")},
    ignored=r"^(?:\*\*\* .* \*\*\*$|(?:spawned|respawned|Respawned) uWSGI |WSGI app \d+ |mapped \d+ bytes|(?:worker|uWSGI worker) \d+ |"
    r"(?:compiled with version|os|nodename|machine|clock source|pcre jit|detected number of CPU cores|current working directory|detected binary path|"
    r"your (?:processes|server|memory|mercy)|lock engine|thunder lock|uwsgi socket|Python version|Python main interpreter|python threads|"
    r"setgid|setuid|gracefully |SIGINT/SIGQUIT|goodbye to uWSGI|chdir|DAMN ! worker|announcing my loyalty|\.\.\.The work of process))",
    escapes_quotes=False,
    names_month=True,
)
