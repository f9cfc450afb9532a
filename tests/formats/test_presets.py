"""Exports of known tools: each is detected by its columns in any notation, and its rows are read as the tool defines them."""

from __future__ import annotations

import gzip
import io
import json
import os
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest
import runs
from small_logs import figures, written

import convkit
from convkit.core import datafiles
from convkit.errors import InputError
from convkit.files import archives, lines, unpacking
from convkit.formats import load_formats, matomo, sample_lines

if TYPE_CHECKING:
    from collections.abc import Iterable

EVENTS = Path(os.environ.get("CONVKIT_TEST_DATA", ""), "conformance", "events")
TIME = "2026-10-10T12:00:{:02}Z"
TOOLS = [name for name, log_format in load_formats().items() if log_format.preset is not None]


def records(file: Path, *columns: str) -> list[Any]:
    """Return these columns of a file's rows, in order; for a single column, only its values."""
    rows = convkit.read_records([file]).sort("line_no").select(columns).collect()
    return [row[0] for row in rows.rows()] if len(columns) == 1 else rows.rows()


def objects(file: Path, rows: Iterable[object]) -> Path:
    """Write one JSON line per row."""
    return written(file, map(json.dumps, rows))


NAMES = {
    "page_location": "target",
    "path": "target",
    "page": "target",
    "page_url": "target",
    "session": "session_key",
    "domain_sessionid": "session_key",
}
NAMES |= {"dedup_id": "event_id", "id": "event_id", "page_referrer": "referrer", "user_id": "user", "derived_tstamp": "time", "event_name": "event"}
OTHERWISE: dict[str, dict[str, Any]] = {
    "events/rudder": {"event": "calls other than `track` are named after their type"},
    "events/mixpanel": {"target": "`URL` is a custom property of this project, not a page that Mixpanel recorded"},
    "events/segment-pages": {"target": "the cases have the whole URL in addition to the path"},
    "events/snowplow": {"event": "`event` is the kind, `event_name` the name"},
}
"""Fields that differ from the cases, and why."""


@pytest.mark.skipif(not EVENTS.is_dir(), reason="CONVKIT_TEST_DATA names no folder")
def test_exports_are_read_as_their_authors_expect() -> None:
    """The number of events and the asserted fields of each event are compared."""
    for case in map(json.loads, (EVENTS / "expected.jsonl").read_text(encoding="utf-8").splitlines()):
        rows = convkit.read_records([EVENTS.parent / case["file"]]).sort("line_no").with_columns(pl.col("time").dt.strftime("%FT%T%.6fZ")).collect()
        assert rows.height == case["n_events"], case["id"]
        for expected, row in zip(case["expect_events"], rows.to_dicts(), strict=True):
            compared = {
                NAMES.get(name, name): value
                for name, value in expected.items()
                if NAMES.get(name, name) in set(row) - {"source"} and value is not None
            }
            if "time" in compared:
                compared["time"] = compared["time"].removesuffix("Z").partition(".")[0]
                row["time"] = row["time"].partition(".")[0]
            if "value" in compared:
                compared["value"], row["value"] = float(compared["value"]), float(row["value"])
            assert {name: row[name] for name in compared if name not in OTHERWISE.get(case["id"], {})} == {
                name: value for name, value in compared.items() if name not in OTHERWISE.get(case["id"], {})
            }, case["id"]


@pytest.mark.parametrize("name", TOOLS)
def test_a_tool_s_export_is_detected_in_any_notation(name: str, tmp_path: Path) -> None:
    """The records are the same whether the samples are in an array, or in UTF-16, compressed and in an archive."""
    samples = sample_lines(name)
    plain = written(tmp_path / "plain", samples)
    usual = records(plain, "time", "user", "event", "session_key", "target", "value", "event_id")
    assert usual
    assert all(row[0] is not None and row[1] for row in usual)
    with zipfile.ZipFile(tmp_path / "zipped", "w") as archive:
        archive.writestr("export.json.gz", gzip.compress(plain.read_text(encoding="utf-8").encode("utf-16")))
        archive.writestr("__MACOSX/._export.json.gz", b"\0\0")
    assert records(tmp_path / "zipped", "time", "user", "event", "session_key", "target", "value", "event_id") == usual
    if samples[0].startswith("{"):
        (tmp_path / "array").write_text(f"[{','.join(samples)}]", encoding="utf-8")
        assert records(tmp_path / "array", "time", "user", "event", "session_key", "target", "value", "event_id") == usual


