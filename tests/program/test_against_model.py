"""Compare convkit with the model: every figure of every report, on small logs in which ties and edge cases are frequent.

The model shares no code with the product. A failure shows the log, the goals file and the first figure that differs.
"""

from __future__ import annotations

import gzip
import json
import shutil
import subprocess
import sys
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
import runs
from engine.test_partition import BASE, memory
from hypothesis import Phase, assume, given, seed, settings
from hypothesis import strategies as st
from model import files
from model.brute_force import Period, analyze, figures_of, report_figures
from model.comparing import additive, agree, figures_in, figures_in_rows, first_difference
from model.figures import rate
from model.goals import GoalsFile
from model.lines import orders, rush
from model.sides import compared_figures, expected_notes, is_uneven, with_value
from model.streams import Example, Export, examples, experiments, exports, goals_files, simple, to_yaml
from model.variants import NO_VARIANT
from profiles import SLOW, share_of_examples
from small_logs import fates

from convkit.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path

    from model.brute_force import Model
    from model.figures import Figures

    from convkit.core.document import Document

DAY = timedelta(days=1)
WITH_COOKIES = '$remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent "$http_referer" "$http_user_agent" "$http_cookie"'
WITH_SECONDS = '$remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent "$http_referer" "$http_user_agent" $request_time'


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a directory whose files every example overwrites."""
    return tmp_path_factory.mktemp("model")


def write(example: Example, folder: Path, name: str = "access.log") -> tuple[Path, Path]:
    """Write an example's log and goals file."""
    log, goals = folder / name, folder / "goals.yaml"
    content = "".join(f"{line}\n" for line in example.stream.lines).encode()
    log.write_bytes(gzip.compress(content) if name.endswith(".gz") else content)
    goals.write_text(to_yaml(example.goals), encoding="utf-8")
    return log, goals


REPORTS = ["overview", "goals", "funnel", "drop-off", "pages"]
CHANNELS = ["overview", "goals", "funnel", "drop-off", "pages", "channels"]


def report(logs: list[Path], goals: Path, reports: list[str] | None = None, **options: str) -> dict[str, Any]:
    """Return the reports on logs, as JSON."""
    return json.loads(runs.render(runs.document(logs, reports, goals, **options), "json"))


def without_names(document: dict[str, Any]) -> dict[str, Any]:
    """Return a report without the names of the logs; keys keep their order, so that equal documents have equal bytes."""
    return {key: fates(document) if key == "input" else value for key, value in document.items() if key != "logs"}


def as_bytes(document: dict[str, Any]) -> bytes:
    """Return a report as bytes, so that a different order of columns is a difference."""
    return json.dumps(without_names(document)).encode()


def check(example: Example, folder: Path, *, channels: bool = False) -> None:
    """Compare a report with the model."""
    log, goals = write(example, folder)
    actual = figures_in(report([log], goals, CHANNELS if channels else None))
    difference = first_difference(figures_of(list(example.stream.hits), example.goals, channels=channels), actual)
    assert difference is None, f"{example!r}\n{difference}"


@pytest.mark.parametrize("half", [1, 2])
@share_of_examples(0.2)
@given(example=examples())
def test_every_figure_matches_the_model(example: Example, folder: Path, half: int) -> None:
    """The examples are split into two halves, so that two processes can share the work."""
    assert half
    check(example, folder)


@pytest.mark.slow
@pytest.mark.parametrize("with_users", [False, True], ids=["visitors", "users"])
@settings(max_examples=200, database=None, phases=[Phase.generate], suppress_health_check=SLOW)
@seed(1)
@given(data=st.data(), number=st.integers(0, 1 << 32))
def test_logs_of_several_files_match_the_model(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject, number: int, *, with_users: bool
) -> None:
    """The logs have 50 to 500 lines in one to five files, in any order, with any line ends, and packed in any way; some are analyzed in parts."""
    folder = tmp_path_factory.mktemp("files", numbered=True)
    drawn, written = data.draw(goals_files(with_users=with_users)), files.write(number, folder, with_users=with_users)
    goals = folder / "goals.yaml"
    goals.write_text(to_yaml(drawn), encoding="utf-8")
    expected = figures_of(written.hits, drawn, channels=True)
    expected["input", "lines"] = len(written.hits) + written.junk
    document = report(written.paths, goals, CHANNELS)
    difference = first_difference(expected, figures_in(document))
    assert difference is None, f"log {number} in {folder}\n{to_yaml(drawn)}\n{difference}"
    if number % 4 == 0:
        with memory(BASE + 20_000):
            assert report(written.paths, goals, CHANNELS) == document, f"log {number} in parts"
    shutil.rmtree(folder)


