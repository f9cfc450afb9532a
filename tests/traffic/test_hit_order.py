"""`sort_hits` gives the same order as a sort by all columns at once."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from convkit.core.schema import ORDER, TIME
from convkit.traffic.hits import sort_hits

START = datetime(2026, 10, 10, tzinfo=UTC)
SCHEMA = {"visitor": pl.Int64, "time": TIME, "source": pl.UInt32, "line_no": pl.UInt32, "path": pl.String}
HITS = st.tuples(
    st.sampled_from([-(2**63), -1, 0, 7, 2**63 - 1]),
    st.integers(0, 3).map(lambda seconds: START + timedelta(seconds=seconds)),
    st.integers(0, 2),
    st.integers(1, 4),
    st.text("ab", max_size=2),
)


@given(st.lists(HITS, unique_by=lambda hit: hit[2:4]))
def test_sort_hits_sorts_by_all_columns(rows: list[Any]) -> None:
    hits = pl.DataFrame(rows, schema=SCHEMA, orient="row")
    assert sort_hits(hits).rows() == sorted(rows, key=lambda hit: hit[:4])
    assert sort_hits(hits).equals(hits.sort("visitor", *ORDER))
