"""Logs that do not fit into memory: visitors are analyzed part by part, and the output has the same bytes as in one piece.

`CONVKIT_IN_PARTS=1 pytest` runs the whole suite in this way.
"""

from __future__ import annotations

import gzip
import json
import os
import re
import signal
import subprocess
import sys
import time
import zlib
from contextlib import contextmanager
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest
import runs
from hypothesis import given
from hypothesis import strategies as st
from model.lines import CHROME, FIREFOX
from model.streams import Example, examples, experiments, to_yaml
from profiles import share_of_examples

from convkit.core import collect, document, long_rows, plugins
from convkit.core.options import Options
from convkit.core.schema import PROBLEM
from convkit.engine import partial_result, partition, stages
from convkit.engine.memory import BASE, USUAL, MemoryBudget
from convkit.errors import OutputError, UsageError
from convkit.files import reader
from convkit.formats.parsers import addresses, requests
from convkit.ingest import merge, store
from convkit.traffic import quality

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from conftest import Run

    from convkit.engine.partition import Partition

ROOT = Path(__file__).parents[2]
LOG, EVENTS, GOALS = ROOT / "sample_logs" / "access.log.gz", ROOT / "sample_logs" / "events.csv.gz", ROOT / "goals.example.yaml"


WHOLE = 1 << 40
"""Enough memory to analyze any log in one piece."""


@contextmanager
def memory(size: int) -> Iterator[list[int]]:
    """Set the memory budget of runs, and yield a list to which each run that spills to disk adds its number of parts."""
    numbers, on_disk = list[int](), partition._on_disk  # noqa: SLF001 (to count the parts)

    def counted(*arguments: Any) -> Partition:  # noqa: ANN401 (the arguments of the wrapped function)
        parts = on_disk(*arguments)
        numbers.append(len(parts.filters))
        return parts

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(MemoryBudget, "of", classmethod(lambda cls, _: cls(size)))
        patch.setattr(partition, "_on_disk", counted)
        yield numbers


def both(paths: Sequence[Path | str], little: int = 300_000, **options: Any) -> tuple[int, str, str]:  # noqa: ANN401 (the options of `run`)
    """Return the number of parts of a run with little memory, and the JSON of the run in one piece and in parts."""
    with memory(WHOLE):
        in_one_piece = runs.render(runs.document(paths, **options), "json")
    with memory(BASE + little) as numbers:
        in_parts = runs.render(runs.document(paths, **options), "json")
    return numbers[0], in_one_piece, in_parts


SAMPLES: dict[str, list[Path]] = {"the log": [LOG], "the export and the log": [EVENTS, LOG]}


@pytest.mark.slow
@pytest.mark.parametrize("paths", SAMPLES.values(), ids=SAMPLES)
def test_samples_give_the_same_bytes_in_parts_as_in_one_piece(paths: list[Path]) -> None:
    number, in_one_part, in_parts = both(paths, goals=GOALS, verbose=True)
    assert number > 5
    assert in_parts == in_one_part


