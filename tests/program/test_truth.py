"""Compare every figure of the product, and its classification of every line, with the simulation."""

from __future__ import annotations

import ast
import gzip
import itertools
import json
import random
from collections import Counter
from datetime import datetime
from fractions import Fraction
from functools import cache
from typing import TYPE_CHECKING, Any

import pytest
import runs
from bench import make_sample, simulator_export
from bench.make_sample import EXPORT, SAMPLE
from bench.simulator import Simulation, Span, midnight, simulate
from bench.simulator_features import features, same_second
from bench.simulator_goals import chain
from bench.simulator_site import EXAMPLE, TRUTH, ZONE
from places import BENCH, EXAMPLE_GOALS

from convkit.core.schema import FATES

if TYPE_CHECKING:
    from pathlib import Path

    from bench.simulator_truth import Truth

TRUTH_GOALS = BENCH / "truth_goals.yaml"

RUNS = ((1, 0, 1), (2, 40, 1), pytest.param(3, 250, 2, marks=pytest.mark.slow), (4, 250, 6), (5, 900, 3))
"""Seed, number of visitors, and how often the edge-case scripts are played."""

REQUIRED = (
    dict.fromkeys(("gap of 1799", "gap of 1800", "gap of 1801", "tour at the window", "tour past the window"), 1)
    | dict.fromkeys(("week at the window", "week past the window", "bot and human at one address", "two browsers at one address"), 1)
    | dict.fromkeys(("errors before a session", "errors after a session", "errors in no session", "redirects in no session"), 1)
    | dict.fromkeys(("over midnight", "over the month's edge", "signed in on the way", "without a page", "form again"), 1)
    | dict.fromkeys(("cart twice", "checkout twice", "receipt twice", "product twice", "repeated ranges", "reloaded receipts"), 1)
    | dict.fromkeys(("quotes", "bytes", "options", "head", "no_protocol", "blank", "IPv6 visitors", "+0100", "+0200"), 1)
    | dict.fromkeys(("status 204", "status 206", "status 304", "status 422", "listed as asset, named", "rubbish"), 1)
    | dict.fromkeys(("requested robots.txt", "requested paths that only scanners request", "more than 180 pages in 180 seconds"), 1)
    | dict.fromkeys(("sent only HEAD requests", "received only 4xx responses", "no user agent", "user agent is on the crawler list"), 1)
    | dict.fromkeys(("forwarded lists", "addresses with a port", "prefetched pages", "pieces of pages", "user agent is not a browser"), 2)
    | dict.fromkeys(("amounts of other currencies", "orders opened by two visitors"), 1)
    | {"background POSTs": 4, "listed as background, named": 8, "displaced": 3, "spelling": 5, "odd": 20}
)
"""The minimum number of times that each hard case must occur in a run."""

ORIGIN = ("source", "medium", "campaign", "channel")
REPORTS = ("overview", "goals", "funnel", "drop-off", "pages", "channels", "sessions")
EXACT = ("seconds", "target")
"""Columns with these words in their names are compared exactly; other fractions are rates, which the outputs round to 6 decimals."""


@cache
def _sample() -> Simulation:
    return make_sample.sample()


@cache
def _run(seed: int, visitors: int, edges: int) -> Simulation:
    return simulate(seed, visitors, Span("2026-09-29", 36), odd=0.05, edges=edges)


def _written(simulation: Simulation, folder: Path) -> Path:
    log = folder / "access.log"
    log.write_text(simulation.text, encoding="utf-8")
    return log


def _report(log: Path, goals: Path, **options: str) -> dict[str, Any]:
    text = runs.render(runs.document([log], REPORTS, goals=goals, **options), "json")
    return json.loads(text, parse_float=Fraction)


