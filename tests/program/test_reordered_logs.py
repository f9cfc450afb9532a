"""Exports and JSON logs of others with their fields in another order, or under another name: no figure changes.

`CONVKIT_TEST_DATA` names the folder with these logs; without it, these tests are skipped.
"""

from __future__ import annotations

import csv
import io
import json
import os
import random
from pathlib import Path
from typing import Any

import pytest
import runs

from convkit.errors import ConvkitError

FOLDER = os.environ.get("CONVKIT_TEST_DATA")
pytestmark = [pytest.mark.slow, pytest.mark.skipif(FOLDER is None, reason="CONVKIT_TEST_DATA names no folder")]
_TABLES = {".csv": ",;\t", ".tsv": "\t"}


def texts() -> dict[str, str]:
    """Return the text of each file that may have fields, by its path."""
    files = [file for place in ("field/access", "field/events") for file in sorted(Path(FOLDER or "/nonexistent", place).glob("*"))]
    return {str(file): file.read_bytes().decode("utf-8-sig", "replace") for file in files if file.suffix in {*_TABLES, ".ndjson", ".jsonl", ".log"}}


def figures(log: Path) -> dict[str, Any] | str:
    """Return the figures of a log, or why it cannot be read."""
    try:
        document = json.loads(runs.render(runs.document([log], ["overview", "goals", "pages", "channels"]), "json"))
    except ConvkitError as error:
        return type(error).__name__
    return {"reports": document["reports"], "counts": {name: value for name, value in document["input"].items() if isinstance(value, int)}}


def with_other_order(text: str, suffix: str) -> str | None:
    """Return the text of a table or of JSON lines with their fields shuffled, or None if it is neither."""
    order = random.Random(5)
    try:
        if suffix in _TABLES:
            dialect = csv.Sniffer().sniff(text[:2_000], _TABLES[suffix])
            rows = [row for row in csv.reader(io.StringIO(text), dialect) if row]
            places = [*range(len(rows[0]))]
            order.shuffle(places)
            shuffled = io.StringIO()
            csv.writer(shuffled, delimiter=dialect.delimiter, lineterminator="\n").writerows([row[place] for place in places] for row in rows)
            return shuffled.getvalue() if {len(row) for row in rows} == {len(places)} else None
        objects = [json.loads(line) for line in text.splitlines()]
        return "".join(f"{json.dumps(dict(order.sample([*each.items()], len(each))), ensure_ascii=False)}\n" for each in objects)
    except (csv.Error, ValueError, AttributeError, IndexError):
        return None


@pytest.mark.parametrize("path", [pytest.param(path, id=Path(path).name) for path in texts()])
def test_neither_the_name_nor_the_order_of_fields_matters(path: str, tmp_path: Path) -> None:
    log, text = Path(path), texts()[path]
    expected = figures(log)
    renamed = tmp_path / "anything.txt"
    renamed.write_bytes(log.read_bytes())
    assert figures(renamed) == expected
    reordered = with_other_order(text, log.suffix)
    if reordered is not None:
        renamed.write_text(reordered, encoding="utf-8")
        assert figures(renamed) == expected
