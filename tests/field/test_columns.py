"""Columns of exports: what their names and values say, where visitors came from, JSON text, encodings, and which rows tell a variant."""

from __future__ import annotations

import gzip
import json
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest
import runs
from engine.test_partition import WHOLE, memory
from small_logs import FIREFOX, line, overview, report, written

from convkit.engine.memory import BASE
from convkit.errors import GoalsFileError, InputError, UsageError
from convkit.goals.loader import parse_goals

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

ROWS = {
    "e14": "test_columns_say_where_visitors_came_from_and_with_what",
    "e16": "test_tools_say_where_visitors_came_from",
    "e18": "test_tools_say_where_visitors_came_from",
    "e26": "test_a_column_of_0_and_1_shows_which_rows_are_events",
    "e28": "test_a_column_of_methods_is_not_the_event",
    "e36": "test_json_text_is_read_like_columns",
    "e38": "test_quotes_may_be_escaped_by_backslashes",
    "e39": "test_the_types_that_mongoexport_writes_are_read",
    "e48": "test_what_came_before_the_variant_counts_for_no_side",
    "e58": "test_text_in_windows_1252_is_read",
}
"""The observed cases, with the test of each."""

PAID = "macro: {purchase: {event: purchase}}\n"
HEADER = "event_time,event_name,user_id,page_url"


def rows(header: str, *lines: str) -> list[str]:
    """Return a table; `AT` in a line becomes a time, one minute later in each line."""
    return [header, *(text.replace("AT", f"2026-10-01T09:{number:02}:00Z") for number, text in enumerate(lines))]


def run(folder: Path, lines: Iterable[str] | bytes, name: str, kind: str, goals: str | None = PAID, **options: Any) -> list[dict[str, Any]]:  # noqa: ANN401
    """Return the rows of a report on a log of these lines."""
    log = written(folder / name, [] if isinstance(lines, bytes) else lines)
    if isinstance(lines, bytes):
        log.write_bytes(lines)
    file = None if goals is None else folder / "goals.yaml"
    if file is not None and goals is not None:
        file.write_text(goals, encoding="utf-8")
    found: list[dict[str, Any]] = json.loads(runs.render(runs.document([log], [kind], file, **options), "json"))["reports"][kind]
    return found


def values(folder: Path, lines: Iterable[str], name: str, goals: str = PAID, key: str = "channel", **options: Any) -> dict[str, int]:  # noqa: ANN401
    """Return the sessions per channel, or per value of another key."""
    if key == "channel":
        return {row["channel"]: row["sessions"] for row in run(folder, lines, name, "channels", goals, **options)}
    shown = run(folder, lines, name, "overview", goals, by=key, **options)
    return {row[key]: row["value"] for row in shown if row["metric"] == "sessions"}


def reached(folder: Path, lines: Iterable[str] | bytes, name: str, goals: str, **options: Any) -> dict[str, int]:  # noqa: ANN401 (options of a run)
    """Return the number of sessions that reached each goal."""
    return {row["goal"]: row["reached"] for row in run(folder, lines, name, "goals", goals, **options)}


def pages(folder: Path, lines: Iterable[str], name: str = "events.csv", **options: Any) -> dict[str, int]:  # noqa: ANN401 (options of a run)
    """Return the views of each page."""
    return {row["page"]: row["pageviews"] for row in run(folder, lines, name, "pages", None, **options)}


UTM = rows(
    f"{HEADER},utm_source,utm_medium,utm_campaign,device_type",
    "AT,page_view,u1,https://shop.example/,google,cpc,autumn,mobile",
    "AT,purchase,u1,https://shop.example/thanks,google,cpc,autumn,mobile",
    "AT,page_view,u2,https://shop.example/,newsletter,email,oct,desktop",
    "AT,page_view,u3,https://shop.example/,,,,desktop",
    "AT,page_view,u4,https://shop.example/,facebook,paid_social,autumn,Smartphone",
)


