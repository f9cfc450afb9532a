"""Where sessions came from, by their first hit and whatever the period: the report `channels`, and channels in other reports."""

from __future__ import annotations

import re
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest
import runs
from small_logs import line, written

from convkit.core import plugins
from convkit.errors import UsageError
from convkit.formats.parsers.base import Assets
from convkit.goals.loader import parse_goals
from convkit.ingest.load import Selection, load_logs
from convkit.ingest.logs import open_logs
from convkit.traffic import hits

if TYPE_CHECKING:
    from pathlib import Path

    from convkit.core.document import Document

GOALS = (
    "macro: {sale: {page: /thanks, value: 10}}\nmicro: {cart: /cart, saw: /product/*}\nfunnels: {shop: {steps: [cart, sale], where: channel=Email}}\n"
)
SITE = "site: {hosts: [shop.example]}\n"
OWN, GOOGLE, PAYPAL = "https://shop.example/a", "https://www.google.com/", "https://www.paypal.com/x"
HOUR = 3600


def origins(folder: Path, lines: list[str], goals: str = SITE + GOALS, **options: str) -> list[tuple[Any, ...]]:
    """Return each session's channel, source, medium, campaign, its visitor's first channel, and whether it was resumed, in order of start."""
    run = runs.analysis([written(folder / "access.log", lines)], parse_goals(goals, "goals.yaml"), fields=["channel"], **options)
    columns = ("channel", "source", "medium", "campaign", "first_channel", "resumed")
    return run.analysis.sessions.sort("started").select(pl.col(columns)).collect().rows()


def who(number: int) -> str:
    """Return the address, ident and user of the visitor with this number."""
    return f"198.51.100.{number} - -"


@pytest.mark.parametrize(
    ("front", "expected"),
    [
        (("GET /old?utm_source=letter&utm_medium=email&utm_campaign=May", 301, GOOGLE), ("Email", "letter", "email", "May")),
        (("GET /gone", 404, GOOGLE), ("Organic Search", "google", "organic", "(none)")),
        (("GET /file.pdf", 200, GOOGLE), ("Organic Search", "google", "organic", "(none)")),
        (("GET /old", 301, "-"), ("Direct", "(direct)", "(none)", "(none)")),
        (("HEAD /a", 200, GOOGLE), ("Referral", "forum.example", "referral", "(none)")),
        (("GET /wp-json/a", 200, GOOGLE), ("Referral", "forum.example", "referral", "(none)")),
        (("GET /style.css", 200, GOOGLE), ("Referral", "forum.example", "referral", "(none)")),
    ],
)
def test_the_first_hit_shows_where_a_session_came_from(front: tuple[str, int, str], expected: tuple[str, ...], tmp_path: Path) -> None:
    """A redirect, an error or a download before the landing page counts; background requests do not."""
    request, status, referrer = front
    lines = [line(request, 0, status, referrer=referrer), line("GET /a", 1, referrer="https://forum.example/x"), line("GET /b", 2, referrer=GOOGLE)]
    assert [row[:4] for row in origins(tmp_path, lines)] == [expected]


def test_internal_links_and_payment_providers_are_not_sources(tmp_path: Path) -> None:
    """A session resumed after a pause, or on return from a payment, is Direct and marked as resumed; the first channel stays the same."""
    lines = [
        line("GET /a", 0, referrer=GOOGLE),
        line("GET /b", HOUR, referrer=OWN),
        line("GET /thanks", 2 * HOUR, referrer=PAYPAL),
        line("GET /b", 3 * HOUR),
        line("GET /b?gclid=x", 4 * HOUR, referrer=OWN),
        line("GET /b", 5 * HOUR, referrer="https://www.shop.example/"),
    ]
    expected = [("Organic Search", False), ("Direct", True), ("Direct", True), ("Direct", False), ("Paid Search", False), ("Direct", True)]
    sessions = origins(tmp_path, lines)
    assert [(row[0], row[5]) for row in sessions] == expected
    assert {row[4] for row in sessions} == {"Organic Search"}
    assert {row[4] for row in origins(tmp_path, lines, since="2026-10-10T14:30")} == {"Organic Search"}


def test_the_first_session_is_that_of_the_same_visitor(tmp_path: Path) -> None:
    lines = [line("GET /a", 0, who=who(1), referrer=GOOGLE), line("GET /a", HOUR, who=who(2)), line("GET /a", 2 * HOUR, who=who(1))]
    assert [(row[0], row[4]) for row in origins(tmp_path, lines)] == [
        ("Organic Search", "Organic Search"),
        ("Direct", "Direct"),
        ("Direct", "Organic Search"),
    ]


