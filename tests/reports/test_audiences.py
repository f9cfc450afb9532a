"""`audiences`: who dropped off at a step and has not converted since, what they met, and by which IDs they may be written to."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import stat
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
import runs
from hypothesis import given
from hypothesis import strategies as st
from profiles import share_of_examples
from small_logs import FIREFOX, line, written
from tally_parts import parts_of

from convkit.analysis import tallies as analysis_tallies
from convkit.engine.partial_result import add_tallies
from convkit.engine.plan import session_fields
from convkit.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import Run

DAY = 86_400
_NOON = datetime(2026, 10, 10, 12, tzinfo=UTC)
GOALS = """
site: {{timezone: UTC, visitor: [user, query.mail, address+browser]{site}}}
macro: {{bought: /thanks}}
micro:
  cart: /cart
  checkout: /checkout
  shipping: /shipping
  agreed: {{request: POST /agree, status: 302}}
  left: {{request: POST /leave, status: 302}}
funnels: {{checkout: [cart, checkout, bought]}}
"""
CONSENT = ", consent: {given: agreed, withdrawn: left}"


def by(user: str, *requests: str, day: float = 0) -> list[str]:
    """Return the lines of a user, ten seconds apart, for requests like `GET /cart 200`."""
    start = round(day * DAY)
    who = f"198.51.100.{sum(map(ord, user)) % 250} - {user or '-'}"
    split = [request.rpartition(" ") for request in requests]
    return [line(request, start + 10 * number, int(status), who=who) for number, (request, _, status) in enumerate(split)]


TO_CHECKOUT = ("GET /cart 200", "GET /checkout 200")
AGREE, LEAVE = "POST /agree 302", "POST /leave 302"
LINES = [
    *by("fay", AGREE, *TO_CHECKOUT),
    *by("ann", AGREE, *TO_CHECKOUT, "POST /checkout 200", "GET /gone 404", day=20),
    *by("bob", AGREE, *TO_CHECKOUT, "GET /shipping 200", LEAVE, day=20.1),
    *by("cay", AGREE, *TO_CHECKOUT, day=20.2),
    *by("dan", AGREE, *TO_CHECKOUT, day=20.3),
    *by("", AGREE, *TO_CHECKOUT, "GET /a 404", "POST /checkout 422", "GET /checkout 200", day=20.4),
    *by("gus", *TO_CHECKOUT, day=20.5),
    *by("ida", *TO_CHECKOUT, "GET /thanks 200", day=20.6),
    *by("jon", "GET /cart 200", day=20.7),
    *by("cay", "GET /thanks 200", day=22),
    *by("dan", "GET /cart 200", day=23),
    *by("kim", "GET / 200", day=40),
]
"""Of eight who reach the checkout without buying in that session, `fay` was last seen 40 days before the end."""


def document(folder: Path, lines: list[str], goals: str, **options: str) -> Any:  # noqa: ANN401 (a document)
    """Return the document of the report on some lines."""
    (folder / "goals.yaml").write_text(goals, encoding="utf-8")
    return runs.document([written(folder / "access.log", lines)], ["audiences"], folder / "goals.yaml", options=options)


def rows(folder: Path, lines: list[str] = LINES, *, site: str = CONSENT, **options: str) -> list[dict[str, Any]]:
    """Return the rows of the report, parsed from its JSON."""
    text = runs.render(document(folder, lines, GOALS.format(site=site), **options), "json")
    found: list[dict[str, Any]] = json.loads(text)["reports"]["audiences"]
    return found


def screen(folder: Path, lines: list[str] = LINES, *, site: str = CONSENT, **options: str) -> list[str]:
    """Return the lines of the screen below the facts about the log."""
    text = str(runs.render(document(folder, lines, GOALS.format(site=site), **options), width=80))
    return [text for text in text[text.index("AUDIENCE") :].splitlines() if text.strip()]


def test_an_audience_is_who_stopped_and_has_not_converted_since(tmp_path: Path) -> None:
    people = rows(tmp_path, dropped_at="checkout")
    assert [(row["dropped"][:16], row["met"], row["goals_after"], row["last_page"], row["sessions"]) for row in people] == [
        ("2026-10-30T12:00", "error form_again", "", "/checkout", 1),
        ("2026-10-30T14:24", "", "shipping left", "/shipping", 1),
        ("2026-10-30T21:36", "form_again error", "checkout", "/checkout", 1),
        ("2026-10-31T00:00", "", "", "/checkout", 1),
    ]
    assert screen(tmp_path, dropped_at="checkout")[:11] == [
        "AUDIENCE  dropped off at checkout (checkout), without bought since; seen 20 Oct",
        "– 19 Nov 2026",
        "  4 visitors; left out: 1 last seen more than 30d before the log ends, 1 with",
        "  bought since, 1 stopped at another step since",
        "  met after the step",
        "    a form shown again        2      ·",
        "    an error page (4xx, 5xx)  2      ·",
        "    none of these             2      ·",
        "  reached after the step",
        "    checkout                  1      ·",
        "    shipping                  1      ·",
    ]


def test_the_default_step_is_the_last_but_one_of_the_first_funnel(tmp_path: Path) -> None:
    assert rows(tmp_path) == rows(tmp_path, dropped_at="checkout.checkout")
    assert [row["dropped"][:10] for row in rows(tmp_path, dropped_at="cart")] == ["2026-10-31", "2026-11-02"]


@pytest.mark.parametrize(
    ("met", "days"),
    [
        ("form_again", ["30T12", "30T21"]),
        ("nothing", ["30T14", "31T00"]),
        ("shipping", ["30T14"]),
        ("shipping,error", ["30T12", "30T14", "30T21"]),
        ("slow", []),
    ],
)
def test_what_was_met_selects_people(met: str, days: list[str], tmp_path: Path) -> None:
    assert [row["dropped"][8:13] for row in rows(tmp_path, dropped_at="checkout", met=met)] == days


def test_what_loses_is_marked_and_named() -> None:
    """In the sample, the checkout form is shown again to 21, of whom 1 goes on; see the tests of `friction`."""
    screen_of_sample = str(runs.render(runs.sample("audiences"), width=80))
    assert "    a form shown again  18      ·  loses\n    none of these       10      ·\n" in screen_of_sample
    assert "Of those who met a form shown again, fewer went on than of others at the same point" in " ".join(screen_of_sample.split())


@pytest.mark.parametrize(
    ("requests", "met"),
    [
        (["GET /a 200", "GET /b 200", "GET /a 200", "GET /b 200"], "back_forth"),
        (["GET /search?q=a 200", "GET /search?q=b 200", "GET /gone 404"], "error search_again"),
        (["GET /search?q=a 200", "GET /gone 404", "GET /search?q=a 200"], "error"),
    ],
)
def test_every_obstacle_after_the_step_is_met_the_last_one_first(requests: list[str], met: str, tmp_path: Path) -> None:
    (row,) = rows(tmp_path, [*by("ann", *TO_CHECKOUT, *requests), line("GET /", 4000)])
    assert row["met"] == met


def test_met_may_be_repeated(tmp_path: Path, convkit_command: Run) -> None:
    (tmp_path / "goals.yaml").write_text(GOALS.format(site=""), encoding="utf-8")
    log = str(written(tmp_path / "access.log", LINES))
    code, out, _ = convkit_command("audiences", log, "-g", str(tmp_path / "goals.yaml"), "--met", "shipping", "--met", "error", "-f", "csv")
    assert (code, len(out.splitlines())) == (0, 1 + 3)


def test_seen_counts_back_from_the_end_of_the_log_to_the_second(tmp_path: Path) -> None:
    lines = [*by("ann", *TO_CHECKOUT), *by("bob", *TO_CHECKOUT, day=1 / DAY), line("GET /", 2 * DAY + 11)]
    assert [row["dropped"][17:19] for row in rows(tmp_path, lines, seen="2d")] == ["11"]
    assert len(rows(tmp_path, lines, seen="3d")) == 2


def test_a_goal_named_like_an_obstacle_is_meant_too(tmp_path: Path) -> None:
    lines = [*by("ann", *TO_CHECKOUT, "GET /gone 404"), *by("bob", *TO_CHECKOUT, "GET /oops 200"), *by("cay", *TO_CHECKOUT)]
    goals = GOALS.format(site="").replace("  shipping:", "  error: /oops\n  shipping:")
    frame = document(tmp_path, lines, goals, met="error").reports["audiences"].frame
    assert sorted(frame.select("met", "goals_after").rows()) == [("", "error"), ("error", "")]


def test_own_ids_need_consent_that_was_not_withdrawn(tmp_path: Path) -> None:
    assert [row["id"] for row in rows(tmp_path, ids="own")] == ["ann"]
    assert [row["id"] for row in rows(tmp_path, ids="own", site=", consent: agreed")] == ["ann", "bob"]
    assert [row["id"] for row in rows(tmp_path, ids="own", site=", consent: elsewhere")] == ["ann", "bob", "gus"]
    heading = " ".join(" ".join(screen(tmp_path, ids="own")).split())
    assert "1 stopped at another step since, 1 without an ID of your own, 2 without consent" in heading


@pytest.mark.parametrize("end", [AGREE, LEAVE])
def test_the_last_word_on_consent_counts(end: str, tmp_path: Path) -> None:
    lines = [*by("ann", LEAVE, AGREE, *TO_CHECKOUT, LEAVE, end), line("GET /", DAY)]
    assert len(rows(tmp_path, lines, ids="own")) == (end == AGREE)


def test_a_withdrawal_counts_without_a_page(tmp_path: Path) -> None:
    lines = [*by("ann", AGREE, *TO_CHECKOUT), *by("ann", LEAVE, day=2), line("GET /", 3 * DAY)]
    assert rows(tmp_path, lines, ids="own") == []
    assert len(rows(tmp_path, lines[:-2] + lines[-1:], ids="own")) == 1


def test_consent_is_that_of_all_lines_whatever_the_variant(tmp_path: Path) -> None:
    """What somebody did before a variant was shown reaches no goal in a run about variants, but it is still consent, or its end."""
    shown = ("GET /cart?v=a 200", "GET /checkout 200")
    lines = [*by("ann", "GET / 200", AGREE), *by("ann", "GET / 200", LEAVE, *shown, day=1), *by("bob", "GET / 200", AGREE, *shown)]
    (tmp_path / "goals.yaml").write_text(GOALS.format(site=CONSENT + ", variants: {look: query.v}"), encoding="utf-8")
    log = written(tmp_path / "access.log", lines)
    made = runs.document([log], ["audiences"], tmp_path / "goals.yaml", options={"ids": "own"}, where=["variant.look=a"])
    assert made.reports["audiences"].frame["id"].to_list() == ["bob"]


def test_sha256_is_that_of_the_trimmed_lower_case_text(tmp_path: Path) -> None:
    lines = [line(f"GET {path}?mail=%20Ann%2Bx@Shop.Example%20", second) for second, path in enumerate(("/cart", "/checkout"))]
    (row,) = rows(tmp_path, lines, ids="sha256", site=", consent: elsewhere")
    assert row["id"] == hashlib.sha256(b"ann+x@shop.example").hexdigest()


def test_one_person_under_two_spellings_is_one_row_and_may_refuse_as_either(tmp_path: Path) -> None:
    first, second = by("Ann@x.example", AGREE, *TO_CHECKOUT), by("ann@x.example", AGREE, *TO_CHECKOUT, day=1)
    (row,) = rows(tmp_path, first + second, ids="sha256")
    assert (row["dropped"][:10], row["sessions"]) == ("2026-10-11", 2)
    for later in ("GET /thanks 200", LEAVE):
        assert rows(tmp_path, [*first, *by("ann@x.example", "GET / 200", later, day=1)], ids="sha256") == []
        assert len(rows(tmp_path, [*first, *by("bob@x.example", "GET / 200", later, day=1)], ids="sha256")) == 1


@pytest.mark.parametrize(
    ("visitor", "query", "own"),
    [
        ("query.id", "id=7", "7"),
        ("query.who", "who=192.0.2.9", None),
        ("query.who", "who=[2001:db8::7]", None),
        ("query.sessionid", "sessionid=abc", None),
        ("query.token", "token=abc", None),
        ("query.email", "email=a@x.example", "a@x.example"),
        ("query.email_token", "email_token=abc", None),
        ("address+browser", "id=7", None),
    ],
)
def test_an_own_id_is_neither_an_address_nor_what_continues_a_session(visitor: str, query: str, own: str | None, tmp_path: Path) -> None:
    goals = GOALS.format(site=", consent: elsewhere").replace("[user, query.mail, address+browser]", f"[{visitor}, address+browser]")
    lines = [line(f"GET {path}?{query}", second) for second, path in enumerate(("/cart", "/checkout"))]
    text = runs.render(document(tmp_path, lines, goals, ids="own"), "json")
    assert [row["id"] for row in json.loads(text)["reports"]["audiences"]] == ([own] if own else [])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"dropped_at": "chekout"}, "--dropped-at chekout: unknown step; did you mean 'checkout'?"),
        ({"dropped_at": "bought"}, "--dropped-at bought: nobody can drop off at the last step of checkout"),
        ({"met": "eror"}, "--met eror: unknown obstacle or goal; did you mean 'error'?"),
        ({"seen": "30"}, "--seen 30: '30' is not a duration"),
        ({"ids": "mail"}, "--ids mail: unknown kind 'mail'. Kinds: key, own, sha256"),
        ({"ids": "own"}, "--ids own: say under `site.consent` how people agreed to be written to"),
        ({"ids": "sha256"}, "--ids sha256: say under `site.consent` how people agreed to be written to"),
    ],
)
def test_wrong_options_are_refused_before_a_line_is_read(options: dict[str, str], message: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError) as raised:
        rows(tmp_path, ["not a log"], site="", **options)
    assert str(raised.value).startswith(message)


@pytest.mark.parametrize("site", ["", CONSENT])
@pytest.mark.parametrize("target", ["", "-o -", "-o /dev/stdout", "-o /dev/null", "-o people.csv", "-o lists/"])
def test_ids_of_the_site_are_written_to_private_files_only(
    site: str, target: str, tmp_path: Path, convkit_command: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "goals.yaml").write_text(GOALS.format(site=site), encoding="utf-8")
    written(tmp_path / "access.log", LINES)
    code, out, err = convkit_command("audiences", "access.log", "--ids", "own", *target.split())
    files = {path.name: path for path in tmp_path.rglob("*.csv")}
    if site and target in {"-o people.csv", "-o lists/"}:
        (file,) = files.values()
        assert (code, out, err) == (0, "", "")
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        assert [row["id"] for row in csv.DictReader(io.StringIO(file.read_text(encoding="utf-8")))] == ["ann"]
    else:
        assert (code, out, files) == (2, "", {})
        assert "name a file with -o" in err or "site.consent" in err


def test_an_open_file_is_closed_to_others(tmp_path: Path, convkit_command: Run) -> None:
    (tmp_path / "goals.yaml").write_text(GOALS.format(site=""), encoding="utf-8")
    file = tmp_path / "people.csv"
    file.write_text("id,dropped\n", encoding="utf-8")
    file.chmod(0o644)
    code, _, _ = convkit_command("audiences", str(written(tmp_path / "access.log", LINES)), "-g", str(tmp_path / "goals.yaml"), "-o", str(file))
    assert (code, stat.S_IMODE(file.stat().st_mode)) == (0, 0o600)


@pytest.mark.parametrize("ids", ["key", "own", "sha256"])
def test_no_output_has_an_address_or_a_user_agent_and_no_screen_an_id(ids: str, tmp_path: Path) -> None:
    made = document(tmp_path, LINES, GOALS.format(site=CONSENT), ids=ids)
    texts = {output: str(runs.render(made, output)) for output in ("table", "csv", "json", "ndjson", "markdown", "tsv")}
    for text in texts.values():
        assert "198.51." not in text
        assert "Firefox" not in text
        assert "Mozilla" not in text
    people = made.reports["audiences"].frame["id"].to_list()
    assert people
    assert [name for name in people if name in texts["table"]] == []
    assert all(name in texts["csv"] for name in people)


def test_without_a_funnel_a_note_says_what_is_missing(tmp_path: Path) -> None:
    made = document(tmp_path, LINES, "macro: {bought: /thanks}\n")
    assert made.reports["audiences"].frame.is_empty()
    assert "add one under `funnels`" in str(runs.render(made))


TARGETS = ("GET /cart 200", "GET /checkout 200", "GET /thanks 200", "GET /gone 404", "POST /checkout 200", AGREE, LEAVE, "GET / 200")
USERS = st.sampled_from(("ann", "bob", "Bob", "cay", ""))
VISITS = st.lists(st.tuples(USERS, st.floats(0, 40), st.lists(st.sampled_from(TARGETS), min_size=1, max_size=6)))


@share_of_examples(0.3)
@given(visits=VISITS, ids=st.sampled_from(("key", "own", "sha256")), count=st.integers(2, 4))
def test_nobody_in_an_audience_has_converted_later_and_parts_add_up(
    visits: list[tuple[str, float, list[str]]], ids: str, count: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("audience")
    lines = [text for user, day, requests in visits for text in by(user, *requests, day=day)]
    goals = folder / "goals.yaml"
    goals.write_text(GOALS.format(site=CONSENT), encoding="utf-8")
    options = {"ids": ids, "dropped_at": "checkout"}
    analyzed = runs.analyzed([written(folder / "access.log", lines)], str(goals), fields=session_fields(["audiences"]))
    analyses = [replace(part, options=options) for part in (analyzed.run.analysis, *parts_of(analyzed.run.analysis, count))]
    tallies = [analysis_tallies.tally(analysis, ["audiences"]) for analysis in analyses]
    whole, parts = (runs.finish(analyzed, tally, options=options) for tally in (tallies[0], add_tallies(tallies[1:])))
    assert runs.render(whole, "json") == runs.render(parts, "json")
    assert runs.render(whole) == runs.render(parts)
    if ids == "key":
        return
    name_of = {user: user if ids == "own" else hashlib.sha256(user.lower().encode()).hexdigest() for user, _, _ in visits}
    told = [
        (_NOON + timedelta(seconds=round(day * DAY) + 10 * number), name_of[user], request)
        for user, day, requests in visits
        for number, request in enumerate(requests)
    ]
    for row in whole.reports["audiences"].frame.rows(named=True):
        own = [(time, request) for time, person, request in sorted(told, key=lambda one: one[0]) if person == row["id"]]
        assert [time for time, request in own if request == "GET /thanks 200" and time > row["dropped"]] == []
        assert [request for _, request in own if request in {AGREE, LEAVE}][-1] == AGREE


def test_a_user_agent_is_in_every_line() -> None:
    """Otherwise the test that finds none would hold trivially."""
    assert all("Mozilla" in text and FIREFOX in text for text in LINES)
