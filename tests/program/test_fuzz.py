"""Whatever a file contains, it is read or refused in one sentence, the counts by class add up to the lines read, and packing changes no figure.

`pytest -m fuzz` runs all checks in CHECKS for ten minutes, or for CONVKIT_FUZZ_MINUTES. Add a failing seed to FAILED,
or the content itself to `fuzz.seeds`.
"""

from __future__ import annotations

import gzip
import io
import json
import os
import random
import re
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any
from unittest import mock

import polars as pl
import pytest
import runs
from as_program import COMMAND, PATIENCE, environment
from engine.test_partition import BASE, memory
from fuzz import bombs
from fuzz.contents import CONTENTS
from fuzz.exports import export
from fuzz.goals_files import goals_file
from fuzz.packings import PACKINGS, as_utf_16, in_equal_members
from fuzz.seeds import GOALS_SEEDS, GOOD, SEEDS
from profiles import number_of_examples

from convkit.core import plugins
from convkit.errors import InputError
from convkit.files import reader, sampling
from convkit.formats import load_formats, sample_lines
from convkit.goals.loader import parse_goals

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from conftest import Run

    from convkit.core.document import Document

MINUTES = float(os.environ.get("CONVKIT_FUZZ_MINUTES", "10"))
FORMATS = load_formats()
SAMPLES = {name: [line.encode() for line in lines] for name in FORMATS if (lines := sample_lines(name))}
LINE_BY_LINE = {name for name, log_format in FORMATS.items() if log_format.claims() is not None} | {"logs", "ndjson"}
"""Formats with one record per line; in others, a record may span several lines, or a line may hold several records."""
EVENTS = [
    {
        "user_id": f"u{number % 7}",
        "event": ["page_view", "buy, now", 'say "hi"'][number % 3],
        "time": 1_791_640_000 + number,
        "url": f"/{number}",
        "n": number,
    }
    for number in range(60)
]
KINDS: dict[str, list[bytes]] = {
    **SAMPLES,
    "logs": [line for name, lines in SAMPLES.items() if name in LINE_BY_LINE for line in lines],
    "csv": pl.DataFrame(EVENTS).write_csv().encode().splitlines(),
    "tsv": pl.DataFrame(EVENTS).write_csv(separator="\t").encode().splitlines(),
    "ndjson": [json.dumps(event).encode() for event in EVENTS],
    "json": json.dumps(EVENTS, indent=1).encode().splitlines(),
}
"""Lines of each format and of mixed logs; if there may be a header, the first line is not changed."""
COMMON = ("logs", "combined", "csv", "tsv", "ndjson", "json")
INSERTIONS = [
    b'"',
    b"\\",
    b'\\"',
    b" ",
    b"  ",
    b"-",
    b"[",
    b"]",
    b"\0",
    b"\xff",
    b"\xc3",
    b"\r",
    b"\t",
    b"\x1b[31m",
    b"%",
    b"%ff",
    b"?",
    b"&",
    b"=",
    b"#",
    b"//",
    b"/../",
    b";",
]
INSERTIONS += [
    b"9" * 30,
    b"\xe2\x80\xae",
    b"99999",
    b"-1",
    b"HTTP/",
    b"GET ",
    b"::",
    b"::ffff:",
    b",",
    b"'",
    b"=1+1",
    b"[bold]",
    b"a" * 3_000,
    "é".encode(),
    b"\n",
]
FAILED: tuple[int, ...] = ()
GOALS = parse_goals("macro: {buy: {event: buy*, where: {n: '>= 5'}, value: prop.n}, page: {page: /*, value: query.total, once_per: prop.n}}", None)


def mutated(rng: random.Random, samples: list[bytes]) -> bytes:
    """Return a line with some bytes inserted, removed and replaced."""
    line = bytearray(rng.choice(samples))
    for _ in range(rng.choice([0, 1, 1, 2, 3, 8])):
        place = rng.randrange(len(line) + 1)
        line[place : place + rng.choice([0, 0, 1, 2, 20])] = rng.choice([b"", rng.choice(INSERTIONS), rng.randbytes(rng.randint(1, 4))])
    return bytes(line)


