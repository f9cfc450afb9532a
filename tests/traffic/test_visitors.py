"""Visitors: the rule that identifies them, clients behind proxies, and sessions by the IDs in an export."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address, ip_network
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest
import runs
from hypothesis import given
from hypothesis import strategies as st
from profiles import share_of_examples
from small_logs import FIREFOX, overview, report
from small_logs import line as plain

from convkit.authoring import check
from convkit.authoring import survey as authoring_survey
from convkit.core.model import Site
from convkit.core.options import Options
from convkit.core.schema import KIND, TEXT, TIME
from convkit.formats import Layout, combined
from convkit.formats.parsers.fields import field_or_null, parse_requests
from convkit.goals.loader import parse_goals
from convkit.sessions import sessionize
from convkit.traffic import attributes, proxies
from convkit.traffic.visitor_ids import KEY_VARIABLE

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from convkit.core.document import Document
    from convkit.formats.parsers.base import Assets

FIELDS = ("time", "address", "user", "request", "status", "agent", "cookies", "forwarded", "session")
BOUGHT = "macro: {bought: /b}"


class Fields(Layout):
    """A format whose lines are the tab-separated FIELDS."""

    def scan(self, lines: pl.LazyFrame, assets: Assets) -> pl.LazyFrame:
        """Return the PARSED columns of the lines."""
        fields = lines.with_columns(pl.col("line").str.split_exact("\t", len(FIELDS) - 1).struct.rename_fields(FIELDS).alias("part")).unnest("part")
        cells = parse_requests(fields, FIELDS[:-1], assets, "UTC").drop("session_key")
        keys = fields.select("source", "line_no", session_key=field_or_null("session"))
        return cells.join(keys, on=["source", "line_no"], how="left", maintain_order="left")


@pytest.fixture(autouse=True)
def _fields(monkeypatch: pytest.MonkeyPatch) -> None:
    """Read these lines as the combined format, and use the same visitor IDs in every run."""
    monkeypatch.setattr(type(combined.FORMAT), "fit", lambda *_: Fields())
    monkeypatch.setenv(KEY_VARIABLE, "a key")


def line(request: str = "GET /a", second: int = 0, **fields: str) -> str:
    """Return a line of FIELDS; missing fields are `-`, or have a default value."""
    time = datetime(2026, 10, 10, 12, tzinfo=UTC) + timedelta(seconds=second)
    defaults = {"time": f"{time:%Y-%m-%dT%H:%M:%SZ}", "address": "198.51.100.1", "request": f"{request} HTTP/1.1", "status": "200", "agent": FIREFOX}
    return "\t".join((defaults | fields).get(name, "-") for name in FIELDS)


def run(folder: Path, lines: Iterable[str], goals: str = BOUGHT, reports: Sequence[str] = ("overview",), **options: str) -> Document:
    """Analyze lines and return the reports."""
    log = folder / "access.log"
    log.write_text("".join(f"{text}\n" for text in lines), encoding="utf-8")
    return runs.document([log], list(reports), parse_goals(goals, "goals.yaml"), log_format="combined", **options)


def figures(document: Document) -> dict[str, Any]:
    """Return the overview's figures, with the note on how visitors are identified."""
    (note,) = (note.text for note in document.reports["overview"].notes if note.code == "definitions")
    return document.reports["overview"].frame.row(0, named=True) | {"note": note.partition("Visitors are identified by ")[2]}


