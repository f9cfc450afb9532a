"""The first run: commands that end with the next one, the columns that are asked for, and the goals that `init` proposes for logs of each kind."""

from __future__ import annotations

import shlex
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest
from engine.test_partition import WHOLE, memory
from small_logs import conversions, figures, line, reached_by, written

import convkit
from convkit.authoring import proposals, propose, survey
from convkit.core.model import Goals, Site
from convkit.core.options import Options
from convkit.engine.memory import BASE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    Run = Callable[..., tuple[int, str, str]]

ROWS = {
    "a39": "test_the_advice_for_a_background_path_works",
    "a40": "test_the_page_of_an_order_form_is_no_page_of_thanks",
    "a42": "test_a_folder_with_nearly_all_pages_is_the_site",
    "e43": "test_the_orders_of_a_shop_are_what_its_export_is_for",
    "e53": "test_the_clicks_of_a_shop_get_a_funnel_from_the_first_view_on",
    "e54": "test_the_life_of_an_app_gets_a_funnel_per_visitor",
    "F6": "test_a_folder_with_nearly_all_pages_is_the_site",
    "F7": "test_columns_given_on_the_command_line_are_used_and_kept",
    "F8": "test_a_word_of_purchase_with_a_word_of_thanks_is_a_purchase",
    "F16": "test_list_pages_of_a_shop_are_not_ignored",
}
FEW_COLUMNS = ["user_id,visitor,account_id,event,ts,time", *(f"{number},v,1,signup,x,17601045{number}" for number in range(10, 16))]
CHOICES = ("--set", "columns.user=user_id", "--set", "columns.time=time")


