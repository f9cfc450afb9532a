"""Formats of real logs: events that look like requests, damaged gzip, drains of hosts, lines in columns, and what is shown of people."""

from __future__ import annotations

import bz2
import gzip
import json
import random
import re
from typing import TYPE_CHECKING, Any

import pytest
from small_logs import FIREFOX, conversions, figures, line, overview, written

from convkit.formats import sample_lines
from convkit.formats.parsers.masking import mask_people, mask_user

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from conftest import Run

ROWS = {
    "F1": "test_events_with_a_method_and_a_status_are_events",
    "a26": "test_drains_of_vercel_name_the_path_that_was_asked_for",
    "a30": "test_lines_in_a_column_of_a_table_are_read",
    "a28": "test_logs_of_errors_in_a_directory_are_left_out",
    "F13": "test_cloudfront_logs_whose_tabs_became_blanks_are_read",
    "F12": "test_logs_of_zoraxy_are_read",
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
    return tuple(facts[name] for name in ("sessions", "visitors", "pageviews", "bounces", "converted_sessions"))


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


def test_events_with_a_method_and_a_status_are_events(tmp_path: Path) -> None:
    """Each notation is a log with an event of its own user."""
    logs = [written(tmp_path / f"{number}.log", (text.replace("u1", f"u{number}") for text in lines)) for number, lines in enumerate(EVENTS.values())]
    document = figures(*logs, goals=goals_file(tmp_path, "macro: {login: {event: login}}\n"))
    assert conversions(document) == {"login": len(EVENTS)}


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


def vercel(number: int, path: str, route: str, **more: Any) -> str:  # noqa: ANN401 (the values of an entry)
    """Return an entry of Vercel's log drain for a request, `number` seconds after noon; `route` is the pattern that the path matches."""
    time = 1791633600000 + number * 1000
    proxy = {"timestamp": time, "method": "GET", "host": "shop.example", "path": path, "userAgent": [FIREFOX], "clientIp": "198.51.100.1"}
    entry = {
        "id": f"{number}",
        "deploymentId": "dpl_1",
        "source": "lambda",
        "host": "shop.example",
        "timestamp": time,
        "projectId": "p",
        "level": "info",
    }
    more = {"message": "", "path": route, "requestId": f"r{number}", "statusCode": 200} | more
    return json.dumps(entry | more | {"proxy": proxy | {"statusCode": 200, "referer": "https://www.google.com/"}})


VISIT = [
    vercel(0, "/?utm_source=letter&utm_medium=email", "/"),
    vercel(10, "/product/1", "/product/[slug]"),
    vercel(20, "/thank-you?total=20.00", "/[...checkout]"),
]


def test_drains_of_vercel_name_the_path_that_was_asked_for(tmp_path: Path, convkit_command: Run) -> None:
    log, goals = written(tmp_path / "drain.log", VISIT), goals_file(tmp_path)
    document = figures(log, goals=goals)
    facts = overview(document)
    assert (facts["pageviews"], facts["converted_sessions"], facts["value"]) == (3, 1, 20)
    assert conversions(document) == {"purchase": 1, "product": 1}
    _, out, _ = convkit_command("channels", str(log), "-g", str(goals), "-f", "json")
    assert {row["channel"]: row["sessions"] for row in json.loads(out)["reports"]["channels"]}["Email"] == 1


def test_what_a_function_prints_is_not_another_request(tmp_path: Path) -> None:
    """Entries with one request's ID, time and URL are counted once, and entries without a request are messages."""
    lines = [VISIT[0], VISIT[1], vercel(10, "/product/1", "/product/[slug]", id="7", message="saved"), VISIT[2]]
    build = json.dumps({"id": "8", "deploymentId": "dpl_1", "source": "build", "projectId": "p", "timestamp": 1791633600000, "message": "done"})
    document = figures(written(tmp_path / "drain.log", [*lines, build]), goals=goals_file(tmp_path))
    assert overview(document)["pageviews"] == 3
    assert (document["input"]["duplicate"], document["input"]["other"]) == (1, 1)
    (note,) = (note["text"] for note in document["notes"] if note["code"] == "duplicates")
    assert "same request ID" in note


def test_an_array_of_drain_entries_is_read_as_vercel(tmp_path: Path) -> None:
    document = figures(written(tmp_path / "drain.json", [f"[{','.join(VISIT)}]"]), goals=goals_file(tmp_path))
    assert conversions(document) == {"purchase": 1, "product": 1}


@pytest.mark.parametrize(
    ("outer", "inner", "expected"),
    [
        ({"path": "/[slug]", "status": 200}, {"path": "/cart?a=1", "method": "GET", "status": 200}, "/cart?a=1"),
        ({"path": "/cart", "method": "GET", "status": 200}, {"path": "/internal", "method": "GET", "status": 200}, "/cart"),
        ({"path": "/cart", "method": "GET", "status": 200}, {"path": "/internal"}, "/cart"),
        ({"url": "/[slug]", "status": 200}, {"url": "/cart", "verb": "GET", "statusCode": 200}, "/cart"),
    ],
)
def test_of_two_targets_the_one_beside_method_and_status_is_read(
    tmp_path: Path, outer: dict[str, Any], inner: dict[str, Any], expected: str, convkit_command: Run
) -> None:
    text = json.dumps({"time": "2026-10-10T12:00:00Z", "remote_addr": "198.51.100.1", "user_agent": FIREFOX, **outer, "proxied": inner})
    code, _, out = format_of(written(tmp_path / "access.log", [text]), convkit_command)
    assert code == 0
    assert re.search(rf"target +{re.escape(expected)}\n", out), out


ZORAXY = "2026/10/10 12:00:{0:02} [2026-10-10 12:00:{0:02}.150624] [router:host-http] [origin:shop.example] [client: {1}] [useragent: {2}] {3} 200"


def test_logs_of_zoraxy_are_read(tmp_path: Path, convkit_command: Run) -> None:
    requests = ["GET /", "GET /product/1", "GET /thank-you?total=20.00"]
    lines = [ZORAXY.format(number, client, FIREFOX, request) for client in ("198.51.100.1", "2001:db8::7") for number, request in enumerate(requests)]
    lines.append("[2026-10-10 12:00:09.150624] [cert-resolv] [system:info] Certificates are up to date")
    log = written(tmp_path / "zoraxy.log", lines)
    document = figures(log, goals=goals_file(tmp_path))
    assert overview(document)["sessions"] == 2
    assert conversions(document) == {"purchase": 2, "product": 2}
    assert format_of(log, convkit_command)[:2] == (0, "zoraxy")
    only_one = written(tmp_path / "one.log", lines[:1])
    assert format_of(only_one, convkit_command)[:2] == (0, "zoraxy")


def test_connections_of_a_network_load_balancer_are_no_visits(tmp_path: Path, convkit_command: Run) -> None:
    log = written(tmp_path / "nlb.log", sample_lines("aws-nlb"))
    assert format_of(log, convkit_command)[:2] == (0, "aws-nlb")
    document = figures(log)
    assert (document["input"]["other"], overview(document)["sessions"]) == (2, 0)


def test_headers_of_akamai_are_decoded(tmp_path: Path) -> None:
    entry = {"reqTimeSec": "1791633600", "cliIP": "198.51.100.1", "statusCode": "200", "reqHost": "shop.example", "reqMethod": "GET", "UA": "-"}
    agent = FIREFOX.replace(" ", "%20").replace("(", "%28").replace(")", "%29")
    lines = [
        entry | {"reqPath": "/", "UA": agent, "referer": "https%3A%2F%2Fwww.google.com%2F"},
        entry | {"reqPath": "product/1", "UA": agent.replace("%20", "+"), "reqTimeSec": "1791633610.5"},
        entry | {"reqPath": "/thank-you", "queryStr": "total=20.00", "UA": agent, "reqTimeSec": "1791633620"},
    ]
    document = figures(written(tmp_path / "akamai.log", map(json.dumps, lines)), goals=goals_file(tmp_path))
    assert (overview(document)["sessions"], overview(document)["value"]) == (1, 20)
    assert conversions(document) == {"purchase": 1, "product": 1}


PAGES = ("/", "/product/1", "/thank-you?total=20.00")
REQUESTS = [line(f"GET {path}", 10 * number, who=f"198.51.100.{who} - -") for who in (1, 2) for number, path in enumerate(PAGES)]
CADDY = [
    json.dumps({"ts": 1791633600 + number, "status": 200, "request": {"remote_ip": "198.51.100.1", "method": "GET", "uri": path, "headers": {}}})
    for number, path in enumerate(PAGES)
]


def quoted(text: str) -> str:
    """Return a field of a table in quotes."""
    return '"{}"'.format(text.replace('"', '""'))


TABLES = {
    "_raw": (
        ["_raw,_time,host,source,status,method,path", *(f"{quoted(text)},2026-10-10T12:00:00Z,web,access.log,200,GET,/" for text in REQUESTS)],
        2,
    ),
    "@message": (["@timestamp,@message", *(f"2026-10-10 12:00:00.000,{quoted(text)}" for text in REQUESTS)], 2),
    "Line": ([f"{quoted('Time')};Line;labels", *(f"1791633600000;{quoted(text)};{quoted('{app=web}')}" for text in REQUESTS)], 2),
    "message of tabs": (["@timestamp\tmessage\tagent.name", *(f"2026-10-10\t{quoted(text)}\tweb" for text in REQUESTS)], 2),
    "JSON in a table": (["timestamp,message", *(f"2026-10-10,{quoted(text)}" for text in CADDY)], 1),
    "JSON around lines": ([json.dumps({"preview": False, "result": {"_raw": text, "_time": "2026-10-10"}}) for text in REQUESTS], 2),
    "compose in a table": (["ts,Line", *(f"2026-10-10,{quoted(f'web-1  | {text}')}" for text in REQUESTS)], 2),
}


@pytest.mark.parametrize(("lines", "converted"), TABLES.values(), ids=TABLES)
def test_lines_in_a_column_of_a_table_are_read(tmp_path: Path, lines: Sequence[str], converted: int) -> None:
    document = figures(written(tmp_path / "export.csv", lines), goals=goals_file(tmp_path))
    assert overview(document)["converted_sessions"] == converted
    assert overview(document)["value"] == 20 * converted
    assert document["input"]["unparsed"] == 0


def test_a_message_of_an_event_is_a_property(tmp_path: Path, convkit_command: Run) -> None:
    rows = [f"u{number},2026-10-10T12:00:0{number}Z,sent,{quoted('order 7 has total=20 and id=1')}" for number in range(3)]
    log = written(tmp_path / "events.csv", ["user_id,time,action,message", *rows])
    assert format_of(log, convkit_command)[:2] == (0, "csv")


ERRORS = {
    "nginx": '2026/10/10 12:00:0{} [error] 31#31: *7 open() "/srv/favicon.ico" failed, client: 198.51.100.1, request: "GET /favicon.ico HTTP/1.1"',
    "Apache": "[Sat Oct 10 12:00:0{}.123456 2026] [core:error] [pid 7:tid 9] [client 198.51.100.1:5000] AH00126: Invalid URI",
    "Apache 2.2": "[Sat Oct 10 12:00:0{} 2026] [error] [client 198.51.100.1] File does not exist: /srv/favicon.ico",
    "PHP": "[10-Oct-2026 12:00:0{} UTC] PHP Warning:  Undefined variable $a in /srv/a.php on line 7",
}


@pytest.mark.parametrize("text", ERRORS.values(), ids=ERRORS)
def test_logs_of_errors_in_a_directory_are_left_out(tmp_path: Path, text: str, convkit_command: Run) -> None:
    folder = tmp_path / "log"
    folder.mkdir()
    written(folder / "access.log", REQUESTS)
    errors = written(folder / "server.log", [text.format(number) for number in range(9)])
    goals = goals_file(tmp_path)
    document = figures(folder, goals=goals)
    assert overview(document)["converted_sessions"] == 2
    assert [note["text"] for note in document["notes"] if note["code"] == "left-out"] == ["This file was left out: server.log is a log of errors."]
    code, _, err = convkit_command("overview", str(folder / "*.log"), "-g", str(goals))
    assert (code, err) == (0, "convkit: warning: this file was left out: server.log is a log of errors\n")
    code, _, err = convkit_command("overview", str(errors))
    assert code == 3
    assert "server.log is a log of errors, not of requests" in err


def test_lock_files_and_the_like_are_left_out_together(tmp_path: Path) -> None:
    folder = tmp_path / "log"
    folder.mkdir()
    written(folder / "access.log", REQUESTS)
    written(folder / "nginx", ["4711"])
    written(folder / "rotate.lock", ["locked by 7"])
    written(folder / "goals.yaml", [GOALS])
    document = figures(folder, goals=goals_file(tmp_path))
    (note,) = (note["text"] for note in document["notes"] if note["code"] == "left-out")
    assert note == "These files were left out: goals.yaml is a configuration file; nginx is a lock file; rotate.lock is a lock file."
    assert document["logs"] == ["access.log"]


def test_nothing_else_is_left_out(tmp_path: Path, convkit_command: Run) -> None:
    """A file of an unknown format stays an error, a log may be called like a lock file if it is the only one, and requests may name errors."""
    folder = tmp_path / "log"
    folder.mkdir()
    written(folder / "access.log", REQUESTS)
    written(folder / "odd.log", ["what is this", "and this"])
    code, _, err = convkit_command("overview", str(folder))
    assert code == 3
    assert "odd.log" in err
    assert headline(written(tmp_path / "access.log.tmp", REQUESTS))[0] == 2
    written(folder / "odd.log", [line("GET /error", 7, 500, who="198.51.100.7 - -")] * 3)
    assert "left-out" not in {note["code"] for note in figures(folder)["notes"]}


@pytest.mark.parametrize("name", ["nginx", "apache", "NGINX"])
def test_servers_are_names_of_the_combined_format(tmp_path: Path, name: str, convkit_command: Run) -> None:
    log = written(tmp_path / "access.log", REQUESTS)
    assert format_of(log, convkit_command, "--log-format", name)[:2] == (0, "combined")
    assert overview(figures(log, goals=goals_file(tmp_path, f"site: {{log_format: {name}}}\n{GOALS}")))["converted_sessions"] == 2


CLOUDFRONT = "#Fields: date time x-edge-location sc-bytes c-ip cs-method cs(Host) cs-uri-stem sc-status cs(Referer) cs(User-Agent) cs-uri-query"
EDGE = "2026-10-10 12:00:0{} FRA56-C2 2326 198.51.100.1 GET d1.cloudfront.net {} 200 - {} {}"


def edge(number: int, path: str, query: str = "-") -> str:
    """Return a line of CloudFront's log between blanks."""
    return EDGE.format(number, path, FIREFOX.replace(" ", "%20"), query)


@pytest.mark.parametrize("blanks", [" ", "    ", "\t"], ids=["a blank", "several blanks", "tabs"])
@pytest.mark.parametrize("more", [[], ["#Version: 1.0"]], ids=["a header", "two headers"])
def test_cloudfront_logs_whose_tabs_became_blanks_are_read(tmp_path: Path, blanks: str, more: list[str], convkit_command: Run) -> None:
    lines = [edge(0, "/"), edge(1, "/product/1", "a=%2520b"), edge(2, "/thank-you", "total=20.00")]
    log = written(tmp_path / "edge.log", [*more, CLOUDFRONT, *(text.replace(" ", blanks) for text in lines)])
    code, name, out = format_of(log, convkit_command)
    assert (code, name) == (0, "cloudfront" if blanks == "\t" else "w3c")
    assert f"user_agent   {FIREFOX[:40]}" in out
    document = figures(log, goals=goals_file(tmp_path))
    assert (overview(document)["sessions"], conversions(document)) == (1, {"purchase": 1, "product": 1})


EARLY = 20_500
"""The number of lines before those that differ: more than a sample has."""
LATE = [f"203.0.113.{number}" for number in range(40)]
STYLES = '198.51.100.9 - - [10/Oct/2026:12:00:00 +0000] "GET /s.css HTTP/1.1" 200 5'
STYLES_WITH_AGENT = f'{STYLES} "-" "{FIREFOX}"'
END = f'"GET /p HTTP/1.1" 200 5 "-" "{FIREFOX}"'


def early_json(**more: str) -> str:
    """Return a request of a JSON log."""
    return json.dumps({"time": "2026-10-10T12:00:00Z", "remote_addr": "10.0.0.1", "request": "GET /p HTTP/1.1", "status": 200, **more})


CHANGES = {
    "lists and times": (
        STYLES_WITH_AGENT,
        [
            *(f'"{who}, 10.0.0.1" - - [10/Oct/2026:12:01:00 +0000] {END}' for who in LATE[:10]),
            *(f"{who}, 10.0.0.1 - - [10/Oct/2026:12:01:00 +0000] {END}" for who in LATE[10:20]),
            *(f"{who} - - [2026-10-10T12:01:00+00:00] {END}" for who in LATE[20:30]),
            *(f"{who} - - [10/Oct/2026:12:01:00] {END}" for who in LATE[30:]),
        ],
    ),
    "agents with and without quotes": (
        STYLES,
        [
            *(f'{STYLES.replace("s.css", "p")} "-" "{FIREFOX}{number}"' for number in range(20)),
            *(f"{STYLES.replace('s.css', 'p')} {FIREFOX}{number}" for number in range(20, 40)),
        ],
    ),
    "lists and agents in JSON": (
        early_json(),
        [
            *(early_json(http_x_forwarded_for=who) for who in LATE[:20]),
            *(early_json(http_user_agent=f"{FIREFOX}{number}") for number in range(20)),
        ],
    ),
    "an agent in LTSV": (
        "time:2026-10-10T12:00:00Z\thost:203.0.113.1\treq:GET /s.css HTTP/1.1\tstatus:200",
        [f"time:2026-10-10T12:01:00Z\thost:203.0.113.1\treq:GET /p HTTP/1.1\tstatus:200\tua:{FIREFOX}{number}" for number in range(40)],
    ),
    "users of an export": (
        '{"time":"2026-10-10T12:00:00Z","device_id":"d0","event":"ping"}',
        [f'{{"time":"2026-10-10T12:01:00Z","device_id":"d{number}","event":"p","user_id":"u{number}"}}' for number in range(40)],
    ),
}


@pytest.mark.parametrize("change", CHANGES)
def test_packed_and_plain_early_and_late_lines_are_read_alike(tmp_path: Path, change: str) -> None:
    early, late = CHANGES[change]
    goals = goals_file(tmp_path, "site: {trusted_proxy: [10.0.0.0/8]}\nmacro: {seen: {any: [/p, {event: p}]}}\n")
    few = figures(written(tmp_path / "few.log", [*[early] * 10, *late]), goals=goals, bots="keep")
    expected = (few["input"]["unparsed"], conversions(few), overview(few)["visitors"])
    assert overview(few)["visitors"] >= 40
    plain = written(tmp_path / "plain.log", [*[early] * EARLY, *late])
    packed = tmp_path / "packed.log.gz"
    packed.write_bytes(gzip.compress(plain.read_bytes()))
    for log in (plain, packed):
        document = figures(log, goals=goals, bots="keep")
        assert document["input"]["unparsed"] == 0
        if early.startswith("{") and "remote_addr" in early:
            # The early lines are pages as well, of one client.
            assert overview(document)["visitors"] == expected[2], log.name
            continue
        assert (document["input"]["unparsed"], conversions(document), overview(document)["visitors"]) == expected, log.name


def test_a_packed_log_in_blocks_is_read_alike(tmp_path: Path) -> None:
    """The slower reader also reads late lines with an unusual beginning."""
    early, late = CHANGES["lists and times"]
    packed = tmp_path / "packed.log.bz2"
    packed.write_bytes(bz2.compress("\n".join([*[early] * EARLY, *late]).encode()))
    document = figures(packed, goals=goals_file(tmp_path, "site: {trusted_proxy: [10.0.0.0/8]}\nmacro: {seen: /p}\n"))
    assert (document["input"]["unparsed"], overview(document)["visitors"]) == (0, 40)
