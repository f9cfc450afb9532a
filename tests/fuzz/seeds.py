"""Contents that once were read wrongly, or took the machine's memory, and that generators draw rarely: they are checked as drawn ones are."""

from __future__ import annotations

import gzip
import io
import json
import tarfile

from small_logs import line

GOOD = "".join(f"{line(f'GET /p{number}', number)}\n" for number in range(20)).encode()


def _tar() -> bytes:
    """Return a tar archive of one log."""
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as archive:
        member = tarfile.TarInfo("access.log")
        member.size = len(GOOD)
        archive.addfile(member, io.BytesIO(GOOD))
    return file.getvalue()


def _events(*rare: dict[str, object]) -> bytes:
    """Return an export of which the sixth row, or the last ones, have more columns."""
    rows: list[dict[str, object]] = [{"user_id": f"u{number % 7}", "event": "seen", "time": 1_791_640_000 + number} for number in range(300)]
    rows[5] |= {"plan": "pro"}
    return "".join(json.dumps(row) + "\n" for row in [*rows, *({**rows[-1], **more} for more in rare)]).encode()


SEEDS: dict[str, bytes] = {
    "nothing": b"",
    "a hole in front": bytes(300_000) + GOOD,
    "zero bytes within a line": GOOD + GOOD[:300] + bytes(100) + GOOD[300:],
    "nothing but zero bytes": bytes(100_000),
    "a format that changes late": GOOD * 20
    + json.dumps({"time": "2026-10-10T12:00:00Z", "remote_addr": "x", "request": "GET /", "status": 200}).encode()
    + b"\n",
    "lines of another format": (GOOD.replace(b' "-" "Mozilla', b' #"Mozilla').partition(b"#")[0] + b"\n") * 300 + GOOD,
    "late columns": _events({"event": "purchase", "amount": 9.5, "properties": {"plan": "pro"}}),
    "an endless line": GOOD + b"a" * (3 << 20) + b"\n" + GOOD,
    "a line of the largest size, with a carriage return": GOOD + b"a" * (1 << 20) + b"\r\n" + GOOD,
    "many newlines": b"\n" * 300_000 + GOOD,
    "many short lines": GOOD + b"x\n" * 300_000,
    "a tar archive": _tar(),
    "a packed tar archive": gzip.compress(_tar()),
    "an archive without files": b"PK\5\6" + bytes(18),
    "an empty array": b"[]",
    "an empty object": b"{}",
    "two open quotes": b'user_id,event,time\nu1,a,1791640000\nu2,"b,1791640001\n' + b"u3,c,1791640002\n" * 5 + b'u4,"d,1791640003\nu5,e,1791640004\n',
    "a binary": b"\x04\x22\x4d\x18" + bytes(range(256)) * 20,
    "a table of many columns": b"time,event,user_id" + b",c" * 20_000 + b"\n1791640000,a,u1" + b",1" * 20_000 + b"\n",
    "a user in quotes": GOOD.replace(b" - - [", b' - "" ['),
    "a wrong clock": GOOD + GOOD.splitlines()[0].replace(b"2026", b"2099") + b"\n",
    "large amounts": _events(*[{"event": "purchase", "value": 999_999_999_999}] * 20),
    "carriage returns alone": GOOD.replace(b"\n", b"\r"),
    "half a character at the end": GOOD + "é".encode()[:1],
}

GOALS_SEEDS: dict[str, bytes] = {
    "nothing": b"",
    "a comment in a regular expression": b"macro: {a: 're:(?x) a # b'}",
    "many goals": ("macro:\n" + "".join(f"  g{number}: [/a{number}, /b{number}]\n" for number in range(3_000))).encode(),
    "a regular expression that grows": b"macro: {a: 're:(a{1000}){1000}'}",
    "aliases": b"a: &a [x]\nmacro: {b: *a}",
    "deep": b"macro: {a: " + b"[" * 5_000 + b"]" * 5_000 + b"}",
    "not UTF-8": b"macro: {a: /\xff}",
    "UTF-16": "macro: {a: /a}".encode("utf-16"),
    "a zero byte": b"macro: {a: /\0}",
}
