"""Formats of real logs: events that look like requests, damaged gzip, drains of hosts, lines in columns, and what is shown of people."""

from __future__ import annotations

import gzip
import json
import random
import re
from typing import TYPE_CHECKING

import pytest
from small_logs import conversions, figures, line, overview, written

from convkit.formats.parsers.masking import mask_people, mask_user

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from conftest import Run

ROWS = {
    "F1": "test_events_with_a_method_and_a_status_are_events",
    "F3": "test_a_damaged_gzip_is_read_in_the_format_of_its_first_lines",
}
GOALS = "macro: {purchase: {page: /thank-you, value: query.total}}\nmicro: {product: /product/*}\n"


def goals_file(folder: Path, text: str = GOALS) -> Path:
    """Write a goals file and return its path."""
    path = folder / "goals.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def headline(log: Path | str, goals: Path | None = None) -> tuple[int, ...]:
    """Return the numbers of sessions, visitors, page views, bounces and converted sessions."""
    facts = overview(figures(log, goals=goals))
    return tuple(facts[name] for name in ("sessions", "visitors", "page_views", "bounces", "converted_sessions"))


def format_of(log: Path, run: Run, *options: str) -> tuple[int, str, str]:
    """Return the exit code of `formats`, the format that it shows, and its output."""
    code, out, _ = run("formats", str(log), *options)
    return code, out.splitlines()[0].removeprefix(log.name).strip(), out


LOGIN = '{"user_id":"u1","time":"2026-10-10T13:55:36Z","event":"login","method":"google","status":"ok"}'
EVENTS = {
    "method and status": [LOGIN],
    "an address": [LOGIN.replace('"user_id"', '"ip":"203.0.113.7","user_id"')],
    "an address and a page": [LOGIN.replace('"user_id"', '"ip":"203.0.113.7","url":"/login","user_id"')],
    "within an object": [LOGIN.replace('"method":"google","status":"ok"', '"properties":{"method":"google","status":"ok","length":31}')],
    "in an array": ["[", f"  {LOGIN}", "]"],
    "a table": ["user_id,ip,url,time,event,method,status", "u1,203.0.113.7,/login,2026-10-10T13:55:36Z,login,google,ok"],
}


@pytest.mark.parametrize("lines", EVENTS.values(), ids=EVENTS)
def test_events_with_a_method_and_a_status_are_events(tmp_path: Path, lines: Sequence[str]) -> None:
    document = figures(written(tmp_path / "events.log", lines), goals=goals_file(tmp_path, "macro: {login: {event: login}}\n"))
    assert conversions(document) == {"login": 1}


@pytest.mark.parametrize("status", ["200", '"304"', '"000"'])
def test_requests_stay_requests_whatever_else_they_name(tmp_path: Path, status: str, convkit_command: Run) -> None:
    """A status that is a number, and a client, make a request even where the line names an event and a user."""
    text = f'{{"user_id":"u1","ip":"203.0.113.7","url":"/login","time":"2026-10-10T13:55:36Z","event":"request","method":"GET","status":{status}}}'
    code, name, _ = format_of(written(tmp_path / "access.log", [text]), convkit_command)
    assert (code, name) == (0, "nginx-json")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ('{"firstName":"Ann","lastName": "Miller","level":"paid"}', '{"firstName":"xxx","lastName": "xxx","level":"paid"}'),
        ("203.0.113.7 - ann [10/Oct/2026:13:55:36 +0200]", "x.x.x.x - xxx [10/Oct/2026:13:55:36 +0200]"),
        ("203.0.113.7 - - [10/Oct/2026:13:55:36 +0200]", "x.x.x.x - - [10/Oct/2026:13:55:36 +0200]"),
        ("/thanks?email=ann%40shop.example&first_name=Ann+Lee&a=1", "/thanks?email=x@x.x&first_name=xxx&a=1"),
        ("time=2026-10-10 user=ann email=ann.m+x@shop.example", "time=2026-10-10 user=xxx email=x@x.x"),
        ("/logo@2x.png /npm/vue@3.4/vue.js @timestamp user_id=u17", "/logo@2x.png /npm/vue@3.4/vue.js @timestamp user_id=u17"),
        ('"user-agent":"Firefox","username":"ann7"', '"user-agent":"Firefox","username":"ann7"'),
    ],
)
def test_people_are_masked_where_lines_are_shown(text: str, shown: str) -> None:
    assert mask_people(text) == shown


