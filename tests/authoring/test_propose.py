"""`convkit init LOG`: three planted cases of each kind of goal and two that only look like one; the file it writes loads without warnings."""

from __future__ import annotations

import os
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from payloads import FORMULAS, NASTY
from places import SAMPLE
from profiles import share_of_examples
from small_logs import line, written

import convkit
from convkit.authoring import check, evidence, goals_file, proposals, propose, survey
from convkit.core.model import Goals, Site
from convkit.core.options import Options
from convkit.goals import json_schema
from convkit.goals.loader import parse_goals
from convkit.goals.strict_yaml import load
from convkit.traffic import subrequests

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    Run = Callable[..., tuple[int, str, str]]

REAL = Path(os.environ.get("CONVKIT_TEST_DATA", "/nonexistent")) / "real"
FIRST_LINE = f"# yaml-language-server: $schema={json_schema.SCHEMA_URL}\n# "
"""The first line of a goals file, which tells editors where the schema is."""
FRAMES = ("pages", "forms", "posts", "created", "downloads", "events")


def proposed(seen: Mapping[str, str]) -> dict[str, Any]:
    """Return the goals that are proposed if each of these pages, forms and so on (separated by spaces) occurs in ten sessions.

    `after` holds pages that follow forms, like `form>page`; they count as pages and forms as well.
    """
    after = [text.split(">") for text in seen.get("after", "").split()]
    more = {"pages": [page for _, page in after], "forms": [form for form, _ in after]}
    frames = {name: pl.DataFrame({"path": [*seen.get(name, "").split(), *more.get(name, [])]}, schema={"path": pl.String}) for name in FRAMES}
    frames["after"] = pl.DataFrame({"path": more["pages"], "form": more["forms"]}, schema={"path": pl.String, "form": pl.String})
    frames["followers"] = pl.DataFrame(schema={"path": pl.String, "parameters": pl.String, "soon": pl.Int64})
    counted = {name: frame.with_columns(n=pl.lit(seen.get("n", 10)).cast(pl.Int64)) for name, frame in frames.items()}
    return {proposal.name: proposal.goal for proposal in proposals.propose(evidence.gather(counted))}


def many(prefix: str, number: int = 5) -> str:
    """Return this many pages in one folder, separated by spaces."""
    return " ".join(f"{prefix}/name-{letter}" for letter in "abcdefgh"[:number])


