"""Lines of other projects' tests, and a real log: what their authors say of each is what is read.

The folder of this data is named by `CONVKIT_TEST_DATA`; without it these tests are skipped.
"""

from __future__ import annotations

import gzip
import json
import os
import re
import shutil
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from small_logs import figures
from test_formats import FORMATS, records

from convkit import loading, reading

FOLDER = os.environ.get("CONVKIT_TEST_DATA")
pytestmark = pytest.mark.skipif(FOLDER is None, reason="CONVKIT_TEST_DATA names no folder")
DATA = Path(FOLDER or ".")

READ_AS = {
    **dict.fromkeys(("apache_combined", "nginx_combined", "nginx_main", "combined", "Combined", "HTTPD_COMBINEDLOG"), "combined"),
    **dict.fromkeys(("ingress_nginx", "jetty_ncsa", "traefik_clf", "Issue29", "Issue30", "access_log"), "combined"),
    **dict.fromkeys(("nginx (remote host user)", "nginx (remote host user) + xff"), "combined"),
    **dict.fromkeys(("nginx_combined + XFF in place of remote_addr", "apache_combined with HostnameLookups"), "combined"),
    **dict.fromkeys(("apache_common", "common", "Commom", "common without protocol"), "common"),
    **dict.fromkeys(("apache_vhost_combined", "VhostCombined", "Issue5"), "vhost-combined"),
}
"""The origin's name of a format, and which of ours reads it; formats that are not named here are other formats."""

LEFT_OUT = {
    "issue/goaccess-2198": "a whole line in quotes: may be refused",
    "kassner/Issue/Issue29Test#12": "written with a format of its own",
    "lnav/access_log#2": "the fields in another order",
    "lnav/access_log#3": "the fields in another order, without quotes",
    "lnav/access_log#5": "a host without quotes or port before an address: the format is vhost-combined",
    "lnav/access_log#7": "a time without a zone",
    "vrl/parse_common_log/log_line_valid_with_timestamp_format": "a time format of its own, and no address",
}
"""Cases of these formats that are not held against the product, and why."""

NAMES = {"ip": "address"}
COMPARED = {"ip", "user", "host", "time", "method", "target", "protocol", "status", "bytes", "referrer", "user_agent"}


def cases() -> list[Any]:
    """Return the cases of the formats that are read here."""
    found = []
    for file in sorted(DATA.glob("conformance/*/cases.jsonl")):
        for text in file.read_text(encoding="utf-8").splitlines():
            case = json.loads(text)
            if case.get("format") in READ_AS and "logformat" not in case and case["id"] not in LEFT_OUT:
                found.append(pytest.param(case, id=case["id"]))
    return found


def plain(value: object) -> object:
    r"""Return a text without the escapes in which a record keeps it, `\x22` for a quote."""
    if isinstance(value, str):
        return re.sub(r"\\x([0-9A-Fa-f]{2})", lambda match: chr(int(match[1], 16)), value) or None
    return value


@pytest.mark.parametrize("case", cases())
def test_a_line_says_what_its_origin_says(case: dict[str, Any]) -> None:
    found = records(FORMATS[READ_AS[case["format"]]], case["line"].split("\n"))
    assert all((record["problem"] is None) == case["ok"] for record in found)
    assert len(found) == case["expect"].get("n_hits", 1)
    wanted = {NAMES.get(name, name): plain(value) for name, value in case["expect"].items() if name in COMPARED}
    if "time" in wanted:
        wanted["time"] = str(wanted["time"]).removesuffix("Z")
    assert {name: plain(found[0][name]) for name in wanted} == wanted


def test_many_cases_are_compared() -> None:
    assert len(cases()) >= 60
    assert sum(bool(case.values[0]["expect"]) for case in cases()) >= 40


def test_every_line_of_a_real_log_is_read(tmp_path: Path) -> None:
    """10,000 lines whose time runs backwards 4,915 times."""
    log = DATA / "real" / "apache_semicomplete_2015.log.gz"
    with ExitStack() as stack:
        logs = reading.open_logs([log], "auto", stack)
        found = reading.records(loading.cells(logs)).collect()
    assert [log.name for log in logs] == ["combined"]
    assert found.height == 10_000
    assert found["problem"].null_count() == 10_000
    statuses = dict(found["status"].value_counts().rows())
    assert {status: statuses[status] for status in (200, 304, 404)} == {200: 9126, 304: 445, 404: 213}
    methods = dict(found["method"].value_counts().rows())
    assert {method: methods[method] for method in ("GET", "HEAD", "POST")} == {"GET": 9952, "HEAD": 42, "POST": 5}
    assert found["address"].n_unique() == 1753
    assert found.select("address", "user_agent").n_unique() == 1862
    assert (found["time"].diff().dt.total_microseconds() < 0).sum() == 4915
    with gzip.open(log) as packed, (tmp_path / "plain.log").open("wb") as file:
        shutil.copyfileobj(packed, file)
    assert figures(tmp_path / "plain.log")["input"] == figures(log)["input"]
