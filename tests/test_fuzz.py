"""Whatever the lines are like: no exception but one with a sentence, and lines in are the sum of fates.

`pytest -m fuzz` goes on for ten minutes, or as many as CONVKIT_FUZZ_MINUTES says. A seed that failed belongs into FAILED.
"""

from __future__ import annotations

import gzip
import os
import random
import time
from typing import TYPE_CHECKING

import pytest

import convkit
from convkit import plugins
from convkit.errors import InputError

if TYPE_CHECKING:
    from pathlib import Path

MINUTES = float(os.environ.get("CONVKIT_FUZZ_MINUTES", "10"))
SAMPLES = [line.encode() for module in plugins.load_all("formats").values() if hasattr(module, "scan") for line in module.SAMPLES]
SPICE = [
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
SPICE += [
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


def mutated(rng: random.Random) -> bytes:
    """Return a line of some format with some bytes put in, taken out and exchanged."""
    line = bytearray(rng.choice(SAMPLES))
    for _ in range(rng.choice([0, 1, 1, 2, 3, 8])):
        place = rng.randrange(len(line) + 1)
        line[place : place + rng.choice([0, 0, 1, 2, 20])] = rng.choice([b"", rng.choice(SPICE), rng.randbytes(rng.randint(1, 4))])
    return bytes(line)


def check(seed: int, folder: Path) -> None:
    """Make all reports of a log of mutated lines, in every output."""
    rng = random.Random(seed)
    lines = [mutated(rng) for _ in range(100)] + [rng.choice(SAMPLES) for _ in range(rng.choice([0, 150]))]
    rng.shuffle(lines)
    content = b"\n".join(lines)
    packed = gzip.compress(content) if seed % 3 == 1 else gzip.compress(content)[: -rng.randint(1, 200)] if seed % 3 == 2 else content
    log = folder / f"{seed}.log"
    log.write_bytes(packed)
    refused = None
    try:
        document = convkit.run([log], log_format=rng.choice(plugins.names("formats")), rejects=True)
    except InputError as error:
        refused = str(error)
    log.unlink()
    if refused is not None:
        assert log.name in refused
        return
    fates = dict(document.input)
    assert fates.pop("lines") == sum(fates.values())
    if seed % 3 != 2:
        assert document.input["lines"] == content.count(b"\n") + (content[-1:] not in {b"", b"\n"})
    for output in plugins.names("outputs"):
        assert convkit.render(document, output)


@pytest.mark.parametrize("seed", [*range(20), *FAILED])
def test_mutated_lines_are_read_or_counted(seed: int, tmp_path: Path) -> None:
    check(seed, tmp_path)


@pytest.mark.fuzz
def test_mutated_lines_for_some_minutes(tmp_path: Path) -> None:
    begun = time.monotonic()
    seed = 1_000
    while time.monotonic() - begun < MINUTES * 60:
        seed += 1
        check(seed, tmp_path)
    assert seed > 1_100