PLANTED: list[tuple[str, dict[str, str], Any]] = [
    ("purchase", {"pages": "/checkout/thank-you"}, "/checkout/thank-you"),
    ("purchase", {"after": "/kasse>/bestellung/danke"}, "/bestellung/danke"),
    ("purchase", {"pages": "/cart /thank-you"}, "/thank-you"),
    ("purchase", {"pages": "/orders/10482/confirmed /orders/10483/confirmed"}, "/orders/*/confirmed"),
    ("purchase", {"after": "/checkout>/order/10482 /checkout>/order/10483"}, "/order/*"),
    ("purchase", {"forms": "/checkout/pay"}, {"request": "POST /checkout/pay", "status": "3xx"}),
    ("purchase", {"events": "home OrderCompleted"}, {"event": "OrderCompleted"}),
    ("purchase", {"after": "/order>/order", "pages": "/order-confirmation"}, "/order-confirmation"),
    (
        "purchase",
        {"after": "/order/address>/order/payment /order/payment>/order/shipping", "forms": "/order/shipping"},
        {"request": "POST /order/payment", "status": "3xx"},
    ),
    ("purchase", {"pages": "/cart", "posts": "/cart/success.do /cart.do"}, {"request": "POST /cart/success.do"}),
    ("purchase", {"created": "/api/orders /api/cart/items"}, {"request": "POST /api/orders"}),
    ("purchase", {"events": "logout_with_purchase logout_without_purchase"}, {"event": "logout_with_purchase"}),
    ("purchase", {"pages": f"{many('/checkout')} /checkout/complete"}, "/checkout/complete"),
    ("purchase", {"pages": "/checkout/failed /checkout/cancel/done"}, None),
    ("purchase", {"pages": "/thank-you-note-templates /order-history"}, None),
    ("lead", {"pages": "/contact/thanks"}, "/contact/thanks"),
    ("lead", {"pages": "/about /thank-you"}, "/thank-you"),
    ("lead", {"forms": "/demande-de-devis /devis"}, {"request": ["POST /demande-de-devis", "POST /devis"], "status": "3xx"}),
    ("lead", {"after": "/kontakt>/danke"}, "/danke"),
    ("lead", {"pages": "/contact"}, None),
    ("lead", {"forms": "/login /account/settings"}, None),
    ("signup", {"forms": "/register"}, {"request": "POST /register", "status": "3xx"}),
    ("signup", {"pages": "/inscription/succes"}, "/inscription/succes"),
    ("signup", {"events": "sign_up"}, {"event": "sign_up"}),
    ("signup", {"pages": "/register"}, None),
    ("signup", {"forms": "/login"}, None),
    ("newsletter", {"after": "/newsletter>/newsletter/thanks"}, "/newsletter/thanks"),
    ("newsletter", {"forms": "/nieuwsbrief"}, {"request": "POST /nieuwsbrief", "status": "3xx"}),
    ("newsletter", {"pages": "/checkout/newsletter/thanks"}, "/checkout/newsletter/thanks"),
    ("newsletter", {"pages": "/newsletter/archive"}, None),
    ("newsletter", {"forms": "/newsletter/unsubscribe"}, None),
    ("product", {"pages": many("/product")}, "/product/*"),
    ("product", {"pages": many("/de/artikel")}, "/de/artikel/*"),
    ("product", {"events": "product_view"}, {"event": "product_view"}),
    ("product", {"pages": many("/production")}, None),
    ("product", {"pages": many("/blog") + " /blog/product"}, None),
    ("cart", {"pages": "/cart", "forms": "/cart/add"}, ["POST /cart/add", "/cart"]),
    ("cart", {"pages": "/warenkorb.html"}, "/warenkorb.html"),
    ("cart", {"events": "addToCart"}, {"event": "addToCart"}),
    ("cart", {"pages": "/cartoon"}, None),
    ("cart", {"pages": "/blog/cart-before-horse"}, None),
    ("checkout", {"pages": "/checkout"}, "/checkout"),
    ("checkout", {"pages": "/it/cassa/indirizzo"}, "/it/cassa/indirizzo"),
    ("checkout", {"events": "begin_checkout"}, {"event": "begin_checkout"}),
    ("checkout", {"pages": "/checkout/thank-you"}, None),
    ("checkout", {"pages": "/self-checkout-machines"}, None),
    ("search", {"pages": "/search"}, "/search"),
    ("search", {"pages": "/fr/recherche"}, "/fr/recherche"),
    ("search", {"pages": many("/search")}, "/search/*"),
    ("search", {"pages": "/research"}, None),
    ("search", {"pages": many("/blog") + " /blog/search"}, None),
    ("pricing", {"pages": "/pricing"}, "/pricing"),
    ("pricing", {"pages": "/preise.php"}, "/preise.php"),
    ("pricing", {"pages": "/es/precios /tarifas"}, ["/es/precios", "/tarifas"]),
    ("pricing", {"pages": "/blog/pricing-psychology"}, None),
    ("pricing", {"pages": "/admin/plans"}, None),
    ("contact", {"pages": "/contact-us"}, "/contact-us"),
    ("contact", {"pages": "/kontakt"}, "/kontakt"),
    ("contact", {"pages": "/request-a-quote"}, "/request-a-quote"),
    ("contact", {"pages": "/contact/thanks"}, None),
    ("contact", {"pages": "/contacts-of-animals"}, None),
    ("sent_feedback", {"forms": "/feedback"}, {"request": "POST /feedback", "status": "3xx"}),
    ("sent_wish_list", {"forms": "/my/wish-list"}, {"request": "POST /my/wish-list", "status": "3xx"}),
    ("sent_ask", {"forms": "/item/12345/ask"}, {"request": "POST /item/*/ask", "status": "3xx"}),
    ("sent_send_2", {"forms": "/a/send /b/send"}, {"request": "POST /b/send", "status": "3xx"}),
    ("sent_login", {"forms": "/login"}, None),
    ("sent_add", {"forms": "/cart/add"}, None),
    ("download", {"downloads": "/files/a.pdf /files/b.pdf"}, {"download": "/files/*.pdf"}),
    ("download", {"downloads": "/files/a.pdf /x/b.zip"}, {"download": ["/files/*.pdf", "/x/*.zip"]}),
    ("download", {"downloads": " ".join(f"/{letter}/a.pdf" for letter in "abcdefg")}, {"download": "/**"}),
    ("download", {"pages": "/downloads"}, None),
    ("download", {"downloads": "/files/a.pdf", "n": "1"}, None),
    ("reader", {"pages": many("/blog")}, {"page": "/blog/*", "at_least": 3}),
    ("reader", {"pages": many("/product", 8) + " " + many("/es/noticias")}, {"page": "/es/noticias/*", "at_least": 3}),
    ("reader", {"pages": many("/posts/2025") + " " + many("/posts/2026")}, {"page": "/posts/2025/*", "at_least": 3}),
    ("reader", {"pages": many("/2026/10")}, {"page": "/2026/10/*", "at_least": 3}),
    ("reader", {"pages": "/blog /blog/one /blog/two"}, None),
    ("reader", {"pages": many("/product")}, None),
    ("read_one", {"pages": many("/blog")}, "/blog/*"),
    ("read_one", {"pages": many("/it/notizie")}, "/it/notizie/*"),
    ("read_one", {"pages": many("/archive/2026")}, "/archive/2026/*"),
    ("read_one", {"pages": many("/stores")}, None),
    ("read_one", {"pages": "/blog/one"}, None),
    ("looked_around", {"pages": many("/product")}, {"page": "/product/*", "at_least": 3}),
    ("looked_around", {"pages": many("/product", 8) + " " + many("/blog")}, {"page": "/product/*", "at_least": 3}),
    ("looked_around", {"pages": many("/stores") + " /about"}, {"page": "/stores/*", "at_least": 3}),
    ("looked_around", {"pages": "/ " + many("/stores")}, None),
    ("looked_around", {"pages": "/stores/a /stores/b"}, None),
    ("looked_around", {"pages": many("/account")}, None),
    ("long_visit", {"pages": "/"}, {"stayed": "5m"}),
    ("long_visit", {"events": "home"}, {"stayed": "5m"}),
    ("long_visit", {"pages": many("/blog")}, {"stayed": "5m"}),
    ("long_visit", {"forms": "/contact"}, None),
    ("long_visit", {"downloads": "/a.pdf"}, None),
]