def test_referrers_are_read_only_where_a_run_needs_them(tmp_path: Path) -> None:
    """A key, a filter, a funnel or a report may need them; they are dropped once sessions are known."""
    log = written(tmp_path / "access.log", [line("GET /a?utm_source=x", referrer=GOOGLE)])
    goals = parse_goals("macro: {sale: /thanks}", "goals.yaml")
    for fields, has_channel in (((), False), (("device",), False), (("channel",), True)):
        cells = load_logs(
            open_logs([log], "auto", ExitStack(), hits.parser_needs(goals, fields)).logs, Selection(Assets(), hits.select_needed)
        ).lines.collect()
        assert ("referrer" in cells.columns) is has_channel
    goals_with_channel = parse_goals(GOALS, "goals.yaml")
    cases = [
        ({}, goals, False),
        ({"by": "device"}, goals, False),
        ({"by": "campaign"}, goals, True),
        ({"where": ["source=google"]}, goals, True),
        ({}, goals_with_channel, True),
    ]
    for options, goals_of_run, has_channel in cases:
        analysis = runs.analysis([log], goals_of_run, **options).analysis
        assert ("channel" in analysis.sessions.collect_schema().names()) is has_channel
        assert not {"referrer", "sent_query"} & set(analysis.hits.collect_schema().names())


def report(folder: Path, lines: list[str], goals: str = SITE + GOALS, **options: Any) -> Document:  # noqa: ANN401 (the options of `run`)
    """Return the report on some lines."""
    return runs.document([written(folder / "access.log", lines)], ["channels"], parse_goals(goals, "goals.yaml"), **options)


def rows(document: Document, *columns: str) -> list[tuple[Any, ...]]:
    """Return some columns of the report."""
    return document.reports["channels"].frame.select(columns).rows()


DAY = 24 * HOUR
WALKS = [
    # Came from a search engine, bought two days later without a link, and again from an email.
    *(line(f"GET {path}", 60 * place, referrer=GOOGLE if not place else OWN) for place, path in enumerate(("/product/1", "/cart"))),
    *(line(f"GET {path}", 2 * DAY + 60 * place) for place, path in enumerate(("/", "/cart", "/thanks"))),
    *(line(f"GET {path}", 3 * DAY + 60 * place, referrer="-") for place, path in enumerate(("/?utm_medium=email&utm_source=May", "/thanks"))),
    # Came from an email and bought at once, then came back.
    *(line(f"GET {path}", DAY + 30 * place, who=who(2)) for place, path in enumerate(("/?utm_medium=email&utm_source=May", "/cart", "/thanks"))),
    line("GET /", 2 * DAY, who=who(2)),
    # Viewed a single page.
    line("GET /product/1", 0, who=who(3), referrer="https://forum.example/"),
]
TOUCHES = ("channel", "first_touch", "last_touch")


def test_by_hand(tmp_path: Path) -> None:
    document = report(tmp_path, WALKS)
    counts = ("channel", "sessions", "bounce_rate", "pages_per_session", "median_seconds", "timed_share", "converted_sessions", "value")
    assert rows(document, *counts) == [
        ("Direct", 2, 0.5, 2.0, 120.0, 0.5, 1, 10_000_000),
        ("Email", 2, 0.0, 2.5, 60.0, 1.0, 2, 20_000_000),
        ("Organic Search", 1, 0.0, 2.0, 60.0, 1.0, 0, 0),
        ("Referral", 1, 1.0, 1.0, None, 0.0, 0, 0),
    ]
    assert [share for (share,) in rows(document, "share")] == [2 / 6, 2 / 6, 1 / 6, 1 / 6]
    assert rows(document, *TOUCHES) == [("Direct", 0, 1), ("Email", 1, 1), ("Organic Search", 1, 0), ("Referral", 0, 0)]


def test_first_and_last_touch_are_those_of_the_first_conversion_of_the_period(tmp_path: Path) -> None:
    """The first session in all lines counts, whatever the period and the filter; a visitor counts once."""
    last = report(tmp_path, WALKS, since="2026-10-13")
    assert rows(last, "channel", "sessions") == [("Email", 1), ("Organic Search", 0)]
    assert rows(last, *TOUCHES) == [("Email", 0, 1), ("Organic Search", 1, 0)]
    assert rows(report(tmp_path, WALKS, where=["channel=Email"]), *TOUCHES) == [("Email", 1, 2), ("Organic Search", 1, 0)]
    by_day = report(tmp_path, WALKS, by="day")
    assert rows(by_day, "day", *TOUCHES)[2:] == [
        ("2026-10-11", "Email", 1, 1),
        ("2026-10-12", "Direct", 0, 1),
        ("2026-10-12", "Organic Search", 1, 0),
        ("2026-10-13", "Email", 0, 1),
        ("2026-10-13", "Organic Search", 1, 0),
    ]


