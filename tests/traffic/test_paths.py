"""Paths: their normalised form, their page in reports, query parameters, and the lists they are on."""

from __future__ import annotations

from typing import Any
from unicodedata import normalize

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from profiles import share_of_examples

from convkit.core.model import Site
from convkit.traffic import paths

NORMAL = {
    "/": "/",
    "": "/",
    "?x=1": "/",
    "//": "/",
    "///a//b": "/a/b",
    "/a/": "/a",
    "/a//": "/a",
    "/A/b": "/A/b",
    "/a?x=1": "/a",
    "/a/?": "/a",
    "/a#part": "/a",
    "/a#part?x=1": "/a",
    "/./a": "/a",
    "/a/./b/.": "/a/b",
    "/a/b/../c": "/a/c",
    "/a/b/../../c": "/c",
    "/a/..": "/",
    "/../../a": "/a",
    "/a//../b": "/b",
    "/a/...": "/a/...",
    "/%2e%2e/a": "/a",
    "/a/%2E%2E/b": "/b",
    "/%41": "/A",
    "/a%20b": "/a b",
    "/a+b": "/a+b",
    "/%3Fx%23": "/?x#",
    "/caf%C3%A9": "/café",
    r"/caf\xC3\xA9": "/café",
    "/cafe%CC%81": "/café",
    "/%F0%9F%98%80": "/😀",
    "/%d9%81/%e2%82%ac": "/ف/€",
    "/caf%E9": "/caf%E9",
    "/%C3%28": "/%C3(",
    "/%C0%AF": "/%C0%AF",
    "/%ED%A0%80": "/%ED%A0%80",
    "/a%2Fb%2f": "/a%2Fb%2f",
    "/%252F": "/%2F",
    "/100%": "/100%",
    "/%zz%4": "/%zz%4",
    "/a%0d%0aSet": "/a%0d%0aSet",
    "/%00%1B%7f": "/%00%1B%7f",
    "/%C2%85": "/%C2%85",
    r"/a\x22b\x5C": '/a"b\\',
    r"/a\x00": "/a%00",
    "/a;jsessionid=1F?x=1": "/a",
    "/a;JSESSIONID=1/b": "/a/b",
    "/a;v=1": "/a;v=1",
    "http://shop.example": "/",
    "HTTPS://ann@Shop.Example:8080/a//b?x#y": "/a/b",
    "http://shop.example?x=1": "/",
    "*": "*",
    "shop.example:443": "/",
    "shop.example/cart?x": "/cart",
    "cart": "/cart",
    "index.html": "/index.html",
}

BACKGROUND = """/api /api/stock/7 /v1/api/stock /graphql
/blog/graphql /wp-json/wp/v2/posts /de/wp-json/x /wp-admin/admin-ajax.php
/wp-cron.php /xmlrpc.php /cdn-cgi/rum /.well-known/security.txt /data.json /a/feed.xml /blog/index.rss
/news.atom /?wc-ajax=get_refreshed_fragments
/shop?x=1&wc-ajax= http://shop.example/api/x /%61pi/x"""
NOT_BACKGROUND = """/ /apis /blog/api-design /json /a.json/page /wp-login.php /cart?x=wc-ajax /cart?my-wc-ajax=1
/sitemap /xml /report.pdf /wp-admin"""
DOWNLOADS = "/a.pdf /files/a%20b.PDF /x.zip?v=2 /talk.mp3 /talk.mp4 /a.b.pdf"
NOT_DOWNLOADS = "/ /pdf /.pdf /a.pdf/ /a.pdf/page /page?file=a.pdf /a.html /a.png /a.json"


def read(*targets: str | None, site: Site = Site()) -> list[dict[str, Any]]:  # noqa: B008 (frozen)
    """Return the paths of targets, and the lists they are on."""
    frame = pl.LazyFrame({"target": targets}, schema={"target": pl.String})
    targets_with_lists = paths.add_lists(paths.add_paths(frame, site), site).with_columns(page=paths.page(site))
    return targets_with_lists.collect().to_dicts()


def values(name: str, *queries: str) -> list[str | None]:
    """Return a parameter's value in each query."""
    return [None if row["value"] is None else str(row["value"]) for row in _with_parameter(name, queries)]


def _with_parameter(name: str, queries: tuple[str, ...]) -> list[dict[str, Any]]:
    frame = paths.add_paths(pl.LazyFrame({"target": [f"/?{query}" for query in queries]}), Site())
    return frame.with_columns(value=paths.parameter(name)).collect().to_dicts()


@pytest.mark.parametrize(("target", "expected"), NORMAL.items())
def test_a_path_is_normalised(target: str, expected: str) -> None:
    assert read(target)[0]["path"] == expected