OTHER = {"agent": FIREFOX.replace("140", "141")}
COOKIE = {"cookies": "a=1; uid=ann"}
RULES: dict[str, tuple[str, list[str], int, str]] = {
    "a cookie, from any address": (
        "[cookie.uid, address+browser]",
        [line(**COOKIE), line(second=5, address="203.0.113.9", cookies="uid=ann"), line(second=9, **OTHER)],
        2,
        "IP address and browser; in 1 session by cookie.uid.",
    ),
    "the first of two rules that applies": (
        "[user, cookie.uid, address]",
        [line(user="ann", cookies="uid=1"), line(user="ann", cookies="uid=2", **OTHER), line(cookies="uid=1", address="203.0.113.9")],
        2,
        "user ID; in 1 session by cookie.uid.",
    ),
    "a query parameter in any position": (
        "[query.u, address]",
        [line("GET /a?u=7"), line("GET /b?x=1&u=%37", 5, address="203.0.113.9"), line("GET /a?u=", 9, address="203.0.113.9"), line("GET /a?uu=7", 9)],
        3,
        "IP address; in 1 session by query.u.",
    ),
    "a session ID in the path": (
        "[;jsessionid, address]",
        [line("GET /a;jsessionid=7?x=1"), line("GET /b;JSESSIONID=7", 5, address="203.0.113.9")],
        1,
        "jsessionid.",
    ),
    "equal values of two rules are two visitors": (
        "[user, query.u]",
        [line(user="7"), line("GET /a?u=7", 5, address="203.0.113.9")],
        2,
        "user ID; ",
    ),
    "a rule after the address": ("[address, user]", [line(user="ann"), line(user="bob"), line(address="-", user="bob")], 2, "IP address; in 1 "),
    "a cookie that the log does not have": (
        "[cookie.sid, address+browser]",
        [line(**COOKIE), line(**OTHER)],
        2,
        "IP address and browser. No visitor was identified by cookie.sid.",
    ),
    "no address rule": ("[cookie.uid]", [line(), line(**OTHER)], 2, "IP address and browser. No visitor was identified by cookie.uid."),
}


@pytest.mark.parametrize("case", RULES)
def test_the_first_rule_that_applies_identifies_the_visitor(case: str, tmp_path: Path) -> None:
    rules, lines, visitors, note = RULES[case]
    metrics = figures(run(tmp_path, lines, f"{BOUGHT}\nsite: {{visitor: {rules}}}"))
    assert metrics["visitors"] == visitors
    assert metrics["note"].startswith(note)


def test_earlier_hits_of_a_session_belong_to_the_identified_visitor(tmp_path: Path) -> None:
    """A later hit from the same address and browser identifies them; hits of other visitors are not affected."""
    lines = [line(), line("GET /c", 5, **OTHER), line("GET /b", 9, cookies="uid=7"), line("GET /b", 11, user="ann", cookies="uid=7")]
    lines += [line(second=13, address="203.0.113.9", cookies="uid=7"), line(second=15)]
    expected = {"[cookie.uid, address+browser]": [1, 1, 4], "[user, cookie.uid, address+browser]": [1, 1, 1, 3], "[address+browser]": [1, 1, 4]}
    for rules, pages in expected.items():
        sessions = run(tmp_path, lines, f"{BOUGHT}\nsite: {{visitor: {rules}}}", ["sessions"]).reports["sessions"].frame
        assert sorted(sessions["pages"].to_list()) == pages, rules


def test_a_rule_identifies_visitors_without_an_address(tmp_path: Path) -> None:
    lines = [line(address="-", cookies="uid=7"), line("GET /b", 5, address="-", cookies="uid=8"), line("GET /b", 9, address="-", cookies="x=7")]
    document = run(tmp_path, lines, f"{BOUGHT}\nsite: {{visitor: [cookie.uid]}}")
    assert figures(document)["visitors"] == 2
    assert document.reasons["unparsed_by_reason"] == {"no visitor": 1}


