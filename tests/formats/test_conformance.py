"""Lines from the tests of other projects, and a real log, are read as their authors expect.

`CONVKIT_TEST_DATA` names the folder that contains this data; without it, these tests are skipped.
"""

from __future__ import annotations

import gzip
import json
import os
import re
import shutil
from contextlib import ExitStack, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest
import runs
from small_logs import fates, figures

import convkit
from convkit.errors import ConvkitError
from convkit.ingest import load
from convkit.ingest.logs import open_logs

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

FOLDER = os.environ.get("CONVKIT_TEST_DATA")
pytestmark = pytest.mark.skipif(FOLDER is None, reason="CONVKIT_TEST_DATA names no folder")
DATA = Path(FOLDER or ".")
ORIGINS = ("apachelogs", "handpicked", "kassner", "lnav", "logstash-patterns", "vrl")
MOST_EXCEPTIONS = 0.06

EXCEPTIONS: dict[str, str] = {
    "logstash-patterns/S3_ACCESS_LOG#5": "the expected values belong to another line: this one does not contain that address and time",
    "logstash-patterns/CLOUDFRONT_ACCESS_LOG#6": "the expected values belong to another line: this one does not contain that time and user agent",
    "hand/basjes-tls-garbage": "it expects nothing for a malformed request; convkit keeps it as the target, as vrl does for this kind of line",
    "issue/beats-34642": "`Anonymous` is a placeholder: it says that nobody had logged in",
    "issue/vts-328": "an IP address in the place of the user is not a user",
}
"""Cases that are not compared, and why the project they come from is wrong."""


def _time(text: str) -> datetime:
    """Return a time in UTC, which is also assumed for times without a time zone."""
    time = datetime.fromisoformat(text)
    return time.replace(tzinfo=UTC) if time.tzinfo is None else time.astimezone(UTC)


def _address(text: str) -> str:
    """Return an address without its port."""
    return text.rpartition(":")[0] if text.count(".") == 3 or text.startswith("[") else ":".join(text.split(":")[:8])


def _words(record: Mapping[str, Any]) -> str:
    """Return the request line of a record, without missing parts."""
    return " ".join(record[name] for name in ("method", "target", "protocol") if record[name] is not None)


def _path(record: Mapping[str, Any]) -> str:
    target = str(record["target"])
    return re.sub(r"^[a-z]+://[^/]*", "", target).partition("?")[0]


READ: dict[str, Callable[[Mapping[str, Any]], object]] = {
    "ip_port": lambda record: record["address"],
    "ip": lambda record: record["address"],
    "host": lambda record: re.sub(r":\d+$", "", record["host"] or urlsplit(str(record["target"])).netloc),
    "path": _path,
    "query": lambda record: str(record["target"]).partition("?")[2],
    "request": _words,
    "url": lambda record: record["target"],
    "http_version": lambda record: str(record["protocol"]).removeprefix("HTTP/"),
    "duration_ms": lambda record: None if record["seconds"] is None else round(record["seconds"] * 1000),
    "duration_s": lambda record: record["seconds"],
    "time_naive": lambda record: record["time"],
    **{name: lambda record, name=name: record[name] for name in ("user", "time", "method", "target", "protocol", "status", "bytes")},  # type: ignore[misc]
    **{name: lambda record, name=name: record[name] for name in ("referrer", "user_agent", "seconds", "address")},  # type: ignore[misc]
}
"""How to get the value of each field in the cases from a record."""
CONVERSIONS: dict[str, Callable[[Any], object]] = {
    "time": _time,
    "time_naive": _time,
    "ip_port": _address,
    "host": lambda text: re.sub(r":\d+$", "", text),
    "request": lambda text: text,
}
"""Conversions for expected values that some projects write differently."""

PEER_NAMES = {
    **dict.fromkeys(("remote_host", "remote_address"), "address"),
    **dict.fromkeys(("request_time", "begin_request_time", "end_request_time", "original_request_time", "final_request_time"), "time"),
    **dict.fromkeys(("original_end_request_time", "original_begin_request_time"), "time"),
    **dict.fromkeys(("original_status", "status", "final_status"), "status"),
    **dict.fromkeys(("bytes_sent", "bytes_out"), "bytes"),
    **dict.fromkeys(("request_duration_seconds", "original_request_duration_seconds", "final_request_duration_seconds"), "seconds"),
    "remote_user": "user",
    "virtual_host": "host",
    "request_method": "method",
    "request_protocol": "protocol",
    "request_line": "request",
}
"""Field names of Python's apachelogs; later ones override earlier ones, like the status after a redirect."""


