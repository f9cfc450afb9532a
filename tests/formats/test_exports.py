"""Event exports: all notations give the same reports, rows are classified, and everything readable in odd or damaged files is kept."""

from __future__ import annotations

import gzip
import io
import json
import subprocess
import sys
from collections import Counter
from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest
import runs
from places import ROOT
from small_logs import figures, overview, reached_by, written

import convkit
from convkit.core import schema
from convkit.errors import ExitCode, InputError
from convkit.files import reader
from convkit.formats import json as json_array
from convkit.formats.parsers import json_events
from convkit.formats.parsers.base import ALL_ASSETS, NO_NEEDS
from convkit.goals.loader import parse_goals
from convkit.traffic import hits as traffic_hits

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from pathlib import Path

NAMES = ("user_id", "event", "timestamp", "url", "referrer", "seconds", "note")
ROWS: tuple[tuple[object, ...], ...] = (
    ("u1", "page_view", "2026-10-10T13:55:36Z", "https://shop.example/", "", None, 'two "words", and one'),
    ("u1", "page_view", "2026-10-10T13:56:36Z", "https://shop.example/product/1?x=1", "https://search.example/", None, ""),
    ("u1", "video_play", "2026-10-10T13:57:36Z", "https://shop.example/product/1", "", 31, ""),
    ("u2", "page_view", "2026-10-10T13:55:40Z", "https://shop.example/", "", None, "é"),
    ("u2", "session_start", "2026-10-10T13:55:40Z", "https://shop.example/", "", None, ""),
    ("u2", "video_play", "2026-10-10T13:58:36Z", "https://shop.example/", "", 12.5, ""),
)
GOALS = """
site: {hosts: [shop.example]}
macro: {video: {event: video_play, where: {seconds: '>= 30'}, value: prop.seconds}}
micro:
  product: /product/*
  any_video: {event: video_*}
  short: {where: {seconds: 12.5}}
  started: {event: session_start}
  noted: {where: {note: '*words*'}}
funnels: {f: [product, video]}
"""


def table(separator: str = ",", **options: Any) -> bytes:  # noqa: ANN401 (the options of Polars)
    """Return the rows as CSV, written by Polars."""
    frame = pl.DataFrame([dict(zip(NAMES, row, strict=True)) for row in ROWS], infer_schema_length=None)
    text = frame.write_csv(separator=separator, **options)
    return text.encode()


def objects() -> list[dict[str, object]]:
    """Return the rows as objects."""
    return [dict(zip(NAMES, row, strict=True)) for row in ROWS]


def nested() -> list[dict[str, object]]:
    """Return the rows as objects with nested properties."""
    names = {"url": "$current_url", "referrer": "$referrer"}
    return [
        {
            "distinct_id": row["user_id"],
            "event": row["event"],
            "properties": {"time": row["timestamp"], **{names.get(name, name): row[name] for name in NAMES[3:]}},
        }
        for row in objects()
    ]


def as_lines(rows: Iterable[object]) -> bytes:
    """Return one JSON line per row."""
    return "".join(f"{json.dumps(row)}\n" for row in rows).encode()


def as_parquet(*, typed: bool) -> bytes:
    """Return the rows as a Parquet file, with times stored as strings or as times."""
    file = io.BytesIO()
    frame = pl.DataFrame(objects(), infer_schema_length=None)
    time = pl.col("timestamp").str.to_datetime("%Y-%m-%dT%H:%M:%SZ", time_zone="UTC")
    (frame.with_columns(time) if typed else frame).write_parquet(file)
    return file.getvalue()


NOTATIONS = {
    "comma": table(),
    "semicolon, all quoted": table(";", quote_style="always"),
    "bar": table("|"),
    "tab": table("\t"),
    "byte order mark and CR LF": b"\xef\xbb\xbf" + table(line_terminator="\r\n"),
    "with Excel's separator line": b"sep=;\n" + table(";"),
    "repeated header": table() + table().splitlines(keepends=True)[0],
    "gzip": gzip.compress(table()),
    "one object per line": as_lines(objects()),
    "blank lines in between": as_lines(objects()).replace(b"\n", b"\n \n\n"),
    "nested objects": as_lines(nested()),
    "gzipped objects": gzip.compress(as_lines(nested())),
    "array": json.dumps(objects()).encode(),
    "array spread over many lines": json.dumps(nested(), indent=2).encode(),
    "parquet": as_parquet(typed=False),
    "parquet with times": as_parquet(typed=True),
}


