"""Tallies computed for parts of the visitors and then added up give the same bytes as a run in one piece, in every report.

Everything that only adds up the tallies of parts (buckets when memory is short, machines of a cluster) relies on this.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl
import pytest
import runs
from hypothesis import Phase, given
from hypothesis import strategies as st
from model.lines import CHROME, FIREFOX
from model.streams import Example, examples, to_yaml
from places import DATA
from profiles import share_of_examples
from tally_parts import REPORTS, check, parts_of

import convkit
from convkit.analysis import breakdown
from convkit.analysis import tallies as analysis_tallies
from convkit.core import plugins
from convkit.engine.partial_result import add_tallies
from convkit.engine.plan import session_fields

if TYPE_CHECKING:
    from pathlib import Path

    from runs import Analyzed

SPLIT = [name for name in REPORTS if hasattr(plugins.load("reports", name), "BREAKDOWN")]
PHASES = (Phase.explicit, Phase.reuse, Phase.generate)
"""Failing examples are not shrunk: an example takes a second, so shrinking would take many minutes."""

COUNTED, SUMMED = pl.Int64, (pl.Int64, pl.Int128)
"""The types of counts, and of counts and money."""
KEYS = (pl.String, pl.Int16, pl.Int32, pl.Boolean, pl.Categorical, pl.Enum, pl.Datetime, pl.Date)
"""The types that keys may have. Floats and unsigned integers are not allowed: an uncast count would pass as a key and never be added up."""

GOALS = """
site: {timezone: Europe/Berlin, currency: EUR}
macro:
  bought: {page: /thanks, value: query.total, once_per: query.order, target: 5%}
  asked: {page: /asked, value: 0.1, once_per: hit}