@share_of_examples(0.1)
@given(example=examples(with_users=True))
def test_every_figure_matches_the_model_if_users_sign_in(example: Example, folder: Path) -> None:
    check(example, folder, channels=True)


@share_of_examples(0.1)
@given(example=examples(), data=st.data())
def test_slow_responses_match_the_model(example: Example, folder: Path, data: st.DataObject) -> None:
    """The log has durations, on both sides of three seconds."""
    served = [data.draw(st.sampled_from((0.0, 0.2, 3.0, 3.001, 12.5))) for _ in example.stream.hits]
    hits = tuple(replace(hit, seconds=seconds) for hit, seconds in zip(example.stream.hits, served, strict=True))
    timed = replace(example, stream=replace(example.stream, hits=hits))
    log, goals = write(timed, folder)
    difference = first_difference(figures_of(list(hits), timed.goals), figures_in(report([log], goals, log_format=WITH_SECONDS)))
    assert difference is None, f"{timed!r}\n{difference}"


def first_difference_by(name: str, model: Model, document: Document, *, channels: bool = False) -> str | None:
    """Return a sentence about the first figure, value or note of a breakdown by a variant that differs from the model, or None."""
    reports, key = json.loads(runs.render(document, "json"))["reports"], f"variant.{name}"
    values, expected_values = {row[key] for row in reports["overview"]}, {model.exposures[name].value_of[number] for number in model.shown}
    if values != expected_values:
        return f"the values are {expected_values} in the model, {values} in convkit"
    for value in sorted(values):
        own = {report: [row for row in rows if row[key] == value] for report, rows in reports.items()}
        difference = first_difference(report_figures(with_value(model, name, value), channels=channels), figures_in_rows(own))
        if difference is not None:
            return f"{key} {value}: {difference}"
    expected, actual = expected_notes(model), numbers_in_notes(document)
    return None if expected == actual else f"the numbers in notes are {expected} in the model, {actual} in convkit"


def numbers_in_notes(document: Document) -> dict[str, list[int]]:
    """Return the numbers in a report's notes about variants."""
    texts = {code: [note.text for note in document.notes if note.code == code] for code in ("several-variants", "before-variant")}
    return {code: [int(word) for text in of_code for word in text.split() if word.isdigit()] for code, of_code in texts.items()}


@share_of_examples(0.1)
@given(example=experiments(), data=st.data())
def test_every_figure_of_variants_matches_the_model(example: Example, folder: Path, data: st.DataObject) -> None:
    """Each variant has the figures of its own sessions, with or without a filter by another variant, and in the whole log or on a single day."""
    log, goals = write(example, folder)
    filters = []
    day = data.draw(st.sampled_from((None, None, *days_of(example))))
    period = None if day is None else Period(day.timestamp(), (day + DAY).timestamp())
    dates = {} if day is None else {"since": f"{day:%Y-%m-%d}", "until": f"{day:%Y-%m-%d}"}
    model = analyze(list(example.stream.hits), example.goals, period, variants=[*example.goals.variants])
    if "other" in example.goals.variants:
        value, is_inverted = data.draw(st.tuples(st.sampled_from(("a", "b", "/b")), st.booleans()))
        filters = [f"variant.other{'!=' if is_inverted else '='}{value}"]
        narrowed = with_value(model, "other", value, is_inverted=is_inverted)
    else:
        narrowed = model
    document = runs.document([log], CHANNELS, goals, by="variant.test", where=filters, log_format=WITH_COOKIES, **dates)
    difference = first_difference_by("test", narrowed, document, channels=True)
    assert difference is None, f"{example!r}\n{filters} {dates}\n{difference}"


@share_of_examples(0.1)
@given(example=experiments())
def test_variants_that_only_funnels_test_match_the_model(example: Example, folder: Path) -> None:
    log, goals = write(example, folder)
    document = runs.document([log], goals=goals, log_format=WITH_COOKIES)
    hits = list(example.stream.hits)
    difference = first_difference(figures_of(hits, example.goals), figures_in(json.loads(runs.render(document, "json"))))
    assert difference is None, f"{example!r}\n{difference}"
    assert numbers_in_notes(document) == expected_notes(analyze(hits, example.goals)), repr(example)