def reported(folder: Path, content: bytes, goals: str = GOALS, **options: Any) -> dict[str, Any]:  # noqa: ANN401 (the options of `run`)
    """Return the whole report on an export with this content, in a file without an extension."""
    (folder / "export").write_bytes(content)
    (folder / "goals.yaml").write_text(goals, encoding="utf-8")
    return figures(folder / "export", goals=folder / "goals.yaml", **options)


@pytest.fixture(scope="module")
def report_of(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], dict[str, Any]]:
    """Return a function that returns the report on a notation, made once."""
    folder = tmp_path_factory.mktemp("notations")
    return cache(lambda name: reported(folder, NOTATIONS[name]))


ALIKE = ("bar", "gzip", "gzipped objects", "blank lines in between", "repeated header")


@pytest.mark.parametrize("name", [pytest.param(name, marks=pytest.mark.slow) if name in ALIKE else name for name in NOTATIONS])
def test_every_notation_gives_the_same_report(name: str, report_of: Callable[[str], dict[str, Any]]) -> None:
    """The fates of rows are equal, too, except for headers and blank lines."""
    usual, actual = report_of("comma"), report_of(name)
    assert actual["reports"] == usual["reports"]
    fates = [
        {key: number for key, number in report["input"].items() if key not in {"lines", "comment", "blank", "files"}} for report in (actual, usual)
    ]
    assert fates[0] == fates[1]
    assert (usual["input"]["kept"], usual["input"]["background"]) == (6, 0)
    assert {row["goal"]: row["reached"] for row in usual["reports"]["goals"]} == {
        "video": 1,
        "product": 1,
        "any_video": 2,
        "short": 1,
        "started": 1,
        "noted": 1,
    }
    assert overview(usual)["value"] == 31


KINDS = {
    "page_view,https://shop.example/a": "page",
    "$pageview,/a": "page",
    "Page View,/a": "page",
    "pageview,": "page",
    "screen_view,": "page",
    "Screen,": "page",
    ",/a": "page",
    "page_view,/images/logo.gif": "page",
    "page_view,/api/x.json": "page",
    "page_view,/files/a.pdf": "page",
    "page_view,/robots.txt": "page",
    "homepage_viewer,/a": "event",
    "signup,/a": "event",
    "signup,": "event",
    "session_start,/a": "background",
    "$pageleave,/a": "background",
    "user_engagement,": "background",
    "noise_1,/a": "background",
    "scroll,/a": "event",
}
"""Rows `event,url`, and the kind of each, if a goal matches `scroll` and the site ignores `noise_*`."""
OF_KINDS = "site: {ignore: {events: [noise_*]}}\nmacro: {scrolled: {event: scroll}}\n"


def kinds(folder: Path, rows: Iterable[str], goals: str) -> dict[str, tuple[str, str | None]]:
    """Return the kind and the page of rows `event,url`."""
    lines = [f"u{number},{1_791_640_000 + number},{row}" for number, row in enumerate(rows)]
    log = written(folder / "events.csv", ["user,time,event,url", *lines])
    file = written(folder / "kinds.yaml", [goals])
    hits = convkit.read_hits([log], goals=convkit.load_goals(file)).sort("line_no").select("kind", "page").collect()
    return {row: (str(kind), page) for row, (kind, page) in zip(rows, hits.rows(), strict=True)}


def test_rows_are_pages_events_or_background(tmp_path: Path) -> None:
    """A path never makes a row an asset, download, error or background; events that tools send themselves are ignored unless a goal names them."""
    kind_and_page = kinds(tmp_path, KINDS, OF_KINDS)
    assert {row: kind for row, (kind, _) in kind_and_page.items()} == KINDS
    assert kind_and_page["page_view,/images/logo.gif"][1] == "/images/logo.gif"
    assert kind_and_page["screen_view,"][1] == "screen_view", "a page without a URL goes by its name"


def test_events_count_as_pages_if_no_row_is_a_page(tmp_path: Path) -> None:
    kind_and_page = kinds(tmp_path, ["home,", "cart,", "session_start,/x"], OF_KINDS)
    assert (kind_and_page["home,"], kind_and_page["cart,"], kind_and_page["session_start,/x"][0]) == (
        ("page", "home"),
        ("page", "cart"),
        "background",
    )
    kind_and_page = kinds(tmp_path, ["home,/x", "cart,", "session_start,"], OF_KINDS)
    assert (kind_and_page["home,/x"], kind_and_page["cart,"], kind_and_page["session_start,"][0]) == (("page", "/x"), ("event", "cart"), "background")
    one = kinds(tmp_path, ["home,/x", "page_view,/a"], OF_KINDS)
    assert one == {"home,/x": ("event", "/x"), "page_view,/a": ("page", "/a")}


