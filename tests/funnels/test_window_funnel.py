"""Depths of funnels compared with ClickHouse's `windowFunnel`, an independent implementation (`clickhouse` extra), and the table in docs/funnels.md.

If no two hits of a visitor have the same time and no hit matches two steps, both must always agree.
"""

from __future__ import annotations

import random
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest
from places import PACKAGE
from traces import chain_of, funnel_of, trace_of

from convkit.core.model import Funnel, Step
from convkit.core.schema import KIND
from convkit.funnels import chains

if TYPE_CHECKING:
    from types import ModuleType

PAGE = PACKAGE / "docs" / "funnels.md"
VISITORS, ROUNDS = 250, 30
DAY = 86_400


@pytest.fixture(scope="module")
def clickhouse() -> ModuleType:
    """Return ClickHouse, or skip the test if it is not installed."""
    chdb: ModuleType = pytest.importorskip("chdb", reason="ClickHouse is not installed: pip install '.[clickhouse]'")
    return chdb


def streams(seed: int, letters: str) -> pl.DataFrame:
    """Draw `visitor, seconds, letter` for the hits of some visitors, in order and at distinct times."""
    draw = random.Random(seed)
    rows = []
    for visitor in range(VISITORS):
        seconds = 0
        for _ in range(draw.randint(1, 14)):
            seconds += draw.choice((1, 1, 2, 5, 10, 11, 20))
            rows.append((visitor, seconds, draw.choice(f"{letters}{letters}x")))
    return pl.DataFrame(rows, schema={"visitor": pl.Int64, "seconds": pl.Int64, "letter": pl.String}, orient="row")


def of_convkit(rows: pl.DataFrame, letters: str, window: int) -> dict[int, int]:
    """Return the number of steps that each visitor's chain fills."""
    steps = tuple(Step(letter, (f"goal:{letter}",)) for letter in letters)
    funnel = Funnel("drawn", steps, "visitor", timedelta(seconds=window))
    hits = rows.select(
        "visitor",
        session="visitor",
        inside=pl.lit(value=True),
        time=(pl.col("seconds") * 1_000_000).cast(pl.Datetime("us")),
        kind=pl.lit("page", dtype=KIND),
        **{f"goal:{letter}": pl.col("letter") == letter for letter in letters},
    ).with_row_index("row")
    best = chains.best_chains(chains.fitting_hits(hits.lazy(), funnel).collect().lazy(), funnel).collect()
    return dict(best.select("visitor", "depth").rows())


def of_clickhouse(clickhouse: ModuleType, rows: pl.DataFrame, letters: str, window: int) -> dict[int, int]:
    """Return the same numbers, computed by ClickHouse."""
    values = ", ".join(f"({visitor}, {seconds}, '{letter}')" for visitor, seconds, letter in rows.rows())
    conditions = ", ".join(f"letter = '{letter}'" for letter in letters)
    query = (
        f"SELECT visitor, windowFunnel({window})(seconds, {conditions}) AS depth "  # noqa: S608 (drawn above)
        f"FROM values('visitor UInt32, seconds UInt32, letter String', {values}) GROUP BY visitor HAVING depth > 0"
    )
    lines = str(clickhouse.query(query, "CSV")).split()
    return {int(visitor): int(depth) for visitor, depth in (line.split(",") for line in lines)}


@pytest.mark.parametrize("letters", ["AB", "ABC", "ABCDE"])
def test_depths_equal_those_of_clickhouse(letters: str, clickhouse: ModuleType) -> None:
    for seed in range(ROUNDS):
        rows, window = streams(seed, letters), random.Random(-seed).choice((1, 10, 11, 20, 60, 500))
        expected = of_clickhouse(clickhouse, rows, letters, window)
        assert expected, "nobody reached a step"
        assert of_convkit(rows, letters, window) == expected, (seed, window)


TEN: dict[str, tuple[str, str, dict[str, Any], str]] = {
    "`A x B C`": ("A x B C", "A B C", {}, ""),
    "`A x B C`, strict": ("A x B C", "A B C", {"order": "strict"}, "strict_order"),
    "`A B A C`, strict": ("A B A C", "A B C", {"order": "strict"}, "strict_order"),
    "`A A B C`, strict": ("A A B C", "A B C", {"order": "strict"}, "strict_order"),
    "`A`0 `B`10 `C`20, window 20 s": ("A:0 B:10 C:20", "A B C", {"window": 20}, ""),
    "`A`0 `B`10 `C`21, window 20 s": ("A:0 B:10 C:21", "A B C", {"window": 20}, ""),
    "`A`0 `B`10 `A`100 `B`105 `C`109, window 10 s": ("A:0 B:10 A:100 B:105 C:109", "A B C", {"window": 10}, ""),
    "`A`, steps `A` then `A`": ("A", "A A", {}, ""),
    "`B` `A` in one second, steps `A` then `B`": ("B:0 A:0", "A B", {}, ""),
    "`A B X C`, without `X` between `B` and `C`": ("A B X C", "A B C", {"without": (2, 3)}, "none"),
}
"""The rows of the page's table: trace, steps, options, and ClickHouse's mode (`none` if it has no such option)."""


def table() -> dict[str, list[str]]:
    """Return the rows of the page's table, keyed by the text in the first column."""
    rows = [line.strip("| \n").split(" | ") for line in PAGE.read_text(encoding="utf-8").splitlines() if line.startswith("| `A") or "`B` `A`" in line]
    return {cells[0]: cells[1:] for cells in rows if cells[0] in TEN}


@pytest.mark.parametrize("row", TEN)
def test_the_page_s_column_for_convkit_is_correct(row: str) -> None:
    text, names, options, _ = TEN[row]
    order = options.get("order", "ordered")
    funnel = funnel_of(names, **{key: value for key, value in options.items() if key != "order"})
    chain = chain_of(trace_of(text), Funnel(funnel.name, funnel.steps, window=funnel.window, order=order, without=funnel.without))
    assert table()[row][0] == f"**{len(chain[1])}**"


@pytest.mark.parametrize("row", [row for row in TEN if TEN[row][3] != "none"])
def test_the_page_s_column_for_clickhouse_is_correct(row: str, clickhouse: ModuleType) -> None:
    text, names, options, mode = TEN[row]
    values = ", ".join(f"({seconds}, '{letter}')" for seconds, letter, *_ in trace_of(text))
    conditions = ", ".join(f"letter = '{letter}'" for letter in names.split())
    arguments = f"{options.get('window', DAY)}{f', {mode!r}' if mode else ''}"
    query = f"SELECT windowFunnel({arguments})(seconds, {conditions}) FROM values('seconds UInt32, letter String', {values})"  # noqa: S608 (as above)
    assert table()[row][1] == str(clickhouse.query(query, "CSV")).strip()