def ga4(second: int, event: str, place: tuple[int, int, int] | None = None, **parameters: object) -> dict[str, Any]:
    """Return a row of a GA4 export."""
    kinds = {str: "string_value", int: "int_value", float: "double_value"}
    batch = dict(zip(("batch_page_id", "batch_ordering_id", "batch_event_index"), place, strict=True)) if place else {}
    params = [{"key": name, "value": {kinds[type(value)]: value}} for name, value in parameters.items()]
    time = 1_791_640_000_000_000 + second * 1_000_000
    return {"event_timestamp": str(time), "event_name": event, "user_pseudo_id": "7.1", "event_params": params, **batch}


def test_ga4_events_keep_the_order_of_their_batch(tmp_path: Path) -> None:
    """Events in a batch have the same time; each is moved to a microsecond after the previous one, whatever the order of lines."""
    rows = [ga4(5, "c", (1, 2, 1)), ga4(5, "b", (1, 1, 2)), ga4(5, "d", (2, 1, 1)), ga4(5, "a", (1, 1, 1)), ga4(9, "e", (2, 2, 1))]
    parsed = convkit.read_records([objects(tmp_path / "ga4", rows)]).sort("time").select("event", pl.col("time").dt.microsecond()).collect()
    assert parsed.rows() == [("a", 0), ("b", 1), ("c", 2), ("d", 3), ("e", 0)]


def test_ga4_parameters_are_found_in_json_and_parquet_alike(tmp_path: Path) -> None:
    rows = [
        ga4(1, "page_view", ga_session_id=5, page_location="https://shop.example/a", page_referrer="https://search.example/"),
        ga4(2, "purchase", ga_session_id=5, value=19.9, plan="pro"),
        ga4(3, "scroll"),
    ]
    expected = [
        ("7.1", "7.1.5", "https://shop.example/a", "https://search.example/", None),
        ("7.1", "7.1.5", None, None, "19.9"),
        ("7.1", None, None, None, None),
    ]
    values = pl.Struct({"string_value": pl.String, "int_value": pl.Int64, "float_value": pl.Float64, "double_value": pl.Float64})
    typed = {"event_params": pl.List(pl.Struct({"key": pl.String, "value": values}))}
    frame = pl.DataFrame(rows, schema_overrides=typed).with_columns(pl.col("event_timestamp").cast(pl.Int64))
    frame.write_parquet(tmp_path / "parquet")
    goals = written(tmp_path / "g.yaml", ["macro: {paid: {event: purchase, where: {plan: pro}, value: prop.value}}"])
    for file in (objects(tmp_path / "json", rows), tmp_path / "parquet"):
        parsed = records(file, "user", "session_key", "target", "referrer", "value")
        assert [tuple(None if value is None else value for value in row) for row in parsed] == expected
        assert figures(file, goals=goals)["reports"]["goals"][0] | {"value": 19.9, "reached": 1} == figures(file, goals=goals)["reports"]["goals"][0]


