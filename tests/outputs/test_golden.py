"""Golden files: every report on the sample log in every text output, compared byte by byte.

Parquet has none: its bytes change with the version of Polars.

After an intended change, `PYTHONPATH=.:tests python tests/outputs/test_golden.py --write` rewrites them all and prints what differs.
"""

from __future__ import annotations

import contextlib
import difflib
import re
import sys
import tempfile
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import runs
from places import ROOT, TESTS
from small_logs import line, written

from convkit import outputs
from convkit.core import plugins
from convkit.core.options import Options
from convkit.engine import plan, run
from convkit.goals.loader import parse_goals
from convkit.version import __version__

if TYPE_CHECKING:
    from convkit.core.document import Document

GOLDEN = TESTS / "golden" / "reports"
REWRITE = "if this is intended, run `PYTHONPATH=.:tests python tests/outputs/test_golden.py --write`"
SAMPLE = "sample_logs/access.log.gz"

SINGLE = ("sessions", "hits")
"""Reports of single sessions and hits are made from a small log, because a month of rows would take megabytes."""
SMALL = "tests/data/by_hand.log", "tests/data/by_hand.yaml"

WHOLE = "report"
SCREENS = ("80.txt", "120.txt")
TEXTS = tuple(name for name in plugins.names("outputs") if name != "table" and outputs.load(name).render.__annotations__["return"] != "bytes")
ENDINGS = (*SCREENS, *TEXTS)
BUILT_IN, NO_MACRO = "built-in", "no-macro"
SPLIT = "by-"
TRENDS: dict[str, dict[str, str]] = {
    "trends": {"by": "week"},
    "trends-of-months": {"by": "month", "since": "2026-08-01", "until": "2026-09-10"},
    "trends-of-days": {"by": "day", "since": "2026-09-29", "until": "2026-10-05"},
    "trends-alone": {"by": "week"},
}
FUNNELS, EVERY_OPTION = "funnels", "tests/data/funnels.yaml"
COMPARE = "compare-"
SIDES: dict[str, tuple[dict[str, Any], tuple[str, ...]]] = {
    "weeks": ({}, ENDINGS),
    "year": ({"against": "last-year", "last": "7d"}, ("80.txt",)),
    "devices": ({"where": ["device=mobile"], "against": "device=desktop"}, ("80.txt", "120.txt", "json")),
}
"""The comparisons, each with its options and outputs."""
OTHERS = (
    *(f"{WHOLE}.{ending}" for ending in ENDINGS),
    *(f"{BUILT_IN}.{ending}" for ending in ("80.txt", "120.txt", "json", "markdown")),
    *(f"{NO_MACRO}.{ending}" for ending in ("80.txt", "120.txt", "json", "markdown")),
    *(f"{FUNNELS}.{ending}" for ending in ("80.txt", "120.txt", "csv", "json", "markdown")),
    *(f"{SPLIT}day.{ending}" for ending in ("80.txt", "120.txt")),
    *(f"trends.{ending}" for ending in ("80.txt", "120.txt", "csv", "json", "markdown")),
    *(f"{name}.80.txt" for name in TRENDS if name != "trends"),
    *(f"{COMPARE}{name}.{ending}" for name, (_, endings) in SIDES.items() for ending in endings),
    *(f"{SPLIT}device.{ending}" for ending in ("80.txt", "120.txt", "csv", "markdown", "ndjson")),
)

EVERY_NAME = (*(f"{report}.{ending}" for report in plugins.names("reports") for ending in ENDINGS), *OTHERS)
"""The files that `--write` writes."""
WRITTEN_REPORTS = {path.name.partition(".")[0] for path in GOLDEN.glob(f"*.{SCREENS[0]}")}
WRITTEN_ENDINGS = {*SCREENS, *(ending for ending in TEXTS if (GOLDEN / f"{WHOLE}.{ending}").is_file())}
NAMES = tuple(name for name in EVERY_NAME if name.partition(".")[0] in WRITTEN_REPORTS and name.partition(".")[2] in WRITTEN_ENDINGS)
"""The files that are compared; the files of a new report or output are included once they exist."""

FIRST_WEEK = -96 * 24 * 3_600 - 3 * 3_600
"""Seconds from noon on 10 October 2026 back to the morning of Monday, 6 July."""
CHANGING = """
site: {notes: {2026-08-12: new checkout, 2026-08-31: [mail to customers, sale]}}
macro: {purchase: {page: /buy, target: 1.5%}}
micro: {home: /, quote: /quote, guide: /guide, cart: /cart, saw: /saw, asked: /asked, feed: /feed, regular: {page: /, visits: 2}}
funnels:
  shop: [home, cart, purchase]
  ever: {steps: [home, cart, purchase], per: visitor}
  soon: {steps: [home, cart, purchase], per: visitor, window: 14d}
  lost: [home, /nowhere]
"""
ALONE = "macro: {quote: /quote}\nmicro: {home: /}\n"

