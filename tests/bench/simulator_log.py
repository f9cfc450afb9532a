"""Write acts as a combined log: with time offsets, lines out of order, and lines that are not hits.

The modules that compute the expected figures do not depend on the text of the log.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

from .simulator_site import ZONE

if TYPE_CHECKING:
    import random

    from .simulator_acts import Device, Hit

FUTURE = '198.51.100.9 - - [03/Oct/2099:10:00:00 +0200] "GET /checkout/thank-you HTTP/1.1" 200 512 "-" "Mozilla/5.0 (X11; Linux x86_64; rv:143.0)"'
"""A line of a server whose clock is wrong."""
LATEST = 60
"""The maximum delay of a line that is logged late, in seconds."""

SPELLINGS = ("//", "/./", "/../", ";jsessionid", "#", "/ HTTP", "/%", "/?")
NO_HITS = (
    "2026/10/03 10:11:12 [error] 1123#0: *45 open() failed (2: No such file or directory)",
    "Traceback (most recent call last):",
    "198.51.100.7 - - [03/Oct/2026:10:1",
    '198.51.100.7 - - [31/Feb/2026:10:00:00 +0100] "GET / HTTP/1.1" 200 512 "-" "Mozilla/5.0 (X11; Linux x86_64; rv:143.0)"',
    "logrotate: renamed access.log",
)


@dataclass
class Written:
    """The lines of a log, and how many of them are not hits."""

    lines: list[str] = field(default_factory=list)
    blank: int = 0
    unparsed: int = 0
    displaced: int = 0
    """Hits that are logged after a later hit."""


def _line(hit: Hit, tail: str) -> str:
    local = datetime.fromtimestamp(hit.time, ZONE)
    stamp = local.strftime("%d/%b/%Y:%H:%M:%S %z")
    user = hit.user or "-"
    return f'{hit.address} - {user} [{stamp}] "{hit.request}" {hit.status} {hit.size} "{hit.referrer}" "{hit.device.agent}"{tail}'


def _places(plan: list[Hit], rng: random.Random, displaced: float) -> list[Hit]:
    """Sort hits into the order of their lines; hits of one device in the same second share a delay, so they keep their order."""
    delays: dict[tuple[Device, int], int] = {}
    for hit in plan:
        late = rng.random() < displaced
        delays.setdefault((hit.device, hit.time), rng.randint(1, LATEST) if late else 0)
    return sorted(plan, key=lambda hit: hit.time + delays[hit.device, hit.time])


def write(plan: list[Hit], rng: random.Random, *, odd: float, tails: float) -> Written:
    """Write a plan as log lines, some of them with an extra field, and store its line number in every hit."""
    written = Written()
    latest = 0
    for hit in _places(plan, rng, odd):
        if rng.random() < odd / 10:
            written.lines.append("")
            written.blank += 1
        if rng.random() < odd / 20:
            written.lines.append(rng.choice(NO_HITS))
            written.unparsed += 1
        if tails and rng.random() < odd / 20:
            written.lines.append(FUTURE)
            written.unparsed += 1
        tail = rng.choice((' "-"', " 0.012")) if rng.random() < tails else ""
        written.lines.append(_line(hit, tail))
        hit.line_no = len(written.lines)
        written.displaced += hit.time < latest
        latest = max(latest, hit.time)
    return written


def odd_lines(plan: list[Hit]) -> Counter[str]:
    """Count the hits with an unusual line, by what is unusual about it."""
    counts: Counter[str] = Counter()
    for hit in plan:
        text = f"{hit.request} {hit.referrer} {hit.device.agent}"
        counts["quotes"] += r"\"" in text
        counts["bytes"] += r"\x" in text
        counts["rubbish"] += hit.request[0] in "-\\"
        counts["options"] += hit.request.startswith("OPTIONS *")
        counts["head"] += hit.request.startswith("HEAD ")
        counts["no_protocol"] += hit.request.count(" ") == 1
        counts["spelling"] += hit.path not in {"", "/"} and any(part in hit.request for part in SPELLINGS)
    return counts
