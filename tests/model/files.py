"""Large logs in several files, each drawn from one number: how their lines are ordered, divided among files, ended and packed."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from random import Random
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from fuzz.packings import PACKINGS

from model.lines import BOTS, CHROME, FIREFOX, GAPS, ODD_VISITS, PLAIN, REFERRERS, REQUESTS, WALK, WALK_GAPS, Person, hit_of, line_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from model.hits import Hit

STARTS = [
    datetime(2026, month, day, hour, 50, tzinfo=UTC) for month, day, hour in ((3, 10, 21), (3, 29, 0), (10, 25, 0), (3, 8, 6), (1, 1, 0), (2, 28, 23))
]
"""Ordinary evenings, changes of the clocks in Europe and America, and the end of a year and of a month."""
OFFSETS: list[Callable[[datetime], timedelta | None]] = [
    *(lambda _, hours=hours: timedelta(hours=hours) for hours in (-5, -3.5, 0, 1, 2)),
    *(lambda time, name=name: time.astimezone(ZoneInfo(name)).utcoffset() for name in ("Europe/Berlin", "America/New_York")),
]
JUNK = ("junk", "x", '192.0.2.1 - - [broken] "GET /a', "<html>", "2026/03/10 12:00:00 [error] 7#7: *1 open() failed")
PACKED = ["gz", "gz of two members", "bz2", "bz2 of two streams", "zst", "pzstd", "zip"]


@dataclass(frozen=True)
class Written:
    """The hits of a log in its files, with the positions that its lines have in them, and the number of lines that are no requests."""

    paths: list[Path]
    hits: list[Hit]
    junk: int


def write(number: int, folder: Path, *, with_users: bool) -> Written:
    """Write the log of a number to a folder."""
    rng = Random(number)
    rows = _in_some_order(rng, _rows(rng, with_users=with_users))
    files = [file for file in _divided(rng, rows) if file]
    names = rng.sample([f"access{place}.log" for place in range(9)], len(files))
    # The order of files is that of the first line of each that is analyzed, and then that of their names.
    times = [[hit.time for hit, _ in file if not hit.is_asset][:1] or [float("inf")] for file in files]
    hits: list[Hit] = []
    offset, junk = rng.choice(OFFSETS), 0
    for _, name, file in sorted(zip(times, names, files, strict=True), key=lambda item: item[:2]):
        lines = []
        for hit, agent in file:
            hits.append(replace(hit, position=len(hits) + 1))
            local = offset(datetime.fromtimestamp(hit.time, UTC))
            lines.append(line_of(hit, agent, int(local.total_seconds()) // 60 if local else 0))
        if len(file) > 30:
            count = rng.choice([0, 0, 1, 3])
            junk += count
            for _ in range(count):
                lines.insert(rng.randrange(len(lines) + 1), rng.choice(JUNK))
        (folder / name).write_bytes(_packed(rng, lines))
    return Written([folder / name for name in names], hits, junk)


def _rows(rng: Random, *, with_users: bool) -> list[tuple[Hit, str]]:
    """Return 50 to 500 hits with their user agents, visitor by visitor."""
    rows: list[tuple[Hit, str]] = []
    start, size = int(rng.choice(STARTS).timestamp()), rng.randint(50, 500)
    while len(rows) < size:
        host, agent = rng.randrange(1, 200), rng.choice([FIREFOX, CHROME, FIREFOX, CHROME, FIREFOX, CHROME, rng.choice(BOTS)])
        addresses = (f"2001:db8:0:{host:x}::1", f"2001:db8:0:{host:x}:ffff::2") if host % 4 == 0 else (f"192.0.2.{host}",)
        rows += [(hit, agent) for hit in _visit(rng, Person(addresses, agent), start, with_users=with_users)]
    return rows[:size]


def _visit(rng: Random, person: Person, start: int, *, with_users: bool) -> list[Hit]:
    """Return the hits of one person, in order."""
    is_walk = rng.random() < 0.4
    requests = rng.choice(ODD_VISITS) if rng.random() < 0.1 and not with_users else WALK if is_walk else PLAIN if with_users else REQUESTS
    hits: list[Hit] = []
    time = start + rng.choice([0, 0, 1, 600, rng.randrange(20_000)])
    for number in range(rng.choice([1, 2, 5, 10, 25])):
        time += rng.choice(WALK_GAPS if is_walk else GAPS)
        user = rng.choice([None, None, None, "ann", "bob", "eve"]) if with_users else None
        hits.append(replace(hit_of(rng.choice(requests), time, person, number, user), referrer=rng.choice(REFERRERS)))
    return hits


def _in_some_order(rng: Random, rows: list[tuple[Hit, str]]) -> list[tuple[Hit, str]]:
    """Return hits in the order of time, visitor by visitor, or in any."""
    order = rng.choice(["time", "time", "visitor", "any"])
    if order == "any":
        rng.shuffle(rows)
    return sorted(rows, key=lambda row: row[0].time) if order == "time" else rows


def _divided(rng: Random, rows: list[tuple[Hit, str]]) -> list[list[tuple[Hit, str]]]:
    """Return hits in one to five files, in pieces or dealt one by one."""
    count = rng.randint(1, 5)
    if rng.random() < 0.5:
        return [rows[place::count] for place in range(count)]
    cuts = sorted(rng.sample(range(len(rows)), count - 1))
    return [rows[start:end] for start, end in zip([0, *cuts], [*cuts, len(rows)], strict=True)]


def _packed(rng: Random, lines: list[str]) -> bytes:
    """Return a file of lines with any kind of line ends, with or without a byte order mark and a last line end, plain or packed."""
    end = rng.choice(["\n", "\n", "\r\n"])
    content = (rng.choice(["", "", "\ufeff"]) + end.join(lines) + rng.choice([end, end, ""])).encode()
    name = rng.choice(["plain", "plain", *PACKED])
    return content if name == "plain" else PACKINGS[name](rng, content)