def test_identifying_values_are_in_no_output_but_determine_the_visitor_ids(tmp_path: Path) -> None:
    secrets = {"cookie.uid": "s3cret-cookie", "query.u": "s3cret-parameter", "jsessionid": "S3CRETSESSION", "user": "s3cret-user"}
    lines = [
        line(cookies=f"uid={secrets['cookie.uid']}"),
        line(f"GET /a?u={secrets['query.u']}", address="203.0.113.1"),
        line(f"GET /b;jsessionid={secrets['jsessionid']}", address="203.0.113.2"),
        line(user=secrets["user"], address="203.0.113.3"),
        line(address="10.0.0.1", forwarded="203.0.113.4"),
    ]
    goals = f"{BOUGHT}\nsite: {{visitor: [{', '.join(secrets)}, address], trusted_proxy: 10.0.0.0/8}}"
    document = run(tmp_path, lines, goals, ["overview", "sessions", "hits"])
    ids = document.reports["sessions"].frame["visitor"]
    assert ids.n_unique() == len(lines)
    for output in ("json", "csv", "table", "markdown"):
        shown = runs.render(replace(document, reports={"hits": document.reports["hits"]}) if output == "csv" else document, output)
        assert [text for text in (*secrets.values(), "203.0.113.", "198.51.100.") if text in shown] == []
    again = run(tmp_path, [text.replace("198.51.100.1", "198.51.100.2") for text in lines], goals, ["sessions"]).reports["sessions"].frame
    assert sorted(again["visitor"]) == sorted(ids)


def test_cookies_can_be_used_like_query_parameters(tmp_path: Path) -> None:
    goals = """
site: {variants: {menu: cookie.menu}}
macro: {bought: {page: /b, once_per: cookie.order, value: cookie.total}}
funnels: {same: {steps: [/a, /b], per: visitor, same: cookie.order}}
"""
    orders = ("order=1; total=2.50; menu=new", "order=1; total=2.50", "order=2; total=4", "total=8")
    lines = [line("GET /a", cookies="order=2; menu=new"), *(line("GET /b", 5 + number, cookies=text) for number, text in enumerate(orders))]
    lines.append(line("GET /a", 20, **OTHER))
    document = run(tmp_path, lines, goals, ["overview", "goals", "funnel"], by="variant.menu")
    frames = {name: report.frame for name, report in document.reports.items()}
    assert frames["goals"].select("variant.menu", "conversions", "value").rows() == [("(none)", 0, 0.0), ("new", 3, 14_500_000)]
    assert frames["funnel"].filter(pl.col("variant.menu") == "new")["reached"].to_list() == [1, 1]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("uid=7", "7"),
        ("a=1; uid=7", "7"),
        ("a=1;uid=7;uid=8", "7"),
        ("a=1;+uid=7", "7"),
        ('uid="a b"; x=1', "a b"),
        ("xuid=7; uid=a=b", "a=b"),
        ("x=uid=7", None),
        ("uid=; a=1", None),
        ("uid=-", None),
        ("UID=7", None),
        ("-", None),
    ],
)
def test_a_cookie_has_a_value(text: str, expected: str | None) -> None:
    assert pl.select(attributes.cookie_value("cookie.uid", pl.lit(text))).item() == expected


TRUSTED = ("10.0.0.0/8", "2001:db8:7::/48")
CLIENTS = {
    ("203.0.113.7 - -", None): "203.0.113.7 - -",
    ("203.0.113.7 - -", "198.51.100.1"): "203.0.113.7 - -",
    ("10.0.0.1 - ann", "198.51.100.1"): "198.51.100.1 - ann",
    ("10.0.0.1 - -", "192.0.2.6, 198.51.100.1"): "198.51.100.1 - -",
    ("10.0.0.1 - -", "198.51.100.1,10.2.3.4"): "198.51.100.1 - -",
    ("10.0.0.1 - -", "198.51.100.1,+10.2.3.4"): "198.51.100.1 - -",
    ("10.0.0.1 - -", "nonsense, 198.51.100.1, 10.2.3.4"): "198.51.100.1 - -",
    ("10.0.0.1 - -", "198.51.100.1, nonsense, 10.2.3.4"): "10.0.0.1 - -",
    ("10.0.0.1 - -", "198.51.100.1, unknown"): "10.0.0.1 - -",
    ("10.0.0.1 - -", ""): "10.0.0.1 - -",
    ("10.0.0.1 - -", None): "10.0.0.1 - -",
    ("10.0.0.1 - -", "999.1.1.1"): "10.0.0.1 - -",
    ("10.0.0.1 - -", "10.0.0.2, 10.0.0.3"): "10.0.0.2 - -",
    ("10.0.0.1 - -", "198.51.100.1:4711"): "198.51.100.1 - -",
    ("10.0.0.1 - -", '"[2001:db8::7]:4711"'): "2001:db8::7 - -",
    ("2001:db8:7::1 - -", "2001:db8::7, 2001:db8:7::2"): "2001:db8::7 - -",
    ("192.0.2.6, 198.51.100.1, 10.0.0.1 - ann b", None): "198.51.100.1 - -",
    ("192.0.2.6, 198.51.100.1 - -", None): "198.51.100.1 - -",
    ("10.0.0.9, 10.0.0.1 - -", None): "10.0.0.9 - -",
    ("- - -", "198.51.100.1"): "- - -",
}
"""The sender of a line and its X-Forwarded-For, and the client behind the proxies."""