def test_columns_say_where_visitors_came_from_and_with_what(tmp_path: Path) -> None:
    assert values(tmp_path, UTM, "e.csv") == {"Paid Search": 1, "Email": 1, "Direct": 1, "Paid Social": 1}
    assert values(tmp_path, UTM, "e.csv", key="device") == {"mobile": 2, "desktop": 2}
    assert values(tmp_path, UTM, "e.csv", key="campaign") == {"autumn": 2, "oct": 1, "(none)": 1}
    assert values(tmp_path, UTM, "e.csv", where=["source=google"]) == {"Paid Search": 1}


SEGMENT = {"type": "page", "messageId": "s1", "anonymousId": "a1", "userId": None, "timestamp": "2026-10-10T13:55:36.120Z", "properties": {}}
CAMPAIGN = {"campaign": {"source": "newsletter", "medium": "email", "name": "oct"}, "page": {"url": "https://shop.example/", "referrer": ""}}
POSTHOG = {"uuid": "p1", "event": "$pageview", "distinct_id": "u1", "timestamp": "2026-10-10T13:55:36Z"}
GA4 = {"event_date": "20261010", "event_timestamp": "1791640536120000", "event_name": "page_view", "user_pseudo_id": "7.1"}


def of_ga4(page: int, visit: int, **others: Any) -> dict[str, Any]:  # noqa: ANN401 (fields of an event)
    """Return an event of GA4 on a page, in the visit with this number."""
    values = {"ga_session_number": {"int_value": str(visit)}, "page_location": {"string_value": f"/{page}"}}
    parameters = [{"key": key, "value": value} for key, value in values.items()]
    return {**GA4, "user_pseudo_id": f"7.{page}", "event_params": parameters, **others}


def origins(logs: Iterable[Path]) -> list[tuple[str, str]]:
    """Return the channel and the device of the only session of each log."""
    frame = runs.document([*logs], ["sessions"]).reports["sessions"].frame.sort("landing")
    return frame.select("channel", "device").rows()


def test_tools_say_where_visitors_came_from(tmp_path: Path) -> None:
    properties: list[dict[str, Any]] = [
        {"utm_source": "newsletter", "utm_medium": "email", "$device_type": "Mobile", "$current_url": "/1"},
        {"$channel_type": "organic search", "$device_type": "Tablet", "$current_url": "/2"},
    ]
    events = [
        {**SEGMENT, "context": {**CAMPAIGN, "page": {"path": "/0"}, "device": {"type": "mobile"}}},
        *({**POSTHOG, "distinct_id": f"p{number}", "uuid": f"p{number}", "properties": held} for number, held in enumerate(properties)),
        of_ga4(3, 1, traffic_source={"source": "google", "medium": "cpc"}, device={"category": "desktop"}),
        of_ga4(4, 2, traffic_source={"source": "google", "medium": "cpc"}, device={"category": "tablet"}),
        of_ga4(5, 2, collected_traffic_source={"manual_source": "bing", "manual_medium": "organic"}),
    ]
    logs = [written(tmp_path / f"{number}.ndjson", [json.dumps(event)]) for number, event in enumerate(events)]
    assert origins(logs) == [
        ("Email", "mobile"),
        ("Email", "mobile"),
        ("Organic Search", "tablet"),
        ("Paid Search", "desktop"),
        ("Direct", "tablet"),
        ("Organic Search", "other"),
    ]


CHANNELS = {
    ("utmSource,utmMedium", "newsletter,email"): "Email",
    ("traffic_source.source,traffic_source.medium", "google,organic"): "Organic Search",
    ("source,medium", "facebook,paid"): "Paid Social",
    ("source,medium", "(direct),(none)"): "Direct",
    ("source", "web"): "Unknown",
    ("source", "google"): "Unknown",
    ("channel", "web"): "Unknown",
    ("channel", "paid search"): "Paid Search",
    ("marketing_channel", "Influencers"): "Influencers",
    ("referrer", ""): "Direct",
    ("referrer,utm_source", "https://www.google.com/,"): "Organic Search",
    ("plan", "pro"): "Unknown",
}


