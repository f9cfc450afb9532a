"""Nothing is lost in silence: warnings on lost lines, empty results, built-in goals and stray lines, and remarks that hold for all lines."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
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

ROWS = {"F15": "test_sessions_of_a_column_are_described_as_such"}
"""The test of each case in the collection of field cases."""


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
    for command in ("report", "funnel", "compare"):
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


def empty_note(document: Document) -> str:
    """Return the text of the note on an empty result, or an empty string."""
    return "".join(texts_of(document, "empty"))


def visits(number: int) -> list[str]:
    """Return the lines of some visitors who each view one page, on 10 October 2026."""
    return [line("GET /" if n % 3 else "GET /offer", n * 60, who=f"198.51.100.{n} - -") for n in range(number)]


def test_an_empty_period_says_what_the_log_holds_and_is_exit_code_3(tmp_path: Path, convkit_command: Run) -> None:
    log, goals = written(tmp_path / "access.log", visits(20)), written(tmp_path / "g.yaml", ["macro: {x: /x}"])
    for command in ("report", "funnel", "sessions"):
        code, out, err = convkit_command(command, str(log), "-g", str(goals), "--since", "2026-11-01")
        assert code == 3
        assert "No session is in this period. The log has 20 sessions (10 Oct 2026)." in " ".join(out.split())
        assert err.endswith("error: no session is in this period. The log has 20 sessions (10 Oct 2026). Exit code 3; with --allow-empty it is 0\n")
    code, out, err = convkit_command("overview", str(log), "-g", str(goals), "--since", "2026-11-01", "--allow-empty")
    assert (code, err) == (0, "")
    assert "No session is in this period" in out


@pytest.mark.parametrize(
    ("lines", "text"),
    [
        ([], "No session was counted. The log is empty."),
        (["", ""], "No session was counted. The log has 2 lines: 2 blank."),
        (
            [line("GET /", agent="Googlebot/2.1"), line("GET /a.css")],
            "No session was counted. The log has 2 lines (10 Oct 2026): 1 by bots, 1 for static files.",
        ),
    ],
)
def test_a_log_without_sessions_says_what_it_has(lines: list[str], text: str, tmp_path: Path, convkit_command: Run) -> None:
    log = written(tmp_path / "access.log", lines)
    assert empty_note(runs.document([log])) == text
    assert convkit_command("overview", str(log))[0] == 3
    assert convkit_command("overview", str(log), "--allow-empty")[0] == 0


def test_a_filter_that_nothing_passes_names_the_nearest_values(tmp_path: Path, convkit_command: Run) -> None:
    log, goals = written(tmp_path / "access.log", visits(20)), written(tmp_path / "g.yaml", ["macro: {x: /x}"])
    near = empty_note(runs.document([log], goals=goals, where=["landing=/ofer"]))
    assert near == "No session passes landing=/ofer. The log has 20 sessions (10 Oct 2026). Closest values of landing: /offer (7 sessions)."
    far = empty_note(runs.document([log], goals=goals, where=["landing=/zzz", "device=desktop"]))
    assert far.endswith("Most frequent values of landing: / (13 sessions), /offer (7 sessions).")
    assert convkit_command("overview", str(log), "-g", str(goals), "--where", "landing=/ofer")[0] == 0
    assert not empty_note(runs.document([log], goals=goals, where=["landing=/offer"]))


def test_paths_from_a_page_that_nobody_viewed_name_the_nearest_pages(tmp_path: Path) -> None:
    log, goals = written(tmp_path / "access.log", visits(20)), written(tmp_path / "g.yaml", ["macro: {x: /x}"])
    after = runs.document([log], ["paths"], goals, options={"from": "/offers"})
    assert texts_of(after, "no-path") == ["No session viewed /offers. Closest pages: /offer (7 sessions)."]
    assert texts_of(runs.document([log], ["paths"], goals), "no-path") == ["No session reached x."]
    assert not texts_of(runs.document([log], ["paths"], goals, options={"from": "/offer"}), "no-path")


def test_an_empty_side_of_a_comparison_is_exit_code_3(tmp_path: Path, convkit_command: Run) -> None:
    days = [line("GET /", 86_400 * n, who=f"198.51.100.{n} - -") for n in (0, 1, 20, 21)]
    log, goals = written(tmp_path / "access.log", days), written(tmp_path / "g.yaml", ["macro: {x: /x}"])
    arguments = ("compare", str(log), "-g", str(goals), "--at", "2026-10-21")
    code, out, _ = convkit_command(*arguments)
    assert code == 3
    assert "No session is in 14–20 Oct 2026. The log has 4 sessions" in " ".join(out.split())
    assert convkit_command(*arguments, "--allow-empty")[0] == 0
    groups = ("compare", str(log), "-g", str(goals), "--where", "device=desktop", "--with", "device=mobile")
    code, out, _ = convkit_command(*groups)
    assert (code, "No session passes device=mobile" in " ".join(out.split())) == (0, True)


def test_empty_results_are_the_same_in_parts(tmp_path: Path) -> None:
    log, goals = written(tmp_path / "access.log", visits(250)), written(tmp_path / "g.yaml", ["macro: {x: /x}"])
    for options in ({"where": ["landing=/ofer", "page=/"]}, {"since": "2026-11-01"}):
        parts, whole, divided = both([log], 30_000, goals=goals, **options)
        assert parts > 1
        assert whole == divided
        assert "The log has 250 sessions" in whole


def test_built_in_goals_are_named_where_no_terminal_shows_the_report(tmp_path: Path, convkit_command: Run) -> None:
    log, goals = written(tmp_path / "access.log", visits(5)), written(tmp_path / "g.yaml", ["macro: {x: /x}"])
    _, _, err = convkit_command("funnel", str(log))
    assert "warning: no goals file was found, so the built-in goals were used: purchase, lead, " in err
    assert f"write your own with `convkit init {log}`" in err
    others = [str(written(tmp_path / f"{n}.log", [line("GET /other", n)])) for n in range(4)]
    assert "write your own with `convkit init LOG...`" in convkit_command("funnel", *others)[2]
    assert "built-in" not in convkit_command("funnel", str(log), "-g", str(goals))[2]
    assert "built-in" not in convkit_command("funnel", str(log), "-q")[2]
    assert "built-in goals were used" in convkit_command("compare", str(log), "--where", "page=/", "--with", "page=/offer")[2]


YEAR = 400 * 86_400
"""The seconds between the lines of some days and stray ones."""


def days_of(number: int, each: int = 30) -> list[str]:
    """Return the lines of some days from 10 October 2026 on, each of many visitors."""
    return [line("GET /", 86_400 * day + n, who=f"198.51.100.{n} - -") for day in range(number) for n in range(each)]


def test_stray_lines_after_all_others_move_no_default_period(tmp_path: Path) -> None:
    usual = days_of(40)
    log, alone = written(tmp_path / "access.log", [*usual, line("GET /", YEAR)]), written(tmp_path / "alone.log", usual)
    goals = written(tmp_path / "g.yaml", ["macro: {x: /x}"])
    for options in ({}, {"last": "7d"}, {"by": "month"}):
        with_it, without = (runs.document([one], ["overview"], goals, **options) for one in (log, alone))
        assert with_it.reports["overview"].frame.equals(without.reports["overview"].frame)
        assert with_it.period == without.period
        assert texts_of(without, "stray") == []
    assert texts_of(runs.document([log], goals=goals), "stray") == [
        "1 line of 14 Nov 2027 follows a silence of 360 days and is outside the default period; to include it, use --until 2027-11-14."
    ]
    compared = runs.comparison([log], goals)
    assert compared.period == runs.comparison([alone], goals).period
    assert texts_of(compared, "stray")


def test_stray_lines_count_on_request(tmp_path: Path) -> None:
    log, goals = written(tmp_path / "access.log", [*days_of(40), line("GET /", YEAR)]), written(tmp_path / "g.yaml", ["macro: {x: /x}"])
    counts = [
        runs.document([log], ["overview"], goals, **options).reports["overview"].frame["sessions"].item()
        for options in ({}, {"until": "2027-11-14"}, {"since": "2027-01-01"}, {"since": "2026-10-12"})
    ]
    assert counts == [1_200, 1_201, 1, 1_140]
    late = runs.document([log], ["overview"], goals, since="2027-01-01")
    assert late.period.end is not None
    assert late.period.end.year == 2027


def test_stray_lines_before_all_others_move_no_default_period(tmp_path: Path) -> None:
    log, goals = written(tmp_path / "access.log", [line("GET /", -YEAR), *days_of(40)]), written(tmp_path / "g.yaml", ["macro: {x: /x}"])
    document = runs.document([log], ["overview"], goals)
    assert document.period.begin is not None
    assert document.period.begin.isoformat() == "2026-10-10T12:00:00+00:00"
    assert document.reports["overview"].frame["sessions"].item() == 1_200
    assert texts_of(document, "stray") == [
        "1 line of 5 Sep 2025 precedes a silence of 400 days and is outside the default period; to include it, use --since 2025-09-05."
    ]
    everything = runs.document([log], ["overview"], goals, since="2025-09-05")
    assert everything.reports["overview"].frame["sessions"].item() == 1_201


@pytest.mark.parametrize(
    ("usual", "late", "is_stray"),
    [(1_000, [40], True), (999, [40], False), (2_500, [40, 41, 42], False), (2_500, [40, 80], True), (2_500, [29], False), (2_500, [80, 81], True)],
)
def test_few_lines_beyond_a_long_silence_are_stray(usual: int, late: list[int], tmp_path: Path, *, is_stray: bool) -> None:
    lines = [*(line("GET /", n // 100) for n in range(usual)), *(line("GET /", 86_400 * day) for day in late)]
    document = runs.document([written(tmp_path / "access.log", lines)], ["overview"])
    assert bool(texts_of(document, "stray")) is is_stray


def test_stray_lines_are_the_same_in_parts(tmp_path: Path) -> None:
    lines = [line("GET /", -YEAR, who="203.0.113.5 - -"), *days_of(40), line("GET /", YEAR, who="203.0.113.9 - -")]
    log, goals = written(tmp_path / "access.log", lines), written(tmp_path / "g.yaml", ["macro: {x: /x}"])
    for options in ({"by": "week"}, {"since": "2027-01-01"}):
        parts, whole, divided = both([log], 120_000, goals=goals, **options)
        assert parts > 1
        assert whole == divided
        assert "follows a silence" in whole
        assert "precedes a silence" in whole


def remarks(folder: Path, lines: Iterable[str], goals: str, run: Run, *options: str, name: str = "access.log") -> str:
    """Return what `check` prints on some lines."""
    log, file = written(folder / name, lines), written(folder / "g.yaml", [goals])
    return run("check", str(log), "-g", str(file), *options)[1]


def test_check_finds_a_goal_in_lines_that_are_not_counted(tmp_path: Path, convkit_command: Run) -> None:
    lines = [*visits(5), line("GET /thanks", 9, who="- - -")]
    text = remarks(tmp_path, lines, "macro: {thanks: /thanks}", convkit_command)
    assert "thanks matches only hits that are not counted: 1 hit (/thanks), no visitor (1); `convkit report --rejects FILE` saves lines" in text
    export = [*rows_of(5), "u1,sign_up,2026-10-05T10:00:00Z", ",purchase,2026-10-05T10:00:00Z"]
    text = remarks(tmp_path, export, BOUGHT, convkit_command, name="events.csv")
    assert "bought matches only hits that are not counted: 1 hit (purchase), no visitor (1)" in text


def test_check_finds_a_goal_outside_the_period(tmp_path: Path, convkit_command: Run) -> None:
    lines = [*days_of(4), line("GET /thanks", 5)]
    text = remarks(tmp_path, lines, "macro: {thanks: /thanks}", convkit_command, "--last", "2d")
    assert "thanks matches only hits that are not counted: 1 hit (/thanks), outside the period (1).\n" in text
    assert "not counted" not in remarks(tmp_path, lines, "macro: {thanks: /thanks}", convkit_command)


@pytest.mark.parametrize(
    ("other", "text"),
    [
        (line("GET /cart", 9, 404), "no hit in the log matches /carts; the closest is /cart (1), answered only with errors."),
        (line("GET /cart", 9, agent="Googlebot/2.1"), "no hit in the log matches /carts; the closest is /cart (1), requested only by bots."),
        (line("GET /cart", 9, who="- - -"), "no hit in the log matches /carts; the closest is /cart (1), only in lines that are not counted."),
        ("starting worker 7", "nothing in the log that could be read (all but 1 line) resembles /carts; check its spelling, or remove the goal."),
        (line("GET /cart", 9), "no hit in the log matches /carts; the closest is /cart (1)."),
        (line("GET /else", 9), "nothing in the log resembles /carts; check its spelling, or remove the goal."),
    ],
)
def test_check_looks_for_similar_paths_in_all_lines(other: str, text: str, tmp_path: Path, convkit_command: Run) -> None:
    assert text in remarks(tmp_path, [*visits(50), other], "macro: {cart: /carts}", convkit_command)


def test_a_comparison_has_the_notes_on_visitors_and_programs(tmp_path: Path) -> None:
    app = [
        line(f"GET /{page}", 86_400 * day + 60 * n, who=f"192.0.2.{day} - -", agent="Shop/1.0")
        for day in range(14)
        for n, page in enumerate(("", "x"))
    ]
    goals = written(tmp_path / "g.yaml", ["macro: {x: /x}"])
    with_app = runs.comparison([written(tmp_path / "app.log", [*days_of(14, 5), *app])], goals)
    text = "14 sessions that reached x were excluded as programs, judging by user agents that are not a browser's: Shop (14)."
    assert texts_of(with_app, "programs-converted") == [f"{text} If these are people, list them under bots.keep in goals.yaml."]
    one_side = runs.comparison([tmp_path / "app.log"], goals, since="2026-10-22", until="2026-10-23")
    assert texts_of(one_side, "programs-converted")[0].startswith("4 sessions that reached x were excluded")
    assert not texts_of(runs.comparison([written(tmp_path / "plain.log", days_of(14, 5))], goals), "programs-converted")
    without = [text.rpartition(' "')[0] for text in days_of(14, 5)]
    assert texts_of(runs.comparison([written(tmp_path / "common.log", [text.rpartition(' "')[0] for text in without])], goals), "no-agents")
    inside = [text.replace("198.51.100.", "10.0.0.") for text in days_of(14, 5)]
    assert texts_of(runs.comparison([written(tmp_path / "inside.log", inside)], goals), "one-address")


def test_sessions_of_a_column_are_described_as_such(tmp_path: Path) -> None:
    rows = ["user_id,visit,event,time", "u1,v1,page_view,2026-10-01T10:00:00Z", "u1,v1,page_view,2026-10-01T12:00:00Z"]
    named = run_on(tmp_path, rows, f"{BOUGHT}\nsite: {{columns: {{session: visit}}}}")
    usual = run_on(tmp_path, rows)
    assert texts_of(named, "definitions")[0].startswith(
        "Hits of a visitor with the same visit are one session, however long the pauses; without a value, "
    )
    assert texts_of(usual, "definitions")[0].startswith("A session ends after 30 min without a page, event or goal.")
    assert [document.reports["overview"].frame["sessions"].item() for document in (named, usual)] == [1, 2]


def test_rows_without_a_user_are_not_called_unreadable(tmp_path: Path) -> None:
    rows = [*rows_of(9), ",page_view,2026-10-01T11:00:00Z", ",page_view,2026-10-01T11:01:00Z", "u1,page_view,soon"]
    screen = runs.render(run_on(tmp_path, rows), width=150)
    assert isinstance(screen, str)
    assert "9 used, 0 static files, 0 by bots, 1 other, 1 unreadable, 2 without a visitor" in screen
    of_users = runs.render(run_on(tmp_path, rows[:-1]), width=150)
    assert isinstance(of_users, str)
    assert "1 other, 2 without a visitor" in of_users
    assert "unreadable" not in of_users


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (180, "the log covers only 3m 00s, but each side needs a complete day"),
        (7_200, "the log covers only 2h 00m, but each side needs a complete day"),
        (90_000, "the log has 2 complete days"),
    ],
)
def test_a_short_log_has_no_complete_day(seconds: int, text: str, tmp_path: Path, convkit_command: Run) -> None:
    log, goals = written(tmp_path / "access.log", [line("GET /"), line("GET /", seconds)]), written(tmp_path / "g.yaml", ["macro: {x: /x}"])
    code, _, err = convkit_command("compare", str(log), "-g", str(goals))
    assert (code, text in err) == ((2, True) if seconds < 86_400 else (0, False))
    if seconds < 86_400:
        code, _, err = convkit_command("compare", str(log), "-g", str(goals), "--at", "2026-10-10")
        assert (code, "the log covers only" in err) == (2, True)


def test_a_single_session_is_no_plural(tmp_path: Path) -> None:
    log, goals = (
        written(tmp_path / "access.log", [line("GET /"), line("GET /x", 9)]),
        written(tmp_path / "g.yaml", ["macro: {x: /x}\nfunnels: {f: [/, x]}"]),
    )
    screen = runs.render(runs.document([log], ["goals", "funnel"], goals), width=150)
    assert isinstance(screen, str)
    assert "sessions that reached each one, of 1 session and 1 visitor" in screen
    assert "0 of 1 session never entered" in screen