def _same(column: str, actual: Any, expected: Any) -> bool:  # noqa: ANN401  # cells of every type
    if column in {"then_converted", "value"}:  # a figure that does not apply may be missing or 0
        return Fraction(actual or 0) == (expected or 0)
    if expected is None or isinstance(expected, bool) or actual is None:
        return actual is expected
    if column == "last_reached":
        moment = datetime.fromisoformat(str(actual))
        return (moment if moment.tzinfo else moment.replace(tzinfo=ZONE)).timestamp() == expected
    if isinstance(expected, str):
        return bool(actual == expected)
    if isinstance(expected, int) or any(word in column for word in EXACT):
        return Fraction(actual) == expected
    return abs(float(actual) - float(expected)) < 1e-6


def _differences(where: object, actual: dict[str, Any], expected: dict[str, Any]) -> list[str]:
    wrong = [column for column, value in expected.items() if column not in actual or not _same(column, actual[column], value)]
    return [f"{where} {column}: {actual.get(column)} is not {expected[column]}" for column in wrong]


def _tables(report: dict[str, Any]) -> dict[str, dict[object, dict[str, Any]]]:
    rows = report["reports"]
    reasons = ("unparsed_by_reason", "bot_by_reason")
    fates = {
        name: sum(value.values()) if name in reasons else value for name, value in report["input"].items() if name in {"lines", *FATES, *reasons}
    }
    return {
        "input": {"lines": fates, "bots": report["input"]["bot_by_reason"]},
        "overview": {"all": {row["metric"]: row["value"] for row in rows["overview"]}},
        "goals": {row["goal"]: row for row in rows["goals"]},
        "funnel": {(row["funnel"], row["step"]): row for row in rows["funnel"]},
        "pages": {row["page"]: row for row in rows["pages"]},
        "channels": {row["channel"]: row for row in rows["channels"]},
        "origins": {"all": Counter(" / ".join(row[name] for name in ORIGIN) for row in rows["sessions"])},
    }


def _compare(report: dict[str, Any], truth: Truth) -> None:
    """Compare every figure of a report with the expected one; an extra or missing row is an error too."""
    expected: dict[str, dict[Any, dict[str, Any]]] = {
        "input": {"lines": truth.fates, "bots": truth.bots},
        "overview": {"all": truth.overview},
        "goals": truth.goals,
        "funnel": truth.funnels,
        "pages": truth.pages,
        "channels": truth.channels,
        "origins": {"all": {" / ".join(names): number for names, number in truth.origins.items()}},
    }
    actual = _tables(report)
    unmatched = {name: actual[name].keys() ^ rows.keys() for name, rows in expected.items()}
    wrong = [f"{name}: rows on one side only: {sorted(map(str, keys))}" for name, keys in unmatched.items() if keys and name != "overview"]
    for name, rows in expected.items():
        for key, row in rows.items():
            wrong += _differences(f"{name} {key}", actual[name].get(key, {}), row)
    assert not wrong, f"{len(wrong)} figures differ\n" + "\n".join(wrong[:30])


@pytest.mark.parametrize(("seed", "visitors", "edges"), RUNS)
def test_every_figure_matches_the_simulation(seed: int, visitors: int, edges: int, tmp_path: Path) -> None:
    simulation = _run(seed, visitors, edges)
    _compare(_report(_written(simulation, tmp_path), TRUTH_GOALS), simulation.truth(TRUTH))


def test_every_figure_of_one_month_matches_the_simulation(tmp_path: Path) -> None:
    """A session or chain belongs entirely to the month in which it starts; `once_per` considers all lines."""
    simulation = _run(6, 300, 3)
    truth = simulation.truth(TRUTH, (midnight("2026-10-01"), midnight("2026-11-01")))
    assert truth.fates["outside"] > 100
    _compare(_report(_written(simulation, tmp_path), TRUTH_GOALS, since="2026-10-01", until="2026-10-31"), truth)


def test_every_figure_of_the_sample_matches_the_simulation() -> None:
    _compare(_report(SAMPLE, EXAMPLE_GOALS), _sample().truth(EXAMPLE))


def test_every_figure_of_the_sample_export_matches_the_simulation() -> None:
    """Lines of an export are classified differently, but its sessions, goals, funnels and pages are those of the log."""
    truth = _sample().truth(EXAMPLE, export=True)
    report = _report(EXPORT, EXAMPLE_GOALS)
    truth.fates, truth.bots = _tables(report)["input"]["lines"], {}
    assert (truth.fates["lines"], truth.fates["comment"]) == (truth.fates["kept"] + 1, 1)
    _compare(report, truth)