def clients(pairs: Sequence[tuple[str, str | None]]) -> list[str]:
    """Return the clients behind the TRUSTED proxies."""
    parsed = pl.LazyFrame(pairs, schema={"sender": TEXT, "forwarded": TEXT}, orient="row")
    senders: list[str] = proxies.resolve_proxies(parsed, TRUSTED).collect()["sender"].cast(pl.String).to_list()
    return senders


def test_the_client_behind_a_trusted_proxy_is_identified() -> None:
    assert dict(zip(CLIENTS, clients(list(CLIENTS)), strict=True)) == CLIENTS


def client_of(sender: str, forwarded: str | None) -> str:
    """Return the client of one line, checking the addresses one by one from the right."""
    connection, rest = sender.split(" ", 1)
    networks = [ip_network(text) for text in TRUSTED]
    chain = [*(forwarded.split(", ") if forwarded else []), connection]
    for text in reversed(chain):
        try:
            if not any(ip_address(text) in network for network in networks):
                return f"{text} {rest}"
        except ValueError:
            return f"{connection} {rest}"
    return f"{chain[0]} {rest}"


HOPS = ("10.0.0.1", "10.255.0.2", "11.0.0.1", "9.255.255.255", "203.0.113.7", "2001:db8:7::1", "2001:db8:8::1", "unknown", "256.0.0.1", "1.2.3")


@share_of_examples(0.5)
@given(st.lists(st.tuples(st.sampled_from(HOPS[:7]), st.lists(st.sampled_from(HOPS), max_size=4)), min_size=1, max_size=10))
def test_the_client_is_the_rightmost_address_that_is_not_a_trusted_proxy(drawn: list[tuple[str, list[str]]]) -> None:
    pairs = [(f"{connection} - -", ", ".join(hops) or None) for connection, hops in drawn]
    assert clients(pairs) == [client_of(*pair) for pair in pairs]


def test_visitors_behind_a_trusted_proxy_are_separate_with_their_assets(tmp_path: Path) -> None:
    forwarded = ("203.0.113.1", "203.0.113.2", "203.0.113.9")
    lines = [line("GET /a", number, address="10.0.0.1", forwarded=text) for number, text in enumerate(forwarded)]
    lines += [line("GET /a.css", 9, address="10.0.0.1", forwarded=text) for text in forwarded[:1]]
    ignored = "ignore: {addresses: 203.0.113.9}"
    one = run(tmp_path, lines, f"{BOUGHT}\nsite: {{{ignored}}}")
    document = run(tmp_path, lines, f"{BOUGHT}\nsite: {{trusted_proxy: 10.0.0.0/8, {ignored}}}")
    assert (figures(one)["visitors"], one.input["excluded"]) == (1, 0)
    assert (figures(document)["visitors"], document.input["excluded"]) == (2, 1)
    assert next(note.text for note in document.reports["overview"].notes if note.code == "no-assets").startswith("1 session ")