def check(seed: int, kind: str, folder: Path, *, quick: bool = False) -> None:
    """Analyze mutated lines, and render all reports in every output, unless the check is to be `quick`."""
    rng = random.Random(f"{seed} {kind}")
    samples = KINDS[kind]
    lines = [mutated(rng, samples) for _ in range(100)] + [rng.choice(samples) for _ in range(rng.choice([0, 150]))]
    rng.shuffle(lines)
    content = b"\n".join(lines if kind == "logs" else [samples[0], *lines])
    packed = gzip.compress(content) if seed % 3 == 1 else gzip.compress(content)[: -rng.randint(1, 200)] if seed % 3 == 2 else content
    log = folder / f"{seed}.log"
    log.write_bytes(packed)
    log_format = rng.choice([rng.choice(plugins.names("formats")), "auto", kind if kind in FORMATS else "auto"])
    refusal, document = "", None
    try:
        document = runs.document([log], ["overview"] if quick else None, GOALS, log_format=log_format, rejects=True)
    except InputError as error:
        refusal = str(error)
    if seed % 3 == 0 and not quick:
        check_with_reader_for_damaged_files(log, log_format, document, refusal)
    log.unlink()
    if document is None:
        assert log.name in refusal
        return
    fates = dict(document.input)
    assert fates.pop("lines") == sum(fates.values())
    if seed % 3 != 2 and kind in LINE_BY_LINE and log_format in {"auto", kind}:
        assert document.input["lines"] == content.count(b"\n") + (content[-1:] not in {b"", b"\n"})
    for output in ["json"] if quick else plugins.names("outputs"):
        assert runs.render(document, output)


def check_with_reader_for_damaged_files(log: Path, log_format: str, document: Document | None, refusal: str) -> None:
    """Check that the reader for damaged files reads and rejects the same lines as the usual one, and refuses the same files."""
    message = ""
    with mock.patch.object(reader, "is_read_by_polars", return_value=False):
        try:
            again = runs.document([log], goals=GOALS, log_format=log_format, rejects=True)
        except InputError as error:
            message = str(error)
    assert message == refusal
    if document is not None:
        assert again.input == document.input
        assert again.rejects is not None
        assert again.rejects.equals(document.rejects)
        assert runs.render(again, "csv") == runs.render(document, "csv")


def check_parquet(seed: int, folder: Path) -> None:
    """Check that a file with some bytes replaced or cut off is either read or refused in one sentence."""
    rng = random.Random(seed)
    file = io.BytesIO()
    pl.DataFrame(EVENTS).write_parquet(file, compression=rng.choice(["zstd", "uncompressed"]))
    content = bytearray(file.getvalue())
    for _ in range(rng.choice([0, 1, 1, 5])):
        content[rng.randrange(4, len(content))] = rng.randrange(256)
    log = folder / f"{seed}.parquet"
    log.write_bytes(content[: rng.choice([len(content), len(content), rng.randrange(4, len(content))])])
    refusal, fates = "", {"lines": 0}
    try:
        fates = dict(runs.document([log], goals=GOALS).input)
    except InputError as error:
        refusal = str(error)
    assert not refusal or log.name in refusal
    assert fates.pop("lines") == sum(fates.values())


@pytest.mark.parametrize(
    ("seed", "kind"), [(seed, kind) for kind in KINDS for seed in (*range(number_of_examples(0.04) if kind in COMMON else 1), *FAILED)]
)
def test_mutated_lines_are_read_or_counted(seed: int, kind: str, tmp_path: Path) -> None:
    """Common formats are tested with more seeds than the others, and with every reader, report and output."""
    check(seed, kind, tmp_path, quick=kind not in COMMON)


@pytest.mark.parametrize("seed", range(number_of_examples(0.3)))
def test_damaged_parquet_is_read_or_refused(seed: int, tmp_path: Path) -> None:
    check_parquet(seed, tmp_path)


def outcome(log: Path, reports: list[str] | None) -> tuple[str, dict[str, Any]]:
    """Return why a log is refused, or the figures of reports, how its lines are classified, and the rejected lines."""
    try:
        document = runs.document([log], reports, GOALS, rejects=True)
    except InputError as error:
        return str(error), {}
    fates = dict(document.input)
    assert fates.pop("lines") == sum(fates.values())
    read = json.loads(runs.render(document, "json"))
    rejects = document.rejects.drop("log", "file", strict=False).rows() if document.rejects is not None else []
    counts = {name: value for name, value in read["input"].items() if name not in {"files", "copies"}}
    return "", {"reports": read["reports"], "input": counts, "rejects": rejects}


