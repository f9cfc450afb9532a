"""The common log format: assets are recognised on the raw line, and unusual lines are parsed."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest
from format_samples import FORMATS, HEAD, SAMPLES, TIME

from convkit.core import datafiles
from convkit.core.schema import LINES
from convkit.files.lines import Source
from convkit.formats.parsers import clf
from convkit.formats.parsers.base import ALL_ASSETS, Needs


@pytest.mark.parametrize(
    ("request_line", "expected"),
    [
        ("GET /style.css HTTP/1.1", True),
        ("GET /style.CSS?v=2 HTTP/1.1", True),
        ("HEAD /logo.png HTTP/1.1", True),
        ("GET /logo.png", True),
        ("GET http://shop.example/logo.png HTTP/1.1", True),
        ("POST /style.css HTTP/1.1", False),
        ("GET /page?file=style.css HTTP/1.1", False),
        ("GET /style.css/page HTTP/1.1", False),
        ("GET /.css HTTP/1.1", False),
        ("GET /css HTTP/1.1", False),
        ("GET /robots.txt HTTP/1.1", False),
        ("GET /report.pdf HTTP/1.1", False),
    ],
)
def test_an_asset_is_recognised_by_the_extension_of_its_target(request_line: str, expected: bool) -> None:  # noqa: FBT001 (a column of the table)
    line = f'{HEAD} {TIME} "{request_line}" 404 1 "https://shop.example/style.css" "Opera/12.0 /a.css"'
    assert pl.DataFrame({"line": [line]}).select(clf.is_asset("|".join(datafiles.words("assets")))).item() == expected


def test_only_the_given_extensions_match() -> None:
    lines = pl.DataFrame({"line": [f'{HEAD} {TIME} "GET /a.{extension} HTTP/1.1" 200 1' for extension in ("gif", "GIF", "png", "css")]})
    assert lines.select(clf.is_asset("gif|css")).to_series().to_list() == [True, True, False, True]


def cells(name: str, *lines: str) -> pl.DataFrame:
    """Return the PARSED columns of some lines."""
    frame = pl.LazyFrame({"source": 0, "line_no": range(1, len(lines) + 1), "line": lines}, schema_overrides=LINES)
    undamaged = frame.with_columns(fault=pl.lit(None, LINES["fault"]), outer=pl.lit(None, pl.String))
    return FORMATS[name].fit(Source(Path(), "log"), pl.Series(lines), Needs(texts=("forwarded",))).scan(undamaged, ALL_ASSETS).collect()


def test_forwarded_addresses_are_read_from_any_quoted_field_after_the_agent() -> None:
    """A ratio or a name after the user agent is not an address."""
    usual = f'{HEAD} {TIME} "GET / HTTP/1.1" 200 1 "-" "Opera/12.0"'
    ends = (' "203.0.113.9, 10.0.0.1"', ' "2001:db8::7"', ' "-"', "", ' 0.012 "203.0.113.9"')
    assert cells("combined", *(usual + end for end in ends))["forwarded"].to_list() == [
        "203.0.113.9, 10.0.0.1",
        "2001:db8::7",
        None,
        None,
        "203.0.113.9",
    ]
    assert cells("combined", f'{usual} "2.75"')["forwarded"].to_list() == [None]


def test_durations_of_proxies_are_read() -> None:
    assert cells("traefik", *SAMPLES["traefik"])["seconds"].to_list() == pytest.approx([0.012, 0, 0.013])
    parsed = cells("ingress-nginx", *SAMPLES["ingress-nginx"])
    assert parsed["seconds"].to_list() == [0.05, 0]
    assert parsed["sender"].to_list() == ["203.0.113.7 - ann", "203.0.113.7 - -"]


def test_times_in_all_notations_are_read_in_one_log() -> None:
    """A single unusual line causes all lines to be read by the slower rules."""
    rest = '"GET /a HTTP/1.1" 200 1 "-" "Opera/12.0"'
    times = ("[10/Oct/2026:13:55:36 +0200]", "[10/Oct/2026:11:55:36]", "[10/Oct/2026 11:55:36]", "[2026-10-10T11:55:36Z]", "[1791633336]")
    parsed = cells("combined", *(f"{HEAD} {time} {rest}" for time in times))
    assert parsed["time"].n_unique() == 1
    assert parsed["sender"].unique().to_list() == [HEAD]
    assert parsed["problem"].null_count() == len(times)


def test_other_server_messages_are_comments() -> None:
    messages = (
        "[Sat Oct 10 13:55:36.097866 2026] [core:error] [pid 1:tid 1] [client 203.0.113.7:5] no such file",
        "203.0.113.7 - - [10/Oct/2026 13:55:36] code 404, message File not found",
        "Oct 10 13:55:36 --- last message repeated 2 times ---",
        "-- Logs begin at Sat 2026-10-10 --",
    )
    assert cells("combined", *messages)["problem"].to_list() == ["comment"] * len(messages)
