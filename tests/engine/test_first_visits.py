"""The note on reports by visit: visitors who came only before the logs begin count as new."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import runs
from small_logs import line, written

if TYPE_CHECKING:
    from pathlib import Path

    from convkit.core.document import Document

DAY = 24 * 3600
TEXT = "Visitors who came only before 10 Oct 2026 count as new. To count their visits, read older logs and choose the period with --since."


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """Return a log of 28 days from noon of 10 October on, with a visit a day."""
    return written(tmp_path / "access.log", [line("GET /", day * DAY) for day in range(28)])


def notes(document: Document) -> list[str]:
    """Return the texts of the note."""
    return [note.text for note in document.notes if note.code == "first-visits"]


@pytest.mark.parametrize(
    ("options", "is_noted"),
    [
        ({"by": "visit"}, True),
        ({"where": ["visit=1"]}, True),
        ({"where": ["visit!=1"], "since": "2026-10-24T11:59"}, True),
        ({"where": ["visit=1"], "since": "2026-10-24T12:00"}, False),
        ({"by": "visit", "since": "2026-10-24T12:00"}, False),
        ({"by": "device"}, False),
        ({"where": ["page=/"]}, False),
        ({}, False),
    ],
)
def test_the_note_is_shown_if_visits_matter_and_the_logs_begin_too_late(log: Path, options: dict[str, str], *, is_noted: bool) -> None:
    assert notes(runs.document([log], ["overview"], **options)) == [TEXT] * is_noted


def test_a_comparison_has_the_note_if_its_earlier_side_begins_too_early(log: Path) -> None:
    assert notes(runs.comparison([log], where=["visit=1"], against="visit=3+")) == [TEXT]
    assert notes(runs.comparison([log], where=["visit=1"], at="2026-10-31")) == [TEXT]
    assert notes(runs.comparison([log], where=["visit=1"], since="2026-11-02", against="2026-10-26..2026-10-30")) == []
    assert notes(runs.comparison([log], at="2026-10-31")) == []
