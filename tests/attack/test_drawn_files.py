"""Faults that generators of files in `program/test_fuzz.py` drew, in their smallest form."""

from __future__ import annotations

import io
import json
import zipfile
from typing import TYPE_CHECKING

import pytest
from small_logs import conversions, figures, line, overview, written

if TYPE_CHECKING:
    from pathlib import Path

GOALS = "macro: {bought: {event: buy, value: prop.amount, once_per: hit}}"


def event(number: int, **more: object) -> str:
    """Return a row of an export."""
    return json.dumps({"time": 1_791_640_000 + number, "user_id": f"u{number}", "event": "buy", **more})


ONE, TWO, THREE = event(1, value=5), event(2, value={"amount": 7, "currency": "EUR"}), event(3, value={"total": {"amount": 2}})


@pytest.mark.parametrize("rows", [[ONE, TWO], [TWO, ONE], [ONE, TWO, "{broken"], [THREE, ONE, TWO]], ids=["late", "early", "damaged", "deeper"])
def test_a_column_may_be_an_object_in_some_rows(tmp_path: Path, rows: list[str]) -> None:
    goals = tmp_path / "goals.yaml"
    goals.write_text(GOALS + "\nsite: {columns: {value: value, currency: value.currency}}")
    document = figures(written(tmp_path / "events.ndjson", rows), goals=goals)
    assert conversions(document)["bought"] == sum("buy" in row for row in rows)


def test_the_value_of_a_purchase_may_be_an_object_in_some_rows(tmp_path: Path) -> None:
    goals = tmp_path / "goals.yaml"
    goals.write_text("macro: {bought: {event: buy, value: prop.amount, once_per: hit}}\nsite: {columns: {value: value, currency: value.currency}}")
    rows = [event(1, value=5, amount=1.5), event(2, value={"currency": "EUR"}, amount=2)]
    assert overview(figures(written(tmp_path / "events.ndjson", rows), goals=goals))["value"] == 3.5


def zipped(path: Path, *members: str, ending: str = "log") -> Path:
    """Write an archive with these members."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for number, text in enumerate(members):
            archive.writestr(f"{number}.{ending}", text)
    path.write_bytes(file.getvalue())
    return path


@pytest.mark.parametrize(("end", "reason"), [("\n", "no request in quotes"), ("\r\n", "no request in quotes"), ("", "unfinished last line")])
def test_the_last_line_in_an_archive_is_unfinished_only_without_a_line_end(tmp_path: Path, end: str, reason: str) -> None:
    document = figures(zipped(tmp_path / "logs.zip", f"{line('GET /')}\nbad{end}"))
    assert document["input"]["lines"] == 2
    assert document["input"]["unparsed_by_reason"] == {reason: 1}


@pytest.mark.parametrize(
    ("members", "lines", "reason"),
    [
        ([ONE, f"{TWO}\nbad\n"], 3, "not a JSON object"),
        ([f"{ONE}\n", f"{TWO}\nbad"], 3, "unfinished last line"),
        ([f"{ONE}\n{TWO}\n", "", "bad\n"], 3, "not a JSON object"),
        ([f"{ONE}\n\n", f"bad\n{TWO}"], 4, "not a JSON object"),
    ],
)
def test_members_that_are_one_log_are_joined_between_lines(tmp_path: Path, members: list[str], lines: int, reason: str) -> None:
    document = figures(zipped(tmp_path / "events.zip", *members, ending="json"))
    assert document["input"]["lines"] == lines
    assert document["input"]["unparsed_by_reason"] == {reason: 1}
