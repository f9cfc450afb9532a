"""Columns and properties that only few rows have, or only late ones, are found: the order of rows and the compression change no figure."""

from __future__ import annotations

import gzip
import json
import random
from typing import TYPE_CHECKING, Any

import pytest
from small_logs import FIREFOX, conversions, figures, overview, written

from convkit.files import sampling

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

ROWS = {"F3": "test_rare_columns_are_found_wherever_they_are", "A31": "test_rare_columns_are_found_wherever_they_are"}
"""The test of each row."""

SAMPLED, EARLY = 100, 450
"""The number of lines in a sample, in these tests, and of those without rare columns."""
GOALS = """
macro:
  bought: {event: purchase, value: prop.amount}
micro:
  pro: {event: purchase, where: {plan: pro}}
  at_night: {event: seen, where: {hour: "3"}}
"""


@pytest.fixture(autouse=True)
def small_samples(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take samples of 100 lines instead of 20,000, from files of any size."""
    monkeypatch.setattr(sampling, "_LINES", SAMPLED)


def early(number: int) -> dict[str, Any]:
    """Return an event with the usual columns."""
    return {"device_id": f"d{number % 40}", "event": "seen", "timestamp": f"2026-10-{1 + number % 20:02}T10:00:00Z"}


def flat(number: int, **properties: str) -> dict[str, Any]:
    """Return an event whose properties are columns."""
    return {**early(number), **properties}


def within(number: int, **properties: str) -> dict[str, Any]:
    """Return an event whose properties are within an object."""
    return {**early(number), "properties": {"title": "x", **({"order": properties} if properties else {})}}


def as_text(number: int, **properties: str) -> dict[str, Any]:
    """Return an event whose properties are JSON text."""
    return {**early(number), "properties": json.dumps({"title": "x", **properties})}


SHAPES: dict[str, Callable[..., dict[str, Any]]] = {"columns": flat, "an object": within, "JSON text": as_text}


def export(shape: str) -> list[dict[str, Any]]:
    """Return events, of which the last few have rare columns."""
    event = SHAPES[shape]
    sold = [event(number, amount="12.5", plan="pro") | {"event": "purchase", "user_id": "ann"} for number in range(3)]
    return [*(event(number) for number in range(EARLY)), *sold, event(8, hour="3")]


def ndjson(path: Path, events: Iterable[dict[str, Any]]) -> Path:
    """Write events as NDJSON."""
    return written(path, map(json.dumps, events))


def array(path: Path, events: Iterable[dict[str, Any]]) -> Path:
    """Write events as a JSON array."""
    return written(path, [json.dumps([*events])])


def table(path: Path, events: Iterable[dict[str, Any]]) -> Path:
    """Write events as CSV, with properties as JSON text in one column."""
    rows = ["device_id,event,timestamp,user_id,properties"]
    for event in events:
        text = str(event["properties"]).replace('"', '""')
        rows.append(f'{event["device_id"]},{event["event"]},{event["timestamp"]},{event.get("user_id", "")},"{text}"')
    return written(path, rows)


def packed(path: Path) -> Path:
    """Return a file as gzip."""
    target = path.with_name(f"{path.name}.gz")
    target.write_bytes(gzip.compress(path.read_bytes(), 1))
    return target


def shown(log: Path, goals: Path) -> Any:  # noqa: ANN401 (JSON)
    """Return the reports on a log, and what became of its lines."""
    document = figures(log, goals=goals)
    return document["reports"], document["input"]["kept"], document["input"]["unparsed"]


WRITERS = [*((ndjson, shape) for shape in SHAPES), *((array, shape) for shape in SHAPES), (table, "JSON text")]


USUAL_WRITERS = [(ndjson, next(iter(SHAPES))), (array, [*SHAPES][-1])]


@pytest.mark.parametrize(
    ("write", "shape"), [*USUAL_WRITERS, *(pytest.param(*writer, marks=pytest.mark.slow) for writer in WRITERS if writer not in USUAL_WRITERS)]
)
def test_rare_columns_are_found_wherever_they_are(write: Callable[[Path, Iterable[dict[str, Any]]], Path], shape: str, tmp_path: Path) -> None:
    goals, events = written(tmp_path / "goals.yaml", [GOALS]), export(shape)
    log = write(tmp_path / "late.json", events)
    document = figures(log, goals=goals)
    assert conversions(document) == {"bought": 3, "pro": 3, "at_night": 1}
    assert next(row["value"] for row in document["reports"]["goals"] if row["goal"] == "bought") == 37.5
    expected = shown(log, goals)
    assert shown(packed(log), goals) == expected
    shuffled = write(tmp_path / "shuffled.json", random.Random(7).sample(events, len(events)))
    assert conversions(figures(shuffled, goals=goals)) == conversions(figures(packed(shuffled), goals=goals)) == conversions(document)


GOALS_OF_TOOLS = ["macro: {bought: {event: purchase, value: prop.amount}}", "micro: {pro: {event: purchase, where: {plan: pro}}}"]
TOOLS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "Segment": (
        {"anonymousId": "a1", "type": "track", "event": "seen", "timestamp": "2026-10-10T10:00:00Z", "messageId": "m", "properties": {"title": "x"}},
        {"anonymousId": "a2", "type": "track", "event": "purchase", "timestamp": "2026-10-10T10:00:00Z", "messageId": "n"},
    ),
    "PostHog": (
        {"distinct_id": "u1", "event": "seen", "timestamp": "2026-10-10T10:00:00Z", "uuid": "a", "properties": {"$lib": "web", "$current_url": "/"}},
        {"distinct_id": "u2", "event": "purchase", "timestamp": "2026-10-10T10:00:00Z", "uuid": "b"},
    ),
    "Mixpanel": (
        {"event": "seen", "properties": {"time": 1791640536, "distinct_id": "u1", "$insert_id": "a", "mp_lib": "web"}},
        {"event": "purchase", "properties": {"time": 1791640536, "distinct_id": "u2", "$insert_id": "b", "mp_lib": "web"}},
    ),
    "Amplitude": (
        {
            "user_id": "u1",
            "device_id": "d",
            "event_type": "seen",
            "event_time": "2026-10-10 10:00:00",
            "$insert_id": "a",
            "event_properties": {"t": 1},
        },
        {"user_id": "u2", "device_id": "e", "event_type": "purchase", "event_time": "2026-10-10 10:00:00", "$insert_id": "b"},
    ),
}


@pytest.mark.parametrize("tool", TOOLS)
def test_rare_properties_of_tools_are_found(tool: str, tmp_path: Path) -> None:
    first, last = TOOLS[tool]
    name = "event_properties" if tool == "Amplitude" else "properties"
    last = {**last, name: {**last.get(name, {}), "amount": 12.5, "plan": "pro"}}
    firsts = [json.dumps(first).replace('"a"', f'"a{number}"').replace('"m"', f'"m{number}"') for number in range(EARLY)]
    log = written(tmp_path / "events.json", [*firsts, json.dumps(last)])
    goals = written(
        tmp_path / "goals.yaml", ["macro: {bought: {event: purchase, value: prop.amount}}\nmicro: {pro: {event: purchase, where: {plan: pro}}}"]
    )
    for file in (log, packed(log)):
        document = figures(file, goals=goals)
        assert conversions(document) == {"bought": 1, "pro": 1}
        assert document["reports"]["goals"][0]["value"] == 12.5


def test_a_column_that_the_site_names_may_begin_late(tmp_path: Path) -> None:
    goals = written(tmp_path / "goals.yaml", ["site: {columns: {user: Member}}\nmacro: {bought: {event: purchase}}"])
    rows = [flat(number) for number in range(EARLY)]
    late = [flat(number) | {"event": "purchase", "Member": f"m{number % 2}"} for number in range(8)]
    log = ndjson(tmp_path / "events.json", [*rows, *late])
    for file in (log, packed(log)):
        assert conversions(figures(file, goals=goals)) == {"bought": 8}


def test_a_late_field_of_an_access_log_is_read(tmp_path: Path) -> None:
    """An administrator adds the user agent to the format, and Docker's wrapper is around it."""
    request = {"time": "2026-10-10T12:00:00Z", "remote_addr": "203.0.113.1", "request": "GET /p HTTP/1.1", "status": 200}
    rows = [json.dumps(request)] * EARLY + [json.dumps(request | {"http_user_agent": f"{FIREFOX}{number}"}) for number in range(4)]
    wrapped = [json.dumps({"log": f"{row}\n", "stream": "stdout", "time": "2026-10-10T12:00:00Z"}) for row in rows]
    for number, lines in enumerate((rows, wrapped)):
        log = written(tmp_path / f"{number}.log", lines)
        assert [figures(file, bots="keep")["input"]["unparsed"] for file in (log, packed(log))] == [0, 0]
        visitors = [
            next(row["value"] for row in figures(file, bots="keep")["reports"]["overview"] if row["metric"] == "visitors")
            for file in (log, packed(log))
        ]
        assert visitors == [5, 5]


def test_a_late_label_of_ltsv_is_read(tmp_path: Path) -> None:
    row = "time:2026-10-10T12:00:00Z\thost:203.0.113.1\treq:GET /p HTTP/1.1\tstatus:200"
    log = packed(written(tmp_path / "a.log", [*[row] * EARLY, f"{row}\tua:{FIREFOX}"]))
    assert overview(figures(log, bots="keep"))["visitors"] == 2


def test_names_within_texts_are_no_columns(tmp_path: Path) -> None:
    """The text of a search, or a value, is not a name."""
    rows = [flat(number) for number in range(EARLY)]
    odd = [flat(1, title='the "user_id": u9'), flat(2, url="/p?user_id=u9&amount=3"), flat(3, title="amount"), flat(4, plan_b="pro")]
    log = ndjson(tmp_path / "events.json", [*rows, *odd])
    goals = written(tmp_path / "goals.yaml", [GOALS])
    for file in (log, packed(log)):
        document = figures(file, goals=goals)
        assert (conversions(document), document["input"]["unparsed"]) == ({"bought": 0, "pro": 0, "at_night": 0}, 0)