def visits(hits: list[tuple[int, int, str | None, str]], timeout: int) -> list[int | None]:
    """Return the session number of each hit, one hit at a time; hits are `visitor, time, key, kind`, sorted by visitor and time."""
    gaps = by_gaps(hits, timeout)
    owners: list[object] = []
    for place, (visitor, _, key, _) in enumerate(hits):
        before = [other for other in range(place) if hits[other][2] and gaps[other] is not None and gaps[other] == gaps[place]]
        last_key = key or (hits[before[-1]][2] if before else None)
        owners.append((visitor, last_key) if last_key else ("gap", gaps[place]) if gaps[place] is not None else None)
    starts = {}
    for place, owner in enumerate(owners):
        if owner is not None and hits[place][3] == "page":
            starts.setdefault(owner, place)
    numbers = {owner: number for number, owner in enumerate(sorted(starts, key=lambda owner: starts[owner]), 1)}
    return [numbers.get(owner) for owner in owners]


def by_gaps(hits: list[tuple[int, int, str | None, str]], timeout: int) -> list[int | None]:
    """Return the session of each hit if only gaps separate sessions, as the position of its first page, or None outside sessions."""
    pages = [position for position, hit in enumerate(hits) if hit[3] == "page"]
    sessions: dict[int, int] = {}
    for before, position in zip([None, *pages], pages, strict=False):
        follows = before is not None and hits[before][0] == hits[position][0] and hits[position][1] - hits[before][1] < timeout
        sessions[position] = sessions[before] if follows and before is not None else position
    numbers: list[int | None] = []
    for position, (visitor, time, _, _) in enumerate(hits):
        last = next((page for page in reversed(pages) if page <= position and hits[page][0] == visitor), None)
        later = next((page for page in pages if page > position and hits[page][0] == visitor), None)
        if last is not None and (last == position or time - hits[last][1] < timeout):
            numbers.append(sessions[last])
        else:
            numbers.append(sessions[later] if later is not None and hits[later][1] - time < timeout else None)
    return numbers


KINDS = ("page", "page", "page", "error")


@share_of_examples(0.6)
@given(
    st.lists(
        st.tuples(st.integers(1, 2), st.sampled_from((0, 5, 9, 10, 30)), st.sampled_from((None, "a", "b")), st.sampled_from(KINDS)),
        min_size=1,
        max_size=14,
    )
)
def test_sessions_of_an_export_follow_its_session_ids(drawn: list[tuple[int, int, str | None, str]]) -> None:
    """Gaps do not matter, except that a row without an ID belongs to the previous ID if the gaps allow it. A session's hits are consecutive."""
    time, hits = 0, []
    for visitor, gap, key, kind in sorted(drawn, key=lambda hit: hit[0]):
        time += gap
        hits.append((visitor, time, key, kind))
    frame = pl.LazyFrame(
        [(visitor, datetime(2026, 10, 10, tzinfo=UTC) + timedelta(seconds=when), key, kind, n) for n, (visitor, when, key, kind) in enumerate(hits)],
        schema={"visitor": pl.Int64, "time": TIME, "session_key": TEXT, "kind": KIND, "n": pl.Int64},
        orient="row",
    )
    cut = sessionize.cut_by_keys(sessionize.cut_by_gaps(frame, timedelta(seconds=10)).collect().lazy()).collect()
    assert cut.sort("n")["session"].to_list() == visits(hits, 10)
    numbers = cut["session"].drop_nulls()
    assert numbers.is_sorted()
    assert cut["session"].rle().struct.unnest().drop_nulls("value").height == numbers.n_unique()
    first = cut.filter(pl.col("kind").cast(pl.String) == "page").group_by("session").agg(pl.col("time").min(), pl.col("started").first())
    assert (first["time"] == first["started"]).all()