NOTATIONS = {
    "events.csv": simulator_export.as_csv,
    "events.tsv": lambda rows: simulator_export.as_csv(rows, "\t"),
    "events.ndjson": simulator_export.as_ndjson,
    "events.json": lambda rows: json.dumps(rows, indent=1),
}


@pytest.mark.parametrize("name", ["events.csv", "events.json", *(pytest.param(f"events.{end}", marks=pytest.mark.slow) for end in ("tsv", "ndjson"))])
def test_every_figure_of_an_export_matches_the_simulation(name: str, tmp_path: Path) -> None:
    simulation = simulate(sum(map(ord, name)), 200, Span("2026-09-29", 36), odd=0.0, edges=1)
    log = tmp_path / name
    log.write_text(NOTATIONS[name](simulator_export.events(simulation, EXAMPLE)), encoding="utf-8")
    truth, report = simulation.truth(EXAMPLE, export=True), _report(log, EXAMPLE_GOALS)
    truth.fates, truth.bots = _tables(report)["input"]["lines"], {}
    _compare(report, truth)


def test_rows_delivered_twice_count_once(tmp_path: Path) -> None:
    """Deliveries of an export are repeated with the same IDs, much later in the file."""
    simulation = simulate(11, 100, Span("2026-09-29", 36), odd=0.0, edges=1)
    rows = [{"event_id": f"e{number}", **row} for number, row in enumerate(simulator_export.events(simulation, EXAMPLE))]
    log = tmp_path / "events.csv"
    log.write_text(simulator_export.as_csv([*rows, *rows[::7]]), encoding="utf-8")
    truth, report = simulation.truth(EXAMPLE, export=True), _report(log, EXAMPLE_GOALS)
    assert report["input"]["duplicate"] == len(rows[::7])
    truth.fates, truth.bots = _tables(report)["input"]["lines"], {}
    _compare(report, truth)


def test_a_wrong_figure_is_detected(tmp_path: Path) -> None:
    """If one figure per table is changed by the smallest relevant amount, exactly these figures are reported."""
    simulation = _run(3, 40, 1)
    report, truth = _report(_written(simulation, tmp_path), TRUTH_GOALS), simulation.truth(TRUTH)
    truth.fates["bot"] += 1
    truth.overview["bounce_rate"] = Fraction(2, 1_000_000) + Fraction(str(truth.overview["bounce_rate"]))
    truth.goals["purchase"]["value"] = Fraction(1, 100) + Fraction(str(truth.goals["purchase"]["value"]))
    truth.funnels["reader", 2]["went_on"] = 9_999
    del truth.pages["/cart"]
    truth.channels["Direct"]["first_touch"] = -1
    with pytest.raises(AssertionError, match=r"^6 figures differ"):
        _compare(report, truth)


def test_the_sample_is_what_the_simulator_writes() -> None:
    assert gzip.decompress(SAMPLE.read_bytes()).decode() == _sample().text
    assert SAMPLE.stat().st_size < 250_000


@pytest.mark.parametrize(("seed", "visitors", "edges"), [*RUNS, (6, 300, 3)])
def test_the_hard_cases_occur(seed: int, visitors: int, edges: int) -> None:
    simulation = _run(seed, visitors, edges)
    truth = simulation.truth(TRUTH)
    counts = features(simulation, truth)
    too_few = {name: counts[name] for name, least in REQUIRED.items() if counts[name] < least}
    assert not too_few, f"too few: {too_few}"
    assert same_second(truth.visits) >= 0.02
    assert counts["odd"] >= 0.01 * truth.fates["lines"]
    assert counts["unparsed"] >= counts["wrong clocks"] >= (visitors >= 250)
    assert sum(number for fate, number in truth.fates.items() if fate != "lines") == truth.fates["lines"]


