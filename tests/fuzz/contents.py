"""Contents of logs: holes, cuts, lines of odd sizes, and formats that change; each generator returns bytes."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from format_samples import SAMPLES
from small_logs import line

if TYPE_CHECKING:
    import random
    from collections.abc import Callable

LARGEST_HOLE = 2 << 20
BOT = "Googlebot/2.1 (+http://www.google.com/bot.html)"


def usual(rng: random.Random) -> bytes:
    """Return a log in the combined format, with some bots and some junk."""
    return b"\n".join(_requests(rng)) + rng.choice([b"\n", b"\n", b"", b"\r\n"])


def _requests(rng: random.Random) -> list[bytes]:
    """Return lines of some visitors."""
    rows, second = [], 0
    for number in range(rng.choice([1, 5, 40, 300])):
        second += rng.choice([0, 0, 1, 30, 1799, 1800, 1801])
        request = rng.choice(["GET /", "GET /cart", f"GET /p/{number}", "POST /checkout", "GET /thanks?order=1&total=9.99", "GET /a.css"])
        agent = BOT if rng.random() < 0.05 else "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
        rows.append(line(request, second, rng.choice([200, 200, 200, 302, 404]), who=f"198.51.100.{rng.randrange(30)} - -", agent=agent))
        rows += ["junk " * rng.randrange(4)] if rng.random() < 0.05 else []
    return [row.encode() for row in rows]


def with_holes(rng: random.Random) -> bytes:
    """Return a log with one to three runs of zero bytes, anywhere."""
    content = bytearray(usual(rng))
    for _ in range(rng.randint(1, 3)):
        place = rng.choice([0, 0, len(content), rng.randrange(len(content) + 1)])
        content[place:place] = bytes(rng.choice([1, 2, 3, 8_192, rng.randrange(1, 70_000), rng.randrange(1, LARGEST_HOLE)]))
    return bytes(content)


def of_odd_sizes(rng: random.Random) -> bytes:
    """Return a log among long lines, newlines, very short lines, wide rows, and carriage returns."""
    odd: list[Callable[[], bytes]] = [
        lambda: b"a" * rng.choice([1_000, 1 << 20, (1 << 20) + 1, (1 << 20) + rng.randrange(4), 5 << 20]),
        lambda: b"\n" * rng.choice([1, 10, 100_000]),
        lambda: b"x\n" * rng.choice([1, 10, 50_000]),
        lambda: b"," * rng.choice([10, 3_000, 30_000]) + b"\n",
        lambda: b" ".join([b"w"] * rng.choice([10, 3_000, 30_000])) + b"\n",
        lambda: b"\r" * rng.choice([1, 2, 1_000]),
        lambda: line("GET /" + "p" * rng.choice([2_000, 9_000, 70_000, 1 << 20])).encode() + b"\n",
        lambda: b"\xef\xbb\xbf",
    ]
    pieces = [usual(rng), *(rng.choice(odd)() for _ in range(rng.randint(1, 3)))]
    rng.shuffle(pieces)
    return b"".join(pieces)


def of_changing_formats(rng: random.Random) -> bytes:
    """Return a log whose format changes once to three times, some of them back, or line by line."""
    blocks = [_in_format(rng, rng.choice(_FORMATS)) for _ in range(rng.randint(2, 4))]
    if rng.random() < 0.2:
        blocks = [[text] for block in blocks for text in block]
        rng.shuffle(blocks)
    return b"".join(text + b"\n" for block in blocks for text in block)


_FORMATS = ["combined", "combined", "common", "vhost", "json", "syslog", "cri", *SAMPLES]


def _in_format(rng: random.Random, name: str) -> list[bytes]:
    """Return requests in a format: of the lines of `combined` if they can be written so, and otherwise those of the format's sample."""
    rows = _requests(rng)
    written: dict[str, Callable[[bytes], bytes]] = {
        "combined": lambda row: row,
        "common": lambda row: row.partition(b' "-" ')[0],
        "vhost": lambda row: b"shop.example:443 " + row,
        "json": lambda row: json.dumps(
            {"time": "2026-10-10T12:00:00Z", "remote_addr": "198.51.100.1", "request": row.decode(), "status": 200}
        ).encode(),
        "syslog": lambda row: b"<190>Oct 10 12:00:00 web1 nginx: " + row,
        "cri": lambda row: b"2026-10-10T12:00:00.1Z stdout F " + row,
    }
    return list(map(written[name], rows)) if name in written else [text.encode() for text in SAMPLES[name]] * rng.choice([1, 1, 20])


CONTENTS: dict[str, Callable[[random.Random], bytes]] = {
    "usual": usual,
    "holes": with_holes,
    "odd sizes": of_odd_sizes,
    "changing formats": of_changing_formats,
}
