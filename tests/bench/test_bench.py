"""The benchmark is sound: its log has the documented content, and the harness reports what it measured.

Run these tests with `pytest -m bench`. None of them checks how long anything takes.
"""

from __future__ import annotations

import os
import re
import resource
import subprocess
import sys
from collections import Counter
from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING

import crawleruseragents
import pytest
import runs
import yaml

from bench import benchmark, big_log

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.bench
LINES = 100_000
LINE = re.compile(r'^(\S+) - (\S+) \[([^\]]+) \+0000\] "((?:[^"\\]|\\.)*)" (\d{3}) \d+ "([^"]*)" "((?:[^"\\]|\\.)*)"$', re.MULTILINE)
ASSET = re.compile(r"(?:GET|HEAD) [^ ?]+\.(?:css|js|png|jpg|woff2|svg)(?:[? ]|$)")
ORDINARY = re.compile(r"(?:GET|HEAD|POST) /[^ \\]* HTTP/1\.1")


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("bench") / "access.log"
    big_log.write(path, LINES)
    return path


@pytest.fixture(scope="module")
def lines(log: Path) -> list[tuple[str, ...]]:
    """Return the IP address, user, time, request, status, referrer and user agent of every line."""
    return LINE.findall(log.read_text(encoding="ascii"))


def shares(values: list[str]) -> dict[str, float]:
    return {value: count / LINES for value, count in Counter(values).items()}


def test_the_log_has_the_requested_number_of_lines_all_in_the_combined_format(lines: list[tuple[str, ...]]) -> None:
    assert len(lines) == LINES


def test_three_in_five_lines_are_assets(lines: list[tuple[str, ...]]) -> None:
    assert 0.57 < sum(bool(ASSET.match(line[3])) for line in lines) / LINES < 0.63


def test_fifteen_percent_of_lines_are_from_listed_bots_and_no_other_agent_is_a_bot(lines: list[tuple[str, ...]]) -> None:
    assert all(agent == "-" or crawleruseragents.is_crawler(agent) for agent in big_log.CRAWLERS)
    assert 0.14 < sum(line[6] in big_log.CRAWLERS for line in lines) / LINES < 0.16
    persons = sorted({line[6] for line in lines} - set(big_log.CRAWLERS))
    assert not [agent for agent in persons[::100] if crawleruseragents.is_crawler(agent)]


def test_one_percent_of_lines_are_unusual(lines: list[tuple[str, ...]]) -> None:
    odd = [line for line in lines if not ORDINARY.fullmatch(line[3]) or re.search(r'\\["x]', line[6])]
    assert 0.006 < len(odd) / LINES < 0.014
    assert {"", "-"} < {line[3] for line in odd}
    assert any(r"\"" in line[6] for line in odd)
    assert any(r"\x" in line[3] for line in odd)


def test_only_a_few_crawlers_exceed_half_a_percent_of_the_lines(lines: list[tuple[str, ...]]) -> None:
    visitors = shares([line[0] + line[6] for line in lines])
    targets = shares([line[3] for line in lines])
    referrers = shares([line[5] for line in lines if line[5] != "-"])
    for name, measured in {"visitors": visitors, "targets": targets, "referrers": referrers}.items():
        assert max(measured.values()) <= 0.005, name
    frequent = {agent for agent, share in shares([line[6] for line in lines]).items() if share > 0.005}
    assert frequent <= set(big_log.CRAWLERS[:8])


def test_even_a_short_log_is_varied(lines: list[tuple[str, ...]]) -> None:
    """With 5 million lines, there are 20,000 user agents, 5,000 referrers, 200,000 URLs and 100,000 visitors, as the last test checks."""
    assert len({line[6] for line in lines}) > 2_000
    assert len({line[5] for line in lines}) > 5_000
    assert len({line[3] for line in lines}) > 20_000
    assert len({line[0] + line[6] for line in lines}) > 4_000


def test_lines_are_in_time_order_except_for_a_little_jitter(lines: list[tuple[str, ...]]) -> None:
    """All timestamps are in one month and one time zone, so the day and the time of day are enough to compare them."""
    stamps = [line[2] for line in lines]
    seconds = [int(s[:2]) * 86_400 + int(s[12:14]) * 3600 + int(s[15:17]) * 60 + int(s[18:20]) for s in stamps]
    back = [before - after for before, after in pairwise(seconds)]
    assert 0 < max(back) <= 2
    assert back.count(0) > LINES / 10
    assert {stamp[:11] for stamp in stamps} == {f"{day:02}/Mar/2026" for day in range(1, 31)}


def test_the_same_seed_gives_the_same_bytes_and_another_seed_different_ones(tmp_path: Path) -> None:
    logs = [tmp_path / name for name in "abc"]
    for path, seed in zip(logs, (7, 7, 8), strict=True):
        big_log.write(path, 2_000, seed)
    first, again, other = (path.read_bytes() for path in logs)
    assert first == again != other


