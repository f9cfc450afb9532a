"""Cases of the field that were right before any rule was changed for others."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from small_logs import conversions, figures, line, overview, report, written

import convkit

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    Command = Callable[..., tuple[int, str, str]]

ROWS = {
    "ap01": "test_an_event_sent_twice_to_a_collector_is_one_purchase",
    "ap02": "test_a_page_that_only_comes_by_post_is_named_as_a_request",
    "ap08": "test_a_target_without_a_path_is_the_home_page",
    "ap10": "test_the_receipt_of_a_shop_is_the_macro_goal",
    "ap11": "test_channels_of_usual_sources",
    "ap13": "test_lines_wrapped_in_json_are_read",
    "ap19": "test_percent_encoding_in_either_case_is_one_page",
    "ap20": "test_a_number_right_after_the_agent_is_ignored",
    "ep01": "test_a_step_named_several_times_needs_several_hits",
    "ep04": "test_rows_that_come_late_are_sorted",
    "ep06": "test_a_table_of_counts_is_refused",
}
"""The test of each case in the collection of field cases."""

GOALS = "macro: {purchase: /thank-you}"


def counts(document: dict[str, Any]) -> tuple[int, ...]:
    """Return sessions, visitors, page views, bounces and converted sessions."""
    whole = overview(document)
    return tuple(whole[name] for name in ("sessions", "visitors", "pageviews", "bounces", "converted_sessions"))


def visits(number: int = 4) -> list[str]:
    """Return the lines of visitors who view three pages each and buy."""
    return [
        line(f"GET {path}", 60 * visitor + 10 * place, who=f"203.0.113.{visitor} - -")
        for visitor in range(number)
        for place, path in enumerate(("/", "/product/1", "/thank-you"))
    ]


def steps(file: Path, goals: str) -> dict[str, list[int]]:
    """Return how many sessions reached each step of each funnel."""
    goals_file = file.with_suffix(".yaml")
    goals_file.write_text(goals, encoding="utf-8")
    reached: dict[str, list[int]] = {}
    for row in figures(file, goals=goals_file)["reports"]["funnel"]:
        reached.setdefault(row["funnel"], []).append(row["reached"])
    return reached


def test_an_event_sent_twice_to_a_collector_is_one_purchase(tmp_path: Path) -> None:
    """Google's collector gets every event by POST; three of twelve visitors buy, and each purchase arrives twice."""
    lines = []
    for visitor in range(12):
        who, second = f"203.0.113.{visitor} - -", 900 * visitor
        lines += [line("GET /", second, who=who), line("POST /g/collect?v=2&en=page_view", second, 204, who=who)]
        if visitor % 2 == 0:
            lines.append(line("POST /g/collect?v=2&en=add_to_cart&epn.value=12.5", second + 30, 204, who=who))
        if visitor % 4 == 0:
            purchase = f"POST /g/collect?v=2&en=purchase&ep.transaction_id=T{visitor}&epn.value=25.00&cu=EUR"
            lines += [line(purchase, second + after, 204, who=who) for after in (60, 65)]
    sale = "{request: POST /g/collect, query: {en: purchase}, value: query.epn.value, once_per: query.ep.transaction_id}"
    cart = "{request: POST /g/collect, query: {en: add_to_cart}}"
    document = report(tmp_path, lines, f"site: {{currency: EUR}}\nmacro: {{purchase: {sale}}}\nmicro: {{cart: {cart}}}")
    assert counts(document) == (12, 12, 12, 6, 3)
    assert (conversions(document)["purchase"], overview(document)["value"]) == (3, 75.0)


def test_a_page_that_only_comes_by_post_is_named_as_a_request(convkit_command: Command, tmp_path: Path) -> None:
    """A payment provider sends visitors to the receipt by POST, so that the path alone names no page."""
    lines = [
        line(request, 900 * visitor + 60 * place, who=f"203.0.113.{visitor} - -")
        for visitor in range(3)
        for place, request in enumerate(("GET /", "GET /cart", "POST /checkout/thank-you"))
    ]
    log, goals = written(tmp_path / "access.log", lines), tmp_path / "goals.yaml"
    goals.write_text("macro: {purchase: /checkout/thank-you}\nmicro: {cart: /cart}", encoding="utf-8")
    assert "POST /checkout/thank-you" in convkit_command("check", str(log), "-g", str(goals))[1]


def test_a_target_without_a_path_is_the_home_page(tmp_path: Path) -> None:
    """Such a host may end like a file: `.mobi`, `.zip`."""
    targets = ("http://shop.mobi", "http://shop.zip", "http://shop.example?utm_source=x", "http://shop.example/")
    lines = [line(f"GET {target}", 10 * number, who=f"203.0.113.{number} - -") for number, target in enumerate(targets)]
    document = report(tmp_path, lines, GOALS)
    assert counts(document) == (4, 4, 4, 4, 0)
    assert [row["page"] for row in document["reports"]["pages"]] == ["/"]


def test_the_receipt_of_a_shop_is_the_macro_goal(convkit_command: Command, tmp_path: Path) -> None:
    """A German shop with WooCommerce: every receipt has a number of its own, and the form is no receipt."""
    lines = []
    for visitor in range(68):
        who, second = f"203.0.113.{visitor} - -", 900 * visitor
        pages = ["GET /", f"GET /produkt/tasse-{visitor % 7}/"]
        pages += ["POST /?wc-ajax=add_to_cart", "GET /warenkorb/"] if visitor % 2 == 0 else []
        pages += ["GET /kasse/"] if visitor % 4 == 0 else []
        pages += ["POST /?wc-ajax=checkout", f"GET /kasse/order-received/{4000 + visitor}/?key=wc_order_{visitor}abc"] if visitor % 8 == 0 else []
        lines += [line(page, second + 20 * place, who=who) for place, page in enumerate(pages)]
    log = written(tmp_path / "access.log", lines)
    proposal = tmp_path / "proposal.yaml"
    assert convkit_command("init", str(log), "-o", str(proposal))[0] == 0
    assert "purchase: {page: /kasse/order-received/*, once_per: path}" in proposal.read_text(encoding="utf-8")