def test_a_source_is_believed_by_its_name_and_its_values(tmp_path: Path) -> None:
    """Each case is a log of its own."""
    logs = [
        written(tmp_path / f"{number:02}.csv", rows(f"{HEADER},{columns}", f"AT,page_view,u{number},https://shop.example/{number:02},{cells}"))
        for number, (columns, cells) in enumerate(CHANNELS)
    ]
    assert dict(zip(CHANNELS, (channel for channel, _ in origins(logs)), strict=True)) == CHANNELS


def test_tags_in_the_url_count_where_no_column_shows_a_source(tmp_path: Path) -> None:
    lines = rows(HEADER, "AT,page_view,u1,https://shop.example/?utm_source=news&utm_medium=email", "AT,page_view,u2,https://shop.example/")
    assert values(tmp_path, lines, "e.csv") == {"Email": 1, "Unknown": 1}
    assert values(tmp_path, lines, "e.csv", key="source") == {"news": 1, "(none)": 1}


def test_the_first_row_that_says_it_decides(tmp_path: Path) -> None:
    lines = rows(f"{HEADER},utm_source,utm_medium", "AT,page_view,u1,/,,", "AT,page_view,u1,/a,newsletter,email", "AT,page_view,u1,/b,google,cpc")
    assert values(tmp_path, lines, "e.csv") == {"Email": 1}


def test_columns_of_the_visit_can_be_named_and_turned_off(tmp_path: Path) -> None:
    lines = rows(f"{HEADER},x,utm_source,utm_medium", "AT,page_view,u1,/,bing,google,cpc")
    assert values(tmp_path, lines, "e.csv", settings=["columns.source=x"]) == {"Paid Search": 1}
    assert values(tmp_path, lines, "e.csv", key="source", settings=["columns.source=x"]) == {"bing": 1}
    off = ["columns.source=none", "columns.medium=none"]
    assert values(tmp_path, lines, "e.csv", settings=off) == {"Unknown": 1}


FIELDS = ["device!=tablet", "browser!=edge", "country!=FR", "visit!=3+"]
KEYS = [pytest.param(key, [], marks=pytest.mark.slow) for key in ("device", "browser", "country", "visit")]


@pytest.mark.parametrize(("by", "where"), [(None, []), ("prop.utm_source", FIELDS), *KEYS])
def test_an_export_is_read_alike_in_parts(tmp_path: Path, by: str | None, where: list[str]) -> None:
    visits = [f"AT,page_view,u{number % 9},/{number % 4},{('google', 'bing', '')[number % 3]},cpc,{('ios', '')[number % 2]}" for number in range(59)]
    logs = [written(tmp_path / "e.csv", rows(f"{HEADER},utm_source,utm_medium,device", *visits))]
    logs.append(written(tmp_path / "f.csv", rows(HEADER, *(f"AT,page_view,u{number},/" for number in range(5, 30)))))
    goals, texts = parse_goals(PAID, "goals.yaml"), []
    for size in (WHOLE, BASE + 8_000):
        with memory(size) as numbers:
            texts.append(runs.render(runs.document(logs, ["channels", "overview"], goals, by=by, where=where), "json"))
    assert numbers[0] > 1
    assert texts[0] == texts[1]
    assert by is not None or '"Unknown"' in texts[0]


def test_a_column_of_0_and_1_shows_which_rows_are_events(tmp_path: Path) -> None:
    lines = rows("path,Event,Session,Date", "/,0,s1,AT", "/pricing,0,s1,AT", "click-signup,1,s1,AT", "/,0,s2,AT")
    named = ["columns.user=Session", "columns.session=none"]
    assert pages(tmp_path, lines, settings=named) == {"/": 2, "/pricing": 1}
    assert pages(tmp_path, lines, settings=[*named, "columns.event=none"]) == {"/": 2, "/pricing": 1, "/click-signup": 1}
    document = runs.document([tmp_path / "events.csv"], ["pages"], settings=named)
    assert any("holds 0 and 1" in warning for warning in document.warnings)