def test_a_page_goal_matches_pages_and_an_event_goal_events(tmp_path: Path) -> None:
    lines = ["user,time,event,url", "u,1791640000,page_view,/a", "u,1791640001,signup,/a", "u,1791640002,,/a", "u,1791640003,page_view,"]
    matching_lines = reached_by(
        tmp_path,
        lines,
        "macro: {page: {page: /a, once_per: hit}}\nmicro: {event: {event: '*', once_per: hit}, get: {request: GET /a, once_per: hit}}",
    )
    assert matching_lines == {"page": [2, 4], "event": [2, 3, 4, 5], "get": [2, 4]}


def test_a_row_with_the_id_visitor_event_and_time_of_another_is_a_duplicate(tmp_path: Path) -> None:
    rows = [
        "user,time,event,insert_id",
        "u,1791640000,a,1",
        "u,1791640001,a,2",
        "u,1791640000,a,1",
        "u,1791640002,a,",
        "u,1791640002,a,",
        "v,1791640003,b,1",
    ]
    report = reported(tmp_path, "\n".join(rows).encode(), "macro: {a: {event: a, once_per: hit}}")
    assert (report["input"]["duplicate"], report["input"]["kept"], report["input"]["lines"]) == (1, 5, 7)
    assert report["reports"]["goals"][0]["conversions"] == 4


def test_duplicates_are_found_across_files(tmp_path: Path) -> None:
    for name, row in (("a.csv", "v,1791640000,c,3\nu,1791640000,a,1"), ("b.csv", "u,1791640000,a,1\nu,1791640001,b,2")):
        (tmp_path / name).write_text(f"user,time,event,event_id\n{row}\n", encoding="utf-8")
    for files in (["a.csv", "b.csv"], ["b.csv", "a.csv"]):
        assert figures(*(tmp_path / file for file in files))["input"]["duplicate"] == 1


def test_users_addresses_and_hosts_can_be_excluded(tmp_path: Path) -> None:
    rows = [
        "user,ip,time,url",
        "tester-1,,1791640000,/a",
        "u,203.0.113.9,1791640000,/a",
        "u,,1791640000,https://other.example/a",
        "u,,1791640001,https://Shop.Example/a",
        ",2001:db8::1,1791640001,/a",
    ]
    goals = "site: {hosts: [shop.example], ignore: {users: [tester-*], addresses: [203.0.113.0/24]}}\nmacro: {a: /a}"
    report = reported(tmp_path, "\n".join(rows).encode(), goals)
    assert (report["input"]["excluded"], report["input"]["kept"]) == (3, 2)
    assert overview(report)["visitors"] == 2


def test_bots_are_identified_by_user_agent_if_there_is_one(tmp_path: Path) -> None:
    """Rows sent by a server have no user agent and are not bots."""
    rows = [
        "user,time,url,user_agent",
        "u,1791640000,/a,Googlebot/2.1",
        "u,1791640000,/a,",
        'v,1791640001,/a,"Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"',
    ]
    report = reported(tmp_path, "\n".join(rows).encode(), "macro: {a: /a}")
    assert (report["input"]["bot"], report["input"]["kept"]) == (1, 2)


def test_without_an_address_the_user_is_the_visitor_under_any_rule(tmp_path: Path) -> None:
    rows = ["user,time,event", "u,1791640000,a", "v,1791640001,a", "u,1791640002,b"]
    for rules in ("[user, address]", "[address+browser]", "[address]"):
        assert overview(reported(tmp_path, "\n".join(rows).encode(), f"site: {{visitor: {rules}}}\nmacro: {{a: {{event: a}}}}"))["visitors"] == 2


def test_rows_of_a_session_before_its_user_is_known_belong_to_the_user(tmp_path: Path) -> None:
    """The same rule applies as in access logs, if the address and browser are known."""
    rows = ["user,ip,time,event", ",198.51.100.1,1791640000,a", "u,198.51.100.1,1791640010,b", "u,,1791640020,c", ",198.51.100.2,1791640000,a"]
    metrics = overview(reported(tmp_path, "\n".join(rows).encode(), "macro: {c: {event: c}}"))
    assert (metrics["sessions"], metrics["visitors"], metrics["bounces"]) == (2, 2, 1)