@share_of_examples(0.1)
@given(export=exports())
def test_variants_in_exports_match_the_model(export: Export, folder: Path) -> None:
    log, goals = folder / "events.jsonl", folder / "goals.yaml"
    log.write_text("".join(f"{line}\n" for line in export.lines), encoding="utf-8")
    goals.write_text(to_yaml(export.goals), encoding="utf-8")
    model = analyze(list(export.hits), export.goals, bots="keep", variants=["test"])
    document = runs.document([log], REPORTS, goals, by="variant.test")
    difference = first_difference_by("test", model, document)
    assert difference is None, f"{export!r}\n{difference}"


def compared_counts(rows: list[dict[str, Any]], side: str) -> Figures:
    """Return the counts of one side in the rows of a comparison."""
    return {(row["what"], *row["item"].split(" / ")[:2]): row[side] for row in rows}


@share_of_examples(0.1)
@given(example=experiments())
def test_compared_variants_match_the_model(example: Example, folder: Path) -> None:
    log, goals = write(example, folder)
    model = analyze(list(example.stream.hits), example.goals, variants=["test"])
    values = sorted({model.exposures["test"].value_of[number] for number in model.shown} - {NO_VARIANT})
    if len(values) != 2:
        with pytest.raises(UsageError, match=r"--variant test: (only .* was seen|no variant was seen|[0-9]+ variants were seen)"):
            runs.comparison([log], goals, variant="test", log_format=WITH_COOKIES)
        return
    document = runs.comparison([log], goals, variant="test", log_format=WITH_COOKIES)
    rows = json.loads(runs.render(document, "json"))["reports"]["compare"]
    visitors = []
    for side, value in zip(("before", "now"), values, strict=True):
        expected, actual = compared_figures(with_value(model, "test", value)), compared_counts(rows, side)
        visitors.append(len({model.sessions[number].visitor for number in with_value(model, "test", value).shown}))
        rates = {(*key, "rate"): rate for key, rate in compared_counts(rows, f"{side}_rate").items()}
        for key, count in expected.items():
            if key[-1] == "rate":
                share = rate(int(str(actual[key[:-1]])), int(str(count)))
                assert agree("rate", share, rates[key]), f"{example!r}\n{side} {value}: {key} is {share!r} in the model, {rates[key]!r} in convkit"
            else:
                assert agree("", count, actual[key]), f"{example!r}\n{side} {value}: {key} is {count!r} in the model, {actual[key]!r} in convkit"
        # The model has no times and no means.
        measured = {("overview", name) for name in ("time", "pages", "order")}
        assert {key for key in expected if key[-1] != "rate"} == {*actual} - measured, repr(example)
    notes = {note.code for note in document.notes}
    assert ("sample-ratio" in notes) == is_uneven(model, (visitors[1], visitors[0]), (values[1], values[0])), repr(example)
    assert numbers_in_notes(document) == expected_notes(model), repr(example)


@pytest.mark.parametrize("bots", ["keep", "only"])
@share_of_examples(0.06)
@given(example=examples())
def test_every_figure_matches_the_model_with_bots_kept_or_only_bots(example: Example, folder: Path, bots: str) -> None:
    log, goals = write(example, folder)
    actual = figures_in(report([log], goals, bots=bots))
    difference = first_difference(figures_of(list(example.stream.hits), example.goals, bots=bots), actual)
    assert difference is None, f"{example!r}\n{bots}: {difference}"


@pytest.mark.parametrize("seconds", [180, 181])
@pytest.mark.parametrize("count", [180, 181])
def test_visitors_with_too_many_pages_match_the_model(folder: Path, count: int, seconds: int) -> None:
    check(Example(rush(count, seconds), GoalsFile({"bought": simple("/b")})), folder)


def days_of(example: Example) -> list[datetime]:
    """Return the days from the first to the last hit."""
    times = [hit.time for hit in example.stream.hits]
    first, last = (datetime.fromtimestamp(time, tz=UTC).replace(hour=0, minute=0, second=0) for time in (min(times), max(times)))
    return [first + number * DAY for number in range((last - first).days + 1)]


@share_of_examples(0.06)
@given(example=examples())
def test_single_days_match_the_model_and_add_up(example: Example, folder: Path) -> None:
    log, goals = write(example, folder)
    total: Counter[tuple[str, ...]] = Counter()
    for day in days_of(example):
        actual = figures_in(report([log], goals, CHANNELS, since=f"{day:%Y-%m-%d}", until=f"{day:%Y-%m-%d}"))
        period = Period(day.timestamp(), (day + DAY).timestamp())
        difference = first_difference(figures_of(list(example.stream.hits), example.goals, period, channels=True), actual)
        assert difference is None, f"{example!r}\n{day:%Y-%m-%d}: {difference}"
        total.update(additive(actual))
    whole = additive(figures_in(report([log], goals, CHANNELS)))
    missing = {key: (whole.get(key), total[key]) for key in {*whole, *total} if whole.get(key, Decimal(0)) != total[key]}
    assert not missing, f"{example!r}\nwhole, sum of days: {missing}"