@pytest.mark.parametrize("methods", [("GET", "POST", "GET"), ("get", "post", "get")])
def test_a_column_of_methods_is_not_the_event(tmp_path: Path, methods: Sequence[str]) -> None:
    lines = rows("time,visitor_id,action,url", *(f"AT,u{1 + number // 2},{method},/{method.lower()}" for number, method in enumerate(methods)))
    assert pages(tmp_path, lines) == {"/get": 2}
    clicks = rows("time,visitor_id,action,url", "AT,u1,GET,/", "AT,u1,signup,/join")
    assert reached(tmp_path, clicks, "a.csv", "macro: {signup: {event: signup}}\n") == {"signup": 1}


def test_a_column_of_peoples_names_is_not_the_event(tmp_path: Path) -> None:
    people = {"u1": "Ann Lee", "u2": "Bob Ray", "u3": "Cid Fox"}
    lines = rows("time,user_id,name,url", *(f"AT,{user},{people[user]},/{number}" for number, user in enumerate(["u1", "u1", "u2", "u2", "u3"])))
    assert pages(tmp_path, lines) == {f"/{number}": 1 for number in range(5)}
    events = rows("time,user_id,name", *(f"AT,{user},{name}" for user in people for name in ("Page Viewed", "Signed Up")))
    assert reached(tmp_path, events, "n.csv", "macro: {signup: {event: Signed Up}}\n") == {"signup": 3}


def test_all_columns_in_doubt_are_asked_about_at_once(tmp_path: Path) -> None:
    log = written(tmp_path / "e.csv", rows("time,ts,user_id,uid,url", "AT,2026-10-01T09:00:00Z,u1,u1,/"))
    with pytest.raises(
        InputError, match=r"time and ts, and? ?.*--set columns.time=time --set columns.user=user_id|columns.time=time --set columns.user=user_id"
    ):
        runs.document([log], ["overview"])
    log = written(tmp_path / "f.csv", ["a,b", "1,2", "3,4"])
    with pytest.raises(InputError, match="a time, or a visitor, or an event or a page; name them with"):
        runs.document([log], ["overview"], log_format="csv")


JSON_GOALS = "macro: {order: {event: order, value: prop.amount}}\nmicro: {pro: {event: page_view, where: {plan: pro}}, pricing: /pricing}\n"


def quoted(item: dict[str, Any]) -> str:
    """Return an object as a field of a table."""
    return '"' + json.dumps(item).replace('"', '""') + '"'


def test_json_text_is_read_like_columns(tmp_path: Path) -> None:
    first = {"url": "https://a.example/?utm_source=news&utm_medium=email", "plan": "pro"}
    order = {"url": "https://a.example/thanks", "amount": 20}
    lines = rows(
        "user_id,event_name,created_at,properties",
        f"u1,page_view,AT,{quoted(first)}",
        f"u1,order,AT,{quoted(order)}",
        f"u2,page_view,AT,{quoted({'url': 'https://a.example/pricing'})}",
    )
    for settings in ([], ["columns.url=properties.url"]):
        assert reached(tmp_path, lines, "e.csv", JSON_GOALS, settings=settings) == {"order": 1, "pro": 1, "pricing": 1}
    document = report(tmp_path, lines, JSON_GOALS)
    assert overview(document)["value"] == 20
    assert values(tmp_path, lines, "e.csv") == {"Email": 1, "Unknown": 1}


TESTS = {
    "{cart.total: '>= 20'}": 1,
    "{properties.cart.total: 20}": 1,
    "{tags: sale}": 1,
    "{tags: new}": 1,
    "{tags: [old, new]}": 1,
    "{tags: 'ne*'}": 1,
    "{tags: old}": 0,
    "{tags: '!= old'}": 1,
    "{tags: '!= new'}": 0,
    "{paid: true}": 1,
    "{paid: True}": 1,
    "{paid: false}": 0,
}
"""Tests of values, and the number of sessions that pass each."""