TABLES = {
    "a record on two lines": ('u,1,a,"two\nlines"\nu,2,b,x\n', {"kept": 2}),
    "a doubled quote": ('u,1,a,"say ""hi"""\n', {"kept": 1}),
    "an open quote": ('u,1,a,"open\nu,2,b,x\nu,3,c,x\n', {"kept": 2, "unclosed quote": 1}),
    "an open quote far above another": ('u,1,a,"open\n' + "u,2,b,x\n" * 300 + 'u,3,c,x"\n', {"kept": 300, "unclosed quote": 2}),
    "too few fields": ("u,1,a\nu,2,b,x\n", {"kept": 1, "number of fields differs from the header": 1}),
    "too many fields": ("u,1,a,x,y\nu,2,b,x\n", {"kept": 1, "number of fields differs from the header": 1}),
    "text after a quote": ('u,1,a,"x"y\nu,2,b,x\n', {"kept": 1, "number of fields differs from the header": 1}),
    "a header in the middle": ("u,1,a,x\nuser,time,event,note\nu,2,b,x\n", {"kept": 2, "comment": 1}),
    "no time": ("u,,a,x\nu,soon,a,x\nu,2,b,x\nu,3,b,x\n", {"kept": 2, "no time": 2}),
    "no visitor at all": (",1,a,x\nNULL,1,a,x\n-,1,a,x\nu,2,b,x\nu,2,b,x\nv,2,b,x\n", {"kept": 3, "no visitor": 3}),
    "neither event nor page": ("u,1,,x\nu,2,b,x\n", {"kept": 1, "neither an event nor a page": 1}),
    "an incomplete last line": ("u,1,a,x\nu,2,b", {"kept": 1, "unfinished last line": 1}),
    "a last line without a line break": ("u,1,a,x\nu,2,b,y", {"kept": 2}),
    "zero bytes": ("u,1,a,x\nu,2\0,b,y\nu,3,c,z\n", {"kept": 2, "contains zero bytes": 1}),
    "a line of 2 MB": (f"u,1,a,{'x' * (2 << 20)}\nu,2,b,y\n", {"kept": 1, "longer than 1 MiB": 1}),
    "no rows": ("", {"kept": 0}),
}
"""Rows under the header `user,time,event,note`, and their fates."""


OF_SINGLE_ROWS = (
    *("a record on two lines", "a doubled quote", "too few fields", "too many fields", "text after a quote", "a header in the middle", "no time"),
    *("no visitor at all", "neither event nor page"),
)
"""Tables whose odd rows change nothing for others, so that they can be read as one."""


def together(cases: Mapping[str, tuple[str, dict[str, int]]], names: Iterable[str]) -> tuple[str, dict[str, int]]:
    """Return some texts as one, and the sum of their fates."""
    chosen = [cases[name] for name in names]
    return "".join(text for text, _ in chosen), dict(sum((Counter(fates) for _, fates in chosen), Counter()))


TABLES["odd rows"] = together(TABLES, OF_SINGLE_ROWS)


@pytest.mark.parametrize("name", [pytest.param(name, marks=pytest.mark.slow) if name in OF_SINGLE_ROWS else name for name in TABLES])
def test_an_odd_table_keeps_its_readable_rows(name: str, tmp_path: Path) -> None:
    text, expected = TABLES[name]
    (tmp_path / "events.csv").write_text(
        "user,time,event,note\n"
        + text.replace(",1,", ",1791640001,")
        .replace(",2,", ",1791640002,")
        .replace(",2\0", ",1791640002\0")
        .replace(",3,", ",1791640003,")
        .replace(",2,b", ",1791640002,b"),
        encoding="utf-8",
    )
    document = runs.document([tmp_path / "events.csv"], ["overview"], log_format="csv")
    fates = document.input
    comments = {"comment": fates["comment"] - 1} if fates["comment"] > 1 else {}
    assert {"kept": fates["kept"], **document.reasons["unparsed_by_reason"]} | comments == expected
    assert sum(number for fate, number in fates.items() if fate != "lines") == fates["lines"]