@pytest.mark.parametrize("by", [None, "landing"])
def test_long_tallies_are_stored_on_disk_and_give_the_same_bytes(eighth: Path, by: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    stored, write = list[int](), store.DiskStore.write

    def counted(self: store.DiskStore, rows: pl.LazyFrame) -> pl.LazyFrame:
        stored.append(1)
        return write(self, rows)

    with memory(WHOLE):
        in_one_part = runs.render(runs.document([eighth / "access.log"], goals=GOALS, by=by), "json")
    monkeypatch.setattr(store.DiskStore, "write", counted)
    monkeypatch.setattr(partial_result, "_FEW_ROWS", 20)
    monkeypatch.setattr(collect, "_GROUPED_AT_ONCE", 50)
    monkeypatch.setattr(document, "MANY_ROWS", 40)
    with memory(BASE + SMALL) as numbers:
        assert runs.render(runs.document([eighth / "access.log"], goals=GOALS, by=by), "json") == in_one_part
    assert numbers[0] > 1
    assert len(stored) > numbers[0]


@pytest.mark.parametrize(
    ("report", "sort"),
    [
        ("hits", None),
        ("pages", "median_seconds"),
        *(pytest.param(*case, marks=pytest.mark.slow) for case in (("sessions", None), ("sessions", "landing"), ("pages", None))),
    ],
)
def test_long_reports_stay_on_disk_and_give_the_same_bytes(eighth: Path, report: str, sort: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    options = {"reports": [report], "goals": GOALS, "sort": sort}
    with memory(WHOLE):
        in_one_part = runs.document([eighth / "access.log"], **options)
    monkeypatch.setattr(partial_result, "_FEW_ROWS", 20)
    monkeypatch.setattr(collect, "_GROUPED_AT_ONCE", 100)
    monkeypatch.setattr(document, "MANY_ROWS", 40)
    monkeypatch.setattr(long_rows, "_AT_ONCE", 60)
    monkeypatch.setattr(long_rows, "_IN_PIECE", 25)
    monkeypatch.setattr(long_rows, "_SAMPLED", 5)
    with memory(BASE + SMALL):
        in_parts = runs.document([eighth / "access.log"], **options)
    rows = in_parts.reports[report].rows
    assert isinstance(rows, long_rows.LongRows)
    assert rows.frame().equals(in_one_part.reports[report].frame)
    for output in plugins.names("outputs"):
        assert runs.render(in_parts, output) == runs.render(in_one_part, output), output
    assert runs.render(in_parts, "table", limit=0) == runs.render(in_one_part, "table", limit=0)


def test_many_referrers_are_evaluated_some_at_a_time_and_give_the_same_bytes(eighth: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    reports_of_channels = ["channels", "sessions"]
    at_once = runs.render(runs.document([eighth / "access.log"], goals=GOALS, reports=reports_of_channels), "json")
    monkeypatch.setattr(stages, "_MOST_WAYS", 20)
    assert runs.render(runs.document([eighth / "access.log"], goals=GOALS, reports=reports_of_channels), "json") == at_once


def test_short_reports_are_in_memory(eighth: Path) -> None:
    with memory(BASE + SMALL) as numbers:
        rows = runs.document([eighth / "access.log"], reports=["hits"], goals=GOALS).reports["hits"].rows
    assert numbers[0] > 1
    assert isinstance(rows, pl.DataFrame)


def test_variants_give_the_same_bytes_in_parts_as_in_one_piece() -> None:
    """Many visitors see a variant late, and some see several."""
    options = {"settings": ["variants.shop={path: [/cart, '/category/**']}"], "by": "variant.shop"}
    number, in_one_part, in_parts = both([LOG], goals=GOALS, reports=["overview", "goals", "funnel", "pages"], **options)
    assert number > 5
    assert in_parts == in_one_part
    assert {"several-variants", "before-variant"} <= {note["code"] for note in json.loads(in_one_part)["notes"]}


SMALL = 90_000
"""A memory budget in bytes that is small enough to split an eighth of the sample log into parts."""


@pytest.fixture(scope="module")
def eighth(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with an eighth of the visitors in each sample: about 2,000 lines of the log and 1,000 of the export."""
    folder = tmp_path_factory.mktemp("eighth")
    for path in (LOG, EVENTS):
        lines = gzip.decompress(path.read_bytes()).decode().splitlines(keepends=True)
        sampled = [line for line in lines if line.startswith("user_id") or zlib.crc32(re.split("[ ,]", line, maxsplit=1)[0].encode()) % 8 == 7]
        (folder / path.stem).write_text("".join(sampled), encoding="utf-8")
    return folder


@pytest.fixture
def in_eighth(eighth: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Change to the directory with an eighth of the samples."""
    monkeypatch.chdir(eighth)


TOGETHER: dict[str, dict[str, Any]] = {
    "bots included by week": {
        "goals": GOALS,
        "by": "week",
        "timezone": "Asia/Tokyo",
        "bots": "keep",
        "rejects": True,
        "verbose": True,
        "max_unpacked": "1GiB",
        "fail_if": ["silent", "checkout.cart.went_on_rate < 0.5"],
    },
    "some sessions by channel": {
        "goals": GOALS,
        "by": "channel",
        "sort": "sessions",
        "settings": ["session_timeout=10m"],
        "log_format": "combined",
        "where": ["landing=/**", "device!=tablet"],
        "last": "7d",
    },
    "paths of bots": {"goals": GOALS, "reports": ["paths"], "options": {"from": "/product/*", "steps": "2"}, "bots": "only"},
    "an audience": {
        "goals": GOALS,
        "reports": ["audiences"],
        "options": {"dropped_at": "saw_product", "seen": "20d"},
        "where": ["met!=reload", "dropped_at=checkout.*"],
    },
    "single sessions and hits": {"goals": GOALS, "reports": ["sessions", "hits"], "since": "2026-10-20", "until": "2026-10-24"},
}
"""Options that do not hide what another one changes, in few runs."""
OPTIONS: dict[str, dict[str, Any]] = {
    "built-in goals": {},
    "a goals file": {"goals": GOALS, "log_format": "combined", "verbose": True},
    "by week": {"goals": GOALS, "by": "week", "timezone": "Asia/Tokyo"},
    "by channel": {"goals": GOALS, "by": "channel", "sort": "sessions"},
    "by goal": {"goals": GOALS, "by": "goal", "until": "2026-10-24"},
    "channels": {"goals": GOALS, "reports": ["channels"], "settings": ["session_timeout=10m"]},
    "one funnel report": {"goals": GOALS, "reports": ["funnel"], "verbose": True},
    "paths": {"goals": GOALS, "reports": ["paths"], "options": {"from": "/product/*", "steps": "2"}},
    "hits": {"goals": GOALS, "reports": ["hits"], "since": "2026-10-20"},
    "some sessions": {"goals": GOALS, "where": ["landing=/**", "device!=tablet"], "last": "7d"},
    "sessions": {"goals": GOALS, "reports": ["sessions"]},
    "bots included": {"goals": GOALS, "bots": "keep", "rejects": True},
    "only bots": {"goals": GOALS, "bots": "only"},
}


@pytest.mark.usefixtures("in_eighth")
@pytest.mark.parametrize(
    "options", [*TOGETHER.values(), *(pytest.param(options, marks=pytest.mark.slow) for options in OPTIONS.values())], ids=[*TOGETHER, *OPTIONS]
)
def test_all_options_give_the_same_bytes_in_parts(options: dict[str, Any]) -> None:
    number, in_one_piece, in_parts = both(["access.log"], SMALL, **options)
    assert number > 3
    assert in_parts == in_one_piece
    assert any(json.loads(in_parts)["reports"].values())


def test_every_option_is_tested_in_parts() -> None:
    assert {field.name for field in fields(Options)} - {"memory", "alerts"} <= set().union(*TOGETHER.values())


COMMANDS = {
    "compare channels": ("compare", "access.log", "--where", "channel=Direct", "--with", "channel=Organic Search"),
    "explain a step": ("explain", "access.log", "--dropped-at", "checkout", "-n", "5"),
    "explain a line": ("explain", "access.log", "--line", "access.log:1200"),
    "check an export": ("check", "events.csv"),
}
MORE_COMMANDS = {
    "compare": ("compare", "access.log", "-f", "json"),
    "compare groups": ("compare", "access.log", "--where", "device=mobile", "--with", "device=desktop"),
    "explain": ("explain", "access.log"),
    "explain a goal": ("explain", "access.log", "--reached", "purchase", "-n", "0"),
    "explain a missing line": ("explain", "access.log", "--line", "access.log:99999"),
    "explain an unknown visitor": ("explain", "access.log", "--visitor", "zz"),
    "check": ("check", "access.log"),
}


@pytest.mark.usefixtures("in_eighth")
@pytest.mark.parametrize(
    "arguments",
    [*COMMANDS.values(), *(pytest.param(arguments, marks=pytest.mark.slow) for arguments in MORE_COMMANDS.values())],
    ids=[*COMMANDS, *MORE_COMMANDS],
)
def test_other_commands_give_the_same_bytes_in_parts(arguments: tuple[str, ...], convkit_command: Run) -> None:
    with memory(WHOLE):
        whole = convkit_command(*arguments, "-g", str(GOALS))
    with memory(BASE + SMALL) as numbers:
        assert convkit_command(*arguments, "-g", str(GOALS)) == whole
    assert numbers[0] > 3


@pytest.mark.usefixtures("in_eighth")
def test_proposed_goals_are_the_same_in_parts(convkit_command: Run, tmp_path: Path) -> None:
    for name, size in (("whole", WHOLE), ("parts", BASE + 2 * SMALL)):
        with memory(size) as numbers:
            assert convkit_command("init", "access.log", "-o", str(tmp_path / name))[0] == 0
    assert numbers[0] > 1
    assert (tmp_path / "parts").read_text(encoding="utf-8") == (tmp_path / "whole").read_text(encoding="utf-8")


@pytest.mark.usefixtures("in_eighth")
def test_an_export_and_a_log_give_the_same_bytes_in_parts() -> None:
    number, in_one_piece, in_parts = both(["events.csv", "access.log"], 2 * SMALL, goals=GOALS, verbose=True)
    assert number > 3
    assert in_parts == in_one_piece


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("parts")


@share_of_examples(0.06)
@given(example=st.one_of(examples(), examples(with_users=True)), reports=st.sampled_from((None, ["funnel"])))
def test_random_logs_give_the_same_bytes_in_parts(example: Example, reports: list[str] | None, folder: Path) -> None:
    (folder / "access.log").write_text("\n".join(example.stream.lines) + "\n", encoding="utf-8")
    (folder / "goals.yaml").write_text(to_yaml(example.goals), encoding="utf-8")
    _, in_one_part, in_parts = both([folder / "access.log"], 300, goals=folder / "goals.yaml", reports=reports, verbose=True)
    assert in_parts == in_one_part


@share_of_examples(0.04)
@given(example=experiments())
def test_variants_of_random_logs_give_the_same_bytes_in_parts(example: Example, folder: Path) -> None:
    """Funnels may test variants, too."""
    (folder / "access.log").write_text("\n".join(example.stream.lines) + "\n", encoding="utf-8")
    (folder / "goals.yaml").write_text(to_yaml(example.goals), encoding="utf-8")
    log_format = '$remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent "$http_referer" "$http_user_agent" "$http_cookie"'
    for by in (None, "variant.test"):
        options = {"goals": folder / "goals.yaml", "reports": ["overview", "goals", "funnel", "pages"], "log_format": log_format}
        _, in_one_part, in_parts = both([folder / "access.log"], 300, by=by, **options)
        assert in_parts == in_one_part


def line(address: str, user: str, minute: int, request: str = "GET /", **more: str) -> str:
    """Return a line in nginx's predefined format `main`."""
    moment = f"10/Mar/2026:{minute // 60:02}:{minute % 60:02}:00 +0000"
    return f'{address} - {user} [{moment}] "{request} HTTP/1.1" 200 9 "-" "{more.get("agent", FIREFOX)}" "{more.get("forwarded", "-")}"\n'


def crowd() -> list[str]:
    """Return the lines of many visitors with few addresses and user names, some of which they share."""
    users = [f"u{number % 11}" if number % 3 else "-" for number in range(600)]
    return [line(f"10.0.{n % 7}.{n % 23}", user, n * 7 % 1_400, f"GET /p{n % 5}?id=v{n % 17}") for n, user in enumerate(users)]


RULES = {
    "user": "visitor: [user, address]",
    "a parameter": "visitor: [query.id, address]",
    "user and parameter": "visitor: [user, query.id, address+browser]",
    "no address": "visitor: [address, query.id]",
}


@pytest.mark.parametrize("rule", RULES.values(), ids=RULES)
def test_visitors_identified_by_more_than_addresses_are_in_one_part(rule: str, tmp_path: Path) -> None:
    (tmp_path / "access.log").write_text("".join(crowd()), encoding="utf-8")
    (tmp_path / "goals.yaml").write_text(f"site: {{{rule}}}\nmacro: {{bought: /p1}}\nmicro: {{saw: /p2}}\n", encoding="utf-8")
    _, in_one_piece, in_parts = both([tmp_path / "access.log"], 50_000, goals=tmp_path / "goals.yaml")
    assert in_parts == in_one_piece


def test_entries_of_one_request_late_lines_and_false_lines_are_counted_alike_in_parts(tmp_path: Path) -> None:
    """A drain that repeats requests, a log whose times change their notation, and a damaged one whose last lines may be false."""
    entries = [
        {"deploymentId": "d", "source": "lambda", "projectId": "p", "requestId": f"r{n // 2}", "timestamp": 1791633600000 + n}
        | {
            "proxy": {
                "timestamp": 1791633600000 + n // 2,
                "method": "GET",
                "path": f"/p{n // 2 % 5}",
                "statusCode": 200,
                "clientIp": f"10.1.0.{n // 2 % 29}",
            }
        }
        for n in range(400)
    ]
    (tmp_path / "drain.log").write_text("".join(f"{json.dumps(entry)}\n" for entry in entries), encoding="utf-8")
    usual = crowd()
    late = [text.replace("10/Mar/2026:", "2026-03-10T") for text in usual[:50]]
    (tmp_path / "late.log").write_text("".join([*usual * 40, *late]), encoding="utf-8")
    packed = bytearray(gzip.compress("".join(text.replace("10.0.", "10.2.") for text in usual).encode(), mtime=0))
    packed[len(packed) // 2] ^= 0xFF
    (tmp_path / "damaged.log.gz").write_bytes(packed)
    (tmp_path / "goals.yaml").write_text("macro: {bought: /p1}\nmicro: {saw: /p2}\n", encoding="utf-8")
    number, in_one_piece, in_parts = both(sorted(tmp_path.glob("*.log*")), 30_000, goals=tmp_path / "goals.yaml", verbose=True)
    assert number > 2
    assert in_parts == in_one_piece
    assert json.loads(in_parts)["input"]["duplicate"] >= 200


def test_clients_of_a_trusted_proxy_are_resolved_before_the_partition(tmp_path: Path) -> None:
    log = "".join(line(f"10.0.0.{number % 2}", "-", number, forwarded=f"203.0.113.{number % 13}") for number in range(300))
    (tmp_path / "access.log").write_text(log, encoding="utf-8")
    (tmp_path / "goals.yaml").write_text("site: {trusted_proxy: 10.0.0.0/8}\nmacro: {home: /}\n", encoding="utf-8")
    number, in_one_part, in_parts = both([tmp_path / "access.log"], 18_000, goals=tmp_path / "goals.yaml")
    assert number > 2
    assert in_parts == in_one_part
    assert json.loads(in_parts)["reports"]["overview"][0]["value"] != 2


def call(second: int, anonymous: str | None, user: str | None, name: str = "page") -> str:
    """Return a row of an export that identifies a browser by an anonymous ID until its user is known."""
    moment = f"2026-03-10T{second // 3600:02}:{second // 60 % 60:02}:{second % 60:02}Z"
    more = {"type": "track", "event": name, "messageId": f"m{second}", "originalTimestamp": moment}
    return json.dumps({"anonymousId": anonymous, "userId": user, "context": {"page": {"path": f"/p{second % 4}"}}, **more}) + "\n"


def test_anonymous_ids_and_their_users_are_in_one_part_and_events_count_once(tmp_path: Path) -> None:
    rows = [call(number * 61, f"a{number % 37}", f"u{number % 19}" if number % 5 == 0 else None) for number in range(800)]
    for name, part in {"one": rows[:500], "two": rows[400:]}.items():
        (tmp_path / f"{name}.ndjson").write_text("".join(part), encoding="utf-8")
    _, in_one_part, in_parts = both(sorted(tmp_path.glob("*.ndjson")), 5_000)
    assert in_parts == in_one_part
    assert json.loads(in_parts)["input"]["duplicate"] == 100


def test_bot_sessions_are_counted_in_all_parts_or_none(tmp_path: Path) -> None:
    """A bot reaches a macro goal in only one part, but the bot sessions in the other parts count as well."""
    bots = [line(f"192.0.2.{number}", "-", number, "GET /thanks" if number == 77 else "GET /", agent="Googlebot/2.1") for number in range(200)]
    people = [line(f"198.51.100.{number}", "-", number, "GET /thanks", agent=CHROME) for number in range(100)]
    (tmp_path / "access.log").write_text("".join(bots + people), encoding="utf-8")
    (tmp_path / "goals.yaml").write_text("macro: {bought: /thanks}\n", encoding="utf-8")
    number, in_one_part, in_parts = both([tmp_path / "access.log"], 25_000, goals=tmp_path / "goals.yaml")
    assert number > 2
    assert in_parts == in_one_part
    assert json.loads(in_parts)["input"]["bots_kept"]["sessions"] == 200


@pytest.mark.parametrize("others", [100, 400])
def test_notes_on_programs_and_behaviour_are_the_same_in_parts(others: int, tmp_path: Path) -> None:
    """In some parts, behaviour excludes a third of the sessions although it does not in the whole log."""
    crawlers = [line(f"192.0.2.{number}", "-", number, path) for number in range(100) for path in ("GET /", "GET /robots.txt")]
    apps = [line(f"192.0.2.{number}", "-", number, "GET /thanks", agent=f"App{number % 7}/1.0") for number in range(80)]
    people = [line(f"198.51.{number // 250}.{number % 250}", "-", number, "GET /thanks", agent=CHROME) for number in range(others)]
    (tmp_path / "access.log").write_text("".join(crawlers + apps * (others == 100) + people), encoding="utf-8")
    (tmp_path / "goals.yaml").write_text("macro: {bought: /thanks}\n", encoding="utf-8")
    number, in_one_part, in_parts = both([tmp_path / "access.log"], 20_000, goals=tmp_path / "goals.yaml")
    assert number > 3
    assert in_parts == in_one_part
    assert ('"bots-by-behaviour"' in in_parts) == (others == 100)
    assert ('"programs-converted"' in in_parts) == (others == 100)


def test_counts_with_bots_use_the_site_s_own_hosts(tmp_path: Path) -> None:
    """The hosts are not configured; people's referrers reveal them, while bots' referrers would not."""
    pages = {"/": "-", "/a": "https://shop.example/", "/thanks": "https://shop.example/a"}
    people = [line_with_referrer(f"192.0.2.{n}", n + m, path, pages[path], FIREFOX) for n in range(60) for m, path in enumerate(pages)]
    bots = [
        line_with_referrer(f"198.51.100.{n}", n + m * 50, path, "https://shop.example/", "Googlebot/2.1")
        for n in range(60)
        for m, path in enumerate(pages)
    ]
    (tmp_path / "access.log").write_text("".join(people + bots), encoding="utf-8")
    goals = "macro: {bought: /thanks}\nfunnels:\n  direct: {steps: [/, /thanks], where: channel=Direct}\n"
    (tmp_path / "goals.yaml").write_text(goals, encoding="utf-8")
    for where in (["channel=Direct"], ["channel=Referral"]):
        options = {"goals": tmp_path / "goals.yaml", "where": where, "verbose": True}
        number, in_one_piece, in_parts = both([tmp_path / "access.log"], 36_000, **options)
        assert number > 2
        assert in_parts == in_one_piece
        assert json.loads(in_parts)["input"]["bots_kept"]["sessions"] == (0 if where == ["channel=Referral"] else 180)


def line_with_referrer(address: str, minute: int, path: str, referrer: str, agent: str) -> str:
    """Return a line with a referrer."""
    moment = f"10/Mar/2026:{minute // 60:02}:{minute % 60:02}:00 +0000"
    return f'{address} - - [{moment}] "GET {path} HTTP/1.1" 200 9 "{referrer}" "{agent}"\n'


def test_damaged_logs_are_copied_to_disk_piece_by_piece(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    packed = gzip.compress("".join(crowd()).encode())
    (tmp_path / "access.log.gz").write_bytes(packed[:-2_000])
    monkeypatch.setattr(reader, "_BLOCK", 5_000)
    _, in_one_part, in_parts = both([tmp_path / "access.log.gz"], 20_000, rejects=True)
    assert in_parts == in_one_part


def test_clock_jumps_are_found_in_logs_that_are_examined_piece_by_piece(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    days = [f'192.0.2.{n % 40} - - [{24 - n // 100 * 2:02}/Mar/2026:09:00:00 +0000] "GET / HTTP/1.1" 200 9 "-" "{FIREFOX}"\n' for n in range(600)]
    (tmp_path / "access.log").write_text("".join(days), encoding="utf-8")
    (tmp_path / "other.log").write_text("".join(crowd()), encoding="utf-8")
    monkeypatch.setattr(quality, "_AT_ONCE", 50)
    _, in_one_part, in_parts = both([tmp_path / "access.log", tmp_path / "other.log"], 90_000)
    monkeypatch.setattr(quality, "_AT_ONCE", 5_000_000)
    assert in_parts == in_one_part == both([tmp_path / "access.log", tmp_path / "other.log"], 90_000)[2]
    assert json.loads(in_parts)["input"]["jumps"]


NOTATIONS = st.sampled_from(
    (
        *("203.0.113.7", "::ffff:203.0.113.7", "203.0.113.7, 10.0.0.1", "shop:203.0.113.7", "[::FFFF:203.0.113.7]"),
        *("2001:db8::7", "2001:0DB8::1", "[2001:db8:0:0::9]", "2001:db8:0:0:1:2:3:4", "2001:db8::7%eth0", "2001:DB8::7"),
        *("::1", "0:0:0:0:0:0:0:1", "1::", "fe80::1", "0:1::2", "::1:0:0:0:1", "a:b", "-", "", "example.org", "2001:db8:1::7"),
    )
)


@share_of_examples(0.4)
@given(st.lists(st.tuples(NOTATIONS, st.sampled_from(("-", "-", "ann", "bob"))), min_size=1, max_size=20))
def test_lines_that_may_belong_to_one_visitor_are_in_one_bucket(drawn: list[tuple[str, str]]) -> None:
    senders = [f"{address} - {user}" for address, user in drawn]
    lines = pl.LazyFrame({"sender": senders, "line_no": range(len(senders)), "problem": None}, schema_overrides={"problem": PROBLEM})
    visitors = addresses.add_address_parts(requests.split_senders(lines)).select(who=pl.coalesce("part", "user"))
    buckets = pl.concat([store.add_bucket_key(lines).select("key", "sender"), visitors], how="horizontal").collect()
    assert buckets["sender"].to_list() == lines.collect()["sender"].to_list()
    assert buckets.group_by("who").agg(pl.col("key").n_unique())["key"].to_list() == [1] * buckets["who"].n_unique()


NODE = st.one_of(st.none(), st.integers(0, 9))


@given(st.lists(st.tuples(st.integers(0, 9), NODE, NODE, NODE), min_size=1, max_size=25))
def test_visitors_linked_through_others_are_in_one_group(drawn: list[tuple[int | None, ...]]) -> None:
    names = ["key", "node:query.id", "node:user", "node:anonymous"]
    lines = pl.DataFrame(drawn, schema=dict.fromkeys(names, pl.Int64), orient="row").cast({"key": pl.UInt32})
    groups = dict(partition.group_keys(lines).rows())
    nodes = [{(min(kind, 2), value) for kind, value in enumerate(row) if value is not None} for row in drawn]
    expected = {row[0]: row[0] for row in drawn}
    for _ in drawn:
        for row, row_nodes in zip(drawn, nodes, strict=True):
            for other, other_nodes in zip(drawn, nodes, strict=True):
                if row_nodes & other_nodes:
                    expected[row[0]] = expected[other[0]] = min(expected[row[0]], expected[other[0]])
    assert groups == expected


def test_memory_decides_the_number_of_parts() -> None:
    counts = pl.DataFrame({"bucket": list(range(10)), "lines": [1_000] * 10, "records": [1_000] * 10}).cast({"bucket": pl.UInt16})
    assert partition._bounds(counts, MemoryBudget(USUAL)) == ((0, 9),)  # noqa: SLF001 (the rule itself)
    assert partition._bounds(counts, MemoryBudget(BASE + 1_350_000)) == ((0, 4), (5, 9))  # noqa: SLF001 (the rule itself)
    assert len(partition._bounds(counts, MemoryBudget(BASE + 1))) == 10  # noqa: SLF001 (the rule itself)
    assert partition._bounds(counts.clear(), MemoryBudget(USUAL)) == ((0, store.BUCKETS),)  # noqa: SLF001 (the rule itself)


def test_duplicates_are_found_however_lines_are_grouped(monkeypatch: pytest.MonkeyPatch) -> None:
    numbers = [n * 7 % 40 if n % 3 else None for n in range(200)]
    lines = pl.DataFrame({"source": [0] * 200, "line_no": range(200), "event_number": numbers, "problem": [None] * 200})
    lines = lines.cast({"source": pl.UInt32, "line_no": pl.UInt32, "problem": pl.String})
    duplicates = merge.find_duplicates(lines.lazy(), 200).sort("line_no")
    monkeypatch.setattr(merge, "_IDS_AT_ONCE", 13)
    assert merge.find_duplicates(lines.lazy(), 200).sort("line_no").equals(duplicates)
    assert duplicates.height == sum(n is not None for n in numbers) - len({*numbers} - {None})


SIZES = {"1GiB": 1 << 30, "810MB": 810_000_000, "1.5 GiB": 3 << 29, "2g": 2_000_000_000, "1TiB": 1 << 40}


@pytest.mark.parametrize("text", SIZES)
def test_sizes_are_read_as_people_write_them(text: str) -> None:
    assert MemoryBudget.of(text).size == SIZES[text]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("much", "--memory: 'much' is not a size; write it like 1GiB or 800MB"),
        ("1000", "--memory: '1000' is not a size; write it like 1GiB or 800MB"),
        ("100MB", "--memory: 100MB is too little; a run needs at least 256MiB"),
    ],
)
def test_invalid_sizes_are_refused(text: str, message: str) -> None:
    with pytest.raises(UsageError) as refused:
        runs.document([LOG], memory=text)
    assert str(refused.value) == message


def test_small_logs_are_never_written_to_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(MemoryBudget, "of", classmethod(lambda cls, _: cls(1 << 30)))
    monkeypatch.setattr(partition, "_on_disk", None)
    runs.document([LOG])


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), pl.exceptions.ComputeError("No space left on device (os error 28)")])
def test_a_full_disk_is_reported(error: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(pl.LazyFrame, "sink_parquet", full)
    monkeypatch.setattr(MemoryBudget, "of", classmethod(lambda cls, _: cls(BASE + 1)))
    with pytest.raises(OutputError, match="No space left on device; free some space, or set TMPDIR"):
        runs.document([LOG])


STOPPED = """
import sys, time, convkit
from convkit import reports
from convkit.core import collect, document, long_rows, plugins
from convkit.core.options import Options
from convkit.engine import partial_result, partition, stages
from convkit.engine.memory import BASE, MemoryBudget
MemoryBudget.of = classmethod(lambda cls, _: cls(BASE + 1))
def wait(*_):
    print("here", flush=True)
    time.sleep(60)
partition._on_disk = wait
convkit.report([sys.argv[1]])
"""


@pytest.mark.skipif(not store.filesystem.OPEN_FILES.exists(), reason="this system gives no path to a file without a name")
def test_even_a_killed_program_leaves_no_file_behind(tmp_path: Path) -> None:
    environment = {**os.environ, "TMPDIR": str(tmp_path), "PYTHONPATH": str(ROOT)}
    with subprocess.Popen([sys.executable, "-c", STOPPED, str(LOG)], env=environment, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"here\n"
        assert list(tmp_path.iterdir()) == []
        process.send_signal(signal.SIGKILL)
    time.sleep(0.1)
    assert list(tmp_path.iterdir()) == []


CROWDED = """
import resource, sys, convkit
from convkit.engine.memory import BASE, MemoryBudget
MemoryBudget.of = classmethod(lambda cls, _: cls(BASE + 50_000))
resource.setrlimit(resource.RLIMIT_NOFILE, (64, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
print(convkit.report([sys.argv[1]], ["overview"]).input["lines"])
"""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such limit")
def test_more_logs_than_the_usual_limit_of_open_files_are_read(tmp_path: Path) -> None:
    people = crowd()
    for number in range(75):
        (tmp_path / f"access.log.{number}").write_text("".join(people[number * 8 : number * 8 + 8]), encoding="utf-8")
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    process = subprocess.run([sys.executable, "-c", CROWDED, str(tmp_path)], env=environment, capture_output=True, text=True, check=False)
    assert (process.stdout, process.stderr) == ("600\n", "")