def test_posthog_properties_are_found_in_an_object_and_in_a_string(tmp_path: Path) -> None:
    rows = [
        {
            "uuid": "1",
            "event": "$pageview",
            "distinct_id": "d",
            "person_id": "p",
            "timestamp": TIME.format(1),
            "properties": {"$current_url": "/a b"},
        },
        {"uuid": "2", "event": "paid", "distinct_id": "u", "person_id": "p", "timestamp": TIME.format(2), "properties": {"plan": "pro", "value": 5}},
        {"uuid": "2", "event": "paid", "distinct_id": "u", "person_id": "p", "timestamp": TIME.format(2), "properties": {"plan": "pro", "value": 5}},
    ]
    as_text = [row | {"properties": json.dumps(row["properties"])} for row in rows]
    table = pl.DataFrame(as_text)
    table.with_columns(pl.col("timestamp").str.to_datetime(time_zone="UTC")).write_parquet(tmp_path / "parquet")
    table.write_csv(tmp_path / "csv")
    goals = written(tmp_path / "g.yaml", ["macro: {paid: {event: paid, where: {plan: pro}, value: prop.value}}"])
    for file in (objects(tmp_path / "object", rows), objects(tmp_path / "text", as_text), tmp_path / "parquet", tmp_path / "csv"):
        assert records(file, "user", "target", "event_id")[:2] == [("p", "/a b", "1"), ("p", None, "2")], file.name
        report = figures(file, goals=goals)
        assert (report["input"]["duplicate"], report["reports"]["goals"][0]["value"]) == (1, 5), file.name
        assert [json.loads(props)["plan"] for props in records(file, "props")[1:]] == ["pro", "pro"], file.name


def test_mixpanel_times_are_in_the_project_s_zone_and_events_are_identified_by_name_user_time_and_id(tmp_path: Path) -> None:
    rows = [("a", "u", 1_791_640_000, "1"), ("a", "u", 1_791_640_000_000, "1"), ("a", "v", 1_791_640_000, "1"), ("a", "u", 1_791_640_000, "1")]
    file = objects(tmp_path / "m", [{"event": e, "properties": {"distinct_id": u, "time": t, "$insert_id": i}} for e, u, t, i in rows])
    in_berlin = figures(file, goals=written(tmp_path / "g.yaml", ["site: {timezone: Europe/Berlin}\nmacro: {a: {event: a}}"]))
    assert in_berlin["period"]["from"] == "2026-10-10T13:46:40+02:00"
    assert (in_berlin["input"]["duplicate"], in_berlin["input"]["kept"]) == (2, 2)
    assert {str(time) for time in records(file, "time")} == {"2026-10-10 13:46:40+00:00"}


def test_amplitude_is_in_utc_whatever_the_site_s_zone_and_minus_one_is_not_a_session(tmp_path: Path) -> None:
    file = written(tmp_path / "a", sample_lines("amplitude"))
    assert records(file, "session_key") == ["d1.1791640500000", None]
    report = figures(file, goals=written(tmp_path / "g.yaml", ["site: {timezone: Europe/Berlin}\nmacro: {a: {event: Paid}}"]))
    assert report["period"]["from"] == "2026-10-10T15:55:36.120000+02:00"
    assert "no-zone" not in {note["code"] for note in report["notes"]}


def call(second: int, anonymous: str | None, user: str | None = None, **more: object) -> dict[str, Any]:
    """Return a Segment call."""
    named = {"type": "track", "event": f"e{second}"}
    return {**named, "messageId": f"m{second}", "anonymousId": anonymous, "userId": user, "originalTimestamp": TIME.format(second), **more}


def test_events_before_a_login_belong_to_the_next_user_or_else_the_last(tmp_path: Path) -> None:
    """The order of files makes no difference; in a shared browser, each row belongs to the next user."""
    first = [call(0, "a"), call(2, "a"), call(4, "a"), call(5, "b"), call(6, "c"), call(7, None, "u1")]
    second = [call(1, "a", "u1", type="identify", event=None), call(3, "a", "u2"), call(8, "b", "u1"), call(9, "d", "d")]
    files = [objects(tmp_path / "one", first), objects(tmp_path / "two", second)]
    for order in (files, files[::-1]):
        hits = convkit.read_hits(order).with_columns(second=pl.col("time").dt.second()).sort("second").select("visitor", "second").collect()
        who = dict(hits.select("second", "visitor").rows())
        alike = [{second for second, other in who.items() if other == visitor} for visitor in dict.fromkeys(who.values())]
        assert alike == [{0, 1, 5, 7, 8}, {2, 3, 4}, {6}, {9}]