CHANNELS = {
    "/u0?utm_source=chatgpt.com": ("-", "AI Assistants"),
    "/u1": ("https://www.perplexity.ai/", "AI Assistants"),
    "/u2?srsltid=Afm": ("https://www.google.com/", "Organic Search"),
    "/u3": ("android-app://com.google.android.googlequicksearchbox/", "Organic Search"),
    "/u4?fbclid=Iw": ("-", "Direct"),
    "/u5": ("https://l.instagram.com/", "Organic Social"),
    "/u6?gad_source=1&gbraid=0A": ("-", "Paid Search"),
    "/u7?utm_source=google&amp;utm_medium=cpc": ("-", "Paid Search"),
    "/u8?utm_source=fb&utm_medium=paid": ("-", "Paid Social"),
    "/u9": ("https://www.paypal.com/", "Direct"),
    "/u10?utm_source=newsletter&utm_medium=E-Mail": ("-", "Email"),
    "/u11?UTM_SOURCE=google&UTM_MEDIUM=cpc": ("-", "Paid Search"),
}


def test_channels_of_usual_sources(tmp_path: Path) -> None:
    """Sources as they come: click IDs, apps, payment providers, and parameters that were escaped or written in capital letters."""
    lines = [line(f"GET {target}", 5 * number, who=f"203.0.113.{number} - -", referrer=CHANNELS[target][0]) for number, target in enumerate(CHANNELS)]
    sessions = convkit.read_sessions([written(tmp_path / "access.log", lines)]).collect()
    channels = dict(sessions.select("landing", "channel").rows())
    assert channels == {target.partition("?")[0]: channel for target, (_, channel) in CHANNELS.items()}


def test_lines_wrapped_in_json_are_read(tmp_path: Path) -> None:
    """As containers write them, with the newline of each line."""
    lines = [json.dumps({"log": f"{text}\n", "stream": "stdout", "kubernetes": {"pod_name": "web-1"}}) for text in visits()]
    assert counts(report(tmp_path, lines, GOALS)) == (4, 4, 12, 0, 4)


def test_percent_encoding_in_either_case_is_one_page(tmp_path: Path) -> None:
    """`%C3%BC`, `%c3%bc` and the letter itself."""
    pages = ("/danke-f%C3%BCr-alles/", "/danke-f%c3%bcr-alles", "/danke-für-alles")
    lines = [
        line(f"GET {path}", 60 * visitor + 9 * place, who=f"203.0.113.{visitor} - -")
        for visitor, page in enumerate(pages)
        for place, path in enumerate(("/", page))
    ]
    assert counts(report(tmp_path, lines, "macro: {purchase: /danke-für-alles/}")) == (3, 3, 6, 0, 3)


def test_a_number_right_after_the_agent_is_ignored(tmp_path: Path) -> None:
    """A format whose author forgot the blank before the duration."""
    assert counts(report(tmp_path, [f"{text}3.076" for text in visits()], GOALS)) == (4, 4, 12, 0, 4)


def export(file: Path, rows: Sequence[str]) -> Path:
    """Write a CSV export and return its path."""
    return written(file, ["time,event,user_id", *rows])


def test_a_step_named_several_times_needs_several_hits(tmp_path: Path) -> None:
    """Page views of the same second are different ones."""
    rows = [
        f"2026-03-22 {clock},{event},u1"
        for clock, event in (("13:01:00", "finish onboarding"), *[("13:10:00", "pageview")] * 2, ("13:11:00", "pageview"))
    ]
    goals = "macro: {never: {event: never}}\nmicro: {on: {event: finish onboarding}, pv: {event: pageview}}\n"
    reached = steps(export(tmp_path / "steps.csv", rows), f"{goals}funnels: {{three: [on, pv, pv], five: [on, pv, pv, pv, pv]}}")
    assert reached == {"three": [1, 1, 1], "five": [1, 1, 1, 1, 0]}


def test_rows_that_come_late_are_sorted(tmp_path: Path) -> None:
    """The purchase is the first row and the last event."""
    rows = [f"2026-10-01T09:{clock}Z,{event},u1" for clock, event in (("10:00", "purchase"), ("00:00", "page_view"), ("05:00", "cart"))]
    goals = "macro: {purchase: {event: purchase}}\nmicro: {cart: {event: cart}}\nfunnels: {f: [cart, purchase]}"
    assert steps(export(tmp_path / "late.csv", rows), goals) == {"f": [1, 1]}


def test_a_table_of_counts_is_refused(convkit_command: Command, tmp_path: Path) -> None:
    """As downloaded from Google Analytics: rows are channels, not events."""
    comment = ["# ---", "# Traffic acquisition: Session primary channel group", "# Start date: 20261001", "# ---"]
    rows = ["Session primary channel group,Sessions,Engaged sessions,Key events", "Organic Search,1200,800,30", "Direct,900,400,12"]
    code, _, err = convkit_command("report", str(written(tmp_path / "counts.csv", [*comment, *rows])))
    assert (code, "totals only, not individual visits" in err) == (3, True)