def test_sessions_by_id_are_counted_like_all_others(tmp_path: Path) -> None:
    """One session may have hits two hours apart; two sessions may have hits at the same time."""
    lines = [line(session="1"), line("GET /b", 7_200, session="1"), line("GET /c", 7_205, session="2"), line("GET /b", 7_210, session="2")]
    goals = replace(parse_goals(BOUGHT, "goals.yaml"), site=replace(Site(), columns={"session": "visit"}))
    log = tmp_path / "access.log"
    log.write_text("".join(f"{text}\n" for text in lines), encoding="utf-8")
    reports = runs.document([log], ["overview", "goals"], goals, log_format="combined").reports
    assert (reports["overview"].frame["sessions"][0], reports["goals"].frame["reached"][0]) == (2, 2)
    assert runs.document([log], ["overview"], parse_goals(BOUGHT, "goals.yaml"), log_format="combined").reports["overview"].frame["sessions"][0] == 2


def test_check_reports_a_rule_that_identifies_nobody(tmp_path: Path) -> None:
    """`user` and `address` are never reported."""
    log = tmp_path / "access.log"
    log.write_text(f"{line(**COOKIE)}\n", encoding="utf-8")
    expected = {
        "[user, cookie.uid, address]": [],
        "[cookie.uid, query.u]": ["query.u in `site.visitor` identifies no visitor in these logs; correct its name or remove it"],
        "[address, cookie.uid]": [
            "cookie.uid in `site.visitor` is never used: address is listed before it and identifies every visitor; move it first"
        ],
    }
    for rules, texts in expected.items():
        goals = parse_goals(f"{BOUGHT}\nsite: {{visitor: {rules}}}", "goals.yaml")
        with authoring_survey.read_logs([log], Options(log_format="combined"), goals) as logs:
            survey = authoring_survey.survey_logs(logs, goals)
        assert [remark.text for remark in check.remarks_on(survey, has_logs=True) if remark.code == "visitor-rule"] == texts, rules


HOSTS = {
    "three": ({"shop.example": 60, "www.blog.example": 30, "blog.example": 9, "203.0.113.1": 2, "x.example": 2}, "{}", "3 sites: shop.example 58%, "),
    "one": ({"shop.example": 60, "www.shop.example": 30, "probe.example": 0}, "{}", ""),
    "named": ({"shop.example": 60, "blog.example": 30}, "{hosts: [shop.example, blog.example]}", ""),
    "none": ({"-": 5}, "{}", ""),
}


@pytest.mark.parametrize("case", HOSTS)
def test_a_note_shows_that_a_log_has_several_sites_unless_hosts_are_named(case: str, tmp_path: Path) -> None:
    """A host with and without www. is one site; an IP address instead of a host is not a site."""
    pages, site, expected = HOSTS[case]
    targets = [f"GET {'' if host == '-' else f'http://{host}'}/a" for host, number in pages.items() for _ in range(number)]
    lines = [line(target, 3 * number) for number, target in enumerate(targets)]
    texts = [note.text for note in run(tmp_path, lines, f"{BOUGHT}\nsite: {site}").reports["overview"].notes if note.code == "several-sites"]
    assert [expected in text for text in texts] == ([True] if expected else [])
    assert "203.0.113.1" not in str(texts)


def test_combined_lines_may_contain_the_client_of_a_proxy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """X-Forwarded-For is in the field after the user agent, as nginx writes it, or at the start of the line, where the address is a list."""
    monkeypatch.undo()
    pairs = [("10.0.0.1 - -", "203.0.113.1"), ("10.0.0.1 - -", "192.0.2.6, 203.0.113.2"), ("198.51.100.1 - -", "203.0.113.1"), ("10.0.0.1 - -", "-")]
    at_the_end = [f'{plain("GET /a", number, who=sender)} "{forwarded}"' for number, (sender, forwarded) in enumerate(pairs)]
    at_the_start = [plain("GET /a", number, who=f"192.0.2.6, 203.0.113.{number}, 10.0.0.1 - -") for number in range(3)]
    for lines, with_trust, without_trust in ((at_the_end, 4, 2), (at_the_start, 3, 1)):
        overviews = [overview(report(tmp_path, lines, f"{BOUGHT}\nsite: {{{site}}}")) for site in ("trusted_proxy: 10.0.0.0/8", "visitor: [user]")]
        assert [metrics["visitors"] for metrics in overviews] == [with_trust, without_trust]