def test_segment_calls_are_pages_events_or_background(tmp_path: Path) -> None:
    page = {"context": {"page": {"url": "https://shop.example/a", "referrer": "https://search.example/"}, "ip": "203.0.113.7"}}
    rows = [
        call(1, "a", type="page", event=None, **page),
        call(2, "a", type="screen", event=None, properties={"name": "Start"}),
        call(3, "a", "u", type="identify", event=None),
        call(4, "a", "u", properties={"revenue": 5.5}),
        call(4, "a", "u", properties={"revenue": 5.5}) | {"timestamp": TIME.format(9), "messageId": "m9"},
    ]
    file = objects(tmp_path / "s", rows)
    kinds = convkit.read_hits([file]).sort("line_no").select("kind", "page").collect().rows()
    assert [tuple(map(str, row)) for row in kinds] == [
        ("page", "/a"),
        ("page", "/Start"),
        ("background", "identify"),
        ("event", "e4"),
        ("event", "e4"),
    ]
    assert records(file, "address", "referrer")[0] == ("203.0.113.7", "https://search.example/")
    assert [time.second for time in records(file, "time")] == [1, 2, 3, 4, 9], "`timestamp` goes before what the browser's clock said"
    assert records(file, "value")[3:] == ["5.5", "5.5"]


def test_a_shopify_order_is_one_event_with_any_number_of_items(tmp_path: Path) -> None:
    file = written(tmp_path / "orders", [*sample_lines("shopify"), "#1001,ann@shop.example,paid,EUR,34.98,2026-10-10 13:55:36 +0200,2,Tee,9,"])
    report = figures(file, goals=written(tmp_path / "g.yaml", ["macro: {sold: {event: order}}"]))["input"]
    assert {fate: report[fate] for fate in ("kept", "comment", "duplicate", "unparsed")} == {"kept": 1, "comment": 2, "duplicate": 1, "unparsed": 0}
    assert records(file, "user", "value", "event_id")[0] == ("ann@shop.example", "34.98", "#1001")


def test_actions_in_matomo_visits_are_events(tmp_path: Path) -> None:
    """They are read from CSV, from an array and from one line per visit; a visit without actions is one event."""
    actions = [
        {"type": "action", "url": "https://shop.example/", "timestamp": 1791640000},
        {"type": "ecommerceOrder", "revenue": 5, "timestamp": 1791640000},
    ]
    visit = {"idVisit": 7, "visitIp": "203.0.113.7", "visitorId": "f3", "userId": None, "lastActionTimestamp": 1791640000, "actionDetails": actions}
    bare = {**visit, "idVisit": 8, "firstActionTimestamp": 1791640100, "actionDetails": []}
    (tmp_path / "array").write_text(json.dumps([visit, bare]), encoding="utf-8")
    header = "idVisit,visitIp,visitorId,userId,lastActionTimestamp,firstActionTimestamp"
    header += (
        ",actionDetails_0_type,actionDetails_0_url,actionDetails_0_timestamp,actionDetails_1_type,actionDetails_1_revenue,actionDetails_1_timestamp"
    )
    rows = ["7,203.0.113.7,f3,,1,1,action,https://shop.example/,1791640000,ecommerceOrder,5,1791640000", "8,203.0.113.7,f3,,1,1791640100,,,,,,"]
    (tmp_path / "csv").write_bytes("\r\n".join([header, *rows, ""]).encode("utf-16"))
    for file in (tmp_path / "array", tmp_path / "csv", objects(tmp_path / "lines", [visit, bare])):
        parsed = records(file, "event", "user", "session_key", "value", "target", "event_id")
        assert parsed == [
            ("page_view", "f3", "7", None, "https://shop.example/", "7 0"),
            ("order", "f3", "7", "5", None, "7 1"),
            ("visit", "f3", "8", None, None, "8 0"),
        ], file.name
        assert figures(file)["input"]["kept"] == 3
    assert list(matomo.action_lines("")) == []