@pytest.mark.parametrize(("name", "seen", "goal"), PLANTED)
def test_what_is_proposed(name: str, seen: dict[str, str], goal: Any) -> None:  # noqa: ANN401 (a goal in YAML)
    goals = proposed({**seen, "n": int(seen.get("n", 10))})  # type: ignore[dict-item]
    assert goals.get(name) == goal


def test_every_kind_has_positive_and_negative_cases() -> None:
    tested = {(name if not name.startswith("sent_") else "form", goal is None) for name, _, goal in PLANTED}
    names = {*proposals.KINDS, "reader", "read_one", "looked_around"} - {"depth"}
    assert tested == {(name, absent) for name in names for absent in (True, False)}


PATTERNS = {
    many("/p"): {"/p/*"},
    many("/p", 4): set(many("/p", 4).split()),
    " ".join(f"/p/{page}/reviews" for page in "abcde"): {"/p/*/reviews"},
    " ".join(f"/p/{page}/{page}x" for page in "abcde"): {"/p/**"},
    " ".join(f"/m/{page}" for page in ("a", "b", "c", "d", "e")): {"/m/a", "/m/b", "/m/c", "/m/d", "/m/e"},
    f"{many('/en/p')} /en/about": {"/en/p/*", "/en/about"},
    "/order/10482/done /user/ann@example.org /x/9f86d081884c7d65 /y/a1b2c3d4e5f6g7h8i9j0k": {"/order/*/done", "/user/*", "/x/*", "/y/*"},
    many("/steps"): set(many("/steps").split()),
    "/a /b /c /d /e /f": {"/a", "/b", "/c", "/d", "/e", "/f"},
}


@pytest.mark.parametrize(("paths", "patterns"), PATTERNS.items())
def test_pages_in_one_folder_are_one_pattern_and_ids_are_wildcards(paths: str, patterns: set[str]) -> None:
    assert set(subrequests.add_patterns(pl.DataFrame({"path": paths.split(), "n": 1}), lambda folder: folder == "/steps")["pattern"]) == patterns


@share_of_examples(0.4)
@given(
    st.recursive(st.text() | st.sampled_from([*FORMULAS, *NASTY, "true", "null", "1", "1.5", "~", "yes", "2026-10-01", ""]), st.lists, max_leaves=4)
)
def test_yaml_reads_back_what_is_written(value: Any) -> None:  # noqa: ANN401 (any value of YAML)
    """Any text is read back, unless it contains invisible or control characters."""

    def texts(of: Any) -> list[str]:  # noqa: ANN401 (any value of YAML)
        return [of] if isinstance(of, str) else [text for part in of for text in texts(part)]

    def plain(node: Any) -> Any:  # noqa: ANN401 (any value of YAML)
        return [plain(part) for part in node.value] if isinstance(node.value, list) else node.value

    if all(map(goals_file.is_writable, texts(value))):
        written = "\n".join(goals_file.block("block", "", {"name": (value, "said: # '")}))
        assert plain(load(written, "goals.yaml").value["block"].value["name"]) == value  # type: ignore[index]


