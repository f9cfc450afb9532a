"""Quality of the logs: formats and periods, gaps and clock jumps, and bots."""

from __future__ import annotations

import gzip
import json
from datetime import UTC, datetime, timedelta
from importlib.metadata import distribution
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest
import runs
from hypothesis import given
from hypothesis import strategies as st
from profiles import share_of_examples
from small_logs import figures, line, overview, report, written

from convkit.cli import messages
from convkit.core.quality import BotAgent, BotSessions, LogSummary, Quality
from convkit.core.schema import TIME
from convkit.traffic import bots, coverage

if TYPE_CHECKING:
    from conftest import Run

HOUR, DAY = 3_600, 86_400
GOOGLE, CURL = "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)", "curl/8.5.0"
GOALS = "macro: {purchase: /buy}\n"


def notes(document: dict[str, Any]) -> dict[str, str]:
    """Return the text of each of a report's notes by code."""
    return {note["code"]: note["text"] for note in document["notes"]}


def shop(people: int = 60, buyers: int = 4, bot_visits: int = 5, bot_purchases: int = 2) -> list[str]:
    """Return a log in which some people buy, and so does a bot in some of its sessions."""
    lines = []
    for number in range(people):
        who = f"198.51.100.{number} - -"
        lines += [line("GET /", number * 40, who=who), line("GET /buy" if number < buyers else "GET /x", number * 40 + 9, who=who)]
    for number in range(bot_visits):
        requests = ["GET /", *(["GET /buy"] if number < bot_purchases else [])]
        lines += [line(request, number * 2 * HOUR + place, who="203.0.113.9 - -", agent=GOOGLE) for place, request in enumerate(requests)]
    return lines


def test_logs_are_listed_by_time_with_format_and_period(tmp_path: Path) -> None:
    wrapped = [json.dumps({"log": f"{line('GET /', second)}\n", "stream": "stdout", "time": ""}) for second in (30, 90)]
    (tmp_path / "old.log.gz").write_bytes(gzip.compress(f"{line('GET /', -DAY)}\nhalf a li\n{line('GET /a', -DAY - 5)}\n".encode()))
    logs = [written(tmp_path / "docker.log", wrapped), tmp_path / "old.log.gz"]
    (tmp_path / "goals.yaml").write_text(f"site: {{timezone: Europe/Berlin}}\n{GOALS}")
    counts = figures(*logs, goals=tmp_path / "goals.yaml")["input"]
    assert counts["files"] == [
        {
            "name": "old.log.gz", "format": "combined", "wrappers": [], "packing": "gzip", "lines": 3,
            "from": "2026-10-09T13:59:55+02:00", "to": "2026-10-09T14:00:00+02:00",
        },
        {
            "name": "docker.log", "format": "combined", "wrappers": ["json"], "packing": "plain", "lines": 2,
            "from": "2026-10-10T14:00:30+02:00", "to": "2026-10-10T14:01:30+02:00",
        },
    ]  # fmt: skip
    assert sum(file["lines"] for file in counts["files"]) == counts["lines"]
    assert figures(*logs, logs[1], goals=tmp_path / "goals.yaml")["input"]["files"] == counts["files"]


def test_assets_are_counted_in_their_own_log(tmp_path: Path) -> None:
    """Each request for an asset counts, even if it is repeated in the same log or in another one."""
    other_lines = [line("GET /x.css", 100 + second, who="198.51.100.77 - -") for second in range(4)]
    logs = [
        written(tmp_path / "a.log", [line("GET /"), *(line(f"GET /{number}.css", number) for number in range(3))]),
        written(tmp_path / "b.log", [*other_lines, line("GET /a.css", 200), line("GET /b.png", 200), line("GET /b", 201)]),
        written(tmp_path / "c.log", [line("GET /a.css", 301), line("GET /b.png", 302)]),
    ]
    counts = figures(*logs)["input"]
    assert [(file["name"], file["lines"]) for file in counts["files"]] == [("a.log", 4), ("b.log", 7), ("c.log", 2)]
    assert (counts["lines"], counts["asset"], counts["kept"]) == (13, 11, 2)


def test_copies_are_listed(tmp_path: Path) -> None:
    logs = [written(tmp_path / name, shop()) for name in ("access.log", "copy.log")]
    counts = figures(*logs)["input"]
    assert (len(counts["files"]), counts["copies"]) == (1, ["copy.log was skipped: access.log already contains all of its lines"])