def test_a_snowplow_event_has_its_own_name_and_keeps_its_quotes(tmp_path: Path) -> None:
    names = datafiles.words("snowplow")
    usual = dict(zip(names, sample_lines("snowplow")[0].split("\t"), strict=True))
    own = '{"schema": "x", "data": {"schema": "y", "data": {"plan": "pro"}}}'
    odd_fields = [
        {"event": "unstruct", "event_name": "join", "unstruct_event": own},
        {"event": "struct", "event_name": "event", "se_action": 'a "b', "se_value": "3"},
    ]
    rows = [usual | {"event_id": str(number)} | more for number, more in enumerate(odd_fields)]
    plain = written(tmp_path / "plain", ["\t".join(row[name] for name in names) for row in rows])
    pl.DataFrame(rows).write_csv(tmp_path / "named")
    for file in (plain, tmp_path / "named"):
        assert records(file, "event", "user", "session_key", "value") == [
            ("join", "bc2e92ec", "2b15e5c8", None),
            ('a "b', "bc2e92ec", "2b15e5c8", "3"),
        ]
        goals = written(tmp_path / "g.yaml", ["macro: {join: {event: join, where: {plan: pro}}}"])
        assert figures(file, goals=goals)["reports"]["goals"][0]["reached"] == 1


def test_other_columns_are_found_by_usual_names_or_settings(tmp_path: Path) -> None:
    """The columns here are session, value and properties; `site.columns` overrides the tool's preset."""
    table = written(tmp_path / "table", ["user;time;event;session_id;amount;plan", "u;1791640000;a;s1;1.234,50;pro"])
    assert records(table, "session_key", "value", "props") == [("s1", "1234.50", '{"plan":"pro"}')]
    file = objects(tmp_path / "lines", [{"user": "u", "time": 1791640000, "event": "a", "session": 5, "deep": {"x": [1]}}])
    assert [(key, json.loads(props)["deep"]) for key, props in records(file, "session_key", "props")] == [("5", {"x": [1]})]
    two = written(tmp_path / "two", ["user,time,event,value,revenue", "u,1791640000,a,1,2"])
    assert records(two, "value") == [None], "two candidates for what no run needs are no question"
    calls = objects(tmp_path / "calls", [call(1, "a", mine="u7"), call(2, "b", mine="u7")])
    goals = convkit.load_goals(settings=["columns.user=mine"])
    assert convkit.read_hits([calls], goals=goals).collect()["visitor"].n_unique() == 1


def test_a_row_without_a_time_or_a_visitor_is_a_record_that_reports_do_not_use(tmp_path: Path) -> None:
    file = written(tmp_path / "rows", ["user,time,event", "u,,a", ",1791640000,a", "u,1791640000,a", "u,1791640001,a", "u,1791640002,a"])
    assert len(records(file, "event")) == 5
    assert figures(file)["input"]["unparsed_by_reason"] == {"no time": 1, "no visitor": 1}


def test_rows_without_a_visitor_are_not_another_format(tmp_path: Path) -> None:
    """If most visitors give no consent, their rows have no visitor; the others count."""
    rows = ["user,time,event", *(f",179164000{number},a" for number in range(9)), "u,1791640001,a"]
    counts = figures(written(tmp_path / "few", rows))["input"]
    assert (counts["kept"], counts["unparsed_by_reason"]) == (1, {"no visitor": 9})
    with pytest.raises(
        InputError, match=r"no line of none \(format csv\) identifies the visitor by IP address or user ID; .*--set columns.user=NAME"
    ):
        figures(written(tmp_path / "none", rows[:-1]))


LINE = '203.0.113.7 - - [10/Oct/2026:13:55:36 +0200] "GET /a HTTP/1.1" 200 5 "-" "Opera/12.0"'