def test_users_are_shown_only_if_they_are_ids() -> None:
    users = ["ann", "José O'Neil", "ann@shop.example", "u17", "6ec45f6e-a18b-11f0", "42"]
    assert [mask_user(user) for user in users] == ["xxx", "xxx", "x@x.x", "u17", "6ec45f6e-a18b-11f0", "42"]


def test_formats_and_errors_show_nobody(tmp_path: Path, convkit_command: Run) -> None:
    log = written(tmp_path / "access.log", [line("GET /thanks?email=ann@shop.example", who="198.51.100.1 - miller")])
    _, _, out = format_of(log, convkit_command)
    assert "miller" not in out
    assert "ann@" not in out
    unknown = written(tmp_path / "unknown.log", ['{"who":"u1","firstName":"Miller","email":"ann@shop.example"}', '{"firstName":"Ann"}'])
    for command in (("formats", str(unknown)), ("overview", str(unknown))):
        code, out, err = convkit_command(*command)
        assert code == 3
        assert "firstName" in out + err
        assert not any(name in out + err for name in ("Miller", "Ann", "ann@"))


VIEWS = [line(f"GET /p/{number}", number, who=f"203.0.113.{number % 250} - -", agent=f"Firefox/{number}.0") for number in range(1_000)]
NOTATIONS = {
    "combined": VIEWS,
    "syslog": [f"Oct 10 12:00:00 web nginx[7]: {text}" for text in VIEWS],
    "JSON": [json.dumps({"user_id": f"u{n}", "event": "seen", "time": f"2026-10-10T12:{n // 60:02}:{n % 60:02}Z", "n": n**3}) for n in range(1_000)],
    "CSV": ["user_id,event,time,n", *(f"u{n},seen,2026-10-10T12:{n // 60:02}:{n % 60:02}Z,{n**3}" for n in range(1_000))],
}


def damaged_gzip(path: Path, lines: Sequence[str], percent: int) -> Path:
    """Write lines to a gzip file with one wrong byte in the given place, and return its path."""
    packed = bytearray(gzip.compress("".join(f"{text}\n" for text in lines).encode(), mtime=0))
    packed[len(packed) * percent // 100] ^= 0xFF
    path.write_bytes(packed)
    return path


@pytest.mark.parametrize("notation", NOTATIONS)
def test_a_damaged_gzip_is_read_in_the_format_of_its_first_lines(tmp_path: Path, notation: str, convkit_command: Run) -> None:
    lines = NOTATIONS[notation]
    log = damaged_gzip(tmp_path / "access.log.gz", lines, 25)
    code, out, err = convkit_command("overview", str(log), "-f", "json")
    assert code == 0
    kept = json.loads(out)["input"]["kept"]
    assert len(lines) / 10 < kept < len(lines)
    assert "access.log.gz is damaged" in err
    assert "may be false" in err
    assert convkit_command("formats", str(log))[0] == 0


def test_formats_shows_an_export_with_lines_that_are_no_objects(tmp_path: Path, convkit_command: Run) -> None:
    log = written(tmp_path / "events.ndjson", [LOGIN, LOGIN.replace("u1", "u2"), "rubbish"])
    code, name, out = format_of(log, convkit_command)
    assert (code, name) == (0, "ndjson")
    assert "2 of the 3 lines tested fit" in out


def test_the_warning_says_how_many_lines_after_the_damage_did_not_fit(tmp_path: Path, convkit_command: Run) -> None:
    log = damaged_gzip(tmp_path / "access.log.gz", VIEWS, 60)
    code, out, err = convkit_command("overview", str(log), "-f", "json")
    unread = json.loads(out)["input"]["unparsed"]
    assert code == 0
    ignored = re.search(r"(\d+) lines that did not match the format, from line \d+ on, were ignored; copy it again", err)
    assert ignored is not None
    assert int(ignored[1]) in {unread, unread - 1}, "the last line may be unfinished"


def test_only_damage_makes_up_for_lines_that_do_not_fit(tmp_path: Path, convkit_command: Run) -> None:
    """An intact gzip file with as many odd lines is refused, and so is a damaged one whose first lines are of no known format."""
    rng = random.Random(7)
    odd = ["".join(rng.choices("abcdef ", k=80)) for _ in range(700)]
    intact = tmp_path / "intact.log.gz"
    intact.write_bytes(gzip.compress("\n".join([*VIEWS[:300], *odd]).encode()))
    assert convkit_command("overview", str(intact))[0] == 3
    assert convkit_command("overview", str(damaged_gzip(tmp_path / "unknown.log.gz", odd, 50)))[0] == 3
    assert convkit_command("overview", str(damaged_gzip(tmp_path / "wrong.log.gz", VIEWS, 25)), "--log-format", "caddy")[0] == 3