def test_a_log_without_times_has_no_period(tmp_path: Path) -> None:
    assert [(file["lines"], file["from"], file["to"]) for file in report(tmp_path, [""])["input"]["files"]] == [(1, None, None)]


def test_the_examples_in_the_crawler_list_get_their_classes() -> None:
    """If a user agent matches several patterns, those for its purpose take precedence over those for its software."""
    file = distribution(bots.CRAWLER_LIST).locate_file("crawleruseragents/crawler-user-agents.json")
    listed = json.loads(Path(str(file)).read_text(encoding="utf-8"))
    agents = pl.DataFrame([(agent, entry["tags"][0]) for entry in listed for agent in entry["instances"]], schema=["agent", "tag"], orient="row")
    classified = agents.with_columns(class_=bots.class_of(pl.col("agent"), pl.lit(bots.LISTED)))
    assert classified.filter(pl.col("tag") != pl.col("class_")).height < 0.02 * classified.height
    # Two in-app browsers and one web view are on the list by accident.
    assert classified.filter(pl.col("class_") == bots.OTHER_CLASS).height == 3
    both = pl.Series(["HeadlessChrome/1 Googlebot/2.1", "curl/8", "someone"]).to_frame("agent")
    assert both.select(bots.class_of(pl.col("agent"), pl.lit(bots.LISTED))).to_series().to_list() == [
        "search-engine",
        "http-library",
        bots.OTHER_CLASS,
    ]


def test_classes_of_bots_add_up_to_their_lines(tmp_path: Path) -> None:
    lines = [line("GET /a", number, agent=GOOGLE) for number in range(5)] + [line("GET /a", number, agent=CURL) for number in range(3)]
    lines += [line("GET /a", agent="-"), line("GET /a", agent="MyMonitor/1"), line("GET /robots.txt", who="203.0.113.7 - -"), line("GET /a")]
    counts = report(tmp_path, lines, f"site: {{bots: {{drop: [MyMonitor]}}}}\n{GOALS}")["input"]
    assert counts["bots"] == {"search-engine": 5, "http-library": 3, "behaviour": 1, "bots.drop": 1, "no-agent": 1}
    assert sum(counts["bots"].values()) == counts["bot"] == sum(counts["bot_by_reason"].values())
    assert counts["bot_list"] == bots.list_version()
    assert counts["bot_agents"][0] == {"agent": GOOGLE, "lines": 5, "class": "search-engine", "reason": bots.LISTED}
    kept = report(tmp_path, lines, GOALS, bots="keep")["input"]
    assert (kept["bots"], kept["bot_agents"], kept["bots_kept"]) == ({}, [], None)


@pytest.mark.parametrize("options", [{}, {"last": "1d"}, {"where": "page=/x"}, {"since": "2026-10-10T16:00"}])
def test_the_figures_with_bots_included_match_a_run_that_keeps_bots(options: dict[str, str], tmp_path: Path) -> None:
    lines = [*shop(), *(line("GET /buy", number * DAY + HOUR, who="203.0.113.8 - -", agent=GOOGLE) for number in (1, 2))]
    lines += [line("GET /robots.txt", 2 * HOUR, who="203.0.113.7 - -"), line("GET /buy", 2 * HOUR, who="203.0.113.7 - -")]
    dropped, kept = (report(tmp_path, lines, GOALS, bots=mode, **options) for mode in ("drop", "keep"))
    added = dropped["input"]["bots_kept"]
    for name, metric in (("sessions", "sessions"), ("converted", "converted_sessions")):
        assert overview(dropped)[metric] + added[name] == overview(kept)[metric]


def test_a_note_counts_bots_that_reached_a_macro_goal(tmp_path: Path) -> None:
    text = notes(report(tmp_path, shop(), GOALS))["bots-converted"]
    assert text == "2 bot sessions also reached purchase and were excluded; with bots included, the count would be 6 of 65 sessions (9.2%)."
    both = notes(report(tmp_path, shop(bot_purchases=1), "macro: {purchase: /buy, seen: /x}\n"))["bots-converted"]
    assert both.startswith("1 bot session also converted and was excluded")
    for without in (report(tmp_path, shop(bot_purchases=0), GOALS), report(tmp_path, shop(), GOALS, bots="keep"), report(tmp_path, shop(buyers=0))):
        assert "bots-converted" not in notes(without)