def test_equal_seeds_give_equal_logs() -> None:
    assert _run(2, 40, 1).text == _run.__wrapped__(2, 40, 1).text != _run(3, 40, 1).text


def test_lines_out_of_order_keep_the_order_within_a_visitor_s_second() -> None:
    simulation = _run(3, 100, 2)
    seconds: dict[tuple[object, int], list[int]] = {}
    for hit in simulation.plan:
        seconds.setdefault((hit.device, hit.time), []).append(hit.line_no)
    assert all(lines == sorted(lines) for lines in seconds.values())
    stamped = {hit.line_no: hit.time for hit in simulation.plan}
    latest = list(itertools.accumulate((stamped[line] for line in sorted(stamped)), max))
    assert max(late - stamped[line] for late, line in zip(latest, sorted(stamped), strict=True)) <= 60


def test_the_simulator_does_not_import_the_product() -> None:
    for module in [*BENCH.glob("simulator*.py"), BENCH / "make_sample.py"]:
        for node in ast.walk(ast.parse(module.read_text(encoding="utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            assert not any(name.split(".")[0] in {"convkit", "polars"} for name in names), module.name


def _depth(trace: str, steps: str = "A B C", window: int | None = None) -> int:
    """Return the depth of the chain in a trace such as `A(0) B(10)`; without times, the hits are one second apart."""
    moments = []
    for place, word in enumerate(trace.split()):
        name, _, seconds = word.rstrip(")").partition("(")
        moments.append((int(seconds or place), frozenset({name})))
    return len(chain(moments, [(step,) for step in steps.split()], [False] * len(steps.split()), window))


@pytest.mark.parametrize(
    ("trace", "depth"),
    [("A B C", 3), ("A x B C", 3), ("A A B B C C", 3), ("A B x C", 3), ("B A C", 1), ("C B A", 1), ("A B A C", 3)],
)
def test_depths_of_traces_counted_by_hand(trace: str, depth: int) -> None:
    assert _depth(trace) == depth


def test_depths_of_traces_with_a_window_or_equal_steps() -> None:
    assert _depth("A(0) B(10) A(100) B(105) C(109)", window=10) == 3
    assert _depth("A(0) B(10) C(20)", window=20) == 3
    assert _depth("A(0) B(10) C(21)", window=20) == 2
    assert _depth("A", "A A") == 1
    assert _depth("A A", "A A") == 2


def test_a_condition_and_the_next_step_may_match_the_same_hit() -> None:
    landing = [(0, frozenset({"mail", "post"}))]
    assert chain(landing, [("mail",), ("post",)], [True, False], None) == [0, 0]
    assert chain(landing, [("mail",), ("post",)], [False, False], None) == [0]
    assert chain(landing, [("post",), ("mail",)], [False, True], None) == [0]


def _every_chain(moments: list[tuple[int, frozenset[str]]], steps: list[tuple[str, ...]], window: int | None) -> list[list[int]]:
    """Return every chain of hits that reaches the first steps, by enumeration."""
    chains: list[list[int]] = []
    for depth in range(1, len(steps) + 1):
        for places in itertools.combinations(range(len(moments)), depth):
            fits = all(moments[place][1] & set(step) for place, step in zip(places, steps, strict=False))
            if fits and (window is None or moments[places[-1]][0] - moments[places[0]][0] <= window):
                chains.append(list(places))
    return chains


def test_the_chosen_chain_is_the_deepest_then_the_earliest_of_all() -> None:
    rng = random.Random(7)
    for _ in range(2_000):
        times = list(itertools.accumulate(rng.choice((0, 1, 5, 10, 11)) for _ in range(rng.randint(1, 9))))
        moments = [(time, frozenset(rng.sample("ABCx", rng.randint(1, 2)))) for time in times]
        steps = [tuple(rng.sample("ABC", rng.choice((1, 1, 2)))) for _ in range(rng.randint(2, 4))]
        window = rng.choice((None, 10, 20))
        chains = _every_chain(moments, steps, window)
        expected = min(chains, key=lambda places: (-len(places), places), default=[])
        assert chain(moments, steps, [False] * len(steps), window) == expected
