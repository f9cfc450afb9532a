"""Golden files: every report in every output of text on the sample log, compared as bytes.

Parquet has none: its bytes change with the version of Polars.

After a change that is wanted, `PYTHONPATH=. python tests/test_golden.py --write` rewrites them all and prints what differs.
"""

from __future__ import annotations

import contextlib
import difflib
import re
import sys
import tempfile
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from small_logs import line, written

import convkit
from convkit import plugins
from convkit.version import __version__

if TYPE_CHECKING:
    from convkit.tables import Document

ROOT = Path(__file__).resolve().parent.parent
GOLDEN = Path(__file__).parent / "golden" / "reports"
SAMPLE = "sample_logs/access.log.gz"

SINGLE = ("sessions", "hits")
"""Reports of single sessions and hits are shown on a small log: a month of them would be megabytes."""
SMALL = "tests/data/by_hand.log", "tests/data/by_hand.yaml"

WHOLE = "report"
REPORTS = (WHOLE, *plugins.names("reports"))
ENDINGS = ("80.txt", "120.txt", "csv", "json", "markdown", "ndjson", "tsv")
BUILT_IN, NO_MACRO = "built-in", "no-macro"
SPLIT = "by-"
FUNNELS, EVERY_OPTION = "funnels", "tests/data/funnels.yaml"
NAMES = (
    *(f"{report}.{ending}" for report in REPORTS for ending in ENDINGS),
    *(f"{BUILT_IN}.{ending}" for ending in ("80.txt", "120.txt", "json", "markdown")),
    *(f"{NO_MACRO}.{ending}" for ending in ("80.txt", "120.txt", "json", "markdown")),
    *(f"{FUNNELS}.{ending}" for ending in ("80.txt", "120.txt", "csv", "json", "markdown")),
    *(f"{SPLIT}day.{ending}" for ending in ("80.txt", "120.txt")),
    *(f"{SPLIT}device.{ending}" for ending in ("80.txt", "120.txt", "csv", "markdown", "ndjson")),
)

# Both change without a change of the reports: the version of the product, and that of the list of bots.
_BOT_LIST = re.compile(r"crawler-user-agents \d+(?:\.\d+)*")
_CHANGES = ((f'"convkit": "{__version__}"', '"convkit": "VERSION"'),)


@cache
def document(name: str) -> Document:
    """Return the finished reports that golden files of this name show."""
    with contextlib.chdir(ROOT):
        return _document(name)


def _document(name: str) -> Document:
    """Return the reports, the files named as somebody in the clone would name them."""
    if name == BUILT_IN:
        return convkit.run([SAMPLE])
    if name == FUNNELS:
        return convkit.run([SAMPLE], ["funnel"], EVERY_OPTION, choices=True)
    if name.startswith(SPLIT):
        return convkit.run([SAMPLE], None, "goals.example.yaml", by=name.removeprefix(SPLIT))
    if name == NO_MACRO:
        with tempfile.TemporaryDirectory() as folder:
            return convkit.run([written(Path(folder) / "access.log", lead_site())])
    if name in SINGLE:
        return convkit.run([SMALL[0]], [name], SMALL[1])
    return convkit.run([SAMPLE], None if name == WHOLE else [name], "goals.example.yaml")


def lead_site() -> list[str]:
    """Return a log whose macro goal no built-in goal knows: a form that redirects, in a language of its own."""
    lines = []
    for number in range(60):
        who = f"198.51.100.{number} - -"
        requests = [("GET /", 200), ("GET /angebot", 200)]
        requests += [("POST /bestellung", 302), ("GET /bestellung/danke", 200)] if number % 4 == 0 else []
        requests += [("POST /rundbrief", 302), ("GET /rundbrief/bestaetigt", 200)] if number % 6 == 1 else []
        lines += [line(request, number * 60 + place * 20, status, who=who) for place, (request, status) in enumerate(requests)]
    return lines


def rendered(file: str) -> bytes:
    """Return what a golden file should hold."""
    name, _, ending = file.partition(".")
    if ending.endswith("txt"):
        text = convkit.render(document(name), "table", width=int(ending.partition(".")[0]))
    else:
        text = convkit.render(document(name), ending)
    for changing, fixed in _CHANGES:
        text = text.replace(changing, fixed)
    return _BOT_LIST.sub("crawler-user-agents VERSION", text).encode()


@pytest.mark.parametrize("file", NAMES)
def test_report_is_the_golden_one(file: str) -> None:
    golden = GOLDEN / file
    assert golden.is_file(), f"{file} is missing; see how golden files are rewritten at the top of this module"
    assert rendered(file).splitlines(keepends=True) == golden.read_bytes().splitlines(keepends=True)


def test_no_golden_file_is_left_over() -> None:
    assert {path.name for path in GOLDEN.iterdir() if not path.name.startswith(".")} == set(NAMES)


def rewrite() -> None:
    """Write all golden files, remove those that nothing is compared with, and print what differs."""
    GOLDEN.mkdir(parents=True, exist_ok=True)
    for path in GOLDEN.iterdir():
        if path.name not in NAMES and not path.name.startswith("."):
            path.unlink()
            sys.stdout.write(f"{path.name} is removed\n")
    for file in NAMES:
        golden, new = GOLDEN / file, rendered(file)
        old = golden.read_bytes() if golden.is_file() else b""
        golden.write_bytes(new)
        before, after = (text.decode().splitlines(keepends=True) for text in (old, new))
        sys.stdout.writelines(difflib.unified_diff(before, after, f"{file} (before)", f"{file} (now)"))


if __name__ == "__main__":
    import conftest  # noqa: F401 (the key of which ids are made)

    if sys.argv[1:] != ["--write"]:
        sys.exit(f"{__doc__}")
    rewrite()
