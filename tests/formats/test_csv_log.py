"""Logs as tables with a header: columns are found by their usual names, and a broken row does not affect others."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from small_logs import figures

import convkit
from convkit.formats.parsers import delimited
from convkit.ingest.logs import open_logs

if TYPE_CHECKING:
    from pathlib import Path

ADDRESS, AGENT = "203.0.113.7", "Mozilla/5.0 (KHTML, like Gecko)"
USUAL = {"time": "2026-10-10T13:55:36", "address": ADDRESS, "host": "shop.example", "method": "GET", "target": "/a?x=1", "status": 200, "bytes": 7}
"""The record of the rows below; each table lists only how its record differs."""
HEADER = "time,ip,method,url,status,bytes,user_agent"
ROW = f'2026-10-10T13:55:36Z,{ADDRESS},GET,/a?x=1,200,7,"{AGENT}"'

TABLES: dict[str, tuple[str, dict[str, Any]]] = {
    "cloudflare": (
        (
            "ClientIP,ClientRequestHost,ClientRequestMethod,ClientRequestURI,ClientRequestUserAgent,ClientRequestReferer,EdgeResponseBytes,EdgeResponseStatus,"
            f'EdgeStartTimestamp,RayID\n{ADDRESS},shop.example,GET,/a?x=1,"{AGENT}",https://a.example/,7,200,1791640536000000000,87a1'
        ),
        {"user_agent": AGENT, "referrer": "https://a.example/"},
    ),
    "cloud storage": (
        (
            '"time_micros","c_ip","c_ip_type","cs_method","cs_uri","sc_status","cs_bytes","sc_bytes","time_taken_micros","cs_host","cs_referer","cs_user_agent"\n'
            f'"1791640536000000","{ADDRESS}","1","GET","/a?x=1","200","0","7","32000","shop.example","","{AGENT}"'
        ),
        {"user_agent": AGENT, "referrer": None, "seconds": 0.032},
    ),
    "a warehouse's load balancer": (
        (
            "type\ttime\telb\tclient_ip\tclient_port\telb_status_code\tsent_bytes\trequest_verb\trequest_url\trequest_proto\tuser_agent\n"
            f"https\t2026-10-10T13:55:36.000000Z\tapp/shop\t{ADDRESS}\t2817\t200\t7\tGET\thttps://shop.example:443/a?x=1\tHTTP/2.0\t{AGENT}"
        ),
        {"target": "https://shop.example:443/a?x=1", "protocol": "HTTP/2.0"},
    ),
    "a warehouse's content delivery network": (
        (
            "date;time;location;bytes;request_ip;method;host;uri;status;referrer;user_agent;query_string\n"
            f"2026-10-10;13:55:36;SEA19;7;{ADDRESS};GET;shop.example;/a;200;-;{AGENT};x=1"
        ),
        {"user_agent": AGENT},
    ),
    "a whole request": (f"timestamp|remote_addr|request|status|size\n10/Oct/2026:15:55:36 +0200|{ADDRESS}|GET /a?x=1 HTTP/1.1|200|7", {"host": None}),
    "spreadsheets": (f"sep=,\n{HEADER}\n{ROW}", {"host": None}),
}


@pytest.mark.parametrize("name", TABLES)
def test_columns_are_found_by_their_names(name: str, tmp_path: Path) -> None:
    text, differs = TABLES[name]
    (tmp_path / "log.csv").write_text(f"{text}\n", encoding="utf-8")
    records = convkit.read_records(tmp_path / "log.csv").collect()
    row = records.row(0, named=True)
    expected = USUAL | differs
    actual = {name: row[name] for name in expected} | {"time": row["time"].isoformat().removesuffix("+00:00")}
    assert actual == expected


def test_a_broken_row_does_not_affect_others(tmp_path: Path) -> None:
    split = ROW.replace("KHTML, like", "KHTML,\nlike")
    (tmp_path / "log.csv").write_text("\n".join([HEADER, ROW, "a,b", "", HEADER, split, f'{ROW},"', *([ROW] * 9)]), encoding="utf-8")
    records = convkit.read_records(tmp_path / "log.csv").collect()
    read = {
        name: value for name, value in figures(tmp_path / "log.csv")["input"].items() if name in {"kept", "comment", "blank", "unparsed_by_reason"}
    }
    assert read == {"kept": 11, "comment": 2, "blank": 1, "unparsed_by_reason": {"number of fields differs from the header": 1, "unclosed quote": 1}}
    assert records["line_no"].to_list() == [2, 6, *range(9, 18)]
    assert records["status"].to_list() == [200] * 11


def test_assets_are_counted_as_in_any_log(tmp_path: Path) -> None:
    rows = [ROW, ROW.replace("/a?x=1", "/logo.png").replace(":36Z", ":37Z"), ROW.replace("/a?x=1", "/b").replace(":36Z", ":38Z")]
    (tmp_path / "log.csv").write_text("\n".join([HEADER, *rows, ""]), encoding="utf-8")
    document = figures(tmp_path / "log.csv")
    assert (document["input"]["kept"], document["input"]["asset"], document["input"]["files"][0]["format"]) == (2, 1, "csv-log")


def test_events_with_a_status_are_not_requests(tmp_path: Path) -> None:
    (tmp_path / "events.csv").write_text("user,event,timestamp,status\nu1,paid,2026-10-10 13:55:36,ok\n", encoding="utf-8")
    assert figures(tmp_path / "events.csv")["input"]["files"][0]["format"] == "csv"


@pytest.mark.parametrize(("time", "is_local"), [("2026-10-10 13:55:36", True), ("2026-10-10T13:55:36Z", False)])
def test_times_without_a_zone_are_recognised(time: str, is_local: bool, tmp_path: Path) -> None:  # noqa: FBT001 (a column of the table)
    (tmp_path / "log").write_text(f"client_ip,method,path,status,time,user_agent\n203.0.113.7,GET,/,200,{time},Opera/12.0\n", encoding="utf-8")
    with ExitStack() as stack:
        (log,) = open_logs([tmp_path / "log"], "auto", stack).logs
    assert (log.name, log.has_local_times) == ("csv-log", is_local)


CELLS = st.sampled_from(["x", '"open', '"two\nlines"', '"a ""word"""', '"', "", '"a,b"', 'closed"', '"three\n\nlines"'])


@given(st.lists(CELLS, min_size=1, max_size=60), st.integers(1, 7), st.integers(2, 6))
def test_records_are_joined_alike_in_windows_of_any_size(cells: list[str], height: int, longest: int) -> None:
    """A quote that is never closed costs the same rows wherever a window ends."""
    lines = "\n".join(f"{number},{cell},z" for number, cell in enumerate(cells)).split("\n")
    frame = pl.DataFrame({"line": lines, "line_no": range(1, len(lines) + 1)}, schema={"line": pl.String, "line_no": pl.UInt32})
    table = delimited.Dialect(",", None, 3)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(delimited, "_MOST_LINES", longest)
        at_once = pl.concat(table.mend([frame]))
        patch.setattr(delimited, "_MENDED_AT_ONCE", height)
        in_windows = pl.concat(table.mend(frame[start : start + 3] for start in range(0, frame.height, 3)))
    assert in_windows.equals(at_once)
