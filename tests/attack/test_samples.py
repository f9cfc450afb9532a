"""No sample decides what a log holds: late, early, packed and plain lines are read alike."""

from __future__ import annotations

import gzip
import json
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest
from engine.test_partition import both
from format_samples import SAMPLES
from small_logs import FIREFOX, fates, figures, line, overview, written

import convkit
from convkit.files import sampling
from convkit.ingest import load

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

ROWS = {"F2": "test_late_lines_are_read_as_if_they_were_a_log_of_their_own", "A29": "test_late_lines_are_read_as_if_they_were_a_log_of_their_own"}
"""The test of each row."""

SAMPLED, EARLY = 200, 230
"""The number of lines in a sample, in these tests, and of those before lines that differ."""
BOT = "Googlebot/2.1 (+http://www.google.com/bot.html)"
PEOPLE = [line(f"GET /p{number % 7}", number, who=f"198.51.100.{number % 50} - -") for number in range(120)]
BOTS = [line(f"GET /p{number}", number, who="192.0.2.1 - -", agent=BOT) for number in range(80)]
COMBINED = [*PEOPLE, *BOTS]
STYLE = line("GET /style.css", who="203.0.113.1 - -")


@pytest.fixture(autouse=True)
def small_samples(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Take samples of 200 lines instead of 20,000, except in tests of whole samples."""
    if "whole_samples" not in request.fixturenames:
        monkeypatch.setattr(sampling, "_LINES", SAMPLED)


@pytest.fixture
def whole_samples() -> None:
    """Take samples of their usual size."""


def common(texts: Sequence[str]) -> list[str]:
    """Return lines without referrers and user agents."""
    return [text.partition(' "-" ')[0] for text in texts]


def as_json(text: str) -> str:
    """Return a combined line as a JSON log of nginx writes it."""
    who, request, agent = text.split(" ", 1)[0], text.split('"')[1], text.split('"')[5]
    seconds = int(text.split("[10/Oct/2026:12:")[1][:2]) * 60 + int(text.split("[10/Oct/2026:12:")[1][3:5])
    return json.dumps(
        {
            "time_iso8601": f"2026-10-10T12:{seconds // 60:02}:{seconds % 60:02}+00:00",
            "remote_addr": who,
            "request": request,
            "status": 200,
            "http_user_agent": agent,
        }
    )


LATE: dict[str, list[str]] = {
    "JSON": [as_json(text) for text in COMBINED],
    "a virtual host": [f"shop.example:443 {text}" for text in COMBINED],
    "the address twice": [text.replace(" - -", f" - [{text.split(' ')[0]}] - -", 1) + " 74 0.000 [shop-80] - - - -" for text in COMBINED],
    "Traefik": [f'{text} 1 "shop@docker" "http://192.0.2.9:80" 12ms' for text in COMBINED],
    "an address at the end": [f'{text} "203.0.113.9"' for text in COMBINED],
    "a virtual host in the second place": [text.replace(" - -", " shop.example -", 1) for text in COMBINED],
    "Docker's JSON": [json.dumps({"log": f"{text}\n", "stream": "stdout", "time": "2026-10-10T12:00:00Z"}) for text in COMBINED],
    "syslog": [f"Oct 10 12:00:00 web nginx: {text}" for text in COMBINED],
    "compose": [f"web-1  | {text}" for text in COMBINED],
    "the time of a container": [f"2026-10-10T12:00:00.123456789Z {text}" for text in COMBINED],
}
EARLY_LINES = {"combined": STYLE, "common": common([STYLE])[0], "a virtual host": f"shop.example:443 {STYLE}", "JSON": as_json(STYLE)}


def packed(log: Path) -> Path:
    """Return a log as gzip."""
    target = log.with_name(f"{log.name}.gz")
    target.write_bytes(gzip.compress(log.read_bytes(), 1))
    return target


def counts(*logs: Path) -> dict[str, Any]:
    """Return what became of the lines of some logs, and how many visitors and sessions they show."""
    document = figures(*logs)
    shown = overview(document)
    return fates(document) | {name: shown[name] for name in ("visitors", "sessions", "interactions") if name in shown}


@pytest.mark.parametrize(
    ("early", "late"),
    [
        *(("combined", late) for late in LATE),
        *(pytest.param(early, late, marks=pytest.mark.slow) for early in EARLY_LINES for late in [*LATE][:2]),
    ],
)
def test_late_lines_are_read_as_if_they_were_a_log_of_their_own(early: str, late: str, tmp_path: Path) -> None:
    first, second = [EARLY_LINES[early]] * EARLY, LATE[late]
    apart = counts(written(tmp_path / "first.log", first), written(tmp_path / "second.log", second))
    assert (apart["unparsed"], apart["bot"], apart["visitors"]) == (0, len(BOTS), 50)
    together = written(tmp_path / "access.log", [*first, *second])
    assert counts(packed(together)) == apart
    if early == "combined":
        assert counts(together) == counts(written(tmp_path / "turned.log", [*second, *first])) == apart


def test_a_kind_that_is_rare_among_very_many_late_lines_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of more late lines than can be looked at, only some are: here one in ten, and none of the rare ones, at first."""
    monkeypatch.setattr(load, "_MAX_LATE_AT_ONCE", 60)
    common_kind, rare = LATE["Docker's JSON"] * 3, LATE["JSON"][:4]
    log = packed(written(tmp_path / "access.log", [*[STYLE] * EARLY, *common_kind[:301], *rare, *common_kind[301:]]))
    assert figures(log)["input"]["unparsed"] == 0


@pytest.mark.usefixtures("whole_samples")
def test_samples_of_the_usual_size_decide_nothing_either(tmp_path: Path) -> None:
    """Google's bot begins after 20,000 lines without user agents, and others after 20,000 lines of it."""
    first, second = common([STYLE]) * 20_300, LATE["JSON"]
    log = packed(written(tmp_path / "access.log", [*first, *BOTS, *second]))
    document = figures(log)
    assert (document["input"]["unparsed"], document["input"]["bot"]) == (0, 2 * len(BOTS))


def test_lines_are_the_same_where_the_log_is_on_disk(tmp_path: Path) -> None:
    late = [text for name in ("JSON", "a virtual host", "syslog") for text in LATE[name]]
    logs = [packed(written(tmp_path / "access.log", [*[STYLE] * EARLY, *late])), written(tmp_path / "b.log", [*[STYLE] * EARLY, *LATE["compose"]])]
    number, in_one_piece, in_parts = both(logs, 100_000, reports=["overview"])
    assert number > 1
    assert in_parts == in_one_piece
    assert json.loads(in_parts)["input"]["unparsed"] == 0


def test_headers_of_a_table_are_found_anywhere(tmp_path: Path) -> None:
    header = "#Fields: date time c-ip cs-method cs-uri-stem sc-status"
    rows = [f"2026-10-10 12:00:{number:02} 198.51.100.{number} GET /p 200" for number in range(50)]
    moved = [
        "#Fields: c-ip date time cs-method sc-status cs-uri-stem",
        *(f"198.51.100.{n} 2026-10-10 12:00:{n:02} GET 200 /p" for n in range(50, 60)),
    ]
    for early in ([STYLE] * EARLY, [header, *rows[:1] * EARLY]):
        log = packed(written(tmp_path / "access.log", [*early, header, *rows, *moved]))
        document = figures(log)
        assert document["input"]["unparsed"] == 0
        assert overview(document)["visitors"] == 60


def test_few_lines_of_a_format_among_many_are_read(tmp_path: Path) -> None:
    """They are 0.3% of the lines, among as many of no format."""
    junk = [f"\\x16\\x03 {number}" for number in range(60)]
    document = figures(written(tmp_path / "access.log", [*[STYLE] * 9_000, *LATE["JSON"][:60], *junk, *[STYLE] * 9_000]))
    assert (document["input"]["unparsed"], overview(document)["visitors"]) == (60, 50)


def test_times_without_a_zone_in_late_lines_are_noted(tmp_path: Path) -> None:
    late = [text.replace(" +0000]", "]") for text in PEOPLE]
    document = figures(packed(written(tmp_path / "access.log", [*[STYLE] * EARLY, *late])))
    assert document["input"]["unparsed"] == 0
    assert any("without a time zone" in note["text"] for note in document["notes"])


def test_proxies_durations_are_read_in_late_lines(tmp_path: Path) -> None:
    late = [*LATE["Traefik"], *LATE["the address twice"]]
    log = packed(written(tmp_path / "access.log", [*[STYLE] * EARLY, *late]))
    seconds = convkit.read_records([log]).filter(pl.col("line_no") > EARLY).collect()["seconds"]
    assert seconds.to_list() == [0.012] * len(COMBINED) + [0.0] * len(COMBINED)


UNUSUAL = {
    "an ident": [f'127.0.0.{number % 9} bob frank [10/Oct/2026:12:00:00 +0000] "GET /p HTTP/1.1" 200 1 "-" "{FIREFOX}"' for number in range(60)],
    "a name with a space": [line("GET /p", number, who=f"127.0.0.{number % 9} - ann lee") for number in range(60)],
    "a list of addresses": [line("GET /p", number, who=f"127.0.0.{number % 9}, 10.0.0.1 - -") for number in range(60)],
    "one line of another format": [SAMPLES["squid"][0]],
    "no format": ["GET / HTTP/1.1", "\\x03\\x00\\x00/*\\xE0", '198.51.100.1 - - [10/Oct/2026:12:00:09 +0000] "GET /half'] * 20,
}


@pytest.mark.parametrize("late", UNUSUAL)
def test_late_lines_of_the_same_format_keep_it(late: str, tmp_path: Path) -> None:
    document = figures(packed(written(tmp_path / "access.log", [*[STYLE] * EARLY, *UNUSUAL[late]])))
    assert {log["format"] for log in document["input"]["files"]} == {"combined"}
    assert document["input"]["unparsed"] == (0 if "a" in late.split(maxsplit=1)[0] else len(UNUSUAL[late]))


def test_a_format_that_the_user_names_is_the_only_one(tmp_path: Path) -> None:
    log = packed(written(tmp_path / "access.log", [*[STYLE] * EARLY, *LATE["JSON"]]))
    assert figures(log, log_format="combined")["input"]["unparsed"] == len(COMBINED)
