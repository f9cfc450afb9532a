"""`convkit check`: three planted cases of each kind of remark and two that only look like one; its output and exit code."""

from __future__ import annotations

import re
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import as_program
import pytest
from payloads import NASTY
from places import EXAMPLE_GOALS, PACKAGE, ROOT
from small_logs import line, written

from convkit.authoring import check as authoring_check
from convkit.authoring import survey as authoring_survey
from convkit.core.options import Options
from convkit.core.progress import NO_PROGRESS
from convkit.goals.loader import parse_goals

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    Run = Callable[..., tuple[int, str, str]]

SAMPLE = str(ROOT / "sample_logs" / "access.log.gz")
FOLDERS = (ROOT / "tests" / "data" / "goals_files", PACKAGE / "data" / "examples")
GOALS_FILES = [EXAMPLE_GOALS, *(file for folder in FOLDERS for file in sorted(folder.glob("*.yaml")))]
CRAWLER = "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"


def who(number: int) -> str:
    """Return the address, ident and user of the visitor with this number."""
    return f"198.51.{number // 250}.{number % 250} - -"


def remarks_of(folder: Path, lines: Iterable[str], goals: str) -> list[authoring_check.Remark]:
    """Return the remarks on a goals file checked against a log."""
    loaded = parse_goals(goals, "goals.yaml")
    survey, _ = authoring_survey.survey_once([written(folder / "access.log", lines)], Options(), loaded, NO_PROGRESS)
    return authoring_check.remarks_on(survey, has_logs=True)


def named(remarks: Iterable[authoring_check.Remark], code: str) -> set[str]:
    """Return the goals or funnels named in the remarks with this code; if a remark is about two goals that coincide, only the second."""
    return {remark.names[-1] for remark in remarks if remark.code == code}


def codes_of(goals: str) -> list[str]:
    """Return the codes of the remarks on a goals file without a log."""
    return [remark.code for remark in authoring_check.remarks_on(authoring_survey.without_logs(parse_goals(goals, "goals.yaml")), has_logs=False)]


UNREACHED = """
macro: {bought: /checkout/thank-you}
micro:
  kart: /kart/*
  thanks: /thank-you
  step: {page: /produkt/*/reviews}
  added: /cart/add
  asked: POST /contact
  redirected: /start
  pictures: /image/*
  feeds: /feeds/*
  with_mail: {page: /checkout, query: {utm_medium: email}}
  deep: {page: /product/*, at_least: 5}
  late: {stayed: 3h}
  nowhere: /nothing/like/this
  packed: {download: /files/*.zip}
  no_file: {download: /contact}
  too_early: {page: /product/*, after: bought}
  from_there: {page: /checkout, referrer: other.example/**}
  posted: {request: POST /cart/add, status: 200}
  of_an_api: POST /push
  lost: /gone
  broken: POST /broken
  both_lost: [/gone, POST /broken]
  crawled: /old-press
  crawled_twice: {page: /old-press, query: page}
  probed: /secret
  fine: /product/*
  fine_error: {page: /gone, status: 404}
  fine_file: /image/logo.png
  half_lost: [/gone, /checkout]
  crawled_too: /checkout
  people_too: /product/oak
funnels:
  way: [fine, /kasse, bought]
"""
"""One goal per case; `LINES` is the log for them."""

LINES = [
    *(line(f"GET /product/{name}", number, who=who(1)) for number, name in enumerate(("oak", "ash", "elm"))),
    line("GET /product/oak/reviews", 9, who=who(1)),
    line("POST /cart/add", 10, 302, who=who(1)),
    line("GET /cart/show", 11, who=who(1)),
    line("GET /start", 12, 301, who=who(1)),
    line("GET /contact", 13, who=who(1)),
    line("GET /image/logo.png", 14, who=who(1)),
    line("GET /feeds/all.xml", 15, who=who(1)),
    line("GET /files/sizes.pdf", 15, who=who(1)),
    line("GET /checkout", 16, who=who(1)),
    line("GET /checkout/thank-you", 17, who=who(1)),
    line("GET /gone", 18, 404, who=who(1)),
    line("POST /broken", 19, 500, who=who(1)),
    line("GET /secret", 20, 403, who=who(1), agent=CRAWLER),
    line("POST /push", 21, 200, who=who(2)),
    *(line(f"GET /{page}", 22, who=who(3), agent=CRAWLER) for page in ("old-press", "old-press?page=2", "checkout", "product/oak")),
]


