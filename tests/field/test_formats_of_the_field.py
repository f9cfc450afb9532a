"""Formats of real logs: events that look like requests, damaged gzip, drains of hosts, lines in columns, and what is shown of people."""

from __future__ import annotations

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
