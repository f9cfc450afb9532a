"""Patterns (exact, `*` within a segment, `**` across segments, `re:`) match the whole string; properties are compared with numbers and patterns."""

from __future__ import annotations

import re

import polars as pl
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from convkit.core import patterns

MATCHES = {
    "/thank-you": ("/thank-you", "/thank-you/x /thank-you2 /a/thank-you /thank-yo /Thank-you"),
    "/thank-you/": ("/thank-you", "/thank-you/x"),
    "/": ("/", "/a"),
    "/product/*": ("/product/7 /product/a.b /product/", "/product /product/7/x /products/7 /a/product/7"),
    "/product/**": ("/product/7 /product/7/x/y /product/", "/product /products"),
    "/product/*/": ("/product/7", "/product/7/x"),
    "/**": ("/ /a /a/b.png", "a"),
    "**": ("/ /a a * a/b", ""),
    "*": ("a *", "/ /a a/b"),
    "/*/*/c": ("/a/b/c", "/a/c /a/b/c/c /a/b/d/c"),
    "/**/c": ("/a/c /a/b/c //c", "/c /a/c/d"),
    "/a*b": ("/ab /axxb", "/a/b /axxbc"),
    "/files/*.pdf": ("/files/a.pdf /files/.pdf", "/files/a/b.pdf /files/a.pdfx /files/apdf"),
    "**.json": ("/a.json /a/b.json .json", "/a.jsonp /ajson"),
    "/a.b+c(d)[e]^$|{f}": ("/a.b+c(d)[e]^$|{f}", "/axb+c(d)[e]^$|{f}"),
    "/a?b=c": ("/a?b=c", "/b=c /xb=c"),
    "re:/a/[0-9]+": ("/a/1 /a/123", "/a/ /a/1/b x/a/1 /a/1x"),
    "re:/a|/b": ("/a /b", "/ab /a/b /c"),
    "re:(?i)/thanks?": ("/THANKS /thank", "/thanksx"),
    "re:.*": ("/ /a a", ""),
}
"""Patterns, with strings that match and strings that do not."""

UNUSABLE = {
    "re:(": "unclosed group",
    "re:[a": "unclosed character class",
    "re:*": "repetition operator missing expression",
    "re:a{2,1}": "invalid repetition count range",
    "re:(?=a)": "look-around",
    "re:(?<!a)b": "look-around",
    r"re:(a)\1": "backreferences are not supported",
    "re:.{0,100000}": "exceeds size limit",
    "re:(?:a{1000}){1000}": "exceeds size limit",
    "": "an empty pattern matches nothing",
    "re:": "an empty pattern matches nothing",
    "/" + "a" * 2_000: "use at most 2,000 characters",
}

FILES = {
    "/feed.xml": "xml",
    "/px.gif": "gif",
    "/checkout": None,
    "/a/*.pdf": "pdf",
    "/a/x-*.PDF": "pdf",
    r"re:/a/[0-9]+\.pdf": "pdf",
    r"re:/a\.pdf$": "pdf",
}
NOT_FILES = ("/", "/**", "/*", "/a/*", "/a/**", "**", "/presentations/**", "/a/*b", "/a.pdf/*", "re:.*", "re:/a.*", "re:/a/.*pdf")
"""Patterns that do not name a file, so that their wildcards never match assets."""


def matching(pattern: str, texts: list[str]) -> list[str]:
    """Return the strings that a pattern matches."""
    frame = pl.DataFrame({"text": texts}, schema={"text": pl.String})
    return frame.filter(patterns.matches(pl.col("text"), pattern))["text"].to_list()


@pytest.mark.parametrize(("pattern", "texts"), MATCHES.items())
def test_a_pattern_matches_the_whole_text(pattern: str, texts: tuple[str, str]) -> None:
    matching_texts, not_matching = (text.split() for text in texts)
    assert matching(pattern, matching_texts + not_matching) == matching_texts
    assert patterns.problem(pattern) is None


def test_a_missing_value_matches_nothing() -> None:
    frame = pl.DataFrame({"text": [None]}, schema={"text": pl.String})
    matches = frame.select(a=patterns.matches(pl.col("text"), "**"), b=patterns.matches(pl.col("text"), "/a"))
    assert matches.row(0) == (False, False)
    assert frame.select(patterns.matches_any(pl.col("text"), ())).item() is False