def test_members_of_an_archive_are_logs_and_its_json_files_are_one_log(tmp_path: Path) -> None:
    row = json.dumps({"user": "u", "time": 1791640000, "event": "a"})
    with zipfile.ZipFile(tmp_path / "all.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("b/access.log", f"{LINE}\n")
        archive.writestr("b/access.log.1.gz", gzip.compress(f"{LINE[1:]}\n{LINE}".encode()))
        for number in range(40):
            archive.writestr(f"c/{number}.json.gz", gzip.compress(row.encode()))
    lines_per_member = convkit.read_records([tmp_path / "all.zip"]).group_by("source").len().sort("source").collect()
    assert sorted(lines_per_member["len"].to_list()) == [1, 2, 40]
    names = figures(tmp_path / "all.zip")["logs"]
    assert sorted(names) == ["all.zip/b/access.log", "all.zip/b/access.log.1.gz", "all.zip/c/0.json.gz"]


def test_an_archive_bomb_needs_no_memory(tmp_path: Path) -> None:
    """40 MB without a line end, compressed to 40 kB, are read in small pieces."""
    with zipfile.ZipFile(tmp_path / "bomb.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.log", f"{LINE}\n{LINE}\n{'x' * (40 << 20)}")
    log = archives.logs_in(lines.open_source(tmp_path / "bomb.zip", "bomb.zip"))[0]
    assert max(map(len, unpacking.unpacked_bytes(log, []))) <= (1 << 20) + 1
    assert figures(tmp_path / "bomb.zip")["input"]["unparsed_by_reason"] == {"longer than 1 MiB": 1}


REFUSED = {
    "visitors.csv": ("date,visitors,pageviews,visits,bounce_rate\n2026-10-10,5,9,6,50\n", "contains totals only, not individual visits"),
    "pages.csv": ("x,y\n/,5\n/a,3\n", "contains totals only, not individual visits"),
    "report.csv": ("# ----\n# Pages\n# ----\nPage path,Views,Active users\n/,5,6\n", "contains totals only, not individual visits"),
    "uvicorn.log": (
        'INFO:     Started server process [1]\nINFO:     127.0.0.1:5000 - "GET / HTTP/1.1" 200 OK\n' * 3,
        "uvicorn's own log, which has no timestamps; use the log of the proxy",
    ),
    "awstats102026.txt": ("AWSTATS DATA FILE 7.8 (build 20200416)\n# If you remove\nBEGIN_MAP 27\n", "an AWStats data file"),
    "visits.xml": ('<?xml version="1.0" encoding="utf-8" ?>\n<result>\n\t<row>\n', "is XML, which is not supported; export it as CSV or JSON"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_files_without_visits_are_refused_with_an_alternative(name: str, tmp_path: Path) -> None:
    content, expected = REFUSED[name]
    (tmp_path / name).write_text(content, encoding="utf-8")
    with zipfile.ZipFile(tmp_path / "export.zip", "w") as archive:
        archive.write(tmp_path / name, name)
    for file in (tmp_path / name, tmp_path / "export.zip"):
        with pytest.raises(InputError, match=expected):
            runs.document([file], ["overview"])


def test_odd_archives_and_visits_are_refused(tmp_path: Path) -> None:
    def zipped(**files: bytes) -> bytes:
        content = io.BytesIO()
        with zipfile.ZipFile(content, "w") as archive:
            for name, text in files.items():
                archive.writestr(name.replace("_", "."), text)
        return content.getvalue()

    locked = bytearray(zipped(a_log=LINE.encode()))
    for mark, place in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        locked[locked.index(mark) + place] |= 1
    cases = {
        zipped(a_parquet=b"PAR1"): "contains a.parquet, which cannot be read inside an archive",
        zipped(__MACOSX=b"", a_log=b"")[:40]: "is a damaged zip archive",
        bytes(locked): "is a password-protected zip archive",
        b'[{"idVisit": 7, "lastActionTimestamp": 5,': "is a damaged visits export",
    }
    for content, expected in cases.items():
        (tmp_path / "odd").write_bytes(content)
        with pytest.raises(InputError, match=expected):
            runs.document([tmp_path / "odd"], ["overview"])