@pytest.mark.parametrize("notation", ["object", "text", "text of python"])
def test_values_in_objects_lists_and_booleans_are_tested(tmp_path: Path, notation: str) -> None:
    held = {"cart": {"total": 20}, "tags": ["sale", "new"], "paid": "True" if notation == "text of python" else True}
    common = {"user_id": "u1", "event": "order", "time": "2026-10-01T09:00:00Z"}
    row = {**common, "properties": held if notation == "object" else json.dumps(held)}
    lines = [json.dumps(row), json.dumps({**common, "user_id": "u2", "properties": {} if notation == "object" else "{}"})]
    goals = [f"  g{number}: {{event: order, where: {test}}}\n" for number, test in enumerate(TESTS)]
    found = reached(tmp_path, lines, "e.ndjson", f"macro:\n{''.join(goals)}")
    assert dict(zip(TESTS, (found[f"g{number}"] for number in range(len(TESTS))), strict=True)) == TESTS


def test_lists_in_parquet_are_tested(tmp_path: Path) -> None:
    frame = pl.DataFrame({"user_id": ["u1", "u2"], "event": ["order", "order"], "time": [1791640536, 1791640537], "tags": [["a", "b"], None]})
    frame.write_parquet(tmp_path / "e.parquet")
    document = runs.document([tmp_path / "e.parquet"], ["goals"], parse_goals("macro: {order: {event: order, where: {tags: b}}}\n", "g.yaml"))
    assert json.loads(runs.render(document, "json"))["reports"]["goals"][0]["reached"] == 1


def test_the_types_that_mongoexport_writes_are_read(tmp_path: Path) -> None:
    def row(user: int, event: str, minute: int, day: object) -> str:
        return json.dumps({"_id": {"$oid": f"6{minute}"}, "userId": {"$oid": f"64{user}"}, "event": event, "url": "/", "createdAt": {"$date": day}})

    lines = [row(1, "page_view", 0, "2026-10-01T09:00:00.000Z"), row(1, "purchase", 1, "2026-10-01T09:01:00.000Z")]
    lines.append(row(2, "page_view", 2, "2026-10-01T09:02:00.000Z"))
    assert reached(tmp_path, lines, "e.ndjson", PAID) == {"purchase": 1}
    old = [row(1, "page_view", 0, {"$numberLong": "1791640536120"}), row(2, "purchase", 1, {"$numberLong": "1791640536125"})]
    assert reached(tmp_path, old, "o.ndjson", PAID) == {"purchase": 1}
    assert reached(tmp_path, lines, "e.ndjson", PAID, settings=["columns.user=userId"]) == {"purchase": 1}


def test_quotes_may_be_escaped_by_backslashes(tmp_path: Path) -> None:
    def escaped(*fields: str) -> str:
        return ",".join('"' + field.replace("\\", "\\\\").replace('"', '\\"') + '"' for field in fields)

    first = json.dumps({"url": "https://shop.example/", "plan": "pro, yearly", "said": 'a "b" \\'})
    lines = [escaped("user_id", "event", "timestamp", "properties"), escaped("u1", "page_view", "2026-10-01T09:00:00Z", first)]
    lines += [escaped("u1", "purchase", "2026-10-01T09:01:00Z", '{"amount":20}'), escaped("u2", "page_view", "2026-10-01T09:02:00Z", "{}")]
    goals = "macro: {purchase: {event: purchase}}\nmicro: {pro: {event: page_view, where: {plan: 'pro, yearly', said: 'a \"b\" \\'}}}\n"
    assert reached(tmp_path, lines, "e.csv", goals) == {"purchase": 1, "pro": 1}
    several = [*lines[:3], '"u3","page', 'view","2026-10-01T09:03:00Z","{\\"a\\":1}"']
    assert reached(tmp_path, several, "s.csv", goals) == {"purchase": 1, "pro": 1}