@share_of_examples(0.5)
@given(st.lists(st.sampled_from(["/", "//", "a", "B", ".", "..", "/./", "/../", "é", "e\u0301", " ", ";v", "ف"]), max_size=6))
def test_a_normalised_path_does_not_change(parts: list[str]) -> None:
    once = read("/" + "".join(parts))[0]["path"]
    assert read(once)[0]["path"] == once
    assert once == normalize("NFC", once)
    assert once.startswith("/")
    assert "//" not in once
    assert once == "/" or not once.endswith("/")
    assert not {".", ".."} & set(once.split("/"))


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        ("http://Shop.Example/x", "shop.example"),
        ("https://ann:secret@shop.example:8080/x", "shop.example"),
        ("http://shop.example?x", "shop.example"),
        ("/http://shop.example/x", None),
        ("//shop.example/x", None),
    ],
)
def test_an_absolute_target_has_a_host(target: str, expected: str | None) -> None:
    assert read(target)[0]["target_host"] == expected


def test_a_hit_without_a_target_has_no_path_and_is_on_no_list() -> None:
    row = read(None)[0]
    assert (row["path"], row["page"], row["sent_query"], row["target_host"]) == (None, None, None, None)
    assert (row["background"], row["download"]) == (False, False)


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", None),
        ("a=1", None),
        ("total", ""),
        ("total=", ""),
        ("total=19.99", "19.99"),
        ("a=1&total=2&b=3", "2"),
        ("total=1&total=2", "1"),
        ("subtotal=1&total=2", "2"),
        ("total=a=b", "a=b"),
        ("total=a+b", "a b"),
        ("total=a%2Bb", "a+b"),
        ("total=%C3%A9%2F%26%3D", "é/&="),
        ("total=%0a", "%0a"),
        ("total=%E9", "%E9"),
        (r"total=\xC3\xA9", "é"),
        ("total=1#total=2", "1"),
        ("a?total=1", None),
        ("TOTAL=1", None),
        ("&&total=1&", "1"),
    ],
)
def test_a_query_parameter_has_a_value(query: str, expected: str | None) -> None:
    assert values("total", query) == [expected]


def test_the_name_of_a_parameter_is_not_a_pattern() -> None:
    assert values("a.b", "axb=1", "a.b=2") == [None, "2"]
    assert values("id[]", "id=1", "id[]=2") == [None, "2"]


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        ("/index.php?route=checkout/success&x=1", "/index.php?route=checkout/success"),
        ("/index.php?x=1&page=2&route=a", "/index.php?route=a&page=2"),
        ("/index.php?route=a%2Fb+c", "/index.php?route=a/b c"),
        ("/index.php?route=", "/index.php?route="),
        ("/index.php?x=route", "/index.php"),
        ("/index.php", "/index.php"),
    ],
)
def test_kept_parameters_are_part_of_the_path_in_the_order_of_the_list(target: str, expected: str) -> None:
    row = read(target, site=Site(keep_query=("route", "page")))[0]
    assert row["path"] == row["page"] == expected
    assert row["bare"] == "/index.php"


def test_the_first_group_that_matches_is_the_page_and_goals_still_see_the_path() -> None:
    site = Site(group=("/product/new", "/product/*", "/product/**", "re:/[0-9]{4}"))
    targets = ("/product/new", "/product/7?x=1", "/product/7/reviews", "/2026", "/cart", "/product")
    rows = read(*targets, site=site)
    assert [row["page"] for row in rows] == ["/product/new", "/product/*", "/product/**", "re:/[0-9]{4}", "/cart", "/product"]
    assert [row["path"] for row in rows] == ["/product/new", "/product/7", "/product/7/reviews", "/2026", "/cart", "/product"]


def test_background_requests_are_recognised_by_path_or_parameter() -> None:
    assert [row["target"] for row in read(*BACKGROUND.split()) if not row["background"]] == []
    assert [row["target"] for row in read(*NOT_BACKGROUND.split()) if row["background"]] == []


def test_ignored_paths_are_background_with_and_without_kept_parameters() -> None:
    site = Site(ignore_paths=("/admin/**", "/index.php?route=ajax"), keep_query=("route",))
    targets = ("/admin/users?x=1", "/admin", "/index.php?route=ajax", "/index.php?route=cart", "/admin/users?route=x")
    assert [row["background"] for row in read(*targets, site=site)] == [True, False, True, False, True]


def test_downloads_are_recognised_by_extension_ignoring_case() -> None:
    assert [row["target"] for row in read(*DOWNLOADS.split()) if not row["download"]] == []
    assert [row["target"] for row in read(*NOT_DOWNLOADS.split()) if row["download"]] == ["/a.pdf/"]