micro:
  saw: /product/*
  compared: {page: /product/*, at_least: 2}
  cart: POST /cart
  stayed: {stayed: 1m}
  first_look: {page: /product/*, once_per: visitor, value: query.total}
  missed: {page: /gone, status: 404}
funnels:
  checkout: [saw, cart, bought]
  later: {steps: [saw, bought], per: visitor, window: 1h}
metrics: {bounces_of: bounces / bought, share: 100 * bought / sessions, views: pageviews / visitors}
"""

AMOUNTS = ("19.99", "0.01", "0.1", "0.2", "1e3", "-5", "0.0000005", "999999999999.999999", "x", "")
TARGETS = (
    *("GET /product/1 200", "GET /product/2 200", "GET /product/2?total=0.3 200", "POST /cart 302", "GET /asked 200"),
    *(f"GET /thanks?order={order}&total={total} 200" for order in (1, 2, 3) for total in AMOUNTS),
    *("GET /gone 404", "POST /product/1 200", "GET /style.css 200", "GET / 302", "GET =1+1 200"),
)
GAPS = (0, 0, 1, 7, 59, 60, 600, 1799, 1800, 4000)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a directory whose files every example overwrites."""
    return tmp_path_factory.mktemp("tally")


@st.composite
def logs(draw: st.DrawFn) -> str:
    """Draw the lines of up to ten visitors, some of whom share an IP address."""
    lines = []
    for number in range(draw(st.integers(1, 10))):
        seconds = draw(st.integers(0, 3))
        for gap, request in draw(st.lists(st.tuples(st.sampled_from(GAPS), st.sampled_from(TARGETS)), min_size=1, max_size=8)):
            seconds += gap
            request_line, _, status = request.rpartition(" ")
            moment = f"{10 + seconds // 86_400}/Mar/2026:{seconds // 3600 % 24:02}:{seconds // 60 % 60:02}:{seconds % 60:02} +0000"
            agent = (FIREFOX, CHROME)[number % 2]
            lines.append(f'192.0.2.{number // 2} - - [{moment}] "{request_line} HTTP/1.1" {status} 9 "-" "{agent}"\n')
    return "".join(lines)


def run_of(log: str, goals: str, folder: Path, by: str | None = None) -> Analyzed:
    """Analyze the text of a log."""
    (folder / "access.log").write_text(log, encoding="utf-8")
    (folder / "goals.yaml").write_text(goals, encoding="utf-8")
    fields = session_fields(REPORTS)
    return runs.analyzed([folder / "access.log"], convkit.load_goals(folder / "goals.yaml"), by=by, fields=fields)


@pytest.fixture(scope="module")
def by_hand(folder: Path) -> Analyzed:
    """Return the analysis of the log whose figures were worked out by hand."""
    return run_of((DATA / "by_hand.log").read_text(encoding="utf-8"), GOALS, folder)


@share_of_examples(0.05, phases=PHASES)
@given(log=logs(), count=st.integers(2, 5))
def test_parts_of_the_visitors_add_up_to_the_whole(log: str, count: int, folder: Path) -> None:
    check(run_of(log, GOALS, folder), count)


@share_of_examples(0.05, phases=PHASES)
@given(example=st.one_of(examples(), examples(with_users=True)), count=st.integers(2, 5))
def test_parts_add_up_with_any_goals(example: Example, count: int, folder: Path) -> None:
    check(run_of("\n".join(example.stream.lines), to_yaml(example.goals), folder), count)


def check_breakdown(analyzed: Analyzed, count: int) -> None:
    """Check that the parts of an analysis with a breakdown add up to the whole."""
    run = analyzed.run
    assert run.broken_down is not None
    assert run.broken_down.values is not None
    values, tallies = run.broken_down.values.collect(), analysis_tallies.tally(run.analysis, SPLIT)
    whole = analysis_tallies.tally(run.broken_down, SPLIT)
    parts = [analysis_tallies.tally(analysis_tallies.break_down(part, values), SPLIT) for part in parts_of(run.analysis, count)]
    documents = [runs.finish(analyzed, tallies, broken_down=broken_down) for broken_down in (whole, add_tallies(parts))]
    for output in ("csv", "table"):
        rendered = [runs.render(document, output) for document in documents]
        assert rendered[0] == rendered[1]
    for report, of_report in whole.items():
        for name, tally in of_report.items():
            unexpected = {column: dtype for column, dtype in tally.schema.items() if dtype not in SUMMED and not isinstance(dtype, KEYS)}
            assert not unexpected, f"{report}: {name}"
            assert tally.columns[0] == breakdown.VALUE, f"{report}: {name}"


COMMON_KEYS = ("day", "landing", "device", "visit", "channel", "goal")


@pytest.mark.parametrize("by", [by if by in COMMON_KEYS else pytest.param(by, marks=pytest.mark.slow) for by in breakdown.KEYS])
def test_parts_add_up_by_every_key(by: str, folder: Path) -> None:
    log = (DATA / "by_hand.log").read_text(encoding="utf-8")
    check_breakdown(run_of(log, GOALS, folder, by), 2)


@share_of_examples(0.04, phases=PHASES)
@given(example=examples(), by=st.sampled_from(sorted(breakdown.KEYS)), count=st.integers(2, 4))
def test_parts_of_a_breakdown_add_up_with_any_goals(example: Example, by: str, count: int, folder: Path) -> None:
    check_breakdown(run_of("\n".join(example.stream.lines), to_yaml(example.goals), folder, by), count)


@pytest.mark.parametrize("log", ["", '192.0.2.1 - - [10/Mar/2026:09:00:00 +0000] "GET / HTTP/1.1" 200 9 "-" "Mozilla/5.0 Firefox/139.0"\n'])
def test_parts_without_visitors_add_nothing(log: str, folder: Path) -> None:
    """With no more than one visitor, at most one part is not empty."""
    check(run_of(log, GOALS, folder), 5)


def test_goals_without_funnels_or_macros_add_up(folder: Path) -> None:
    log = (DATA / "by_hand.log").read_text(encoding="utf-8")
    check(run_of(log, "micro: {saw: /product/*}\n", folder), 3)


def test_several_macro_goals_add_up(folder: Path) -> None:
    log = (DATA / "by_hand.log").read_text(encoding="utf-8")
    check(run_of(log, "macro: {saw: /product/*, home: /}\nmicro: {cart: /cart}\n", folder), 3)


@pytest.mark.parametrize("report", REPORTS)
def test_a_tally_consists_of_keys_and_whole_numbers(report: str, by_hand: Analyzed) -> None:
    """Floats are never added up, because Polars adds them in a different order on every run."""
    run = by_hand.run
    for name, tally in analysis_tallies.tally(run.analysis, [report])[report].items():
        unexpected = {column: dtype for column, dtype in tally.schema.items() if dtype not in SUMMED and not isinstance(dtype, KEYS)}
        assert not unexpected, f"{report}: {name}"
        assert COUNTED in tally.dtypes, f"{report}: {name} counts nothing"


@pytest.mark.parametrize("report", REPORTS)
def test_a_tally_without_visitors_has_the_same_columns(report: str, by_hand: Analyzed) -> None:
    """Otherwise a part without visitors could not be added."""
    run = by_hand.run
    hits, sessions = pl.collect_all([run.analysis.hits, run.analysis.sessions])
    without_visitors = analysis_tallies.build_analysis(hits.clear(), sessions.clear(), run.analysis.goals, run.analysis.ends, run.analysis.identities)
    schemas = [
        {name: frame.schema for name, frame in analysis_tallies.tally(analysis, [report])[report].items()}
        for analysis in (run.analysis, without_visitors)
    ]
    assert schemas[0] == schemas[1]


def test_amounts_are_exact_where_floats_are_not(folder: Path) -> None:
    """The sum of 0.1, 0.2 and about a trillion is correct to the millionth."""
    amounts = ("0.1", "0.2", "999999999999.999999", "-0.000001")
    log = "".join(
        f'192.0.2.{number} - - [10/Mar/2026:09:00:00 +0000] "GET /thanks?order={number + 1}&total={amount} HTTP/1.1" 200 9 "-" "{FIREFOX}"\n'
        for number, amount in enumerate(amounts)
    )
    analyzed = run_of(log, GOALS, folder)
    tallies = add_tallies([analysis_tallies.tally(part, ["overview"]) for part in parts_of(analyzed.run.analysis, 3)])
    text = runs.render(runs.finish(analyzed, tallies), "csv")
    assert "value,1000000000000.299998\r\n" in text
