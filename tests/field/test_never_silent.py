"""Nothing is lost in silence: warnings on lost lines, empty results, built-in goals and stray lines, and remarks that hold for all lines."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import runs
from engine.test_partition import both
from small_logs import line, written

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from conftest import Run

    from convkit.core.document import Document

BOUGHT = "macro: {bought: {event: purchase}}"
HEADER = "user_id,event,time"


def rows_of(number: int) -> list[str]:
    """Return the header and some rows of an export, each of another user."""
    return [HEADER, *(f"u{n},page_view,2026-10-{1 + n % 20:02}T10:00:00Z" for n in range(number))]


def run_on(folder: Path, lines: Iterable[str], goals: str = BOUGHT, name: str = "events.csv", **options: Any) -> Document:  # noqa: ANN401
    """Return the document of the overview of some lines."""
    return runs.document([written(folder / name, lines)], ["overview"], written(folder / "goals.yaml", [goals]), **options)


def texts_of(document: Document, code: str) -> list[str]:
    """Return the texts of the notes with a code."""
    return [note.text for note in document.notes if note.code == code]


def test_rows_without_a_time_that_a_macro_goal_names_are_warned_of(tmp_path: Path) -> None:
    document = run_on(tmp_path, [*rows_of(300), "v,purchase,next week"])
    text = "1 of 301 lines (0.33%) was not counted, 1 of them with a macro goal: no time (1); see them with --rejects FILE"
    assert texts_of(document, "lost-lines") == [f"{text}; if the time is in another column, name it with --set columns.time=NAME."]
    assert [sentence.partition(",")[0] for sentence in document.warnings] == ["1 of 301 lines (0.33%) was not counted"]


def test_rows_without_a_user_are_warned_of(tmp_path: Path) -> None:
    lost = [f",page_view,2026-10-01T11:0{n}:00Z" for n in range(4)]
    document = run_on(tmp_path, [*rows_of(300), *lost])
    assert texts_of(document, "lost-lines")[0].startswith("4 of 304 lines (1.3%) were not counted: no visitor (4); see them with --rejects FILE; ")
    assert "columns.user=NAME" in document.warnings[0]


def test_few_lost_rows_are_no_warning(tmp_path: Path) -> None:
    document = run_on(tmp_path, [*rows_of(300), ",page_view,2026-10-01T11:00:00Z", ",page_view,2026-10-01T11:00:01Z", "v,page_view,soon"])
    assert document.input["unparsed"] == 3
    assert not document.warnings
    assert not texts_of(document, "lost-lines")


def test_an_unfinished_last_line_is_no_loss(tmp_path: Path) -> None:
    log = written(tmp_path / "access.log", [line("GET /", n * 60) for n in range(20)])
    with log.open("a", encoding="utf-8") as file:
        file.write('198.51.100.1 - - [10/Oct/2026:12:30:00 +0000] "GET /thank')
    assert not runs.document([log]).warnings


def test_lines_of_another_kind_are_warned_of_with_the_largest_reasons(tmp_path: Path) -> None:
    lines = [line("GET /", n * 60) for n in range(100)]
    document = run_on(tmp_path, [*lines, *(f"starting worker {n}" for n in range(9))], "macro: {thanks: /thanks}", "access.log")
    assert texts_of(document, "lost-lines")[0].startswith("9 of 109 lines (8.3%) were not counted: ")
    assert "--log-format" in document.warnings[0]


def test_a_request_that_nobody_sent_is_warned_of_if_a_macro_goal_names_it(tmp_path: Path) -> None:
    lines = [*(line("GET /", n * 60) for n in range(200)), line("GET /thanks", 9, who="- - -"), line("GET /", 9, who="- - -")]
    document = run_on(tmp_path, lines, "macro: {thanks: /thanks}", "access.log")
    assert "1 of them with a macro goal: no visitor (2)" in document.warnings[0]
    assert not run_on(tmp_path, lines, "macro: {thanks: /other}", "access.log").warnings


def test_events_of_sessions_without_a_page_are_warned_of(tmp_path: Path) -> None:
    people = [line("GET /", n * 60, who=f"198.51.100.{n % 50} - -") for n in range(100)]
    calls = [line("POST /api/order", n, who=f"203.0.113.{n} - -") for n in range(3)]
    macro = run_on(tmp_path, [*people, *calls], "macro: {order: POST /api/order}", "access.log")
    micro = run_on(tmp_path, [*people, *calls], "macro: {x: /x}\nmicro: {order: POST /api/order}", "access.log")
    assert macro.warnings[0].startswith("3 orders belonged to no page view and were not counted")
    assert micro.warnings[0].startswith("3 hits belonged to no page view and were not counted")
    assert [len(texts_of(document, "no-page")) for document in (macro, micro)] == [1, 1]
    few = run_on(tmp_path, [*people, *people, calls[0]], "macro: {x: /x}\nmicro: {order: POST /api/order}", "access.log")
    assert not few.warnings


def test_warnings_are_printed_once_and_for_every_report(tmp_path: Path, convkit_command: Run) -> None:
    log, goals = written(tmp_path / "events.csv", [*rows_of(10), ",purchase,2026-10-01T11:00:00Z"]), written(tmp_path / "g.yaml", [BOUGHT])
    for command in ("report", "funnel", "pages", "compare"):
        _, out, err = convkit_command(command, str(log), "-g", str(goals))
        assert err.count("warning: 1 of 11 lines") == 1
        assert "1 of 11 lines (9.1%) was not counted, 1 of them with a macro goal" in " ".join(out.split())
    assert "warning" not in convkit_command("report", str(log), "-g", str(goals), "-q")[2]


def test_lost_lines_are_the_same_in_parts(tmp_path: Path) -> None:
    lost = [*(f",purchase,2026-10-01T11:{n:02}:00Z" for n in range(30)), "w,purchase,soon", "w,purchase,soon"]
    log, goals = written(tmp_path / "events.csv", [*rows_of(400), *lost]), written(tmp_path / "goals.yaml", [BOUGHT])
    parts, whole, divided = both([log], 20_000, goals=goals)
    assert parts > 1
    assert whole == divided
    assert "32 of them with a macro goal" in whole