def test_bots_that_reached_nothing_are_counted_only_on_request(tmp_path: Path) -> None:
    log = written(tmp_path / "access.log", shop(bot_purchases=0))
    (tmp_path / "goals.yaml").write_text(GOALS)
    assert runs.document([log], goals=tmp_path / "goals.yaml").quality.bot_sessions is None
    assert runs.document([log], goals=tmp_path / "goals.yaml", verbose=True).quality.bot_sessions == BotSessions(5, 0, 60, 4, {}, {})


def test_verbose_shows_logs_and_bots(tmp_path: Path, convkit_command: Run) -> None:
    log = written(tmp_path / "access.log", shop())
    (tmp_path / "goals.yaml").write_text(GOALS)
    code, _, messages_text = convkit_command("report", str(log), "-g", str(tmp_path / "goals.yaml"), "-v")
    assert code == 0
    assert messages_text.splitlines() == [
        "convkit: log: access.log: combined; 127 lines, 2026-10-10 12:00 to 2026-10-10 20:00",
        f"convkit: bots: 7 lines excluded by user agent (list: {bots.list_version()}), missing user agent or behaviour: 7 search-engine (100%)",
        f"convkit: bot: 7 lines (search-engine: {bots.LISTED}) from {GOOGLE}",
        "convkit: bots: with bots included, 6 of 65 sessions (9.2%) would have converted; without them, 4 of 60 sessions (6.7%) did",
        "convkit: read 127 lines from 1 log: 7 bot, 120 kept",
    ]


def test_control_characters_in_names_and_agents_are_harmless() -> None:
    log = LogSummary("a\x1b[2J", "combined", "gzip", ("json", "cri"), 1, None, None)
    agents = BotAgent("x\x1b" * 9_000, 1, "r", "c"), BotAgent("", 2, "r", "c")
    texts = messages.quality_lines(Quality((log,), bot_agents=agents), {"lines": 1, "bot": 0}, 1)
    assert texts[0] == "log: a␛[2J: combined, in cri, in json, gzip; 1 line, no times"
    assert "\x1b" not in texts[1]
    assert len(texts[1]) < 250
    assert texts[2:] == ["bot: 2 lines (c: r) from -", "read 1 line from 1 log"]


def busy(hours: range, silent: set[int]) -> list[str]:
    """Return a log with twenty visitors in every hour except the silent ones."""
    return [line("GET /", hour * HOUR + 60 * number, who=f"198.51.100.{number} - -") for hour in hours if hour not in silent for number in range(20)]


@share_of_examples(0.05)
@given(st.sets(st.integers(2, 9 * 24 - 3), max_size=12))
def test_gaps_are_found_in_hours_that_are_usually_busy(tmp_path_factory: pytest.TempPathFactory, silent: set[int]) -> None:
    """With twenty lines per hour, one silent hour is not a gap and three are; two depend on the other days."""
    hours = range(9 * 24)
    document = report(tmp_path_factory.mktemp("log"), busy(hours, silent), GOALS)
    runs = [hour for hour in silent if hour - 1 not in silent]
    lengths = {hour: next(length for length in range(1, 99) if hour + length not in silent) for hour in runs}
    noon = datetime(2026, 10, 10, 12, tzinfo=UTC)
    gaps = {datetime.fromisoformat(gap["from"]): gap for gap in document["input"]["gaps"]}
    assert {noon + timedelta(hours=hour) for hour, length in lengths.items() if length > 2} <= set(gaps)
    assert not {noon + timedelta(hours=hour) for hour, length in lengths.items() if length == 1} & set(gaps)
    for hour, length in lengths.items():
        if gap := gaps.get(noon + timedelta(hours=hour)):
            assert datetime.fromisoformat(gap["to"]) == noon + timedelta(hours=hour + length)
            assert 0.4 * 20 * length <= gap["usual_lines"] <= 20 * length
    assert ("gaps" in notes(document)) == bool(gaps)
    assert all(before["to"] < after["from"] for before, after in pairwise(document["input"]["gaps"]))


def test_a_note_shows_the_longest_gap_of_the_period(tmp_path: Path) -> None:
    lines = busy(range(9 * 24), {*range(30, 34), *range(80, 86)})
    texts = [notes(report(tmp_path, lines, GOALS, **options)).get("gaps") for options in ({}, {"until": "2026-10-12"}, {"last": "2d"})]
    assert texts == [
        "The log has 2 gaps, the longest from 13 Oct 2026 20:00 to 14 Oct 2026 02:00 (6 hours); such hours usually have about 120 lines.",
        "The log has no lines from 11 Oct 2026 18:00 to 11 Oct 2026 22:00 (4 hours); such hours usually have about 80 lines.",
        None,
    ]


