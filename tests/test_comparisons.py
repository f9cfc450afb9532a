"""What properties are compared with: numbers by their size, texts by patterns, and `!=` with either."""

from __future__ import annotations

import polars as pl
import pytest

from convkit.core import comparisons

VALUES = ["30", "30.0", " 3e1 ", "29.99", "-30", "pro", "pro plus", "", "nan", "inf", None]
HOLDS: dict[str, list[str]] = {
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
"""A comparison, and the values of which it holds; of a missing one nothing does, and a size only of numbers."""


@pytest.mark.parametrize("text", HOLDS)
def test_it_holds_of_these_values_and_of_no_others(text: str) -> None:
    assert comparisons.problem(text) is None
    found = pl.DataFrame({"value": VALUES}).filter(comparisons.holds(pl.col("value"), text))["value"].to_list()
    assert found == HOLDS[text]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (">= many", ">= compares numbers, like '>= 30'; 'many' is none"),
        ("<", "< compares numbers"),
        (">", "> compares numbers"),
        ("!=", "an empty pattern"),
        ("", "an empty pattern"),
        ("re:(", "this regular expression cannot be used"),
        ("!= re:(", "this regular expression cannot be used"),
    ],
)
def test_what_compares_nothing_is_a_problem(text: str, why: str) -> None:
    assert why in str(comparisons.problem(text))