@pytest.fixture(scope="module")
def unreached(tmp_path_factory: pytest.TempPathFactory) -> list[authoring_check.Remark]:
    """Return the remarks on goals that no session reached."""
    return remarks_of(tmp_path_factory.mktemp("unreached"), LINES, UNREACHED)


NEVER = {
    "kart": "the closest is /cart/* (2)",
    "thanks": "the closest is /checkout/thank-you (1)",
    "step": "the closest is /product/*/reviews (1)",
    "added": "only requested with POST (1 POST answered with 302); write POST /cart/add",
    "asked": "only requested with GET (1 GET answered with 200); write /contact",
    "redirected": "always redirected (1 GET answered with 301), and a redirect is not a page view; name the page it redirects to",
    "pictures": "are assets, which wildcards do not match; name the file, like /image/logo.png",
    "feeds": "are background requests, which wildcards do not match; write GET /feeds/*",
    "with_mail": "/checkout occurs (2 hits), but never with query.utm_medium: email",
    "deep": "3 hits match, but none meets its `at_least`",
    "late": "no session or visitor meets its condition",
    "nowhere": "nothing in the log resembles /nothing/like/this",
    "packed": "the closest is /files/*.pdf (1)",
    "no_file": "/contact occurs (1 hit), but its extension is not a download type",
    "too_early": "3 hits match, but none meets",
    "from_there": "but never with referrer: other.example/**",
    "posted": "with another status (1 POST answered with 302); change its `status`",
    "of_an_api": "outside sessions with a page view",
    "way#2/0": "step 2 of way never matches",
}


def test_a_goal_that_never_matches_is_reported_with_the_closest_requests(unreached: list[authoring_check.Remark]) -> None:
    """Goals that are reached, or are never reached for another reason, are not reported."""
    sentences = {remark.names[0]: remark.text for remark in unreached if remark.code == "never-matches"}
    assert set(sentences) == set(NEVER)
    assert {name: text for name, text in sentences.items() if NEVER[name] not in text} == {}


def test_a_goal_that_matches_only_errors_is_reported(unreached: list[authoring_check.Remark]) -> None:
    """A goal that is meant for errors is not reported, nor is one that also matches pages."""
    assert named(unreached, "only-errors") == {"lost", "broken", "both_lost"}


def test_a_goal_that_only_bots_reach_is_reported(unreached: list[authoring_check.Remark]) -> None:
    """Goals that people reach as well are not reported."""
    assert named(unreached, "only-bots") == {"crawled", "crawled_twice", "probed"}


def test_a_remark_names_the_line_of_its_goal_or_funnel(unreached: list[authoring_check.Remark]) -> None:
    text = UNREACHED.splitlines()
    lines = {remark.names[0]: text[remark.line - 1].split(":")[0].strip() for remark in unreached if remark.names}
    assert {name: where for name, where in lines.items() if where != name.partition("#")[0]} == {}


def test_background_paths_that_a_goal_counts_are_mentioned(tmp_path: Path) -> None:
    """Downloads and pages are not mentioned, and the remark is not a warning."""
    goals = """
macro: {bought: /checkout/thank-you}
micro: {feed: /feeds/all.xml, logo: /image/logo.png, stock: GET /api/stock/*, page: /checkout, download: {download: /files/*.pdf}}
"""
    lines = [*LINES, line("GET /api/stock/oak", 23, who=who(1)), line("GET /api/stock/ash", 24, who=who(1)), line("GET /files/a.pdf", 25, who=who(1))]
    remarks = [remark for remark in remarks_of(tmp_path, lines, goals) if remark.code == "off-list"]
    assert {remark.names[0] for remark in remarks} == {"feed", "logo", "stock"}
    assert not any(remark.is_warning for remark in remarks)


def sessions(number: int, *pages: str, first: int = 0, rest: str = "") -> list[str]:
    """Return the lines of sessions with these requests, each from a different visitor; the first session also sends the request `rest`."""
    return [
        line(page if " " in page else f"GET {page}", 10 * place, 302 if page.startswith("POST") else 200, who=who(first + each))
        for each in range(number)
        for place, page in enumerate((*pages, *([rest] if rest and each == 0 else [])))
    ]