OBJECT = '{"user": "u", "time": 1791640001, "event": "a", "n": 5}'
LINES = {
    "an incomplete line": (f'{OBJECT}\n{{"user": "u", "ti\n{OBJECT}\n', {"kept": 2, "not a JSON object": 1}),
    "an incomplete last line": (f'{OBJECT}\n{{"user": "u", "ti', {"kept": 1, "unfinished last line": 1}),
    "not objects": (f'{OBJECT}\n5\n"x"\nnull\n[1]\n' + f"{OBJECT}\n" * 4, {"kept": 5, "not a JSON object": 4}),
    "repeated names": ('{"user": "u", "user": "v", "time": 1791640001, "event": "a"}\n', {"kept": 1}),
    "a type that changes": (f'{OBJECT}\n{{"user": 7, "time": "2026-10-10", "event": "a", "n": {{"x": 1}}}}\n', {"kept": 2}),
    "an object instead of a name": (f'{OBJECT}\n{{"user": {{"id": 7}}, "time": 1791640001, "event": "a"}}\n', {"kept": 1, "no visitor": 1}),
    "a late column": (f'{OBJECT}\n{{"user": "u", "time": 1791640001, "event": "a", "later": 1}}\n', {"kept": 2}),
    "large numbers": (f'{OBJECT}\n{{"user": {"9" * 30}, "time": 1791640001, "event": "a"}}\n', {"kept": 2}),
    "half a character": (f'{OBJECT}\n{{"user": "\\ud800", "time": 1791640001, "event": "a"}}\n', {"kept": 2}),
    "not a number": (
        f'{OBJECT}\n{{"user": "u", "time": NaN, "event": "a"}}\n{{"user": "u", "time": 1e400, "event": "a"}}\n{OBJECT}\n',
        {"kept": 2, "not a JSON object": 1, "no time": 1},
    ),
    "deep nesting": (f'{OBJECT}\n{OBJECT[:-1]}, "x": {"[" * 50_000}{"]" * 50_000}}}\n', {"kept": 1, "not a JSON object": 1}),
    "not UTF-8": (f"{OBJECT}\n{OBJECT}\n".replace('"a"', '"\udcff"', 1), {"kept": 2}),
}
"""JSON lines and their fates."""
OF_SINGLE_LINES = ("not objects", "repeated names", "a type that changes", "an object instead of a name", "a late column", "large numbers")
OF_SINGLE_LINES += ("half a character", "not a number", "deep nesting")
LINES["odd lines"] = together(LINES, OF_SINGLE_LINES)


@pytest.mark.parametrize("name", [pytest.param(name, marks=pytest.mark.slow) if name in OF_SINGLE_LINES else name for name in LINES])
def test_odd_json_lines_keep_their_readable_events(name: str, tmp_path: Path) -> None:
    text, expected = LINES[name]
    (tmp_path / "events.ndjson").write_text(text, encoding="utf-8", errors="surrogateescape")
    document = runs.document([tmp_path / "events.ndjson"], ["overview"], parse_goals("macro: {a: {event: a, where: {n: 5}}}", "goals.yaml"))
    assert {"kept": document.input["kept"], **document.reasons["unparsed_by_reason"]} == expected


@pytest.mark.parametrize("name", LINES)
def test_lines_read_one_by_one_or_at_once_give_the_same(name: str) -> None:
    """A repaired object is read like the original line, if the fast reader can read that line by itself."""
    layout = json_events.fit(pl.Series([OBJECT]), "log", NO_NEEDS)
    for line in LINES[name][0].encode(errors="surrogateescape").decode("utf-8", "replace").splitlines():
        frame = pl.DataFrame(
            {"source": [0], "line_no": [1], "line": [line], "fault": [None], "outer": [None]},
            schema=schema.LINES,
        )
        with_damage = pl.concat([frame, frame.with_columns(line=pl.lit("{"))])
        repaired = layout.scan(next(iter(layout.mend([with_damage]))).lazy(), ALL_ASSETS).collect()[0]
        try:
            assert repaired.equals(layout.scan(frame.lazy(), ALL_ASSETS).collect())
        except pl.exceptions.ComputeError:
            assert repaired["problem"].item() is not None or "{" in line[1:] or "1e400" in line


USUAL = ("comma", "byte order mark and CR LF", "one object per line", "nested objects", "array spread over many lines")


