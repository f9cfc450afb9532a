"""Large numbers: totals of amounts, and statistics of large counts."""

from __future__ import annotations

import io
import math
from typing import TYPE_CHECKING

import polars as pl
import pytest
from engine.test_partition import both
from small_logs import line, written

import convkit
from convkit.core import stats, verdicts

if TYPE_CHECKING:
    from pathlib import Path

ROWS = {"F10": "test_totals_of_large_amounts_are_exact", "F46": "test_intervals_do_not_depend_on_the_type_of_counts"}

LARGEST = 999_999_999_999
GOALS = "site: {currency: EUR}\nmacro:\n  order: {page: /thanks, value: query.total, once_per: query.order}\n"


def sent(number: int, total: str = str(LARGEST), visitors: int = 1) -> list[str]:
    """Return a log with orders for one amount."""
    return [line(f"GET /thanks?order={n}&total={total}", n, who=f"198.51.100.{n % visitors} - -") for n in range(1, number + 1)]


def site(folder: Path, lines: list[str], goals: str = GOALS) -> tuple[str, str]:
    """Write a log and a goals file and return their paths."""
    return str(written(folder / "access.log", lines)), str(written(folder / "goals.yaml", goals.splitlines()))


@pytest.mark.parametrize("number", [10, 20, 40])
@pytest.mark.parametrize("visitors", [1, 7])
def test_totals_of_large_amounts_are_exact(tmp_path: Path, number: int, visitors: int) -> None:
    log, goals = site(tmp_path, sent(number, visitors=visitors))
    result = convkit.report([log], ["overview", "goals", "channels"], goals=goals)
    total = number * LARGEST * 1_000_000
    assert [result["overview"]["value"][0], result["goals"]["value"][0], result["channels"]["value"].sum()] == [total] * 3
    assert f"{number * LARGEST:,}.00" in str(result)
    text = f"{number * LARGEST}.00"
    for output in ("csv", "tsv", "json", "ndjson", "markdown"):
        rendered = str(result.render(output)).replace(",", "") if output == "markdown" else str(result.render(output))
        assert text in rendered, output
        assert "-8446744" not in rendered, output
    sessions = convkit.report([log], ["sessions"], goals=goals)
    assert sessions["sessions"]["value"].cast(pl.Int128).sum() == total
    parquet = pl.read_parquet(io.BytesIO(bytes(convkit.report([log], ["goals"], goals=goals).render("parquet"))))  # type: ignore[arg-type]
    assert parquet["value"][0] == number * LARGEST


def test_totals_in_breakdowns_and_comparisons_are_exact(tmp_path: Path) -> None:
    log, goals = site(tmp_path, sent(30, visitors=3))
    for report in ("overview", "goals", "channels"):
        by_device = convkit.report([log], [report], goals=goals, by="device")
        assert by_device[report]["value"].sum() == 30 * LARGEST * 1_000_000, report
    later = [text.replace("10/Oct/2026:12", "17/Oct/2026:12").replace("order=", "order=b") for text in sent(40, visitors=3)]
    log = str(written(tmp_path / "access.log", [*sent(30, visitors=3), *later]))
    compared = convkit.compare([log], goals=goals, last="7d")["compare"].filter(item="value")
    assert (compared["before"][0], compared["now"][0]) == (30.0 * LARGEST, 40.0 * LARGEST)
    assert compared["difference_low"][0] <= compared["difference"][0] <= compared["difference_high"][0]


def test_totals_of_large_amounts_are_equal_in_parts(tmp_path: Path) -> None:
    log, goals = site(tmp_path, sent(20, visitors=9))
    parts, whole, in_parts = both([log], 100, goals=goals, reports=["overview", "goals", "channels", "sessions"])
    assert parts > 1
    assert whole == in_parts
    assert f'"value": {20 * LARGEST}.00' in whole