def visits(number: int, *requests: str, first: int = 0, apart: int = 20) -> list[str]:
    """Return the log lines of visitors who each send some requests; every POST is answered with a redirect."""
    return [
        line(
            request if " " in request else f"GET {request}",
            apart * place,
            302 if request.startswith("POST") else 200,
            who=f"198.51.100.{first + each} - -",
        )
        for each in range(number)
        for place, request in enumerate(requests)
    ]


def drafted(log: Path) -> propose.Draft | None:
    """Check that the goals file drafted for a log loads without warnings, and return the draft."""
    with survey.read_logs([log], Options(), Goals(None, Site(), ())) as logs:
        draft = propose.propose_draft(logs, {})
        if draft is not None:
            assert draft.survey
            goals = parse_goals(propose.goals_file_text(draft, logs), "goals.yaml")
            assert [
                remark
                for remark in check.remarks_on(replace(draft.survey, goals=goals), has_logs=True)
                if remark.is_warning and remark.code != "no-macro"
            ] == []
    return draft


def test_the_purchase_and_its_funnel_are_proposed_for_the_sample_log() -> None:
    draft = drafted(SAMPLE)
    assert draft
    assert draft.macro == "purchase"
    goals = {proposal.name: proposal.goal for proposal in draft.goals}
    assert goals["purchase"] == {"page": "/checkout/thank-you", "value": "query.total", "once_per": "query.order"}
    assert draft.steps == ("product", "cart", "checkout", "purchase")
    assert draft.settings["group"] == ["/product/*", "/blog/*", "/product/*/reviews", "/category/**"]


@pytest.mark.skipif(not REAL.is_dir(), reason="without the public logs")
@pytest.mark.parametrize(
    ("log", "macro"),
    [("apache_semicomplete_2015.log.gz", ""), ("zanbil_shop_2019_1k.log", ""), ("ecom_v5.csv.gz", "purchase")],
)
def test_real_logs_get_sensible_goals(log: str, macro: str) -> None:
    draft = drafted(REAL / log)
    assert draft
    assert draft.macro == macro


ORDERS = [text.replace("/7 ", f"/{10_000 + number} ") for number, text in enumerate(visits(5, "/cart", "/checkout/order-received/7"))]
SITES = {
    "shop": (
        visits(9, "/produkt/a", "/warenkorb", "/kasse", "POST /kasse", "/danke?betrag=12.50"),
        "purchase",
        ["product", "cart", "checkout", "purchase"],
    ),
    "leads": (
        visits(9, "/pricing", "/contact", "POST /contact", "/contact/thanks") + visits(9, "/pricing", first=50),
        "lead",
        ["pricing", "contact", "lead"],
    ),
    "letter": (visits(9, "/", "POST /rundbrief", "/rundbrief/bestaetigt") + visits(9, "/", first=50), "newsletter", []),
    "both": (visits(5, "/cart", "/checkout/thank-you") + visits(9, "/contact/thanks", first=50), "purchase", ["cart", "purchase"]),
    "orders by number": (ORDERS, "purchase", ["cart", "purchase"]),
}


@pytest.mark.parametrize(("lines", "macro", "steps"), SITES.values(), ids=SITES)
def test_the_macro_goal_and_the_funnel_to_it(lines: list[str], macro: str, steps: list[str], tmp_path: Path) -> None:
    """A purchase ranks before a lead, and a lead before a newsletter; the steps are the goals that came before it in most sessions, in order."""
    draft = drafted(written(tmp_path / "access.log", lines))
    assert draft
    assert (draft.macro, [*draft.steps]) == (macro, steps)
    goal = draft.goals[0].goal
    assert ("once_per" in goal) == (lines is ORDERS)


def test_pages_that_are_images_are_ignored(tmp_path: Path) -> None:
    lines = visits(5, "/", *(f"/shop/image/{number}/large" for number in range(6)), "/cart")
    draft = drafted(written(tmp_path / "access.log", lines))
    assert draft
    assert draft.settings["ignore"] == {"paths": ["/shop/image/**"]}


def test_parameters_that_select_pages_are_kept(tmp_path: Path) -> None:
    routes = ("product/product", "checkout/cart", "checkout/checkout", "checkout/success")
    draft = drafted(written(tmp_path / "access.log", visits(5, *(f"/index.php?route={route}" for route in routes))))
    assert draft
    assert draft.settings["keep_query"] == ["route"]
    assert {proposal.name: proposal.goal for proposal in draft.goals}["purchase"] == "/index.php?route=checkout/success"


