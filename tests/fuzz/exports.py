"""Exports of events whose columns have usual names of roles in random order: rare ones, late ones, and several of one role."""

from __future__ import annotations

import csv
import io
import json
from typing import TYPE_CHECKING, Any

from convkit.core import datafiles

if TYPE_CHECKING:
    import random
    from collections.abc import Callable

ALL_NAMES = [name for role, _, names in (line.partition(":") for line in datafiles.lines("columns")) for name in names.split() if role]
VALUES: tuple[Callable[[random.Random, int], Any], ...] = (
    lambda _, row: f"2026-10-10T12:{row // 60 % 60:02}:{row % 60:02}Z",
    lambda _, row: 1_791_640_000 + row,
    lambda rng, _: f"user{rng.randrange(9)}",
    lambda rng, _: rng.choice(["page_view", "purchase", "sign up", "0", "1", "GET", "POST"]),
    lambda rng, _: rng.choice(["/", "/cart?utm_source=x", "https://shop.example/thanks?order=1", "shop.example", "198.51.100.7"]),
    lambda rng, _: rng.choice([9.99, 5, -1, "1.234,50", "€ 3", "1e400", "NaN", 10**30, ""]),
    lambda rng, _: rng.choice([None, True, "", " ", "-", "null", "\N{RIGHT-TO-LEFT OVERRIDE}x", "=1+1", 'say "x"', "a\nb", "\ud800", "x" * 3_000]),
    lambda rng, row: rng.choice([{"amount": row, "plan": "pro"}, '{"amount": 1}', [1, {"a": None}], {"a": {"b": {"c": {"d": {"e": 1}}}}}, "{"]),
)


def rows_of(rng: random.Random) -> list[dict[str, Any]]:
    """Return events with a time, a user and a page or event in most files, and with further columns that all, few or late rows have."""
    base = [("time", VALUES[rng.choice([0, 1])]), ("user_id", VALUES[2]), (rng.choice(["event", "url", "name", "page"]), VALUES[rng.choice([3, 4])])]
    names = [*rng.choice([base, base, base, base[:2], base[1:], []]), *((rng.choice(ALL_NAMES), rng.choice(VALUES)) for _ in range(rng.randrange(9)))]
    rng.shuffle(names)
    count = rng.choice([1, 3, 30, 300])
    columns = []
    for name, value in names:
        is_sure = (name, value) in base or rng.random() < 0.5
        columns.append((name, value, 1.0 if is_sure else rng.choice([0.01, 0.3]), 0 if is_sure else rng.choice([0, count // 2, count - 1])))
    return [{name: value(rng, row) for name, value, share, first in columns if row >= first and rng.random() < share} for row in range(count)]


def as_table(rng: random.Random, rows: list[dict[str, Any]]) -> bytes:
    """Write events as CSV with any separator; values within objects are JSON text."""
    names = list(dict.fromkeys(name for row in rows for name in row))
    file = io.StringIO()
    writer = csv.writer(
        file, delimiter=rng.choice(",;\t|"), lineterminator=rng.choice(["\n", "\r\n"]), quoting=rng.choice([csv.QUOTE_MINIMAL, csv.QUOTE_ALL])
    )
    writer.writerow(names or ["time"])
    writer.writerows([json.dumps(value) if isinstance(value, (dict, list)) else value for value in map(row.get, names)] for row in rows)
    return file.getvalue().encode("utf-8", "surrogatepass")


def as_lines(_: random.Random, rows: list[dict[str, Any]]) -> bytes:
    """Write events as one JSON object per line."""
    return b"".join(json.dumps(row).encode() + b"\n" for row in rows)


def as_array(rng: random.Random, rows: list[dict[str, Any]]) -> bytes:
    """Write events as a JSON array, or within an object."""
    return json.dumps(rng.choice([rows, rows, {"events": rows}, {"total": 1, "data": rows}]), indent=rng.choice([None, 1])).encode()


def export(rng: random.Random) -> bytes:
    """Return an export in one of the notations, sometimes cut off, or with one damaged byte."""
    content = bytearray(rng.choice([as_table, as_table, as_lines, as_lines, as_array])(rng, rows_of(rng)))
    if rng.random() < 0.2 and content:
        content[rng.randrange(len(content))] = rng.randrange(256)
    return bytes(content[: rng.randrange(len(content) + 1)] if rng.random() < 0.1 else content)
