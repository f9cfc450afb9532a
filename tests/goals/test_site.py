"""The settings of the site: each key is read, and mistakes are reported with their line."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING

import pytest
from small_logs import line, overview, report

from convkit.core.model import Consent, Site
from convkit.errors import GoalsFileError
from convkit.goals.loader import parse_goals
from convkit.goals.site import is_timezone

if TYPE_CHECKING:
    from pathlib import Path

GOALS = "macro: {sale: /sale, out: /out}\nsite:\n  "

READ: dict[str, tuple[str, object]] = {
    "timezone: Europe/Berlin": ("timezone", "Europe/Berlin"),
    "currency: EUR": ("currency", "EUR"),
    "hosts: [Shop.Example, www.shop.example]": ("hosts", ("shop.example", "www.shop.example")),
    "hosts: shop.example": ("hosts", ("shop.example",)),
    "session_timeout: 10m": ("session_timeout", timedelta(minutes=10)),
    "visitor: [address]": ("visitor", ("address",)),
    "visitor: [cookie.id, query.u, prop.who, ;jsessionid, user, cookie.id]": ("visitor", ("cookie.id", "query.u", "prop.who", "jsessionid", "user")),
    "trusted_proxy: [10.0.0.0/8, '::1']": ("trusted_proxy", ("10.0.0.0/8", "::1")),
    "ignore: {paths: [/admin/**, '*.tmp']}": ("ignore_paths", ("/admin/**", "*.tmp")),
    "ignore: {addresses: [203.0.113.0/24, 2001:db8::/32, '::1']}": ("ignore_addresses", ("203.0.113.0/24", "2001:db8::/32", "::1")),
    "ignore: {events: [session_start, 'app_*']}": ("ignore_events", ("session_start", "app_*")),
    "ignore: {users: tester}": ("ignore_users", ("tester",)),
    "columns: {user: account_id, time: at}": ("columns", {"user": "account_id", "time": "at"}),
    "columns: {user: 1, time: 2}": ("columns", {"user": 1, "time": 2}),
    "group: [/product/*, 're:/[0-9]+']": ("group", ("/product/*", "re:/[0-9]+")),
    "keep_query: [route]": ("keep_query", ("route",)),
    "bots: {keep: [MyAppWebView, 'Mozilla/**']}": ("bots_keep", ("MyAppWebView", "Mozilla/**")),
    "bots: {drop: MyMonitor}": ("bots_drop", ("MyMonitor",)),
    "log_format: vhost-combined": ("log_format", "vhost-combined"),
    "notes: {2026-10-07: new checkout, '2026-09-30': ' sale ends '}": (
        "notes",
        ((date(2026, 9, 30), "sale ends"), (date(2026, 10, 7), "new checkout")),
    ),
    "notes: {2026-10-07: [new checkout, a, mail]}": ("notes", tuple((date(2026, 10, 7), text) for text in ("new checkout", "a", "mail"))),
    "consent: sale": ("consent", Consent("sale")),
    "consent: {given: sale}": ("consent", Consent("sale")),
    "consent: {withdrawn: out, given: sale}": ("consent", Consent("sale", "out")),
    "consent: elsewhere": ("consent", Consent()),
    "notes: {2024-02-29: leap day}": ("notes", ((date(2024, 2, 29), "leap day"),)),
}

REFUSED = {
    "timezone: Berlin": "unknown time zone 'Berlin'; did you mean 'Europe/Berlin'?",
    "timezone: 2": "unknown time zone '2'; use a name like Europe/Berlin or UTC",
    "timezone: ''": "unknown time zone",
    "timezone: ../../etc/passwd": "unknown time zone",
    "currency: eur": "a currency is written as three capital letters, like EUR",
    "currency: [EUR]": "a currency is written as three capital letters, like EUR",
    "hosts: []": "this list is empty; add a host",
    "hosts: {a: b}": "expected a host like www.shop.example",
    "session_timeout: 0m": "is not a duration",
    "session_timeout: 30": "is not a duration",
    "visitor: [cookie.]": "'cookie.' is not a visitor rule. Rules: user, cookie.NAME, query.NAME, prop.NAME, jsessionid, address+browser, address",
    "visitor: [cokie.id]": "'cokie.id' is not a visitor rule; did you mean 'cookie.id'?",
    "visitor: [adress]": "'adress' is not a visitor rule; did you mean 'address'?",
    "visitor: []": "this list is empty; add a rule like address+browser",
    "trusted_proxy: [proxy.example]": "'proxy.example' is not an IP address or network; write it like 203.0.113.0/24",
    "ignore: /admin": "`ignore` takes the keys paths, addresses, events, users",
    "ignore: {event: [x]}": "unknown key 'event' in `ignore`; did you mean 'events'?",
    "ignore: {users: ['re:(']}": "this regular expression is not valid",
    "columns: user_id": "`columns` maps roles to columns, like {user: account_id}. Roles: time, date, user, anonymous, address",
    "columns: {usr: id}": "unknown key 'usr' in `columns`; did you mean 'user'?",
    "columns: {user: 0}": "a column is given by its name, or by its position, counted from 1",
    "columns: {user: true}": "a column is given by its name, or by its position, counted from 1",
    "columns: {user: 1, time: at}": "use names or positions for all columns, not both",
    "ignore: {paths: [admin]}": "is not a path; paths begin with `/`, like /admin",
    "ignore: {addresses: [shop.example]}": "is not an IP address or network; write it like 203.0.113.0/24",
    "group: 're:['": "this regular expression is not valid",
    "keep_query: [1]": "expected the name of a parameter; write '1' in quotes",
    "log_format: appache": "log format",
    "bots: [MyMonitor]": "`bots` takes the keys keep, drop",
    "bots: {drops: [x]}": "unknown key 'drops' in `bots`; did you mean 'drop'?",
    "bots: {keep: []}": "this list is empty; add a user agent or part of one",
    "bots: {keep: [1.5]}": "expected a user agent or part of one, like MyMonitor; write '1.5' in quotes",
    "bots: {drop: 're:('}": "this regular expression is not valid",
    "notes: new checkout": "`notes` maps days to what happened on them, like {2026-10-07: new checkout}",
    "notes: [2026-10-07]": "`notes` maps days to what happened on them",
    "notes: {7 Oct: new checkout}": "'7 Oct' is not a day; write it like 2026-10-07",
    "notes: {2026-02-29: leap day}": "'2026-02-29' is not a day; write it like 2026-10-07",
    "notes: {'20261007': new checkout}": "'20261007' is not a day",
    "notes: {2026-W41: new checkout}": "'2026-W41' is not a day",
    "notes: {2026-10-07: }": "expected what happened on that day",
    "notes: {2026-10-07: 7}": "expected what happened on that day; write '7' in quotes",
    "notes: {2026-10-07: []}": "this list is empty; add what happened on that day",
    "notes: {2026-10-07: [a, ' ']}": "this note is empty",
    "notes: {2026-10-07: {a: b}}": "expected what happened on that day",
    "consent: sail": "unknown goal 'sail' in `consent`; did you mean 'sale'?",
    "consent: {given: sale, withdrawn: nobody}": "unknown goal 'nobody' in `consent`. Goals: sale, out",
    "consent: {given: elsewhere}": "unknown goal 'elsewhere' in `consent`",
    "consent: {withdrawn: out}": "`consent` says how people agree to be written to: a goal, {given: GOAL, withdrawn: GOAL}, or `elsewhere`",
    "consent: [sale]": "`consent` says how people agree to be written to",
    "consent: true": "`consent` says how people agree to be written to",
    "consent: ''": "`consent` says how people agree to be written to",
    "consent: ": "`consent` says how people agree to be written to",
    "consent: {gave: sale, given: sale}": "unknown key 'gave' in `consent`; did you mean 'given'?",
    "timezon: UTC": "unknown key 'timezon' in `site`; did you mean 'timezone'?",
}


@pytest.mark.parametrize(("text", "expected"), READ.items())
def test_settings_are_read(text: str, expected: tuple[str, object]) -> None:
    name, value = expected
    assert parse_goals(GOALS + text, "goals.yaml").site == Site(**{name: value})  # type: ignore[arg-type]


@pytest.mark.parametrize(("text", "expected"), REFUSED.items())
def test_a_wrong_key_or_value_is_reported_with_its_line(text: str, expected: str) -> None:
    with pytest.raises(GoalsFileError) as raised:
        parse_goals(GOALS + text, "goals.yaml")
    assert [problem.line for problem in raised.value.problems] == [3]
    assert expected in raised.value.problems[0].message


def test_site_must_be_a_mapping_of_keys() -> None:
    with pytest.raises(GoalsFileError, match=r"goals\.yaml:1:7: `site` takes keys like `timezone: Europe/Berlin`"):
        parse_goals("site: Europe/Berlin\nmacro: {sale: /sale}", "goals.yaml")
    assert parse_goals("site:\nmacro: {sale: /sale}", "goals.yaml").site == Site()


@pytest.mark.parametrize(("name", "expected"), [("Europe/Berlin", True), ("UTC", True), ("Europe/Berlim", False), ("/etc/passwd", False)])
def test_time_zones_must_be_known_to_the_system(name: str, expected: bool) -> None:  # noqa: FBT001 (a column of the table)
    assert is_timezone(name) == expected


def test_other_hosts_and_ignored_addresses_are_counted_and_left_out(tmp_path: Path) -> None:
    goals = GOALS + "hosts: [shop.example]\n  ignore: {addresses: [203.0.113.0/24, 2001:db8::/32]}"
    senders = ("198.51.100.1 - -", "203.0.113.9 - -", "203.0.114.9 - -", "2001:db8:5::1 - -", "2001:db9::1 - -")
    targets = ("/a", "http://shop.example/a", "http://Shop.Example:80/a", "http://other.example/a")
    lines = [line(f"GET {target}", who=sender) for sender in senders for target in targets]
    document = report(tmp_path, lines, goals)
    assert document["input"]["excluded"] == 2 * 4 + 3
    assert document["input"]["kept"] == 3 * 3
    assert overview(document)["visitors"] == 3


def test_a_custom_session_timeout(tmp_path: Path) -> None:
    lines = [line("GET /a"), line("GET /b", 599), line("GET /c", 1199)]
    assert overview(report(tmp_path, lines, GOALS + "session_timeout: 10m"))["sessions"] == 2
    assert overview(report(tmp_path, lines, GOALS + "timezone: UTC"))["sessions"] == 1


def test_ignored_paths_are_not_pages(tmp_path: Path) -> None:
    document = report(tmp_path, [line("GET /a"), line("GET /admin/x", 5)], GOALS + "ignore: {paths: [/admin/**]}")
    assert document["input"]["background"] == 1
    assert overview(document)["bounces"] == 1