@pytest.fixture
def init(convkit_command: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Return a function that runs `convkit init` in an empty directory: arguments -> exit code, standard output, standard error."""
    monkeypatch.chdir(tmp_path)

    return partial(convkit_command, "init")


def test_init_writes_what_it_proposes(init: Run) -> None:
    written(Path("access.log"), SITES["shop"][0])
    code, out, err = init("access.log", "--tz", "Europe/Berlin", "--log-format", "combined", "--since", "2026-10-10")
    assert (code, out) == (0, "")
    assert err.startswith("Wrote goals.yaml: ")
    goals = convkit.load_goals("goals.yaml")
    assert (goals.site.timezone, goals.site.log_format, [goal.name for goal in goals.macros]) == ("Europe/Berlin", "combined", ["purchase"])
    text = Path("goals.yaml").read_text(encoding="utf-8")
    assert text.startswith(FIRST_LINE)
    assert "# Goals for convkit, proposed from access.log: 9 sessions, 10 Oct 2026." in text.splitlines()
    assert text.count("# 9 sessions") == len(goals.goals)


def test_init_overwrites_neither_goals_files_nor_logs(init: Run) -> None:
    written(Path("access.log"), SITES["shop"][0])
    Path("goals.yaml").write_text("mine", encoding="utf-8")
    assert init("access.log")[0] == 2
    assert Path("goals.yaml").read_text(encoding="utf-8") == "mine"
    code, _, err = init("access.log", "-o", "access.log", "--force")
    assert (code, err.count("is one of the files to read")) == (2, 1)
    assert init("access.log", "--force", "-q") == (0, "", "")
    assert convkit.load_goals("goals.yaml").macros


@pytest.mark.parametrize("lines", [[line("GET /")], [line("GET /", agent="Googlebot/2.1")]])
def test_a_log_that_suggests_no_goals_gets_the_built_in_ones(lines: list[str], init: Run) -> None:
    written(Path("access.log"), lines)
    code, _, err = init("access.log")
    assert code == 0
    assert "nothing in these logs suggested goals" in err
    assert [goal.name for goal in convkit.load_goals("goals.yaml").goals] == [goal.name for goal in convkit.load_goals().goals]
    assert Path("goals.yaml").read_text(encoding="utf-8").startswith(FIRST_LINE)


def test_hostile_paths_are_left_out_or_quoted(init: Run) -> None:
    """What is written loads as the same text, without invisible or control characters."""
    shown = ["/contact/thanks:%20{x}", "/contact/thanks'#[a]", "/contact/%22/thanks", "/contact/!!python/thanks"]
    hidden = ["/contact/%1B[31m/thanks", "/contact/%E2%80%AE/thanks"]
    written(
        Path("access.log"),
        visits(5, "/", "POST /contact", *hidden, *shown, "/contact/sent", "POST /tell/'x: y", "POST tell", "GET a.pdf", "/*", "/re:x/done"),
    )
    assert init("access.log")[0] == 0
    text = Path("goals.yaml").read_text(encoding="utf-8")
    assert ["'/contact/\"/thanks'" in text, "'/contact/!!python/thanks'" in text] == [True, True]
    assert not set(text) & {"\x1b", "\u202e"}
    assert convkit.load_goals("goals.yaml").macros


@pytest.mark.parametrize("name", goals_file.example_names())
def test_an_example_is_written_unchanged(name: str, init: Run) -> None:
    code, out, err = init("--example", name)
    assert (code, out) == (0, "")
    assert f"from the example {name}. Replace its paths with those of your site" in err
    assert Path("goals.yaml").read_text(encoding="utf-8") == goals_file.example_text(name)
    assert init("--example", name)[0] == 2


def test_an_example_takes_no_log(init: Run) -> None:
    written(Path("access.log"), [line("GET /")])
    code, _, err = init("--example", "shop", "access.log")
    assert (code, err.count("leave out --example")) == (2, 1)
    assert "'app', 'blog'" in init("--example", "shp")[2]


def test_the_schema_is_printed_and_no_file_is_written(init: Run) -> None:
    assert init("--schema") == (0, json_schema.schema(), "")
    assert not Path("goals.yaml").exists()


def test_a_log_that_cannot_be_read_is_an_input_error(init: Run) -> None:
    assert init("missing.log")[0] == 3
    assert not Path("goals.yaml").exists()