@pytest.fixture(autouse=True)
def empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run in an empty directory."""
    monkeypatch.chdir(tmp_path)


def next_command(text: str) -> list[str]:
    """Return the arguments of the command that the last line suggests."""
    last = text.splitlines()[-1]
    assert last.startswith("Next: convkit ")
    return shlex.split(last.removeprefix("Next: convkit "))


def shop_lines(visitors: int = 12, prefix: str = "") -> list[str]:
    """Return the log lines of visitors to a small shop, every third of whom buys."""
    pages = ["/", "/offers", "/cart", "/checkout", "/thank-you"]
    return [
        line(f"GET {prefix}{page}", 20 * place, who=f"198.51.100.{visitor} - -")
        for visitor in range(visitors)
        for place, page in enumerate(pages[: 5 if visitor % 3 == 0 else 3])
    ]


@pytest.mark.parametrize("command", ["init", "check", "formats", "report"])
def test_all_unclear_columns_are_asked_for_at_once(command: str, convkit_command: Run) -> None:
    written(Path("two.csv"), FEW_COLUMNS)
    written(Path("none.csv"), ["who,when,what", "7,1760104536,signup"])
    written(Path("goals.yaml" if command == "check" else "unused.yaml"), ["macro: {signup: {event: signup}}"])
    code, _, err = convkit_command(command, "two.csv")
    assert code == 3
    assert "for the time column, ts and time, and for the user column, user_id and account_id" in err
    assert "with --set columns.time=ts --set columns.user=user_id" in err
    code, _, err = convkit_command(command, "none.csv", "--log-format", "csv")
    assert code == 3
    assert "name them with --set columns.time=NAME --set columns.user=NAME --set columns.event=NAME" in err


def test_a_single_question_keeps_its_sentence(convkit_command: Run) -> None:
    written(Path("a.csv"), ["user_id,account_id,event,time", "1,2,signup,1760104510"])
    assert (
        "two candidates for the user column, user_id and account_id; choose one with --set columns.user=user_id"
        in convkit_command("init", "a.csv")[2]
    )
    written(Path("b.csv"), ["user_id,what,time", "1,signup,1760104510"])
    err = convkit_command("formats", "b.csv", "--log-format", "csv")[2]
    assert "no column that looks like an event or a page; name it with --set columns.event=NAME" in err


def test_columns_given_on_the_command_line_are_used_and_kept(convkit_command: Run) -> None:
    """Each command ends with one that works as it stands; what was set is part of the proposed file."""
    written(Path("two.csv"), FEW_COLUMNS)
    code, out, _ = convkit_command("formats", "two.csv", *CHOICES)
    assert (code, next_command(out)) == (0, ["init", "two.csv", *CHOICES])
    code, _, err = convkit_command(*next_command(out), "-o", "my goals.yaml")
    assert (code, next_command(err)) == (0, ["report", "two.csv", "-g", "my goals.yaml"])
    assert convkit.load_goals("my goals.yaml").site.columns == {"user": "user_id", "time": "time"}
    assert convkit_command(*next_command(err), "-f", "json")[0] == 0
    code, out, _ = convkit_command("check", "two.csv", "-g", "my goals.yaml", "--set", "session_timeout=10m")
    assert next_command(out) == ["report", "two.csv", "-g", "my goals.yaml", "--set", "session_timeout=10m"]
    assert convkit_command(*next_command(out))[0] == 0
    code, out, _ = convkit_command("formats", "two.csv", "-g", "my goals.yaml")
    assert (code, next_command(out)) == (0, ["report", "two.csv", "-g", "my goals.yaml"])


def test_init_keeps_the_settings_of_a_goals_file(convkit_command: Run) -> None:
    """The file next to the log is read like for reports, and a file that is replaced only on request; lists of paths are extended."""
    site = "site: {session_timeout: 10m, group: /offers/*, ignore: {paths: ['/x/**'], users: [tester]}, notes: {2026-10-07: 'new: checkout'}}"
    written(Path("goals.yaml"), [site, "macro: {x: /x}"])
    written(Path("access.log"), [*shop_lines(), *(line(f"GET /mugs/{name}", 900) for name in "abcdef" for _ in range(3))])
    assert convkit_command("init", "access.log", "-o", "other.yaml")[0] == 0
    goals, old = convkit.load_goals("other.yaml"), convkit.load_goals("goals.yaml")
    assert goals.site.session_timeout == old.site.session_timeout
    assert (goals.site.notes, goals.site.ignore_users) == (old.site.notes, old.site.ignore_users)
    assert [goal.name for goal in goals.macros] == ["purchase"]
    assert convkit_command("init", "access.log", "--force")[0] == 0
    assert convkit.load_goals("goals.yaml").site.notes != old.site.notes
    assert convkit_command("init", "access.log", "--force", "-g", "other.yaml")[0] == 0
    assert convkit.load_goals("goals.yaml").site.notes == old.site.notes


def test_the_next_command_names_the_logs_as_they_were_typed(convkit_command: Run) -> None:
    for name in ("a b.log", "site.log.1", "site.log.2", "site.log.3", "site.log.4"):
        written(Path(name), shop_lines())
    assert convkit_command("init", "a b.log")[2].splitlines()[-1] == "Next: convkit report 'a b.log'"
    logs = [f"site.log.{number}" for number in range(1, 5)]
    assert convkit_command("check", *logs)[1].splitlines()[-1] == "Next: convkit report site.log.*"
    assert convkit_command("check", *logs[:2])[1].splitlines()[-1] == "Next: convkit report site.log.1 site.log.2"
    assert convkit_command("check")[1].splitlines()[-1] == "Next: convkit check LOG"
    out = convkit_command("check", *logs, "--log-format", "combined", "--tz", "Europe/Berlin", "--last", "3d")[1]
    assert out.splitlines()[-1] == "Next: convkit report site.log.* --log-format combined --tz Europe/Berlin"


def test_what_cannot_be_read_has_no_next_command(convkit_command: Run) -> None:
    written(Path("odd.log"), ["no log at all", "of any kind"])
    code, out, _ = convkit_command("formats", "odd.log")
    assert code == 3
    assert "Next:" not in out


def drafted(lines: Iterable[str], name: str = "access.log") -> propose.Draft:
    """Return what `init` proposes for a log."""
    log, properties = written(Path(name), lines), propose.properties_to_read()
    with survey.read_logs([log], Options(), Goals(None, Site(), ()), properties=properties) as logs:
        draft = propose.propose_draft(logs, {})
    assert draft
    return draft


def goals_of(draft: propose.Draft) -> dict[str, Any]:
    """Return the proposed goals."""
    return {proposal.name: proposal.goal for proposal in draft.goals}


def requests(visitors: int, *texts: str, first: int = 0) -> list[str]:
    """Return the log lines of visitors who each send some requests; a POST is redirected, and `201 POST /x` is answered with 201."""
    return [
        line(
            text.removeprefix("201 ") if " " in text else f"GET {text}",
            20 * place,
            201 if text.startswith("201 ") else 302 if text.startswith("POST") else 200,
            who=f"198.51.{first // 250}.{first % 250 + visitor} - -",
        )
        for visitor in range(visitors)
        for place, text in enumerate(texts)
    ]


def events(*people: Iterable[str], columns: str = "", values: str = "", apart: int = 1) -> list[str]:
    """Return the rows of an export: each of the people does some things, so many hours apart."""
    return [
        f"time,user_id,event{columns}",
        *(
            f"2026-09-{1 + place * apart // 24:02}T{place * apart % 24:02}:{number % 60:02}:00Z,u{number},{event}{values}"
            for number, done in enumerate(people)
            for place, event in enumerate(done)
        ),
    ]


def test_the_page_of_an_order_form_is_no_page_of_thanks() -> None:
    lines = requests(12, "/", "/mugs/1-mug.html", "/cart", "/order")
    lines += requests(8, "/", "/cart", "/order", "POST /order", "/order", first=50)
    for number in range(4):
        last = f"/order-confirmation?id_order={number}&key=abc"
        lines += requests(1, "/", "/cart", "/order", "POST /order", "/order", last, first=80 + number)
    draft = drafted(lines)
    assert (draft.macro, goals_of(draft)["purchase"]) == ("purchase", {"page": "/order-confirmation", "once_per": "query.id_order"})
    assert draft.survey
    assert draft.survey.sessions["goal:purchase"].count() == 4


@pytest.mark.parametrize("prefix", ["", "/en/store", *(pytest.param(prefix, marks=pytest.mark.slow) for prefix in ("/shop", "/app"))])
def test_a_folder_with_nearly_all_pages_is_the_site(prefix: str) -> None:
    """The proposal is the same with and without the folder."""
    pages = ["/news", "/offers", "/help", "/team", "/terms", "/map", "/jobs"]
    lines = [text for number, page in enumerate(pages) for text in requests(9, "/", f"{prefix}{page}", f"{prefix}/cart", first=20 * number)]
    lines += requests(8, "/", f"{prefix}/cart", f"{prefix}/checkout", f"{prefix}/confirmation", first=200)
    draft = drafted(lines)
    assert goals_of(draft)["purchase"] == f"{prefix}/confirmation"
    assert draft.steps == ("cart", "checkout", "purchase")
    assert "group" not in draft.settings


def test_words_that_tell_are_never_part_of_a_pattern() -> None:
    """Other pages of their folder are, and so are articles about carts and products with such names."""
    lines = [
        text for letter in "abcdefg" for text in requests(3, "/", "/about", f"/store/{letter}x", f"/blog/{letter}y", first=10 * ord(letter) - 970)
    ]
    lines += requests(9, "/", "/about", "/store/cart", "/store/thank-you", "/blog/mission-complete", "/blog/cart", first=100)
    draft = drafted(lines)
    assert draft.settings["group"] == ["/blog/*", "/store/*"]
    assert (goals_of(draft)["purchase"], goals_of(draft)["cart"]) == ("/store/thank-you", "/store/cart")


PURCHASES = [
    *("payment_done", "payment_success", "payment_completed", "order_confirmed", "order_complete", "order_success", "checkout_complete"),
    *(
        "Checkout Success",
        "booking_confirmed",
        "subscription_created",
        "OrderPaid",
        "order",
        "invoice payment succeeded",
        "payment_captured",
        "bestellung_erfolgreich",
    ),
]
NO_PURCHASES = [
    *("checkout_step_completed", "payment_info_submitted", "order_viewed", "payment_failed", "order_cancelled", "checkout_started"),
    *("order_history", "payment_method_added", "refund_completed", "task_created"),
]


def macros_for(names: Iterable[str]) -> dict[str, dict[str, Any]]:
    """Return, for each of some events, the macro goals that are proposed if a shop has it besides its catalog and its cart."""
    log = written(Path("events.csv"), events(*(["catalog", "cart", name] for name in names for _ in range(10))))
    with survey.read_logs([log], Options(), Goals(None, Site(), ())) as logs:
        seen = propose._evidence(logs, {})  # noqa: SLF001 (what one log shows of all events)

    def proposed(name: str) -> list[proposals.Proposal]:
        return proposals.propose(replace(seen, events=seen.events.filter(pl.col("pattern").is_in(["catalog", "cart", name]))))

    return {name: {proposal.name: proposal.goal for proposal in proposed(name) if proposal.may_be_macro} for name in names}


def test_a_word_of_purchase_with_a_word_of_thanks_is_a_purchase() -> None:
    assert macros_for(PURCHASES) == {event: {"purchase": {"event": event}} for event in PURCHASES}
    draft = drafted(events(*[["catalog"]] * 30, *[["catalog", "cart"]] * 20, *[["catalog", "cart", "payment_done"]] * 10), "events.csv")
    assert (draft.macro, goals_of(draft)["purchase"]) == ("purchase", {"event": "payment_done"})
    assert "cart" in draft.steps


def test_an_event_on_the_way_or_undone_is_no_purchase() -> None:
    assert macros_for(NO_PURCHASES) == {event: {} for event in NO_PURCHASES}
    draft = drafted(events(*[["catalog"]] * 30, *[["catalog", "cart", "payment_failed"]] * 10), "events.csv")
    assert draft.macro == ""
    assert propose.nearest(draft)[0].name in {"checkout", "cart"}


def test_a_shop_whose_thanks_answer_a_post_has_a_purchase() -> None:
    lines = [
        *requests(9, "/", "/cart.do", "/product.screen"),
        *(line("POST /cart/success.do", 90, who=f"198.51.0.{number} - -") for number in range(4)),
    ]
    assert goals_of(drafted(lines))["purchase"] == {"request": "POST /cart/success.do"}
    lines = requests(9, "/", "/products/1", "201 POST /orders", "201 POST /cart/items")
    assert goals_of(drafted(lines))["purchase"] == {"request": "POST /orders"}


def test_a_bare_page_of_thanks_with_an_amount_is_a_purchase() -> None:
    assert goals_of(drafted(requests(5, "/", "/contact", "/thank-you?total=12,50")))["purchase"] == {"page": "/thank-you", "value": "query.total"}
    assert goals_of(drafted(requests(5, "/", "/contact", "/thank-you?from=mail")))["lead"] == "/thank-you"
    assert goals_of(drafted(requests(5, "/", "/product/1", "/thank-you")))["purchase"] == "/thank-you"


def test_the_orders_of_a_shop_are_what_its_export_is_for() -> None:
    """They count however few they are; cancelled orders are none, and the currency becomes a setting."""
    header = (
        "Name,Email,Financial Status,Paid at,Currency,Total,Created at,Lineitem quantity,Lineitem name,Lineitem price,Cancelled at,Refunded Amount"
    )
    states = {"paid": "0.00", "refunded": "20.00", "voided": "0.00", "partially_refunded": "20.00"}
    rows = [
        f"#10{number},u{number}@a.example,{state},,EUR,40.00,2026-10-0{number} 10:00:00 +0200,1,Tee,40.00,,{back}"
        for number, (state, back) in enumerate(states.items(), 1)
    ]
    draft = drafted([header, *rows], "orders.csv")
    assert (draft.macro, goals_of(draft)["purchase"]) == ("purchase", {"event": "order", "value": "prop.Total"})
    assert draft.settings["currency"] == "EUR"
    assert draft.survey
    assert draft.survey.sessions["goal:purchase"].count() == 2


def test_the_clicks_of_a_shop_get_a_funnel_from_the_first_view_on() -> None:
    """Removing from the cart is no step, everybody may do the first one, and an order of several rows counts once."""
    people = [["view"]] * 60 + [["view", "cart", "remove_from_cart"]] * 25 + [["view", "cart", "purchase", "purchase"]] * 30
    rows = events(*people, columns=",price,order_id")
    draft = drafted([rows[0], *(f"{row},9.90,{'o' + row.split(',')[1] if 'purchase' in row else ''}" for row in rows[1:])], "clicks.csv")
    assert goals_of(draft)["purchase"] == {"event": "purchase", "once_per": "prop.order_id"}
    assert (goals_of(draft)["cart"], draft.steps) == ({"event": "cart"}, ("product", "cart", "purchase"))


@pytest.mark.parametrize(("columns", "value"), [(",Revenue", "prop.Revenue"), (",orderValue", None), (",amount,currency", "prop.amount")])
def test_the_amount_of_a_purchase_is_found_by_its_usual_names(columns: str, value: str | None) -> None:
    draft = drafted(events(*[["view", "purchase"]] * 5, columns=columns, values=",12.50,CHF"[: 6 if columns.count(",") == 1 else None]), "clicks.csv")
    goal = goals_of(draft)["purchase"]
    assert goal == {"event": "purchase", **({"value": value} if value else {})}
    assert draft.settings.get("currency") == ("CHF" if "currency" in columns else None)


def test_the_life_of_an_app_gets_a_funnel_per_visitor() -> None:
    """Signing up is where all begin; the steps that lead to paying are named after their events."""
    steps = ["signup", "email_verified", "project_created", "invited_member"]
    people = [steps[:1]] * 10 + [steps[:3]] * 20 + [[*steps, "plan_upgraded"]] * 8
    draft = drafted(events(*people, apart=13), "app.csv")
    assert (draft.macro, goals_of(draft)["purchase"]) == ("purchase", {"event": "plan_upgraded"})
    assert (draft.steps, draft.per) == ((*steps, "purchase"), "visitor")


def test_an_app_that_sells_nothing_is_there_for_its_sign_ups() -> None:
    draft = drafted(events(*[["app_opened"]] * 20, *[["app_opened", "signup_started", "signed_up"]] * 9), "app.csv")
    assert (draft.macro, goals_of(draft)["signup"]) == ("signup", {"event": "signed_up"})


def test_events_of_rows_with_a_url_are_not_overlooked() -> None:
    rows = ["timestamp,anonymous_id,user_id,event,context_page_url"]
    rows += [
        f"2026-10-01 0{number}:0{place}:00 UTC,a{number},,{event},https://a.example/{event}"
        for number in range(5)
        for place, event in enumerate(["viewed_pricing", "signed_up"])
    ]
    assert goals_of(drafted(rows, "tracks.csv"))["signup"] == {"event": "signed_up"}


SITES: dict[str, tuple[list[str], str]] = {
    "shop": (
        requests(30, "/", "/product/a", "/cart") + requests(9, "/", "/product/a", "/cart", "/checkout", "/checkout/thank-you", first=100),
        "purchase",
    ),
    "leads": (requests(30, "/", "/pricing") + requests(9, "/", "/contact", "POST /contact", "/contact/thanks", first=100), "lead"),
    "sign-up": (requests(30, "/", "/pricing") + requests(9, "/", "/register", "POST /register", "/welcome", first=100), "signup"),
    "blog": (
        [text for letter in "abcdef" for text in requests(5, "/", *(f"/blog/{letter}{other}" for other in "xyz"), first=10 * ord(letter) - 970)],
        "",
    ),
    "shop without purchases": (
        requests(30, "/", "/product/a") + requests(9, "/", "/product/a", "/cart", first=100) + requests(9, "/cart", "/checkout", first=200),
        "",
    ),
}


@pytest.mark.parametrize("kind", SITES)
def test_the_macro_goal_of_each_kind_of_site(kind: str, convkit_command: Run) -> None:
    """A micro goal is never one: then the block is empty, the nearest goals are comments, and `check` says what to do."""
    lines, macro = SITES[kind]
    log = written(Path("access.log"), lines)
    code, _, err = convkit_command("init", "access.log")
    assert code == 0
    goals, text = convkit.load_goals("goals.yaml"), Path("goals.yaml").read_text(encoding="utf-8")
    assert [goal.name for goal in goals.macros] == ([macro] if macro else [])
    assert next_command(err) == (["report"] if macro else ["check"]) + ["access.log"]
    code, out, _ = convkit_command(*next_command(err))
    assert code == 0
    assert ("no-macro: no goal under `macro`; move the goal" in out) == (not macro)
    if not macro:
        nearest = {"blog": "reader", "shop without purchases": "checkout"}[kind]
        assert f"no macro goal, as none of them looks like one (the nearest: {nearest}" in err
        assert f"macro:\n  # {nearest}: " in text
        block = text[text.index("macro:\n") :]
        chosen = (
            block.replace(f"  # {nearest}:", f"  {nearest}:", 1)
            .replace(f"\n  {nearest}:", "\n  other:", 2)
            .replace("\n  other:", f"\n  {nearest}:", 1)
        )
        Path("goals.yaml").write_text(chosen, encoding="utf-8")
        assert [goal.name for goal in convkit.load_goals("goals.yaml").macros] == [nearest]
    assert conversions(figures(log, goals=Path("goals.yaml")))


def test_the_advice_for_a_background_path_works(convkit_command: Run) -> None:
    """Pages of a background folder, like those of an API, are named by their requests, not by one of them."""
    lines = requests(6, "/", "/api/products/1", "201 POST /api/cart/items", "201 POST /api/orders")
    lines += requests(6, "/", "/api/products/2", "/api/feeds/1", first=50)
    written(Path("access.log"), lines)
    goals = "macro: {purchase: {request: POST /api/orders, status: 201}}\nmicro: {cart: POST /api/cart/items, product: PRODUCT}\n"
    written(Path("goals.yaml"), [goals.replace("PRODUCT", "/api/products/*")])
    _, out, _ = convkit_command("check", "access.log")
    assert "which wildcards do not match; write GET /api/products/*." in out
    written(Path("goals.yaml"), [goals.replace("PRODUCT", "GET /api/products/*")])
    assert "never-matches" not in convkit_command("check", "access.log")[1]
    assert conversions(figures("access.log", goals=Path("goals.yaml"))) == {"purchase": 6, "cart": 6, "product": 12}


def test_list_pages_of_a_shop_are_not_ignored() -> None:
    """A filter is changed within seconds and is a page all the same; what pages load by themselves is ignored."""
    lines = [
        line(f"GET {path}", 30 * turn + second, who=f"198.51.100.{visitor} - -")
        for visitor in range(30)
        for turn in range(3)
        for second, path in enumerate(["/product/a", f"/filter/{'abcdefg'[(visitor + turn) % 7]}x", f"/hints/{'abcdefg'[visitor % 7]}x"])
    ]
    draft = drafted(lines)
    assert draft.settings["ignore"] == {"paths": ["/hints/*"]}
    assert "/filter/*" in draft.settings["group"]


EVENTS: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(("purchase", "Order Completed", "payment_done", "checkoutCompleted", "order", "plan_upgraded"), ("purchase",)),
    **dict.fromkeys(("generate_lead", "contact_form_submitted", "Demo Requested"), ("lead",)),
    **dict.fromkeys(("sign_up", "Signed Up", "user_registered", "account created"), ("signup",)),
    **dict.fromkeys(("add_to_cart", "Product Added", "addToCart"), ("cart",)),
    **dict.fromkeys(("begin_checkout", "Checkout Started", "Checkout Step Completed", "checkout_started"), ("checkout",)),
    **dict.fromkeys(("view_item", "Product Viewed", "view"), ("product",)),
    **dict.fromkeys(("order_cancelled", "payment_failed", "Order Refunded", "remove_from_cart", "lead_time_shown", "signup_started"), ()),
}
"""Events, and the goals that each reaches."""


def test_the_first_report_of_an_export_knows_its_usual_events(tmp_path: Path) -> None:
    """Without a goals file, the built-in goals match events as they match pages."""
    found = reached_by(tmp_path, events(*(["page_view", event] for event in EVENTS)))
    lines = dict(zip(EVENTS, range(3, 3 + 2 * len(EVENTS), 2), strict=True))
    assert {event: tuple(name for name, numbers in found.items() if number in numbers) for event, number in lines.items()} == EVENTS
    assert {number for name, numbers in found.items() if name != "long_visit" for number in numbers} <= {*lines.values()}


def test_what_init_proposes_for_an_export_does_not_depend_on_the_memory(convkit_command: Run) -> None:
    """The currency, the number of the order and a funnel per visitor are found in parts, too."""
    people = [["view"]] * 100 + [["view", "cart"]] * 50 + [["view", "cart", "purchase", "purchase"]] * 40
    rows = events(*people, columns=",amount,currency,order_id", apart=5)
    written(Path("clicks.csv"), [rows[0], *(f"{row},9.90,CHF,o{row.split(',')[1]}" for row in rows[1:])])
    texts = []
    for budget in (WHOLE, BASE + 60_000):
        with memory(budget) as numbers:
            assert convkit_command("init", "clicks.csv", "--force")[0] == 0
        texts.append((max(numbers, default=1) > 1, Path("goals.yaml").read_text(encoding="utf-8")))
    (is_whole_divided, whole), (is_divided, parts) = texts
    assert (is_whole_divided, is_divided, parts) == (False, True, whole)
    assert [text in whole for text in ("currency: CHF", "once_per: prop.order_id", "per: visitor")] == [True] * 3


def test_what_everybody_does_may_be_a_first_step_and_what_an_export_holds_a_macro_goal(convkit_command: Run) -> None:
    """Any other goal that nearly every session reaches is still reported."""
    written(Path("clicks.csv"), events(*[["view", "purchase"]] * 120, apart=0))
    written(Path("goals.yaml"), ["macro: {purchase: {event: purchase}}", "micro: {view: {event: view}}", "funnels: {f: [view, purchase]}"])
    assert "nearly-all" not in convkit_command("check", "clicks.csv")[1]
    written(Path("goals.yaml"), ["macro: {purchase: {event: purchase}}", "micro: {view: {event: view}}"])
    assert "nearly-all: every session reaches view" in convkit_command("check", "clicks.csv")[1]