def model_jumps(rows: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Return `source, position` of the clock jumps in rows of `source, hour`, in the order of their logs."""
    jumps = []
    for source in sorted({row_source for row_source, _ in rows}):
        times = [hour for row_source, hour in rows if row_source == source]
        goes_back = any(after - before < -24 for before, after in pairwise(times))
        for position in range(1, len(times)):
            lines_before, lines_after = (
                times[max(0, position - coverage.LINES_NEAR_JUMP) : position],
                times[position : position + coverage.LINES_NEAR_JUMP],
            )
            is_enough = min(len(lines_before), len(lines_after)) >= coverage.FEWEST_NEAR_JUMP and goes_back
            returns = times[position] - max(times[:position]) <= 24 or times[position] - min(times[position:]) > 24
            if is_enough and (min(lines_before) - max(lines_after) > 24 or (min(lines_after) - max(lines_before) > 24 and returns)):
                jumps.append((source, position))
    return jumps


PIECES = st.lists(st.tuples(st.integers(0, 1), st.integers(0, 400), st.integers(1, 14), st.integers(-3, 30)), max_size=6)


@share_of_examples(0.4)
@given(PIECES, st.randoms(use_true_random=False))
def test_clock_jumps_match_the_model(pieces: list[tuple[int, int, int, int]], draw: Any) -> None:  # noqa: ANN401 (a random number generator)
    """The order of the rows does not matter."""
    rows = [(source, begin + step * number) for source, begin, length, step in pieces for number in range(length)]
    rows.sort(key=lambda row: row[0])
    begin = datetime(2026, 10, 10, tzinfo=UTC)
    given_rows = [(source, position, begin + timedelta(hours=hour)) for position, (source, hour) in enumerate(rows, 1)]
    draw.shuffle(given_rows)
    frame = pl.DataFrame(given_rows, schema={"source": pl.UInt32, "line_no": pl.UInt32, "time": TIME}, orient="row")
    jumps = coverage.clock_jumps(frame).sort("source", "line_no")
    first = {source: next(position for position, (row_source, _) in enumerate(rows) if row_source == source) for source, _ in rows}
    expected = [first[source] + position for source, position in model_jumps(rows)]
    assert jumps["line_no"].to_list() == [position + 1 for position in expected]
    assert [(before - begin).total_seconds() / HOUR for before in jumps["before"]] == [rows[position - 1][1] for position in expected]
    assert [(after - begin).total_seconds() / HOUR for after in jumps["after"]] == [rows[position][1] for position in expected]


def test_a_note_shows_a_clock_jump(tmp_path: Path) -> None:
    """Single late lines, as parallel workers write them, are not jumps; rows of an export may be in any order."""
    lines = [line("GET /", (number % 3 - number) * 60 if number < 30 else number * 60) for number in range(60)]
    assert "clock" not in notes(report(tmp_path, [*lines[:20], line("GET /", -9 * DAY), *lines[20:]], GOALS))
    jumped = [*lines[:20], *(line("GET /", 9 * DAY + number) for number in range(20)), *lines[20:], *lines[:20]]
    document = report(tmp_path, jumped, GOALS)
    text = "In access.log, the time jumps ahead by 9d 0h at line 21, to 19 Oct 2026 12:00, and in 1 other place"
    assert notes(document)["clock"] == f"{text}; each line is counted at the time it gives."
    assert [(jump["file"], jump["line"], jump["to"][:10]) for jump in document["input"]["jumps"]] == [
        ("access.log", 21, "2026-10-19"),
        ("access.log", 41, "2026-10-10"),
    ]
    rows = [f"u{number},2026-10-{10 + number // 20 % 2 * 10}T12:00:00Z,view" for number in range(80)]
    assert figures(written(tmp_path / "events.csv", ["user_id,time,event", *rows]))["input"]["jumps"] == []


def test_a_log_that_is_not_in_time_order_has_no_jumps() -> None:
    times = [datetime(2026, 1, 1 + number // 20 % 2 * 9, tzinfo=UTC) for number in range(50_000)]
    frame = pl.DataFrame({"source": 0, "line_no": range(50_000), "time": times}, schema={"source": pl.UInt32, "line_no": pl.UInt32, "time": TIME})
    assert coverage.clock_jumps(frame).is_empty()
    assert coverage.clock_jumps(frame.head(1_000)).height == 49