def test_a_goal_that_nearly_every_session_reaches_is_reported(tmp_path: Path) -> None:
    """A goal is reported if at least 95 % of at least 100 sessions reach it; 94 %, or fewer sessions, are not enough."""
    goals = """
macro: {bought: /thanks}
micro: {any: /**, home: /, most: [/a, /b], fewer: /a, read: /b}
"""
    log = [*sessions(94, "/", "/a"), *sessions(1, "/", "/b", first=94), *sessions(5, "/", first=95)]
    assert named(remarks_of(tmp_path, log, goals), "nearly-all") == {"any", "home", "most"}
    assert named(remarks_of(tmp_path, sessions(99, "/"), goals), "nearly-all") == set()


TOGETHER = [*sessions(20, "/cart", "POST /pay", "/thanks"), *sessions(1, "/cart", first=20), *sessions(19, "/rare", "POST /rare", "/", first=30)]


@pytest.mark.parametrize("other", ["POST /pay", "'re:/than.s'", "[POST /pay, /nothing]"])
def test_goals_that_always_coincide_are_reported(other: str, tmp_path: Path) -> None:
    assert named(remarks_of(tmp_path, TOGETHER, f"macro: {{bought: /thanks}}\nmicro: {{other: {other}}}"), "always-together") == {"other"}


@pytest.mark.parametrize(
    "goals",
    [
        "macro: {bought: /thanks}\nmicro: {other: {page: /thanks, once_per: visitor}}",
        "macro: {bought: /thanks}\nmicro: {other: {page: [/thanks, /cart], at_least: 2}}",
        "macro: {bought: /thanks}\nmicro: {other: [/thanks, POST /pay]}",
        "macro: {bought: /thanks}\nmicro: {other: /cart}",
        "macro: {rare: /rare}\nmicro: {other: POST /rare}",
    ],
    ids=["counted differently", "needs several pages", "one is part of the other", "one session differs", "too few sessions"],
)
def test_goals_that_coincide_by_definition_or_by_chance_are_not(goals: str, tmp_path: Path) -> None:
    assert named(remarks_of(tmp_path, TOGETHER, goals), "always-together") == set()


def test_a_funnel_in_the_wrong_order_is_reported(tmp_path: Path) -> None:
    """In more than half of at least 20 sessions, or visitors if the funnel is per visitor, the later step came first."""
    goals = """
macro: {bought: /thanks}
micro: {a: /a, b: /b, c: /c}
funnels:
  wrong: [b, a]
  wrong_end: [a, bought, b]
  wrong_visitors: {steps: [c, a], per: visitor}
  right: [a, b, bought]
  half: [a, c]
"""
    back = [line("GET /c", 3_600, who=who(60 + each)) for each in range(20)]
    log = [*sessions(20, "/a", "/b", "/thanks"), *sessions(20, "/a", first=60), *back]
    log += [*sessions(10, "/a", "/c", first=100), *sessions(10, "/c", "/a", first=120)]
    assert named(remarks_of(tmp_path, log, goals), "reversed") == {"wrong", "wrong_end", "wrong_visitors"}


def test_steps_in_an_earlier_session_are_reported(tmp_path: Path) -> None:
    """Funnels per visitor are not reported, nor are those that most visitors complete in one session."""
    goals = """
macro: {bought: /thanks}
micro: {a: /a, b: /b, c: /c}
funnels:
  later: [a, bought]
  later_too: [a, b, bought]
  later_of_two: [[a, b], bought]
  of_visitors: {steps: [a, bought], per: visitor}
  at_once: [c, bought]
"""
    log = [
        *sessions(20, "/a", "/b"),
        *(line(f"GET {page}", 3_600 + place, who=who(each)) for each in range(20) for place, page in enumerate(("/c", "/thanks"))),
    ]
    assert named(remarks_of(tmp_path, log, goals), "later-session") == {"later", "later_too", "later_of_two"}


def visits(number: int, query: str, first: int = 0) -> list[str]:
    """Return the lines of sessions that begin with a tagged link, each from a different visitor."""
    return [line(f"GET /?{query}", who=who(first + each)) for each in range(number)]