@pytest.mark.parametrize(
    "name", [*USUAL, *(pytest.param(name, marks=pytest.mark.slow) for name in NOTATIONS if name not in USUAL and "parquet" not in name)]
)
def test_the_reader_for_damaged_files_reads_every_notation_alike(
    name: str, report_of: Callable[[str], dict[str, Any]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usual = report_of(name)
    monkeypatch.setattr(reader, "is_read_by_polars", lambda _: False)
    assert reported(tmp_path, NOTATIONS[name]) | {"goals_file": usual["goals_file"]} == usual


REFUSED = {
    "two users": (
        "user_id,account_id,time,event\n1,2,3,4\n",
        "two candidates for the user column, user_id and account_id; choose one with --set columns.user=user_id",
    ),
    "two times": ("user,time,created_at,event\n1,2,3,4\n", "two candidates for the time column, time and created_at"),
    "two users within objects": (
        '{"a": {"user_id": 1}, "b": {"member_id": 2}, "time": 1791640001, "event": "x"}\n',
        "two candidates for the user column, a.user_id and b.member_id",
    ),
    "no time": (
        "user,event,when_it_was\n1,2,3\n",
        "no column that looks like a time; name it with --set columns.time=NAME, or --set columns.time=2 for the second column",
    ),
    "no user": ("who_knows,event,time\n1,2,3\n", "no column that looks like a visitor"),
    "neither event nor page": ("user,amount,time\n1,2,3\n", "no column that looks like an event or a page"),
    "a truncated array": ('[{"user": 1,\n "time": 2, "event": "a"}, {"us', "is a JSON array that is damaged at line 2"),
    "a truncated Parquet file": (as_parquet(typed=True)[:200], "is a damaged Parquet file"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_ambiguous_columns_are_an_error_with_the_fix(name: str, tmp_path: Path) -> None:
    content, expected = REFUSED[name]
    (tmp_path / "export").write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(InputError) as raised:
        runs.document([tmp_path / "export"])
    assert expected in str(raised.value)
    assert "203.0.113.7" not in str(raised.value)


def test_column_names_are_harmless_in_messages(tmp_path: Path) -> None:
    """Names may contain anything, and in a file without a header they are a visitor's data."""
    (tmp_path / "export").write_text('"a\x1b[31m","203.0.113.7","\u202eb",' + "c" * 400 + "\n1,2,3,4\n" * 2, encoding="utf-8")
    with pytest.raises(InputError) as raised:
        runs.document([tmp_path / "export"], log_format="csv")
    assert "its columns are a\u241b[31m, x.x.x.x, \\u202eb, ccc" in str(raised.value)
    assert len(str(raised.value)) < 400


def test_a_large_array_on_one_line_is_read(tmp_path: Path) -> None:
    """It is longer than the sample used for detection, and longer than a line of a log may be."""
    rows = [{"user": f"u{number}", "time": 1_791_640_000 + number, "event": "a", "note": "x" * 300} for number in range(15_000)]
    report = reported(tmp_path, json.dumps(rows).encode(), "macro: {a: {event: a}}")
    assert (report["input"]["lines"], report["input"]["kept"]) == (15_000, 15_000)


@pytest.mark.parametrize("ends", ["2>&1", "2>&-"])
def test_damaged_parquet_is_one_line_on_standard_error(ends: str, tmp_path: Path) -> None:
    """Polars panics on some damage; a run with standard error closed has the same exit code."""
    content = bytearray(as_parquet(typed=False))
    for place in range(200, len(content) - 900, 7):
        content[place] ^= 0xFF
    (tmp_path / "events.parquet").write_bytes(content)
    command = f"{sys.executable} -m convkit overview {tmp_path}/events.parquet {ends}"
    process = subprocess.run(["/bin/sh", "-c", command], capture_output=True, text=True, check=False, cwd=ROOT)
    assert process.returncode == ExitCode.INPUT
    assert process.stdout == ("convkit: error: events.parquet is a damaged Parquet file; export it again\n" if "1" in ends else "")


def test_an_array_that_is_too_large_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(json_array, "LARGEST", 100)
    (tmp_path / "export").write_bytes(NOTATIONS["array"])
    with pytest.raises(InputError, match=r"more than 100 MB; convert it to one object per line with jq -c '\.\[\]'"):
        runs.document([tmp_path / "export"])


COLUMN_SETTINGS = {
    "names": ("account,when,what\nu,1791640001,a\n", "{user: account, time: when, event: what}"),
    "names in another case": ("Account ID,When,What\nu,1791640001,a\n", "{user: account_id, time: when, event: what}"),
    "one of two": ("user_id,visitor_id,time,event\nu,,1791640001,a\n", "{user: user_id}"),
    "positions": ("u,1791640001,a\nu,1791640002,b\n", "{user: 1, time: 2, event: 3}"),
    "positions, quoted": ('"u";"1791640001";"a"\n', "{user: 1, time: 2, event: 3}"),
    "within an object": ('{"who": {"id": "u"}, "when": 1791640001, "what": "a"}\n', "{user: who.id, time: when, event: what}"),
    "day and time of day": ("user,date,time,event\nu,2026-10-10,13:46:41,a\n", "{}"),
    "day and time of day, with other names": ("user,tag,uhr,event\nu,20261010,9:46:41,a\n", "{date: tag, time: uhr}"),
    "a day and a time": ("user,event_date,event_timestamp,event\nu,20261010,1791640001,a\n", "{}"),
    "only a day": ("user,date,event\nu,2026-10-10 13:46:41,a\n", "{}"),
    "uuid of the event": ("user,uuid,time,event\nu,1,1791640001,a\nu,1,1791640001,a\n", "{}"),
    "uuid of the user": ("uuid,time,event\nu,1791640001,a\n", "{}"),
}


@pytest.mark.parametrize("name", COLUMN_SETTINGS)
def test_columns_are_found_or_named_by_settings(name: str, tmp_path: Path) -> None:
    content, columns = COLUMN_SETTINGS[name]
    report = reported(tmp_path, content.encode(), f"site: {{columns: {columns}}}\nmacro: {{a: {{event: a}}}}", reports=["goals"])
    assert report["reports"]["goals"][0]["reached"] == 1
    assert report["period"]["from"].startswith("2026-10-10T")
    assert (report["input"]["duplicate"], report["input"]["unparsed"]) == (int("event" in name), 0)


def test_a_named_column_that_is_missing_is_an_error_with_the_closest_name(tmp_path: Path) -> None:
    with pytest.raises(
        InputError,
        match=r"export has no column account, which site\.columns names for user; did you mean 'acount'\? Columns: acount, time, event",
    ):
        reported(tmp_path, b"acount,time,event\nu,1791640001,a\n", "site: {columns: {user: account}}\nmacro: {a: {event: a}}")
    with pytest.raises(InputError, match=r"export has no column 7, which site\.columns names for user. It has 3 columns"):
        reported(tmp_path, b"u,1791640001,a\n", "site: {columns: {user: 7, time: 2, event: 3}}\nmacro: {a: {event: a}}")


def test_column_settings_are_combined(tmp_path: Path) -> None:
    (tmp_path / "export").write_text("u,1791640001,a\n", encoding="utf-8")
    goals = convkit.load_goals(None, ["columns.user=1", "columns.time=2", "columns.event=3"])
    assert runs.document([tmp_path / "export"], ["overview"], goals).input["kept"] == 1


def test_times_without_a_zone_are_in_the_site_s_and_a_note_says_so(tmp_path: Path) -> None:
    rows = b"user,time,event\nu,2026-07-01 12:00:00,a\n"
    in_utc = reported(tmp_path, rows, "macro: {a: {event: a}}")
    assert in_utc["period"]["from"] == "2026-07-01T12:00:00+00:00"
    assert "no-zone" in {note["code"] for note in in_utc["notes"]}
    in_berlin = reported(tmp_path, rows, "site: {timezone: Europe/Berlin}\nmacro: {a: {event: a}}")
    assert in_berlin["period"]["from"] == "2026-07-01T12:00:00+02:00"
    assert "no-zone" not in {note["code"] for note in in_berlin["notes"]}
    assert "no-zone" not in {note["code"] for note in reported(tmp_path, rows.replace(b"00,a", b"00Z,a"), "macro: {a: {event: a}}")["notes"]}


def test_exports_and_logs_are_read_together(tmp_path: Path) -> None:
    """One user's hits in both are one session; the rules for logs apply to the log only."""
    agent = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
    log = written(
        tmp_path / "access.log",
        [f'198.51.100.1 - u [10/Oct/2026:12:00:0{n} +0000] "GET {path} HTTP/1.1" 200 5 "-" "{agent}"' for n, path in enumerate(("/a", "/x.css"))],
    )
    export = written(tmp_path / "events.csv", ["user,time,event", "u,2026-10-10T12:00:05Z,paid", "v,2026-10-10T12:00:05Z,paid"])
    document = figures(log, export, goals=written(tmp_path / "g.yaml", ["macro: {paid: {event: paid}}"]))
    assert (document["input"]["asset"], document["input"]["kept"]) == (1, 3)
    assert (overview(document)["sessions"], overview(document)["bounces"], overview(document)["converted_sessions"]) == (2, 1, 2)


def test_records_and_hits_are_read_lazily(tmp_path: Path) -> None:
    (tmp_path / "export").write_bytes(NOTATIONS["comma"])
    records = convkit.read_records([tmp_path / "export"]).collect()
    assert records.select("user", "event", "target", "status").row(2) == ("u1", "video_play", "https://shop.example/product/1", None)
    assert convkit.read_hits([tmp_path / "export"]).collect().height == len(ROWS)


def test_rejects_of_an_export_name_line_and_reason(tmp_path: Path) -> None:
    (tmp_path / "events.csv").write_text("user,time,event\nu,1791640001,a\nu,1791640001\nu,1791640001,b\n", encoding="utf-8")
    rejects = runs.document([tmp_path / "events.csv"], ["overview"], rejects=True).rejects
    assert rejects is not None
    assert rejects.rows() == [("events.csv", 3, "number of fields differs from the header", "u,1791640001")]


def test_a_late_column_is_found(tmp_path: Path) -> None:
    """The file has two thousand events without a URL, and then as many with one."""
    rows = [
        {"user": "u", "time": 1_791_640_000 + number, "event": "page_view"} | ({"url": "/late"} if number >= 2_000 else {}) for number in range(4_000)
    ]
    document = reported(tmp_path, as_lines(rows), "macro: {late: {page: /late, once_per: hit}}")
    assert document["reports"]["goals"][0]["conversions"] == 2_000


@pytest.mark.parametrize("name", ["csv", "tsv", "ndjson", "json"])
@pytest.mark.parametrize("content", [b"", b"\n \n", gzip.compress(b"", mtime=0)], ids=["empty", "blank", "gzip"])
def test_an_empty_export_is_a_report_of_zeros(name: str, content: bytes, tmp_path: Path) -> None:
    (tmp_path / "export").write_bytes(content)
    document = runs.document([tmp_path / "export"], ["overview"], log_format=name)
    assert (document.input["kept"], document.warnings) == (0, ())


def test_only_a_parquet_file_is_read_as_one(tmp_path: Path) -> None:
    (tmp_path / "export").write_bytes(NOTATIONS["comma"])
    with pytest.raises(InputError, match="is not a Parquet file"):
        runs.document([tmp_path / "export"], log_format="parquet")


def test_columns_that_a_run_does_not_need_are_not_read(tmp_path: Path) -> None:
    """Properties become columns only if a goal tests them."""
    goals = convkit.load_goals(written(tmp_path / "g.yaml", ["macro: {a: {event: a, where: {x: 1}, value: prop.y}}"]))
    assert traffic_hits.parser_needs(goals).properties == ("currency", "x", "y")


def test_times_a_lifetime_apart_are_not_an_error(tmp_path: Path) -> None:
    """Clocks may be wrong, both within a tool's sessions and between visitors; durations are capped at 68 years."""
    rows = [f"{user},{session},{time},{name}" for user, session, name, time in [
        ("ann", "s1", "page_view", "1991-01-01T00:00:00Z"),
        ("ann", "s1", "page_view", "2099-01-01T00:00:00Z"),
        ("ann", "s1", "buy", "2099-01-01T00:00:01Z"),
        ("bob", "s2", "page_view", "1991-01-01T00:00:00Z"),
    ]]  # fmt: skip
    log = written(tmp_path / "events.csv", ["user_id,session,time,event", *rows])
    goals = "site: {columns: {session: session}}\nmacro: {buy: {event: buy}}\nfunnels: {f: [{event: page_view}, buy]}"
    (tmp_path / "goals.yaml").write_text(goals)
    frames = runs.document([log], goals=tmp_path / "goals.yaml").reports
    longest = 2**31 - 1
    assert frames["goals"].frame["median_seconds"].to_list() == [longest]
    assert frames["funnel"].frame["median_seconds_to_next"].to_list() == [longest, None]


@pytest.mark.parametrize("time", [-63_000_000_000, -2_300_000_000, 5_000_000_000, 253_402_300_800])
def test_an_impossible_time_is_not_part_of_the_period(time: int, tmp_path: Path) -> None:
    rows = [{"user_id": "ann", "event": "page_view", "time": second, "url": "/"} for second in (1_791_640_000, time, 1_791_640_060)]
    log = written(tmp_path / "events.ndjson", map(json.dumps, rows))
    document = runs.document([log])
    assert document.reasons["unparsed_by_reason"] == {"impossible time": 1}
    assert (document.period.begin, document.period.end) == (
        datetime(2026, 10, 10, 13, 46, 40, tzinfo=UTC),
        datetime(2026, 10, 10, 13, 47, 40, tzinfo=UTC),
    )
