"""A log whose format changes midway: both halves are read as if they were alone, and every line has one fate."""

from __future__ import annotations

import gzip
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest
import runs
from format_samples import SAMPLES
from small_logs import figures, line, written

import convkit
from convkit.errors import InputError

if TYPE_CHECKING:
    from pathlib import Path

COMBINED = [line(f"GET /{page}", second) for second, page in enumerate(("", "cart", "style.css", "thanks"), 1)]
SHOP = [f"shop.example:443 {text}" for text in COMBINED]
KINDS: dict[str, list[str]] = {
    "combined": COMBINED,
    "common": [text.partition(' "-" ')[0] for text in COMBINED],
    "vhost-combined": SHOP,
    "traefik": [f'{text} 1 "shop@docker" "http://192.0.2.9:80" 12ms' for text in COMBINED],
    "squid": list(SAMPLES["squid"]),
}
CHANGES = [*pairwise([*KINDS, "combined"]), *((after, before) for before, after in pairwise([*KINDS, "combined"]))]
BROKEN = ["", "# comment", "no line of a log", '198.51.100.1 - - [10/Oct/2026:12:00:09 +0000] "GET /half']


def records(log: Path) -> list[dict[str, Any]]:
    """Return the records of a log."""
    return convkit.read_records([log]).collect().to_dicts()


def without_line_number(record: dict[str, Any]) -> dict[str, Any]:
    """Return a record without its line number."""
    return {name: value for name, value in record.items() if name != "line_no"}


@pytest.mark.parametrize(("before", "after"), CHANGES)
def test_both_halves_are_read_as_if_alone(before: str, after: str, tmp_path: Path) -> None:
    halves = [KINDS[before], KINDS[after]]
    separate = [records(written(tmp_path / f"{number}.log", half)) for number, half in enumerate(halves)]
    together = records(written(tmp_path / "access.log", halves[0] + halves[1]))
    assert list(map(without_line_number, together)) == [without_line_number(record) for half in separate for record in half]


@pytest.mark.parametrize("packed", [False, True])
def test_fates_add_up_and_rejected_lines_have_reasons(packed: bool, tmp_path: Path) -> None:  # noqa: FBT001 (a column of the table)
    """Both the fast reader and the one for damaged files are tested."""
    lines = [*COMBINED * 4, *BROKEN, *SHOP * 4]
    log = written(tmp_path / "access.log", lines)
    if packed:
        (tmp_path / "cut.log.gz").write_bytes(gzip.compress(log.read_bytes())[:-6])
        log = tmp_path / "cut.log.gz"
    run = runs.document([log], rejects=True)
    assert run.rejects is not None
    assert run.rejects.select("line", "reason").rows() == [(19, "no request in quotes"), (20, "request without a closing quote")]
    counts = figures(log)["input"]
    assert (counts["lines"], counts["blank"], counts["comment"], counts["unparsed"], counts["asset"], counts["kept"]) == (36, 1, 1, 2, 8, 24)


def test_the_order_of_lines_is_that_of_the_file(tmp_path: Path) -> None:
    """If lines alternate between two formats, their hits are in the same order as the lines."""
    turns = [text for pair in zip(COMBINED, SHOP, strict=True) for text in pair]
    assert [record["line_no"] for record in records(written(tmp_path / "access.log", turns))] == [*range(1, len(turns) + 1)]


def test_a_few_odd_lines_are_not_another_format(tmp_path: Path) -> None:
    """One line of another format is rejected."""
    log = written(tmp_path / "access.log", [*COMBINED * 5, SAMPLES["squid"][0]])
    assert figures(log)["input"]["unparsed"] == 1


def test_two_unknown_formats_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="unrecognised format"):
        records(written(tmp_path / "notes.txt", ["one thing", "and another"] * 5))