@pytest.mark.parametrize("folder", ["C:\\", "a\\b", "x"])
def test_a_backslash_at_the_end_of_a_field_is_text_where_quotes_are_doubled(tmp_path: Path, folder: str) -> None:
    lines = rows("user_id,event,time,folder", f'"u1","purchase",AT,"{folder}"', f'"u2","said ""no""",AT,"{folder}"')
    goals = "macro: {purchase: {event: purchase}}\nmicro: {no: {event: 'said \"no\"'}}\n"
    assert reached(tmp_path, lines, "e.csv", goals) == {"purchase": 1, "no": 1}


GERMAN = (
    "user_id;event;timestamp\nu1;page_view;2026-10-01T09:00:00Z\nu1;Bestellbestätigung;2026-10-01T09:01:00Z\nu2;Prüfung – €;2026-10-01T09:02:00Z\n"
)
ORDERED = "macro: {order: {event: Bestellbestätigung}}\nmicro: {other: {event: Prüfung – €}}\n"


def test_text_in_windows_1252_is_read(tmp_path: Path) -> None:
    assert reached(tmp_path, GERMAN.encode("cp1252"), "e.csv", ORDERED) == {"order": 1, "other": 1}
    (warning,) = runs.document([tmp_path / "e.csv"], ["goals"], tmp_path / "goals.yaml").warnings
    assert warning == "e.csv is not UTF-8, so its text was read as Windows-1252; if that is wrong, add --set encoding=utf-8"
    assert reached(tmp_path, GERMAN.encode("cp1252"), "e.csv", ORDERED, settings=["encoding=utf-8"]) == {"order": 0, "other": 0}
    packed = gzip.compress(GERMAN.encode("cp1252"))
    assert reached(tmp_path, packed, "e.csv.gz", ORDERED) == {"order": 1, "other": 1}
    access = line("GET /bücher").encode("cp1252")
    assert reached(tmp_path, access, "a.log", "macro: {books: /bücher}\n") == {"books": 0}
    assert reached(tmp_path, access, "a.log", "macro: {books: /bücher}\n", settings=["encoding=windows-1252"]) == {"books": 1}


@pytest.mark.parametrize(
    "text",
    [
        GERMAN.encode(),
        GERMAN.encode("cp1252") + "u3;Bestätigung;2026-10-01T09:03:00Z\n".encode(),
        GERMAN.encode("cp1252") + b"u3;\x81\x8d;2026-10-01T09:03:00Z\n",
    ],
)
def test_text_that_is_not_wholly_in_windows_1252_is_read_as_utf_8(tmp_path: Path, text: bytes) -> None:
    order = int(text.startswith(GERMAN.encode()))
    assert reached(tmp_path, text, "e.csv", ORDERED) == {"order": order, "other": order}
    warnings = runs.document([tmp_path / "e.csv"], ["goals"], tmp_path / "goals.yaml").warnings
    assert order or "--set encoding=windows-1252" in " ".join(warnings)
    assert order or reached(tmp_path, text, "e.csv", ORDERED, settings=["encoding=windows-1252"]) == {"order": 1, "other": 1}


PLANS = rows(
    "time,user_id,event,url,plan,country",
    "AT,u1,page_view,/,free,DE",
    "AT,u1,order,/o,pro,DE",
    "AT,u2,page_view,/,free,",
    "AT,u3,page_view,/,,FR",
)


