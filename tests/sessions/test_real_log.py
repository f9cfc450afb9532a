"""Test the stages on a real log of 10,000 lines with published sessions; bots are kept, and all hits, even assets, count as interactions."""

from __future__ import annotations

import os
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path

import polars as pl
import pytest

from convkit.core.schema import KIND, ORDER
from convkit.ingest import load
from convkit.ingest.logs import open_logs
from convkit.sessions import sessionize

FOLDER = os.environ.get("CONVKIT_TEST_DATA")
TIMEOUT = timedelta(minutes=30)

pytestmark = pytest.mark.skipif(FOLDER is None, reason="CONVKIT_TEST_DATA is not set")


@pytest.fixture(scope="module")
def records() -> pl.DataFrame:
    """Return the records of every line."""
    path = Path(FOLDER or "") / "real" / "apache_semicomplete_2015.log.gz"
    with ExitStack() as stack:
        return load.to_records(load.read_parsed(open_logs([path], "combined", stack).logs)).collect()


def test_every_line_is_a_record(records: pl.DataFrame) -> None:
    assert records.height == 10_000
    assert records["problem"].null_count() == 10_000
    assert records["address"].n_unique() == 1_753
    assert records.select("address", "user_agent").n_unique() == 1_862
    assert dict(records["status"].value_counts().rows()).items() >= {200: 9_126, 304: 445, 404: 213}.items()
    assert dict(records["method"].value_counts().rows()).items() >= {"GET": 9_952, "HEAD": 42, "POST": 5}.items()
    assert (records["time"].diff() < timedelta()).sum() == 4_915


def test_sessions_match_the_published_ones(records: pl.DataFrame) -> None:
    visitor = pl.struct("address", "user_agent").rank("dense").cast(pl.Int64)
    hits = records.lazy().select(*ORDER, visitor=visitor, kind=pl.lit("page", dtype=KIND))
    sizes = sessionize.cut_by_gaps(hits.sort("visitor", *ORDER), TIMEOUT).group_by("session").len().collect()
    assert sizes["session"].null_count() == 0
    assert sizes.height == 3_224
    assert sizes.filter(len=1).height == 1_775
