"""Whatever the lines contain, every exception is an error with a message for users, and the counts by class add up to the lines read.

`pytest -m fuzz` runs for ten minutes, or for CONVKIT_FUZZ_MINUTES. Add a failing seed to FAILED.
"""

from __future__ import annotations

import gzip
import io
import json
import os
import random
import time
from typing import TYPE_CHECKING
from unittest import mock

import polars as pl
import pytest
import runs
from profiles import number_of_examples

from convkit.core import plugins
from convkit.errors import InputError
from convkit.files import reader
from convkit.formats import load_formats, sample_lines
from convkit.goals.loader import parse_goals

if TYPE_CHECKING:
    from pathlib import Path

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


@pytest.mark.fuzz
def test_mutated_lines_for_some_minutes(tmp_path: Path) -> None:
    begin = time.monotonic()
    seed = 1_000
    while time.monotonic() - begin < MINUTES * 60:
        seed += 1
        check_parquet(seed, tmp_path)
        for kind in KINDS:
            check(seed, kind, tmp_path)
    assert seed > 1_005
