"""`convkit explain`: sessions hit by hit with how each was counted, and how any line of a log was counted."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from small_logs import line, written

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Run = Callable[..., tuple[int, str, str]]
    Explain = Callable[..., str]

GOALS = """
site: {timezone: UTC, ignore: {addresses: [203.0.113.9]}}
macro: {purchase: /thanks}
micro: {saw: /product/*, cart: POST /cart, checkout: /checkout}
funnels:
  shop: [saw, cart, checkout, purchase]
  quick: {steps: [saw, purchase], window: 20m}
"""
OTHER = "198.51.100.2 - -"
LINES = (
    line("GET /product/anorak", referrer="https://www.google.com/"),
    line("GET /style.css", 1),
    line("GET /api/stock", 2),
    line("POST /cart", 60, 302),
    line("GET /checkout", 120),
    line("POST /checkout", 180),
    line("GET /nowhere", 200, 404),
    line("GET /product/anorak", 5000),
    line("GET /a", 10, who=OTHER, agent="curl/8.5.0"),
    "",
    "rubbish",
    line("GET /a", 11, who="203.0.113.9 - -"),
    line("HEAD /a", 12),
    line("GET /moved", 9000, 301, who="198.51.100.7 - -"),
    line("GET /product/x", 100, who="198.51.100.8 - -"),
    line("GET /thanks", 1347, who="198.51.100.8 - -"),
)
LINES_EXPLAINED = {
    1: "access.log:1: GET /product/anorak 200. Counted as a page view.",
    2: "access.log:2: a static file, used only to tell browsers from bots.",
    3: "access.log:3: GET /api/stock 200. A background request, not counted unless a goal names it.",
    9: "access.log:9: GET /a 200. Excluded as a bot (user agent is on the crawler list); --bots keep would count it.",
    10: "access.log:10: an empty line.",
    11: "access.log:11: could not be read: no request in quotes.",
    12: "access.log:12: GET /a 200. Excluded by `ignore` in the goals file, or sent to a host that is not yours.",
    13: "access.log:13: HEAD /a 200. Not counted: a HEAD, OPTIONS or invalid request, or robots.txt.",
    14: "access.log:14: GET /moved 301. A redirect outside any session: the visitor viewed no page around that time.",
}
SESSION_SCREEN = """\
SESSION  10 Oct 2026, 12:00 – 12:02; visitor {id}… (address + browser), visit 1; from google, Organic Search; the only
one that dropped off at checkout (shop)

  12:00:00  page        /product/anorak       landing                          saw       step 1
  12:00:02  background  /api/stock            background request, not counted
  12:00:12  HEAD        /a                    not counted
  12:01:00  POST        /cart            302                                   cart      step 2
  12:02:00  page        /checkout             exit                             checkout  step 3
  12:03:00  POST        /checkout             form shown again
  12:03:20  error       /nowhere         404

  No earlier activity of this visitor in these logs.
  The session ended after 30 min without a page or goal; the visitor came back after 1h 21m.
  shop: 3 of 4 steps; step 4, purchase, was never reached.
"""


@pytest.fixture(autouse=True)
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run in a directory with a log and a goals file."""
    for name in ("CONVKIT_GOALS", "COLUMNS", "NO_COLOR", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)
    written(tmp_path / "access.log", LINES)
    (tmp_path / "goals.yaml").write_text(GOALS, encoding="utf-8")
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def explained(convkit_command: Run) -> Explain:
    """Return a function that explains the log: options -> the text that is written to a pipe."""

    def explain(*options: str) -> str:
        code, out, err = convkit_command("explain", "access.log", *options)
        assert (code, err) == (0, "")
        return out

    return explain


def test_a_session_is_shown_hit_by_hit(explained: Explain) -> None:
    text = explained("--dropped-at", "shop.checkout")
    identity = text.partition("visitor ")[2][:6]
    assert text == SESSION_SCREEN.format(id=identity)


@pytest.mark.parametrize("number", LINES_EXPLAINED)
def test_a_line_is_explained(number: int, explained: Explain) -> None:
    assert explained("--line", f"access.log:{number}").replace("\n", " ").startswith(LINES_EXPLAINED[number])


def test_a_line_of_a_session_is_marked_in_it(explained: Explain) -> None:
    text = explained("--line", "access.log:4")
    assert "POST        /cart            302  this line" in text
    assert "; the session of this line" in " ".join(text.split())


def test_the_sessions_that_reached_a_goal(explained: Explain) -> None:
    text = explained("--reached", "purchase")
    assert "visit 1; Direct; the only one that reached purchase" in " ".join(text.split())
    assert "quick: 1 of 2 steps; step 2, purchase, came 47s after the 20 min window ended." in text
    assert "shop: 1 of 4 steps; step 2, cart, was never reached." in text


def test_the_last_sessions_are_shown_in_order(explained: Explain) -> None:
    text = explained("--reached", "saw", "-n", "2")
    assert [part[:6] for part in text.split("visit 1; Direct; ")[1:]] == ["2 of 3"]
    assert "visit 2; Direct; the last of 3 that reached saw" in " ".join(text.split())
    assert explained("--reached", "saw", "-n", "0").count("SESSION") == 3


def test_a_visitor_is_selected_by_the_beginning_of_the_id(explained: Explain) -> None:
    identity = explained("--dropped-at", "checkout").partition("visitor ")[2][:6]
    text = explained("--visitor", f"{identity}…-2")
    assert [" ".join(text.split()).count(f"; session {number} of 2 ") for number in (1, 2)] == [1, 1]


def test_bots_are_explained_if_they_are_kept(explained: Explain) -> None:
    assert "GET /a 200. Counted as a page view." in explained("--line", "access.log:9", "--bots", "keep")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--dropped-at", "chekout"), "--dropped-at chekout: unknown step; did you mean 'checkout'? Steps: saw, cart, checkout"),
        (("--dropped-at", "purchase"), "--dropped-at purchase: nobody can drop off at the last step of shop. Steps: saw"),
        (("--reached", "sold"), "--reached sold: unknown goal. Goals: purchase, saw, cart, checkout"),
        (("--line", "access.log"), "--line access.log: write it as FILE:N, like access.log:1200"),
        (("--line", "acces.log:1"), "--line acces.log:1: no log named acces.log; did you mean 'access.log'? Logs: access.log"),
        (("--line", "access.log:17"), "--line access.log:17: access.log has only 16 lines"),
        (("--visitor", "zz"), "--visitor zz: no visitor has this ID; `convkit sessions` lists the IDs"),
        (("--visitor", ""), "--visitor : no visitor has this ID; `convkit sessions` lists the IDs"),
        (("--reached", "saw", "--visitor", "a"), "use only one of --dropped-at, --reached, --line and --visitor"),
    ],
)
def test_wrong_options_are_errors_with_the_fix(options: tuple[str, ...], message: str, convkit_command: Run) -> None:
    code, out, err = convkit_command("explain", "access.log", *options)
    assert (code, out) == (2, "")
    assert err.startswith(f"convkit: error: {message}")


def test_no_session_is_not_an_error(explained: Explain) -> None:
    assert explained("--dropped-at", "cart") == "No session dropped off at cart (shop) in this period.\n"
