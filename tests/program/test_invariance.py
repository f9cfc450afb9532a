"""The machine makes no difference: with any number of threads, and in repeated runs, every output has the same bytes.

The order of lines and files, compression, line endings and standard input are tested with the model's logs in `test_against_model`.
"""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from places import EXAMPLE_GOALS, ROOT, SAMPLE

from convkit.core import plugins

LOG, GOALS = SAMPLE, EXAMPLE_GOALS

REPORT = """
import sys, convkit
result = convkit.report([sys.argv[1]], goals=sys.argv[2])
rendered = [result.render(output, limit=0) for output in sys.argv[3:]]
sys.stdout.buffer.write(b"".join(text if isinstance(text, bytes) else text.encode() for text in rendered))
"""


def report(**environment: str) -> bytes:
    """Return the report of the sample log in every output, from a fresh interpreter."""
    command = [sys.executable, "-W", "error", "-c", REPORT, str(LOG), str(GOALS), *plugins.names("outputs")]
    return subprocess.run(command, capture_output=True, check=True, cwd=ROOT, env={**os.environ, **environment}).stdout


@pytest.fixture(scope="module")
def single() -> bytes:
    """Return the report made with one thread."""
    return report(POLARS_MAX_THREADS="1")


@pytest.mark.parametrize(
    "environment",
    [
        {"POLARS_MAX_THREADS": "2"},
        {"POLARS_MAX_THREADS": "7", "PYTHONHASHSEED": "12345", "TZ": "Pacific/Kiritimati", "LC_ALL": "C.UTF-8"},
    ],
    ids=["two threads", "seven threads, another hash seed, time zone and locale"],
)
def test_the_environment_does_not_change_a_byte(environment: dict[str, str], single: bytes) -> None:
    assert len(single) > 10_000
    assert report(**environment) == single