def test_wildcards_cross_line_ends_like_any_other_character() -> None:
    assert matching("/a/*", ["/a/b\nc"]) == matching("/a/**", ["/a/b\nc"]) == ["/a/b\nc"]


@given(st.text(st.sampled_from("ab/.*"), max_size=8), st.text(st.sampled_from("ab/."), max_size=8))
def test_patterns_match_like_their_regular_expressions_in_python(pattern: str, text: str) -> None:
    """The independent implementation ignores a trailing slash; `**` stands for any string and `*` for any string without a slash."""
    assume(pattern == "/" or not pattern or pattern.strip("/"))
    bare = pattern.rstrip("/") or pattern[:1]
    parts = re.split(r"(\*\*|\*)", bare)
    expression = "".join({"**": ".*", "*": "[^/]*"}.get(part, re.escape(part)) for part in parts)
    assert bool(matching(pattern, [text])) == bool(re.fullmatch(expression, text))


@pytest.mark.parametrize(("pattern", "expected"), UNUSABLE.items())
def test_an_invalid_pattern_is_explained_in_one_line(pattern: str, expected: str) -> None:
    problem = patterns.problem(pattern)
    assert problem
    assert expected in problem
    assert "\n" not in problem
    assert len(problem) < 200


def test_a_pattern_that_looks_slow_is_valid_and_fast() -> None:
    assert patterns.problem("re:(a+)+$") is None
    assert matching("re:(a+)+", ["a" * 5_000 + "b"]) == []


@pytest.mark.parametrize(("pattern", "extension"), FILES.items())
def test_patterns_that_name_a_file(pattern: str, extension: str | None) -> None:
    assert patterns.names_a_file(pattern)
    assert patterns.extension(pattern) == extension


@pytest.mark.parametrize("pattern", NOT_FILES)
def test_patterns_that_do_not_name_a_file(pattern: str) -> None:
    assert not patterns.names_a_file(pattern)


def test_a_column_s_name_combines_a_column_and_its_pattern() -> None:
    expression = patterns.named_column("path", "/product/*")
    assert expression.meta.root_names() == ["path~/product/*"]
    assert patterns.split_named_column("query.q~re:a~b") == ("query.q", "re:a~b")


VALUES = ["30", "30.0", " 3e1 ", "29.99", "-30", "pro", "pro plus", "", "nan", "inf", None]
MATCHING_VALUES: dict[str, list[str]] = {
    "30": ["30", "30.0", " 3e1 "],
    "= 30": ["30", "30.0", " 3e1 "],
    ">= 30": ["30", "30.0", " 3e1 "],
    "> 29.98": ["30", "30.0", " 3e1 ", "29.99"],
    "<30": ["29.99", "-30"],
    "<= -30": ["-30"],
    "!= 30": ["29.99", "-30"],
    "pro": ["pro"],
    "pro*": ["pro", "pro plus"],
    "!= pro": ["30", "30.0", " 3e1 ", "29.99", "-30", "pro plus", "", "nan", "inf"],
    "!=pro*": ["30", "30.0", " 3e1 ", "29.99", "-30", "", "nan", "inf"],
    "re:pro.+": ["pro plus"],
    "**": ["30", "30.0", " 3e1 ", "29.99", "-30", "pro", "pro plus", "", "nan", "inf"],
}
"""Comparisons, with the values that match them; a missing value matches none, and `<` and `>` need numbers."""


@pytest.mark.parametrize("text", MATCHING_VALUES)
def test_a_comparison_matches_exactly_these_values(text: str) -> None:
    assert patterns.comparison_problem(text) is None
    matching_values = pl.DataFrame({"value": VALUES}).filter(patterns.matches_comparison(pl.col("value"), text))["value"].to_list()
    assert matching_values == MATCHING_VALUES[text]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (">= many", ">= compares numbers, like '>= 30', but 'many' is not a number"),
        ("<", "< compares numbers"),
        (">", "> compares numbers"),
        ("!=", "an empty pattern"),
        ("", "an empty pattern"),
        ("re:(", "this regular expression is not valid"),
        ("!= re:(", "this regular expression is not valid"),
    ],
)
def test_an_unusable_comparison_is_explained(text: str, why: str) -> None:
    assert why in str(patterns.comparison_problem(text))
