"""Real exports with published figures: sessions, single-hit sessions, and users and sessions per funnel step."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
import runs

from convkit.errors import InputError
from convkit.goals.loader import parse_goals

FOLDER = Path(os.environ.get("CONVKIT_TEST_DATA", ""), "real")
REFUSED = {
    "ibm_clickstream_10k.csv": "ibm_clickstream_10k.csv has no column that looks like a time",
}
"""Files that are refused because they have no column names, each with the error message."""

ECOM = ("catalog", "product_view", "add_to_cart", "cart", "shipping_details", "payment_details", "purchase")
IBM = ("login", "browsing", "add_to_cart", "checkout", "logout_with_purchase")

pytestmark = pytest.mark.skipif("CONVKIT_TEST_DATA" not in os.environ, reason="CONVKIT_TEST_DATA names no folder of test data")


def report(name: str, steps: tuple[str, ...] = (), site: str = "{}") -> dict[str, Any]:
    """Return the report on a file with two funnels of events, `users` and `sessions`."""
    micro = "".join(f"  {step}: {{event: {step}}}\n" for step in steps)
    funnels = f"funnels: {{sessions: [{', '.join(steps)}], users: {{steps: [{', '.join(steps)}], per: visitor}}}}" if steps else ""
    goals = parse_goals(f"site: {site}\nmicro:\n{micro}{funnels}" if steps else f"site: {site}\nmicro: {{any: /**}}", "goals.yaml")
    document: dict[str, Any] = json.loads(runs.render(runs.document([FOLDER / name], goals=goals), "json"))
    return document


def metrics(document: dict[str, Any]) -> dict[str, Any]:
    """Return the overview."""
    return {row["metric"]: row["value"] for row in document["reports"]["overview"]}


def reached(document: dict[str, Any], funnel: str) -> list[int]:
    """Return how many users or sessions reached each step of a funnel."""
    return [row["reached"] for row in document["reports"]["funnel"] if row["funnel"] == funnel]


def test_ecom() -> None:
    """The file has 31,106 rows of 600 users; the sessions of the tool that wrote it end after half an hour."""
    document = report("ecom_v5.csv.gz", ECOM)
    assert (document["input"]["kept"], metrics(document)["visitors"], metrics(document)["sessions"]) == (31_106, 600, 3_605)
    assert reached(document, "users") == [600, 596, 502, 419, 315, 209, 109]
    assert reached(document, "sessions") == [2_837, 2_108, 602, 271, 96, 27, 4]
    assert report("ecom_v5.csv.gz", ECOM, "{columns: {session: session_id}}")["reports"] == document["reports"]


def test_ibm() -> None:
    """The file has no header; columns are configured by position."""
    document = report("ibm_clickstream_10k.csv", IBM, "{columns: {user: 1, time: 2, event: 3}}")
    assert document["input"]["kept"] == 10_000
    assert [metrics(document)[name] for name in ("visitors", "sessions", "bounces")] == [1_059, 1_059, 94]
    assert reached(document, "users") == [745, 658, 610, 403, 395]


def test_nasa() -> None:
    """Rows have URLs but no event names, so all of them are pages, even images."""
    document = report("nasa_sessions_reconstructr.csv.gz")
    assert document["input"]["kept"] == 63_524
    assert [metrics(document)[name] for name in ("visitors", "sessions", "bounces")] == [10_000, 22_226, 13_138]
    assert metrics(document)["bounce_rate"] == pytest.approx(0.5911, abs=0.00005)


@pytest.mark.parametrize("name", sorted(path.name for path in FOLDER.glob("*")) if FOLDER.is_dir() else [])
def test_every_file_is_read_or_refused_with_one_message(name: str) -> None:
    if name in REFUSED:
        with pytest.raises(InputError, match=REFUSED[name]):
            runs.document([FOLDER / name])
        return
    counts = runs.document([FOLDER / name]).input
    assert counts["kept"] > 0
    assert counts["unparsed"] == 0