def test_rotation_writes_thirty_files_and_the_highest_number_is_the_oldest(log: Path, tmp_path: Path) -> None:
    parts = big_log.rotate(log, tmp_path)
    assert [part.name for part in parts] == [f"access.log.{number}" for number in range(30, 0, -1)]
    assert b"".join(part.read_bytes() for part in parts) == log.read_bytes()


def test_every_goal_of_the_benchmark_is_reached(lines: list[tuple[str, ...]]) -> None:
    goals = yaml.safe_load((benchmark.HERE / "bench_goals.yaml").read_text(encoding="utf-8"))
    assert len(goals["macro"] | goals["micro"]) == 5
    assert len(goals["funnels"]) == 1
    requests = {re.split(r"[? ]", line[3].removeprefix("GET "))[0] if line[3].startswith("GET") else line[3][:14] for line in lines}
    assert {"/thank-you", "/search", "/checkout", "/checkout/payment", "POST /cart/add"} <= requests


def test_ratios_are_computed_per_turn_and_failures_are_reported(tmp_path: Path) -> None:
    runs = [benchmark.Run(wall, 1.0, 10.0) for wall in (2.0, 4.0, 9.0)]
    rival = [benchmark.Run(wall, 1.0, 10.0) for wall in (4.0, 4.0, 10.0)]
    one, other = benchmark.Contender("one", [], runs), benchmark.Contender("duckdb", [], rival)
    assert benchmark.ratio(one, other) == pytest.approx(0.9)
    assert benchmark.ratio(replace(one, size=10), replace(other, size=2)) == pytest.approx(0.18)
    measured = [
        benchmark.Contender("duckdb", [sys.executable, "-c", "pass"]),
        benchmark.Contender("broken", [sys.executable, "-c", "raise SystemExit('no such log')"]),
        benchmark.Contender("absent", [str(tmp_path / "absent")]),
    ]
    benchmark.take_turns(measured, 2)
    assert [len(contender.runs) for contender in measured] == [2, 0, 0]
    text = benchmark.table(measured)
    assert "broken failed with exit code 1: no such log" in text
    assert "absent could not be started" in text


def test_peak_memory_is_that_of_the_child_process() -> None:
    contender = benchmark.Contender("duckdb", [sys.executable, "-c", "bytearray(200_000_000)"])
    benchmark.take_turns([contender], 1)
    # A child process starts with the memory of its parent.
    own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1_000_000
    assert 200 < contender.runs[0].peak < max(300, 1.1 * own)


@pytest.mark.parametrize("shape", ["64 MiB of zero bytes", "few long lines", "deep JSON"])
def test_the_memory_limit_holds_for_a_shape_of_input(shape: str) -> None:
    script = benchmark.HERE / "memory.py"
    environment = {**os.environ, "PYTHONPATH": str(script.parents[2])}
    # A child process starts with the memory of its parent, so the script, which needs little, starts the commands.
    command = [sys.executable, str(script), "--size", "256MiB", "--only", shape]
    lines = subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout.splitlines()
    ratios = [float(match[1]) for line in lines if (match := re.search(r" ([\d.]+)x .* CPU  0 ", line))]
    assert len(ratios) == 1, lines
    assert ratios[0] <= 1.3, lines


def test_other_forms_of_the_log_have_as_many_rows_and_give_consistent_figures(log: Path, lines: list[tuple[str, ...]], tmp_path: Path) -> None:
    """Exports may have fewer rows, because an unusual line may have no request."""
    figures = {}
    for path in benchmark.other_forms(log, tmp_path):
        result = runs.document([path], ["goals"], benchmark.HERE / "bench_goals.yaml")
        figures[path.suffix] = (result.input["lines"] - result.input["comment"], result.reports["goals"].frame["conversions"].to_list())
    assert set(figures) == {".gz", ".zst", ".csv", ".ndjson", ".parquet"}
    assert figures[".gz"] == figures[".zst"]
    assert figures[".gz"][0] == LINES
    assert len(lines) * 0.98 < figures[".csv"][0] <= LINES
    assert figures[".csv"] == figures[".ndjson"] == figures[".parquet"]
    assert min(figures[".csv"][1]) > 0


def test_the_benchmark_runs_and_every_contender_succeeds(capfd: pytest.CaptureFixture[str]) -> None:
    assert benchmark.main(["--lines", "200000", "--runs", "1", "--exports"]) == 0
    with capfd.disabled():
        sys.stdout.write("\n" + capfd.readouterr().out)


def test_the_full_log_has_the_documented_variety(tmp_path: Path) -> None:
    log = tmp_path / "access.log"
    big_log.write(log, 5_000_000)
    agents, referrers, targets, visitors = (set[int]() for _ in range(4))
    with log.open(encoding="ascii") as file:
        for line in file:
            address, _, _, request, _, referrer, agent = LINE.findall(line)[0]
            agents.add(hash(agent))
            visitors.add(hash(address + agent))
            targets.add(hash(request))
            if not referrer.startswith(big_log.SITE):
                referrers.add(hash(referrer))
    assert len(agents) >= 20_000
    assert len(referrers) >= 5_000
    assert len(targets) >= 200_000
    assert len(visitors) >= 100_000