def _of_peer(peer_values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values that apachelogs expects, under convkit's field names."""
    values = {PEER_NAMES[name]: peer_values[name] for name in PEER_NAMES if name in peer_values}
    if "request_duration_milliseconds" in peer_values:
        values["seconds"] = peer_values["request_duration_milliseconds"] / 1000
    if "request_uri" in peer_values:
        values["target"] = peer_values["request_uri"] + (peer_values.get("request_query") or "")
    headers = {**peer_values.get("original_headers_in", {}), **peer_values.get("final_headers_in", {}), **peer_values.get("headers_in", {})}
    return values | {name: headers[header] for name, header in (("referrer", "Referer"), ("user_agent", "User-Agent")) if header in headers}


def _utf_8(text: str) -> str:
    """Decode a string whose UTF-8 bytes were read as single characters."""
    try:
        return text.encode("latin-1").decode("utf-8")
    except ValueError:
        return text


def _plain(value: object) -> object:
    r"""Return a string without escapes like `\x22`, or None if it is empty."""
    if isinstance(value, str):
        raw = re.sub(r"\\x([0-9A-Fa-f]{2})", lambda match: chr(int(match[1], 16)), value.replace('\\"', '"').replace("\\\\", "\\"))
        return _utf_8(raw).strip().removesuffix("?") or None
    return value


def cases(origin: str) -> list[dict[str, Any]]:
    """Return the cases of one project."""
    texts = (DATA / "conformance" / origin / "cases.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(text) for text in texts]


def differences(case: Mapping[str, Any], folder: Path) -> Iterator[str]:
    """Yield the differences between what a case expects and what is read."""
    log = folder / "case.log"
    fields = f"#Fields: {case['fields']}\n" if "fields" in case else ""
    log.write_text(f"{fields}{case['line']}\n", encoding="utf-8")
    log_format = case.get("logformat") or case.get("fmt") or "auto"
    try:
        rows = convkit.read_records([log], log_format=log_format).collect().rows(named=True)
    except ConvkitError as error:
        rows = []
        refused = str(error)[:100]
    else:
        refused = ""
    expected = case["expect"] or _of_peer(case.get("peer_expect", {}))
    if "query" in expected and "target" in expected:
        expected = {**expected, "path": expected["target"]}
        del expected["target"]
    number = expected.get("n_hits", 1) if case["ok"] else 0
    if len(rows) != number:
        yield f"{len(rows)} records of {number} {refused}"
        return
    for name, value in expected.items() if rows else ():
        if name in READ and not (name == "request" and rows[0]["method"] is None):
            expected_value, read_value = (
                _plain(CONVERSIONS[name](value) if name in CONVERSIONS and value is not None else value),
                _plain(READ[name](rows[0])),
            )
            if expected_value != read_value and not (expected_value in {None, 0} and read_value in {None, 0}):
                yield f"{name} {read_value!r} for {expected_value!r}"


@pytest.mark.parametrize("origin", ORIGINS)
def test_lines_are_read_as_their_authors_expect(origin: str, tmp_path: Path) -> None:
    """Each case is a file with one line; at most 3 % of a project's cases are exceptions, not counting two with the values of another line."""
    differences_by_case = {case["id"]: list(differences(case, tmp_path)) for case in cases(origin)}
    wrong = {name: texts for name, texts in differences_by_case.items() if texts}
    assert {name: texts for name, texts in wrong.items() if name not in EXCEPTIONS} == {}
    assert set(EXCEPTIONS) & set(differences_by_case) == set(wrong), "an exception that is no longer needed"
    assert sum(name not in EXCEPTIONS for name in differences_by_case) >= (1 - MOST_EXCEPTIONS) * len(differences_by_case) - (
        2 if origin == "logstash-patterns" else 0
    )


def test_lines_that_crashed_other_tools_are_harmless(tmp_path: Path) -> None:
    folder = DATA / "conformance" / "nekrassov01"
    lines = [json.loads(text)["line"] for text in (folder / "lines.jsonl").read_text(encoding="utf-8").splitlines()]
    (tmp_path / "lines.log").write_text("\n".join(lines), encoding="utf-8")
    for log in (tmp_path / "lines.log", *folder.glob("*.log")):
        with suppress(ConvkitError):
            assert convkit.read_records([log]).collect().height > 0
            assert runs.document([log]).input["lines"] > 0


def test_every_line_of_a_real_log_is_read(tmp_path: Path) -> None:
    """The log has 10,000 lines, 4,915 of which are earlier than the line before them."""
    log = DATA / "real" / "apache_semicomplete_2015.log.gz"
    with ExitStack() as stack:
        logs = open_logs([log], "auto", stack).logs
        parsed = load.to_records(load.read_parsed(logs)).collect()
    assert [log.name for log in logs] == ["combined"]
    assert parsed.height == 10_000
    assert parsed["problem"].null_count() == 10_000
    statuses = dict(parsed["status"].value_counts().rows())
    assert {status: statuses[status] for status in (200, 304, 404)} == {200: 9126, 304: 445, 404: 213}
    methods = dict(parsed["method"].value_counts().rows())
    assert {method: methods[method] for method in ("GET", "HEAD", "POST")} == {"GET": 9952, "HEAD": 42, "POST": 5}
    assert parsed["address"].n_unique() == 1753
    assert parsed.select("address", "user_agent").n_unique() == 1862
    assert (parsed["time"].diff().dt.total_microseconds() < 0).sum() == 4915
    with gzip.open(log) as packed, (tmp_path / "plain.log").open("wb") as file:
        shutil.copyfileobj(packed, file)
    assert fates(figures(tmp_path / "plain.log")) == fates(figures(log))