def test_misspelt_mediums_are_reported(tmp_path: Path) -> None:
    """Mediums that belong to a built-in or custom channel, resemble no known one, or occur in fewer than three sessions are not reported."""
    goals = "macro: {sale: /sale}\nsite: {channels: {Partners: {medium: [partner, emails]}}}"
    tagged = {"emial": 3, "REFFERAL": 4, "partnr": 5, "affiliates": 3, "email": 9, "emails": 9, "flyer": 9, "cpcc": 9, "sem": 9, "organik": 2}
    log = [text for place, (medium, n) in enumerate(tagged.items()) for text in visits(n, f"utm_source=a&utm_medium={medium}", 20 * place)]
    sentences = [remark.text for remark in remarks_of(tmp_path, log, goals) if remark.code == "misspelt-medium"]
    assert [(text.split()[6].strip(","), re.findall("`(.*?)`", text)[0]) for text in sentences] == [
        ("affiliates", "Affiliates: {medium: affiliates}"),
        ("emial", "Email: {medium: emial}"),
        ("refferal", "Referral: {medium: refferal}"),
        ("partnr", "Partners: {medium: partnr}"),
    ]


def test_the_largest_sources_without_a_channel_are_reported_with_a_rule(tmp_path: Path) -> None:
    """The remark names only the three largest sources that have at least 20 sessions, no channel and no misspelt medium, and is not a warning."""
    goals = "macro: {sale: /sale}\nsite: {channels: {Print: {source: flyer}}}"
    tagged = ("a:b&utm_medium=qr", "poster", "c*&utm_medium=x", "flyer", "crm&utm_medium=emial", "google&utm_medium=cpc")
    log = [text for place, query in enumerate(tagged) for text in visits(26 - place, f"utm_source={query}", 30 * place)]
    log += [*visits(20, "utm_source=fourth", 200), *visits(19, "utm_source=fifth", 230), *visits(40, "utm_source=%E2%80%AEx", 260)]
    remarks = [remark for remark in remarks_of(tmp_path, log, goals) if remark.code == "unassigned"]
    rules = [re.findall("`(.*?)`", remark.text)[-1] for remark in remarks]
    assert [remark.is_warning for remark in remarks] == [False] * 3
    assert rules == ["NAME: {source: 'c*', medium: x}", "NAME: {source: poster}", "NAME: {source: 'a:b', medium: qr}"]


MACROS = {
    "": "no-macro",
    "micro: {a: /a}": "no-macro",
    "macro:\nmicro: {a: /a}": "no-macro",
    "macro: {a: /a, b: /b, c: /c}": "many-macros",
    "macro: {a: /a, b: /b, c: /c, d: /d}\nmicro: {e: /e}": "many-macros",
    "macro:\n  a: /a\n  b: /b\n  c: [/a, /c]": "many-macros",
    "macro: {a: /a}": None,
    "macro: {a: /a, b: /b}\nmicro: {c: /c, d: /d}": None,
}


@pytest.mark.parametrize(("goals", "code"), MACROS.items())
def test_a_site_has_one_or_two_macro_goals(goals: str, code: str | None) -> None:
    assert codes_of(goals or "site: {timezone: UTC}") == ([code] if code else [])


@pytest.mark.parametrize("file", GOALS_FILES, ids=lambda file: file.stem)
def test_example_goals_files_have_no_remarks(file: Path) -> None:
    assert codes_of(file.read_text(encoding="utf-8")) == []


def test_a_log_without_sessions_gets_one_remark(tmp_path: Path) -> None:
    remarks = remarks_of(tmp_path, [line("GET /", agent=CRAWLER)], "macro: {a: /a}")
    assert [remark.code for remark in remarks] == ["no-sessions"]


def test_the_sample_log_and_its_goals_have_no_warnings() -> None:
    loaded = parse_goals((EXAMPLE_GOALS).read_text(encoding="utf-8"), "goals.yaml")
    for log in ("access.log.gz", "events.csv.gz"):
        with authoring_survey.read_logs([ROOT / "sample_logs" / log], Options(), loaded) as read:
            survey = authoring_survey.survey_logs(read, loaded)
        assert [remark for remark in authoring_check.remarks_on(survey, has_logs=True) if remark.is_warning] == []