@share_of_examples(0.06)
@given(example=examples(), data=st.data())
def test_shuffled_lines_give_the_same_bytes(example: Example, data: st.DataObject, folder: Path) -> None:
    """A visitor's hits within one second keep their order."""
    shuffled = Example(example.stream.in_order(data.draw(orders(example.stream))), example.goals)
    outputs = []
    for variant in (example, shuffled):
        log, goals = write(variant, folder)
        reports = runs.document([log], goals=goals)
        outputs.append([runs.render(reports, output) for output in ("json", "csv")])
    assert outputs[0] == outputs[1], f"{example!r}\nshuffled:{shuffled!r}"


@share_of_examples(0.04)
@given(example=examples(), carriage_return=st.booleans())
def test_gz_and_crlf_give_the_same_bytes(example: Example, folder: Path, *, carriage_return: bool) -> None:
    log, goals = write(example, folder)
    plain = as_bytes(report([log], goals))
    packed, _ = write(example, folder, "access.log.gz")
    if carriage_return:
        packed.write_bytes(gzip.compress(log.read_bytes().replace(b"\n", b"\r\n")))
        log.write_bytes(log.read_bytes().replace(b"\n", b"\r\n"))
    assert as_bytes(report([packed], goals)) == plain, repr(example)
    assert as_bytes(report([log], goals)) == plain, repr(example)


@share_of_examples(0.04)
@given(example=examples(), data=st.data())
def test_a_rotated_log_gives_the_same_figures_in_any_order_of_files(example: Example, data: st.DataObject, folder: Path) -> None:
    times = sorted({hit.time for hit in example.stream.hits})
    assume(len(times) > 1)
    cut = data.draw(st.sampled_from(times[:-1]))
    log, goals = write(example, folder)
    lines = list(zip(example.stream.hits, example.stream.lines, strict=True))
    older, newer = folder / "access.log.1", folder / "access.log.0"
    older.write_text("".join(f"{line}\n" for hit, line in lines if hit.time <= cut), encoding="utf-8")
    newer.write_text("".join(f"{line}\n" for hit, line in lines if hit.time > cut), encoding="utf-8")
    reports = [report(logs, goals) for logs in ([log], [older, newer], [newer, older])]
    assert reports[0]["reports"] == reports[1]["reports"], repr(example)
    assert fates(reports[0]) == fates(reports[1]), repr(example)
    assert as_bytes(reports[1]) == as_bytes(reports[2]), repr(example)


@share_of_examples(0.06)
@given(example=examples())
def test_requests_in_a_server_s_and_in_a_proxy_s_log_count_once(example: Example, folder: Path) -> None:
    """The proxy writes another field, so that its log is not a copy. Static files are counted as lines of both logs."""
    log, goals = write(example, folder)
    expected = figures_of(list(example.stream.hits), example.goals)
    records = len(example.stream.hits) - int(str(expected["input", "asset"]))
    # Fewer lines, or lines of a single second, as at the end of one log and the beginning of the next, prove nothing.
    assume(records >= 3 and len({hit.time for hit in example.stream.hits if not hit.is_asset}) > 1)
    of_proxy = folder / "proxy.log"
    of_proxy.write_text("".join(f"{line} 0.012\n" for line in example.stream.lines), encoding="utf-8")
    document = report([log, of_proxy], goals)
    assert document["input"]["duplicate"] == records, repr(example)
    of_lines = {key for key in expected if key[:2] in {("input", "lines"), ("input", "asset")}}
    actual = figures_in(document) | {key: expected[key] for key in of_lines}
    difference = first_difference(expected, actual)
    assert difference is None, f"{example!r}\n{difference}"


@share_of_examples(0.02)
@given(example=examples())
def test_stdin_gives_the_same_bytes(example: Example, folder: Path) -> None:
    log, goals = write(example, folder)
    command = [sys.executable, "-m", "convkit", "report", "-g", str(goals), "-f", "json", "-"]
    piped = subprocess.run(command, input=log.read_bytes(), capture_output=True, check=False)
    assert piped.returncode == 0, f"{example!r}\n{piped.stderr.decode()}"
    assert as_bytes(json.loads(piped.stdout)) == as_bytes(report([log], goals)), repr(example)