def test_properties_break_reports_down_and_filter_them(tmp_path: Path) -> None:
    goals = "macro: {order: {event: order}}\n"
    assert values(tmp_path, PLANS, "e.csv", goals, "prop.plan") == {"free": 2, "(none)": 1}
    assert values(tmp_path, PLANS, "e.csv", goals, "prop.nothing") == {"(none)": 3}
    assert values(tmp_path, PLANS, "e.csv", goals, "country") == {"DE": 1, "FR": 1, "(none)": 1}
    assert reached(tmp_path, PLANS, "e.csv", goals, where=["prop.plan=pro"]) == {"order": 1}
    for test, sessions in {"prop.plan=pro": 1, "prop.plan=fr*": 2, "prop.plan!=pro": 2, "prop.nothing=x": 0, "country=DE": 1}.items():
        assert sum(values(tmp_path, PLANS, "e.csv", goals, where=[test]).values()) == sessions
    with pytest.raises(UsageError, match=r"prop\.NAME"):
        values(tmp_path, PLANS, "e.csv", goals, "props.plan")


def test_visits_and_browsers_break_reports_down_and_filter_them(tmp_path: Path) -> None:
    safari = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.0 Mobile/15E148 Safari/604.1"
    edge = "Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36 Edg/140.0.0.0"
    lines = [line("GET /", 3600 * hour) for hour in range(4)]
    lines += [line("GET /", 10, agent=safari, who="198.51.100.2 - -"), line("GET /", 11, agent=edge, who="198.51.100.3 - -")]
    goals = "macro: {order: /order}\n"
    assert values(tmp_path, lines, "a.log", goals, "visit") == {"1": 3, "2": 1, "3+": 2}
    assert values(tmp_path, lines, "a.log", goals, "browser") == {"firefox": 4, "safari": 1, "edge": 1}
    assert values(tmp_path, lines, "a.log", goals, "browser", where=["visit=1"]) == {"firefox": 1, "safari": 1, "edge": 1}
    assert values(tmp_path, lines, "a.log", goals, "visit", where=["browser=firefox"]) == {"1": 1, "2": 1, "3+": 2}
    for wrong in ("browser=Firefox", "visit=4"):
        with pytest.raises(UsageError, match="unknown"):
            values(tmp_path, lines, "a.log", goals, where=[wrong])
    named = rows(f"{HEADER},browser,user_agent", f"AT,page_view,u1,/,Mobile Safari 18,{FIREFOX}", f"AT,page_view,u2,/,,{FIREFOX}")
    assert values(tmp_path, named, "e.csv", goals, "browser") == {"safari": 1, "firefox": 1}


def compared(folder: Path, lines: Iterable[str], goals: str, **options: Any) -> tuple[dict[str, tuple[int, int]], dict[str, str]]:  # noqa: ANN401
    """Return the counts of both sides for each goal, and the notes, of a comparison of variants."""
    (folder / "goals.yaml").write_text(goals, encoding="utf-8")
    document = runs.comparison([written(folder / "e.csv", lines)], folder / "goals.yaml", variant="x", **options)
    found = json.loads(runs.render(document, "json"))["reports"]["compare"]
    return {row["item"]: (row["before"], row["now"]) for row in found if row["what"] == "goal"}, {note.code: note.text for note in document.notes}


def shown(signup_at: int, *, variant: str = "variant", where: str = "") -> list[str]:
    """Return 80 visitors who are shown the variants a and b, and of whom those with a sign up so many seconds later."""
    lines = []
    for number in range(80):
        start, side = f"2026-10-01T{number // 40:02}:{number % 40:02}", "ab"[number % 2]
        visit = [(5, f"{start}:05Z,page_view,u{number},/,,"), (30, f"{start}:30Z,experiment_viewed,u{number},/app,{side},{where}")]
        visit += [(30 + signup_at, f"{start}:{30 + signup_at:02}Z,signup,u{number},/join,,")] if side == "a" else []
        lines += [line for _, line in sorted(visit)]
    return [f"time,event,user_id,url,{variant},experiment", *lines]


X = "site: {variants: {x: prop.variant}}\nmacro: {signup: {event: signup}}\n"