@pytest.mark.parametrize(
    ("amounts", "total"),
    [(["10", "-3"], 7), (["(5.00)", "2"], -3), (["-999999999999"] * 10, -10 * LARGEST), (["999999999999", "-999999999999"] * 9, 0)],
)
def test_refunds_stay_as_they_are(tmp_path: Path, amounts: list[str], total: int) -> None:
    lines = [line(f"GET /thanks?order={n}&total={amount}", n) for n, amount in enumerate(amounts)]
    log, goals = site(tmp_path, lines)
    assert convkit.report([log], ["goals"], goals=goals)["goals"]["value"][0] == total * 1_000_000


def test_an_amount_of_13_digits_is_no_plain_number(tmp_path: Path) -> None:
    log, goals = site(tmp_path, [*sent(1, "1000000000000"), *sent(3, "2")[1:]])
    result = convkit.report([log], ["overview"], goals=goals)
    assert result.overview["value"][0] == 4_000_000
    assert "no-value" in {note.code for note in result.notes}


def test_usual_totals_are_int64_in_python(tmp_path: Path) -> None:
    log, goals = site(tmp_path, sent(9))
    result = convkit.report([log], ["overview", "goals"], goals=goals)
    assert [result[name].schema["value"] for name in result.names] == [pl.Int64, pl.Int64]
    log, goals = site(tmp_path, sent(10))
    assert convkit.report([log], ["goals"], goals=goals).goals.schema["value"] == pl.Int128


COUNTS = {"Int32": 40_000, "UInt32": 70_000, "Int64": 3_000_000_000}


@pytest.mark.parametrize("dtype", COUNTS)
@pytest.mark.parametrize("share", [0, 0.1, 0.5, 1])
def test_intervals_do_not_depend_on_the_type_of_counts(dtype: str, share: float) -> None:
    whole = COUNTS[dtype]
    frame = pl.DataFrame({"part": [int(whole * share)], "whole": [whole]})
    typed = frame.cast(getattr(pl, dtype))
    expected = frame.cast(pl.Float64).select(*stats.wilson(pl.col("part"), pl.col("whole"))[:1]).item()
    low, high = typed.select(low=stats.wilson(pl.col("part"), pl.col("whole"))[0], high=stats.wilson(pl.col("part"), pl.col("whole"))[1]).row(0)
    assert low == expected
    spread = 1.96 * math.sqrt(share * (1 - share) / whole)
    assert low <= share <= high
    assert high - low == pytest.approx(2 * spread, rel=0.01) or share in {0, 1}
    below, above = typed.select(
        low=stats.newcombe(pl.col("part"), pl.col("whole"), pl.col("part"), pl.col("whole"))[0],
        high=stats.newcombe(pl.col("part"), pl.col("whole"), pl.col("part"), pl.col("whole"))[1],
    ).row(0)
    assert below < 0 < above
    assert above == pytest.approx(-below)


@pytest.mark.parametrize("dtype", [pl.UInt32, pl.Int32])
def test_trends_and_quantiles_of_large_counts(dtype: type[pl.DataType]) -> None:
    counts = pl.DataFrame({"item": ["a"] * 4, "number": range(2000, 2004), "part": [1_000_000, 1_100_000, 1_200_000, 1_300_000]})
    counts = counts.with_columns(whole=pl.lit(20_000_000, dtype=pl.Int64))
    typed = counts.with_columns(pl.col("number", "part", "whole").cast(dtype))
    names = ["first_rate", "last_rate", "change"]
    assert verdicts.fit_trends(typed).select(names).row(0) == verdicts.fit_trends(counts).select(names).row(0)
    empty = pl.DataFrame({"value": [1.0], "n": [0]}).cast({"n": dtype})
    assert empty.select(stats.weighted_quantile(pl.col("value"), pl.col("n"), 0.5)).item() is None
    many = pl.DataFrame({"value": [1.0, 2.0], "n": [2_000_000_000, 2_000_000_000]}).cast({"n": dtype})
    assert many.select(stats.weighted_quantile(pl.col("value"), pl.col("n"), 0.25)).item() == 1.0
