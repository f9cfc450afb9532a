"""Plain assets are told on the raw line, before it is taken apart: by what was asked for, whatever else the line says."""

from __future__ import annotations

import polars as pl
import pytest
from test_formats import HEAD, TIME

from convkit import lists, quoted_lines


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
def test_an_asset_is_told_by_the_extension_of_what_was_asked_for(request_line: str, expected: bool) -> None:  # noqa: FBT001 (a column of the table)
    line = f'{HEAD} {TIME} "{request_line}" 404 1 "https://shop.example/style.css" "Opera/12.0 /a.css"'
    assert pl.DataFrame({"line": [line]}).select(quoted_lines.is_asset("|".join(lists.words("assets")))).item() == expected


def test_only_the_extensions_that_are_asked_for_are_told() -> None:
    lines = pl.DataFrame({"line": [f'{HEAD} {TIME} "GET /a.{extension} HTTP/1.1" 200 1' for extension in ("gif", "GIF", "png", "css")]})
    assert lines.select(quoted_lines.is_asset("gif|css")).to_series().to_list() == [True, True, False, True]