@pytest.mark.parametrize(("seconds", "signups"), [(-20, 0), (-1, 0), (0, 40), (20, 40)])
def test_what_came_before_the_variant_counts_for_no_side(tmp_path: Path, seconds: int, signups: int) -> None:
    lines = shown(seconds)
    if not seconds:
        lines = [line.replace("experiment_viewed", "signup") if ",a," in line else line for line in lines if not line.endswith(",signup,,,")]
    goals, notes = compared(tmp_path, lines, X)
    assert goals["signup"] == (signups, 0)
    assert ("before-variant" in notes) == (not signups)
    rows_by_side = run(tmp_path, lines, "e.csv", "goals", X, by="variant.x")
    assert {row["variant.x"]: row["reached"] for row in rows_by_side} == {"a": signups, "b": 0}


def test_sessions_belong_to_the_variant_that_was_shown(tmp_path: Path) -> None:
    assert values(tmp_path, shown(20), "e.csv", X, "variant.x") == {"a": 40, "b": 40}
    assert values(tmp_path, shown(-20), "e.csv", X, "variant.x") == {"a": 40, "b": 40}


def test_later_sessions_count_whole(tmp_path: Path) -> None:
    lines = [*shown(-20), *(f"2026-10-02T{number // 40:02}:{number % 40:02}:00Z,signup,u{number},/join,," for number in range(0, 80, 2))]
    assert compared(tmp_path, lines, X)[0]["signup"] == (40, 0)


def test_a_rule_says_which_rows_show_a_variant(tmp_path: Path) -> None:
    both = [*shown(20, where="checkout"), *(line for line in shown(20, where="menu")[1:] if "experiment" in line)]
    swapped = [line.replace(",a,menu", ",b,menu") for line in both]
    rule = "site: {variants: {x: {prop: variant, where: {experiment: checkout}}}}\nmacro: {signup: {event: signup}}\n"
    assert compared(tmp_path, swapped, rule)[0]["signup"] == (40, 0)
    with pytest.raises(UsageError, match="only b was seen"):
        compared(tmp_path, swapped, X)


@pytest.mark.parametrize(
    ("split", "note"),
    [
        ("", "an even split"),
        ("split: [90, 10]", ""),
        ("split: {a: 9, b: 1}", ""),
        ("split: [10, 90]", "a split of 90% to 10%"),
        ("split: {b: 1, a: 9, c: 2}", ""),
    ],
)
def test_the_planned_split_is_the_one_that_is_checked(tmp_path: Path, split: str, note: str) -> None:
    lines = [line.replace(",b,", ",a,") if int(line.split(",")[2].removeprefix("u") or 0) % 10 != 1 else line for line in shown(20)[1:]]
    goals = f"site: {{variants: {{x: {{prop: variant, {split}}}}}}}\nmacro: {{signup: {{event: signup}}}}\n"
    notes = compared(tmp_path, ["time,event,user_id,url,variant,experiment", *lines], goals)[1]
    assert note in notes.get("sample-ratio", "")
    assert bool(note) == ("sample-ratio" in notes)


@pytest.mark.parametrize(
    "rule", ["{}", "{where: {a: b}}", "{prop: a, query: b}", "{prop: a, split: [1]}", "{prop: a, split: [1, 2, 3]}", "{prop: a, splits: [1, 1]}"]
)
def test_mistakes_in_the_rule_of_a_variant_are_refused(rule: str) -> None:
    with pytest.raises(GoalsFileError):
        parse_goals(f"site: {{variants: {{x: {rule}}}}}\nmacro: {{signup: {{event: signup}}}}\n", "goals.yaml")


def test_variants_are_compared_alike_in_parts(tmp_path: Path) -> None:
    log, goals, texts = written(tmp_path / "e.csv", shown(-20)), parse_goals(X, "goals.yaml"), []
    for size in (WHOLE, BASE + 20_000):
        with memory(size) as numbers:
            texts.append(runs.render(runs.comparison([log], goals, variant="x"), "json"))
    assert numbers[0] > 1
    assert texts[0] == texts[1]
    assert "40 visitors reached a goal before a variant of x was first shown" in str(texts[0])