# The versions of the product and of the bot list change even if the reports do not.
_BOT_LIST = re.compile(r"crawler-user-agents \d+(?:\.\d+)*")
_CHANGES = ((f'"convkit": "{__version__}"', '"convkit": "VERSION"'),)


@cache
def document(name: str) -> Document:
    """Return the document that the golden files of this name show."""
    with contextlib.chdir(ROOT):
        if name.startswith(COMPARE):
            return runs.comparison([SAMPLE], "goals.example.yaml", **SIDES[name.removeprefix(COMPARE)][0])
        return _document(name)


def _document(name: str) -> Document:
    """Return a document on logs, whose file names are relative to the project's folder."""
    if name == BUILT_IN:
        return runs.sample(goals=None)
    if name == FUNNELS:
        funnel_plan = plan.plan_reports(Options(goals=EVERY_OPTION), ["funnel"])
        return run.report([SAMPLE], replace(funnel_plan, alternatives=True))
    if name.startswith(SPLIT):
        return runs.sample(by=name.removeprefix(SPLIT))
    if name in {NO_MACRO, *TRENDS}:
        with tempfile.TemporaryDirectory() as folder:
            log = written(Path(folder) / "access.log", changing_site() if name in TRENDS else lead_site())
            goals = parse_goals(ALONE if name == "trends-alone" else CHANGING, "goals.yaml")
            return runs.document([log], ["goals", "funnel"], goals, **TRENDS[name]) if name in TRENDS else runs.document([log])
    if name in SINGLE:
        return runs.document([SMALL[0]], [name], SMALL[1])
    return runs.sample() if name == WHOLE else runs.sample(name)


def lead_site() -> list[str]:
    """Return a log whose macro goal matches no built-in goal: a form that redirects, with German paths."""
    lines = []
    for number in range(60):
        who = f"198.51.100.{number} - -"
        requests = [("GET /", 200), ("GET /angebot", 200)]
        requests += [("POST /bestellung", 302), ("GET /bestellung/danke", 200)] if number % 4 == 0 else []
        requests += [("POST /rundbrief", 302), ("GET /rundbrief/bestaetigt", 200)] if number % 6 == 1 else []
        lines += [line(request, number * 60 + place * 20, status, who=who) for place, (request, status) in enumerate(requests)]
    return lines


def changing_site() -> list[str]:
    """Return a log of twelve and a half weeks, with 80 sessions each and goals with every kind of trend; a few visitors keep coming back."""
    lines = []
    for week in range(13):
        for place in range(80 if week < 12 else 30):
            reached = {"guide": place < 8 + 4 * week, "cart": place < 60 - 4 * week, "saw": place < 64, "asked": place % 2, "buy": place in {1, 2}}
            pages = ["", *(page for page, is_reached in reached.items() if is_reached)] if place != 79 else ["quote"]
            who = f"10.{week if place > 2 else 0}.0.{place} - -"
            begin = FIRST_WEEK + (week * 7 * 24 + place * 2) * 3_600
            lines += [line(f"GET /{page}", begin + 10 * number, who=who) for number, page in enumerate(pages)]
    return lines


def rendered(file: str) -> bytes:
    """Return what a golden file should contain."""
    name, _, ending = file.partition(".")
    if ending.endswith("txt"):
        text = runs.render(document(name), "table", width=int(ending.partition(".")[0]))
    else:
        text = runs.render(document(name), ending)
    for changing, fixed in _CHANGES:
        text = text.replace(changing, fixed)
    return _BOT_LIST.sub("crawler-user-agents VERSION", text).encode()


@pytest.mark.parametrize("file", NAMES)
def test_a_report_equals_its_golden_file(file: str) -> None:
    golden = GOLDEN / file
    assert golden.is_file(), f"{file} is missing; {REWRITE}"
    assert rendered(file).splitlines(keepends=True) == golden.read_bytes().splitlines(keepends=True), REWRITE


def test_no_golden_file_is_left_over() -> None:
    assert {path.name for path in GOLDEN.iterdir() if not path.name.startswith(".")} == set(NAMES), REWRITE


def rewrite() -> None:
    """Write all golden files, remove those that are no longer used, and print the differences."""
    GOLDEN.mkdir(parents=True, exist_ok=True)
    for path in GOLDEN.iterdir():
        if path.name not in EVERY_NAME and not path.name.startswith("."):
            path.unlink()
            sys.stdout.write(f"{path.name} is removed\n")
    for file in EVERY_NAME:
        golden, new = GOLDEN / file, rendered(file)
        old = golden.read_bytes() if golden.is_file() else b""
        golden.write_bytes(new)
        before, after = (text.decode().splitlines(keepends=True) for text in (old, new))
        sys.stdout.writelines(difflib.unified_diff(before, after, f"{file} (before)", f"{file} (now)"))


if __name__ == "__main__":
    import conftest  # noqa: F401 (it sets the key for visitor IDs)

    if sys.argv[1:] != ["--write"]:
        sys.exit(f"{__doc__}")
    rewrite()