def test_without_a_macro_goal_conversions_are_missing(tmp_path: Path) -> None:
    document = runs.document([written(tmp_path / "access.log", [line("GET /a")])], ["channels"])
    assert rows(document, "converted_sessions", "conversion_rate", "value", "first_touch", "last_touch") == [(None,) * 5]
    assert "first, last" not in runs.render(document, width=120)
    worthless = report(tmp_path, WALKS, "macro: {sale: /thanks}")
    assert {value for (value,) in rows(worthless, "value")} == {None}


@pytest.mark.parametrize(
    ("lines", "own", "direct"),
    [
        # Most pages after first hits are linked from this host, with or without `www.`.
        ([("/a", GOOGLE), ("/b", OWN), ("/c", "https://www.shop.example/b"), ("/d", GOOGLE)], ("shop.example",), 0),
        # Exactly half of the pages is not enough, and hits without a referrer do not count.
        ([("/a", GOOGLE), ("/b", OWN), ("/c", GOOGLE), ("/d", "-"), ("/e", "-")], (), 0),
        # The site hides its own referrers: a visitor who came back from the search engine really did so.
        ([("/a", GOOGLE), ("/b", "-"), ("/c", GOOGLE)], (), 0),
    ],
)
def test_the_host_that_refers_most_pages_is_the_site_s_own(lines: list[tuple[str, str]], own: tuple[str, ...], direct: int, tmp_path: Path) -> None:
    written_lines = [line(f"GET {path}", 60 * place, referrer=referrer) for place, (path, referrer) in enumerate(lines)]
    document = report(tmp_path, written_lines, GOALS)
    assert runs.analysis([tmp_path / "access.log"], parse_goals(GOALS, "goals.yaml"), fields=["channel"]).own_hosts == own
    texts = [note.text for note in document.notes if note.code == "own-hosts"]
    assert texts == [f"{host} was taken for the site's own host; list yours under `site.hosts`." for host in own]
    assert dict(rows(document, "channel", "sessions")).get("Direct", 0) == direct


def test_virtual_hosts_in_the_log_are_the_site_s_own(tmp_path: Path) -> None:
    """A host that only one robot among many visitors sends is not the site's own, and if the goals file lists hosts, none are taken from the log."""
    hosts = ["shop.example", "www.shop.example", "blog.example"]
    lines = [f"{hosts[number % 3]}:443 {line('GET /a', number, who=who(number))}" for number in range(150)]
    lines += [f"google.com {line('GET /a', 0, who=who(200))}", f"shop.example {line('GET /a', 9, who=who(201), referrer='https://blog.example/')}"]
    lines += [f"shop.example {line('GET /a', 9, who=who(202), referrer=GOOGLE)}"]
    document = report(tmp_path, lines, GOALS)
    assert rows(document, "channel", "sessions") == [("Direct", 152), ("Organic Search", 1)]
    assert [note.text.partition("; ")[0] for note in document.notes] == [
        "shop.example and blog.example were taken for the site's own hosts",
        "1 Direct session resumed from an internal link after a pause or on return from a payment provider",
    ]
    assert not [note for note in report(tmp_path, lines, "site: {hosts: [shop.example, google.com]}\n" + GOALS).notes if note.code == "own-hosts"]


def test_a_log_without_referrers_is_mentioned(tmp_path: Path) -> None:
    """Otherwise, all visitors would seem to have typed in the URL."""
    lines = [line("GET /a", number, who=who(number)).rpartition(' "-"')[0] for number in range(30)]
    document = report(tmp_path, lines)
    assert rows(document, "channel", "sessions") == [("Direct", 30)]
    assert [note.code for note in document.notes] == ["no-referrers"]
    assert not report(tmp_path, lines[1:]).notes
    assert [note.code for note in report(tmp_path, lines, where=["channel=Direct"]).notes] == ["where"]