@pytest.fixture
def check(convkit_command: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Return a function that runs `convkit check` in an empty directory: arguments -> exit code, standard output, standard error."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("CONVKIT_GOALS", raising=False)

    return partial(convkit_command, "check")


def test_a_file_without_mistakes_gets_one_sentence(check: Run) -> None:
    Path("goals.yaml").write_text("macro: {a: /a}\nmicro: {b: /b}\nfunnels: {c: [b, a]}\n", encoding="utf-8")
    assert check() == (0, "goals.yaml: 2 goals, 1 of them macro; 1 funnel; no mistakes.\nNext: convkit check LOG\n", "")
    assert check("-q") == (0, "", "")


def test_mistakes_are_reported_as_in_other_commands(check: Run) -> None:
    Path("mine.yaml").write_text("macro: {a: {pge: /a}}\nfunnel: {}\n", encoding="utf-8")
    code, out, err = check("-g", "mine.yaml")
    assert (code, out) == (2, "")
    assert [text[:30] for text in err.splitlines()] == ["convkit: error: mine.yaml:1:13", "convkit: error: mine.yaml:2:1:"]


def test_without_a_goals_file_there_is_nothing_to_check(check: Run) -> None:
    code, out, err = check()
    assert (code, out) == (2, "")
    assert "convkit init" in err


def test_warnings_are_not_errors(check: Run) -> None:
    Path("goals.yaml").write_text("macro:\n  a: /a\n  b: /b\n  c: /thanks\n", encoding="utf-8")
    written(Path("access.log"), [line("GET /a"), line("GET /b", 5), line("GET /thank", 9)])
    code, out, err = check("access.log")
    assert (code, err) == (0, "")
    assert [text.partition(": ")[0] for text in out.splitlines()] == ["goals.yaml:4", "goals.yaml:4", "goals.yaml", "Next"]
    assert out.splitlines()[-2] == "goals.yaml: 3 goals, 3 of them macro; 2 warnings (checked against 1 session)."


def test_damaged_input_is_a_warning(check: Run) -> None:
    Path("goals.yaml").write_text("macro: {a: /a}\n", encoding="utf-8")
    Path("access.log").write_bytes(f"{line('GET /a')}\n".encode() + line("GET /b", agent="Mozilla/5.0 \xff").encode("latin-1") + b"\n")
    code, out, err = check("access.log")
    assert (code, err.count("warning: ")) == (0, 1)
    assert out
    assert check("access.log", "-q") == (0, "", "")


def test_text_from_the_log_is_harmless(check: Run) -> None:
    """No path in a log colours the screen or starts a new line."""
    paths = [re.sub(r"[\s\"\\]", "", text) for text in NASTY]
    written(Path("access.log"), [line(f"GET /thanks{path}", number) for number, path in enumerate(paths)])
    Path("goals.yaml").write_text("macro: {a: /thanksx}\n", encoding="utf-8")
    code, out, _ = check("access.log")
    assert code == 0
    assert len(out.splitlines()) == 3
    assert not set(out) & {"\x1b", "\x07", "\x9b", "\u202e"}


def test_remarks_wrap_at_words_on_a_terminal(tmp_path: Path) -> None:
    goals = tmp_path / "goals.yaml"
    goals.write_text("macro: {a: /a, b: /b, c: /c}\n", encoding="utf-8")
    code, out = as_program.on_screen("check", "-g", str(goals), columns=60)
    piped = as_program.run("check", "-g", str(goals)).stdout
    assert (code, len(piped.splitlines())) == (0, 3)
    assert " ".join(out.decode().split()) == " ".join(piped.decode().split())
    *lines, following = out.decode().splitlines()
    assert following.startswith("Next: ")
    assert len(lines) > 2
    assert all(len(text) <= 60 or " " not in text.strip() for text in lines)
    assert [text[:2] == "  " for text in lines] == [not text.startswith(str(goals)) for text in lines]


def test_options_choose_what_is_read(check: Run) -> None:
    Path("goals.yaml").write_text("macro: {a: /a}\n", encoding="utf-8")
    written(Path("access.log"), [line("GET /a"), line("GET /b", 86_400)])
    assert "never-matches" not in check("access.log")[1]
    assert "never-matches" in check("access.log", "--since", "2026-10-11")[1]
    assert "never-matches" in check("access.log", "--last", "1d")[1]
    assert "no-sessions" in check("access.log", "--until", "2026-10-01", "--log-format", "combined")[1]
    assert "no-sessions" in check("access.log", "--set", "ignore.addresses=[198.51.100.0/24]")[1]