def check_content(rng: random.Random, content: bytes, folder: Path, reports: list[str] | None = None) -> None:
    """Check that a log is read or refused, and that it has the same figures in parts and however it is packed."""
    log, packed = folder / "fuzz.log", folder / "fuzz.packed"
    log.write_bytes(content)
    with mock.patch.object(sampling, "_LINES", rng.choice([50, 300, 20_000])):
        refusal, figures = outcome(log, reports)
        assert not refusal or log.name in refusal
        if rng.random() < 0.3:
            with memory(BASE + max(20_000, len(content) // 3)):
                assert outcome(log, reports) == (refusal, figures), "in parts"
        if not content or content[:4] in {b"\x04\x22\x4d\x18", b"PK\5\6"} or content[:2] == b"\x1f\x8b":
            return
        name = rng.choice([*PACKINGS])
        packed.write_bytes(PACKINGS[name](rng, content))
        check_same(name, (refusal, figures), outcome(packed, reports))
        if b"\0" not in content and is_text(content):
            packed.write_bytes(as_utf_16(rng, content))
            check_same("UTF-16", (refusal, figures), outcome(packed, reports))


def is_text(content: bytes) -> bool:
    """Return whether bytes are UTF-8 and begin with characters that show the order of bytes in UTF-16."""
    try:
        return len(content) > 100 and content[:100].isascii() and bool(content.decode())
    except UnicodeDecodeError:
        return False


def check_same(name: str, plain: tuple[str, dict[str, Any]], packed: tuple[str, dict[str, Any]]) -> None:
    """Check that a packed log has the figures of the plain one, or is refused as it is."""
    assert bool(plain[0]) == bool(packed[0]), f"{name}: {plain[0] or packed[0]}"
    for part, value in plain[1].items():
        assert packed[1][part] == value, f"{name}: {part}"


def check_contents(seed: int, folder: Path) -> None:
    """Check a log or an export with the overview, or with all reports."""
    rng = random.Random(seed)
    check_content(rng, rng.choice([*CONTENTS.values(), export])(rng), folder, rng.choice([["overview"], ["overview"], ["overview"], None]))


def check_cut_or_damaged(seed: int, folder: Path) -> None:
    """Check that a packed or plain log that is cut off or damaged anywhere is read or refused, and that what is read adds up."""
    rng = random.Random(seed)
    content = rng.choice([*CONTENTS.values(), export])(rng)
    name = rng.choice(["plain", "zip of equal members", "UTF-16", *PACKINGS])
    pack = {"plain": lambda _, text: text, "zip of equal members": in_equal_members, "UTF-16": as_utf_16, **PACKINGS}[name]
    file = bytearray(pack(rng, content))
    for _ in range(rng.choice([0, 1, 1, 3])):
        file[rng.choice([rng.randrange(len(file)), rng.randrange(min(len(file), 40)), -1 - rng.randrange(min(len(file), 60))])] = rng.randrange(256)
    log = folder / "cut.log"
    log.write_bytes(file[: rng.choice([len(file), rng.randrange(len(file))])])
    refusal, _ = outcome(log, ["overview"])
    assert not refusal or log.name in refusal


def check_exit_code(seed: int, folder: Path, run: Run) -> None:
    """Check that the program ends with the code of a report, of a log that cannot be read, or of lost lines."""
    rng = random.Random(seed)
    log = folder / "program.log"
    log.write_bytes(rng.choice([*CONTENTS.values(), export])(rng))
    options = rng.sample([["--strict"], ["--rejects", str(folder / "rejects.txt")], ["--memory", "256MiB"], ["--bots", "keep"], ["--by", "day"]], 2)
    code, _, stderr = run(rng.choice(["overview", "report", "formats", "pages"]), str(log), *options[0])
    assert code in {0, 2, 3, 4}, stderr
    assert "Traceback" not in stderr


def check_goals_file(content: bytes, folder: Path, run: Run, *, with_log: bool) -> None:
    """Check that a goals file is right or wrong, alone or with a log."""
    file, log = folder / "goals.yaml", folder / "good.log"
    file.write_bytes(content)
    log.write_bytes(GOOD)
    code, _, stderr = run("check", "-g", str(file), *([str(log)] if with_log else []))
    assert code in {0, 2}, stderr
    assert "Traceback" not in stderr
    assert code == 0 or stderr


MOST_MEMORY = 450 << 20
"""The most memory that a process may take for a file of which nearly all is nothing."""


def check_bomb(text: str, packing: str, size: int, folder: Path) -> None:
    """Check that a small file that decompresses to very much is read or refused in little memory."""
    log = bombs.write(folder / "bomb.log", text, size, packing, GOOD)
    usage = folder / "usage"
    command = [sys.executable, "-c", MEASURED, str(usage), *COMMAND, "overview", str(log)]
    process = subprocess.run(command, env=environment(POLARS_MAX_THREADS="2"), capture_output=True, check=False, timeout=2 * PATIENCE)
    code, most = map(int, usage.read_text().split())
    assert code in {0, 3}, process.stderr.decode()
    assert most < MOST_MEMORY, f"{text} in {packing}: {most >> 20} MiB"
    log.unlink()


MEASURED = """
import os, resource, subprocess, sys
process = subprocess.run(sys.argv[2:], check=False)
with open(sys.argv[1], "w") as file:
    print(process.returncode, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024, file=file)
"""
"""A program that runs another one, and writes its exit code and the most memory that it took to a file."""


def check_any_bomb(seed: int, folder: Path) -> None:
    """Check a bomb of any kind; one of ten seeds, as each takes seconds."""
    rng = random.Random(seed)
    if seed % 10 == 0:
        check_bomb(
            rng.choice(list(bombs.TEXTS)),
            rng.choice(["plain", *bombs.COMPRESSORS]),
            rng.choice([16, 64, 256]) << 20,
            folder,
        )


CHECKS: dict[str, Callable[[int, Path, Run], None]] = {
    "parquet": lambda seed, folder, _: check_parquet(seed, folder),
    "lines": lambda seed, folder, _: check(seed, [*KINDS][seed % len(KINDS)], folder),
    "contents": lambda seed, folder, _: check_contents(seed, folder),
    "cuts": lambda seed, folder, _: check_cut_or_damaged(seed, folder),
    "exit codes": check_exit_code,
    "goals files": lambda seed, folder, run: check_goals_file(goals_file(random.Random(seed)), folder, run, with_log=seed % 2 == 0),
    "bombs": lambda seed, folder, _: check_any_bomb(seed, folder),
}
"""All checks of a seed."""


@pytest.mark.slow
@pytest.mark.parametrize("name", SEEDS)
def test_contents_that_were_read_wrongly(name: str, tmp_path: Path) -> None:
    """The quick tests of their kinds are in `attack`."""
    check_content(random.Random(name), SEEDS[name], tmp_path, ["overview"])


@pytest.mark.parametrize("name", [pytest.param(name, marks=[pytest.mark.slow] if name == "many goals" else []) for name in GOALS_SEEDS])
def test_goals_files_that_were_read_wrongly(name: str, tmp_path: Path, convkit_command: Run) -> None:
    check_goals_file(GOALS_SEEDS[name], tmp_path, convkit_command, with_log=True)


@pytest.mark.slow
@pytest.mark.parametrize("packing", ["plain", *bombs.COMPRESSORS])
@pytest.mark.parametrize("text", bombs.TEXTS)
def test_bombs_take_little_memory(text: str, packing: str, tmp_path: Path) -> None:
    check_bomb(text, packing, 64 << 20, tmp_path)


@pytest.mark.parametrize("seed", range(number_of_examples(0.04)))
@pytest.mark.parametrize("name", [pytest.param("contents", marks=pytest.mark.slow), "cuts", "exit codes", "goals files"])
def test_drawn_files_are_read_or_refused(name: str, seed: int, tmp_path: Path, convkit_command: Run) -> None:
    CHECKS[name](seed, tmp_path, convkit_command)


@pytest.mark.fuzz
def test_drawn_files_for_some_minutes(tmp_path: Path, convkit_command: Run) -> None:
    """All faults of a run are shown, one of each kind, with their seeds."""
    begin, faults = time.monotonic(), dict[str, str]()
    seed = 1_000
    while time.monotonic() - begin < MINUTES * 60:
        seed += 1
        for name, run_check in CHECKS.items():
            try:
                run_check(seed, tmp_path, convkit_command)
            except Exception as error:  # noqa: BLE001 (every kind of fault is of interest)
                kind = f"{name}: {type(error).__name__}: {re.sub('[0-9]+', 'N', str(error))[:200]}"
                faults.setdefault(kind, f"seed {seed}")
    assert not faults, "\n".join(f"{kind} ({where})" for kind, where in faults.items())
    assert seed > 1_005