def test_exports_show_where_sessions_came_from_too(tmp_path: Path) -> None:
    export = tmp_path / "events.csv"
    export.write_text(
        "user_id,event,timestamp,url,referrer\n"
        "1,page_view,2026-10-10T12:00:00Z,https://shop.example/a?utm_source=letter&utm_medium=email,\n"
        "2,page_view,2026-10-10T12:00:00Z,https://shop.example/a,https://www.google.com/\n"
        "2,page_view,2026-10-10T13:00:00Z,https://shop.example/b,https://www.shop.example/a\n"
    )
    document = runs.document([export], ["channels"], parse_goals(GOALS, "goals.yaml"))
    assert rows(document, "channel", "sessions") == [("Direct", 1), ("Email", 1), ("Organic Search", 1)]
    assert {note.code for note in document.notes} == {"own-hosts", "came-back"}


def test_rates_that_differ_clearly_are_marked(tmp_path: Path) -> None:
    """The base must be at least 30, and the intervals hold jointly; a channel is compared with all others."""
    lines = []
    for number in range(120):
        referrer, bought = (GOOGLE, number % 2) if number < 60 else ("https://forum.example/", 0) if number < 90 else ("-", number % 3 == 0)
        paths = ("/product/1", "/thanks") if bought else ("/product/1",)
        lines += [line(f"GET {path}", 60 * place + number, who=who(number), referrer=referrer) for place, path in enumerate(paths)]
    screen = str(runs.render(report(tmp_path, lines), width=80)).splitlines()
    table = {row.split("  ")[1]: row.split()[-4:] for row in screen if row.startswith(("  Organic", "  Referral", "  Direct"))}
    assert {name: cells[-3] for name, cells in table.items()} == {"Organic Search": "50%▲", "Referral": "0%▼", "Direct": "33%"}
    assert "  ▲ ▼ clearly higher or lower than the other sessions" in screen
    goals = str(runs.render(runs.document([tmp_path / "access.log"], ["goals"], parse_goals(SITE + GOALS, "goals.yaml"), by="channel"), width=80))
    (sale,) = (row for row in goals.splitlines() if row.startswith("  sale"))
    assert sale.split() == ["sale", "40", "33%", "30", "50%▲", "10", "33%", "0", "0%▼"]
    for key in ("day", "goal"):
        document = runs.document([tmp_path / "access.log"], ["goals"], parse_goals(SITE + GOALS, "goals.yaml"), by=key)
        assert not {"▲", "▼"} & set(str(runs.render(document)))


def test_filters_by_origin_and_their_mistakes(tmp_path: Path) -> None:
    lines = [*WALKS, line("GET /cart?utm_medium=email&utm_source=letter&utm_campaign=May%20Day", 5 * DAY, who=who(4))]
    counts_by_filter = {
        where: sum(count for (count,) in rows(report(tmp_path, lines, where=[where]), "sessions"))
        for where in ("channel=Organic Search", "channel!=Direct", "source=goo*", "medium=email", "campaign=May Day", "campaign=re:(?i)may.*")
    }
    assert list(counts_by_filter.values()) == [1, 5, 1, 3, 1, 1]
    shop = runs.document([tmp_path / "access.log"], ["funnel"], parse_goals(SITE + GOALS, "goals.yaml")).reports["funnel"].frame
    assert shop["reached"].to_list() == [2, 1]
    own = "site: {channels: {Partners: {source: forum.example}}}\n" + GOALS
    assert ("Partners", 1) in rows(report(tmp_path, lines, own), "channel", "sessions")
    for where, message in {
        "channel=Organic Serch": "unknown channel 'Organic Serch'; did you mean 'Organic Search'?",
        "channel=Partner": "unknown channel 'Partner'; did you mean 'Partners'?",
        "source=Google": "sources and mediums are compared in lower case; write google",
    }.items():
        with pytest.raises(UsageError, match="^" + re.escape(f"--where {where}: {message}")):
            report(tmp_path, lines, own, where=[where])


def test_hostile_tags_are_harmless_everywhere(tmp_path: Path) -> None:
    tag = "%1b[31m%e2%80%ae=1" + "x" * 300
    lines = [line(f"GET /a?utm_source={tag}&utm_medium={tag}&utm_campaign={tag}", number, who=who(number)) for number in range(2)]
    for report_name, by in (("sessions", None), ("channels", "campaign")):
        document = runs.document([written(tmp_path / "access.log", lines)], [report_name], parse_goals(SITE + GOALS, "goals.yaml"), by=by)
        rendered = [runs.render(document, output) for output in plugins.names("outputs")]
        texts = [text if isinstance(text, str) else pl.read_parquet(text).write_csv() for text in rendered]
        assert not {"\x1b", "\u202e"} & set("".join(texts))
