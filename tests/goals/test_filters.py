"""`--where`: which sessions are kept, checked by the model and by hand; everything else is worked out from all lines first."""

from __future__ import annotations

import json
import re
from collections import Counter
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
import runs
from hypothesis import assume, given
from hypothesis import strategies as st
from model.brute_force import analyze, figures_of
from model.comparing import additive, figures_in, first_difference
from model.hits import matches
from model.streams import Example, examples, to_yaml
from places import DATA
from profiles import share_of_examples
from small_logs import conversions, line, overview, report, written
from tally_parts import REPORTS, check

import convkit
from convkit.engine.plan import session_fields
from convkit.errors import ExitCode, GoalsFileError, UsageError
from convkit.goals.filters import FILTER_FIELDS, parse_filters
from convkit.goals.loader import parse_goals

if TYPE_CHECKING:
    from pathlib import Path

    from model.brute_force import Model

    from convkit.core.document import Document

GOALS = "macro: {sale: /sale}\nmicro: {cart: /cart}\nfunnels: {shop: [cart, sale], later: {steps: [cart, sale], per: visitor}}\n"


@dataclass(frozen=True)
class Filter:
    """A filter, which can also be applied to the model."""

    field: str
    pattern: str
    sign: str = "="

    def __str__(self) -> str:
        """Return the filter as a user writes it."""
        return f"{self.field}{self.sign}{self.pattern}"

    def __call__(self, model: Model, number: int) -> bool:
        """Return whether the filter keeps a session of the model."""
        return any(matches(self.pattern, text) for text in self.texts(model, number)) == (self.sign == "=")

    def texts(self, model: Model, number: int) -> list[str]:
        """Return the strings of a session that the filter tests."""
        paths = [page.path for page in model.sessions[number].pages]
        if self.field == "goal":
            return [name for name in model.goals.goals if model.of(name)[number]]
        return {"page": paths, "landing": paths[:1], "exit": paths[-1:]}[self.field]


@st.composite
def filters_drawn(draw: st.DrawFn) -> Filter:
    """Draw a filter on paths or goals that occur in the examples."""
    field = draw(st.sampled_from(("page", "landing", "landing", "exit", "goal")))
    pattern = draw(st.sampled_from(("bought", "b*", "*", "**s*") if field == "goal" else ("/a", "/a", "/b", "/*", "/p/*", "/p/**", "**", "/none")))
    return Filter(field, pattern, draw(st.sampled_from(("=", "=", "!="))))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a directory whose files each example overwrites."""
    return tmp_path_factory.mktemp("where")


def reported(example: Example, folder: Path, *where: Filter, **options: str) -> dict[str, Any]:
    """Return the whole report on an example."""
    log, goals = written(folder / "access.log", example.stream.lines), folder / "goals.yaml"
    goals.write_text(to_yaml(example.goals), encoding="utf-8")
    report_data: dict[str, Any] = json.loads(
        runs.render(runs.document([log], goals=goals, where=[str(condition) for condition in where], **options), "json")
    )
    return report_data


@share_of_examples(0.1)
@given(example=st.one_of(examples(), examples(with_users=True)), filters=st.lists(filters_drawn(), min_size=1, max_size=2))
def test_every_figure_equals_the_model_s(example: Example, filters: list[Filter], folder: Path) -> None:
    def where(model: Model, number: int) -> bool:
        return all(condition(model, number) for condition in filters)

    report_data = reported(example, folder, *filters)
    hits = list(example.stream.hits)
    difference = first_difference(
        figures_of(hits, example.goals, where=where), {key: value for key, value in figures_in(report_data).items() if key[0] != "input"}
    )
    filter_texts = [*map(str, filters)]
    assert difference is None, f"{filter_texts} {example!r}\n{difference}"
    model = analyze(hits, example.goals, where=where)
    kept_hits = sum(kind not in {"other", "background"} for number in model.shown for _, kind in model.sessions[number].hits)
    assert report_data["input"]["kept"] == kept_hits, f"{filter_texts} {example!r}"


@share_of_examples(0.04)
@given(example=examples(), condition=filters_drawn())
def test_a_filter_and_its_inverse_cover_all_sessions(example: Example, condition: Filter, folder: Path) -> None:
    inverse = Filter(condition.field, condition.pattern, "!=" if condition.sign == "=" else "=")
    whole, *halves = (reported(example, folder, *where) for where in ((), (condition,), (inverse,)))
    total: Counter[tuple[str, ...]] = Counter()
    for half in halves:
        total.update(additive(figures_in(half)))
    expected = additive(figures_in(whole))
    assert {key: total[key] for key in {*expected, *total} if expected.get(key, Decimal(0)) != total[key]} == {}, f"{condition} {example!r}"
    assert [sum(count for fate, count in half["input"].items() if isinstance(count, int)) for half in halves] == [2 * whole["input"]["lines"]] * 2


@share_of_examples(0.04)
@given(example=examples())
def test_a_filter_that_every_session_matches_changes_nothing(example: Example, folder: Path) -> None:
    """All reports, notes, detours and findings stay the same; only hits outside of sessions disappear."""
    assume(not example.goals.site.pageless)
    unfiltered, filtered = reported(example, folder), reported(example, folder, Filter("page", "**"))
    assert filtered["reports"] == unfiltered["reports"], repr(example)
    absent_codes = {"where", "no-page", "only-errors"}
    note_texts = [
        [note["text"].replace("none of these sessions", "no counted session") for note in report_data["notes"] if note["code"] not in absent_codes]
        for report_data in (filtered, unfiltered)
    ]
    assert note_texts[0] == note_texts[1], repr(example)


def document(folder: Path, lines: list[str], *where: str, goals: str = GOALS, **options: str) -> Document:
    """Return the whole report on the filtered sessions."""
    (folder / "goals.yaml").write_text(goals, encoding="utf-8")
    return runs.document([written(folder / "access.log", lines)], None, folder / "goals.yaml", where=where, **options)


def filtered_report(folder: Path, lines: list[str], *where: str, goals: str = GOALS, **options: str) -> dict[str, Any]:
    """Return the whole report on the filtered sessions, as JSON."""
    report_data: dict[str, Any] = json.loads(runs.render(document(folder, lines, *where, goals=goals, **options), "json"))
    return report_data


def walk(number: int, *paths: str, start: int = 0) -> list[str]:
    """Return a visitor's lines, ten seconds apart."""
    return [line(f"GET {path}", start + 10 * place, who=f"198.51.100.{number} - -") for place, path in enumerate(paths)]


SHOP = [*walk(1, "/a", "/cart", "/sale"), *walk(2, "/b", "/cart"), *walk(3, "/a"), line("GET /gone", 5, 500, who="198.51.100.9 - -")]


def sessions(report_data: dict[str, Any]) -> int:
    """Return the number of sessions in a report."""
    return int(overview(report_data)["sessions"])


@pytest.mark.parametrize(
    ("where", "number"),
    [
        (("landing=/a",), 2),
        (("landing=/a", "exit=/a"), 1),
        (("landing!=/a",), 1),
        (("landing!=/a", "landing!=/b"), 0),
        (("page=/cart",), 2),
        (("page!=/cart",), 1),
        (("page=**",), 3),
        (("page=re:/(?:sale|b)",), 2),
        (("exit=/cart",), 1),
        (("goal=sale",), 1),
        (("goal!=sale",), 2),
        (("goal=*a*",), 2),
        (("goal!=re:.*",), 1),
        (("page=/cart", "goal!=sale", "landing=/b"), 1),
    ],
)
def test_all_filters_must_match(where: tuple[str, ...], number: int, tmp_path: Path) -> None:
    assert sessions(filtered_report(tmp_path, SHOP, *where)) == number


def test_sessions_are_kept_whole(tmp_path: Path) -> None:
    report_data = filtered_report(tmp_path, SHOP, "page=/cart")
    assert {row["page"]: row["pageviews"] for row in report_data["reports"]["pages"]} == {"/a": 1, "/b": 1, "/cart": 2, "/sale": 1}
    assert conversions(report_data) == {"sale": 1, "cart": 2}
    assert overview(report_data)["conversion_rate"] == 0.5


def test_lines_of_other_sessions_or_without_a_session_are_outside(tmp_path: Path) -> None:
    counts = filtered_report(tmp_path, SHOP, "landing=/a")["input"]
    assert (counts["lines"], counts["kept"], counts["outside"]) == (7, 4, 3)
    plain = filtered_report(tmp_path, SHOP)["input"]
    assert (plain["kept"], plain["outside"]) == (7, 0)


def test_a_note_names_the_filters_and_counts_the_sessions(tmp_path: Path) -> None:
    filtered = filtered_report(tmp_path, SHOP, "landing=/a", "goal!=sale")
    assert filtered["notes"][0] == {"code": "where", "text": "Only sessions with landing=/a and goal!=sale: 1 of 3."}
    assert [note["code"] for note in filtered["notes"]].count("where") == 1
    assert "where" not in {note["code"] for note in filtered_report(tmp_path, SHOP)["notes"]}
    document = runs.document([tmp_path / "access.log"], ["pages"], tmp_path / "goals.yaml", where=("landing=/a",))
    assert "Only sessions with landing=/a: 2 of 3." in runs.render(document)


def test_visitors_with_only_errors_have_no_session(tmp_path: Path) -> None:
    assert "only-errors" in {note["code"] for note in filtered_report(tmp_path, SHOP)["notes"]}
    assert "only-errors" not in {note["code"] for note in filtered_report(tmp_path, SHOP, "landing=/a")["notes"]}


def test_findings_are_about_the_filtered_sessions(tmp_path: Path) -> None:
    """A subset of the sessions cannot show how long the site needs to detect a change."""
    errors = [line("GET /oops", 11, 500, who=f"198.51.100.{number} - -") for number in range(40)]
    shoppers = [text for number in range(80) for text in walk(number, "/b", "/cart", *(["/sale"] if number >= 40 else []))]
    lines = [*(text for number in range(100, 220) for text in walk(number, "/a")), *shoppers, *errors]
    whole, filtered = (
        runs.render(report_of_run, width=900) for report_of_run in (document(tmp_path, lines), document(tmp_path, lines, "page!=/none"))
    )
    assert "120 sessions landed here; 100% of them viewed nothing else (the rest of the site: 0%), and 0 converted." in whole
    assert "120 sessions landed here; 100% of them viewed nothing else (the other sessions: 0%), and 0 converted." in filtered
    assert "With only" in whole
    assert "With only" not in filtered
    assert re.search(r"convkit explain \S+ -g \S+ --where 'page!=/none' --dropped-at \S+\n", filtered)


def test_parts_of_the_visitors_add_up() -> None:
    goals = convkit.load_goals(DATA / "by_hand.yaml")
    analyzed = runs.analyzed([DATA / "by_hand.log"], goals, where=["goal=saw_product"], fields=session_fields(REPORTS))
    assert analyzed.run.input["outside"] > 0
    check(analyzed, 3)


def test_filters_use_paths_before_they_are_grouped(tmp_path: Path) -> None:
    goals = "site: {group: ['/product/*']}\nmacro: {sale: /sale}\n"
    lines = [*walk(1, "/product/1"), *walk(2, "/product/2")]
    report_data = filtered_report(tmp_path, lines, "landing=/product/1", goals=goals)
    assert [row["page"] for row in report_data["reports"]["pages"]] == ["/product/*"]
    assert sessions(report_data) == 1


def test_a_host_is_the_virtual_host_or_that_of_the_request(tmp_path: Path) -> None:
    lines = [f"shop.example:443 {text}" for text in walk(1, "/a", "/b")] + [f"blog.example {text}" for text in walk(2, "/a")]
    lines += [f"blog.example {line('GET http://Shop.example:80/a', 20, who='198.51.100.2 - -')}", f"x.example {line('GET /gone', 3, 404)}"]
    assert [sessions(filtered_report(tmp_path, lines, f"host={host}")) for host in ("shop.example", "blog.example", "*.example", "x.example")] == [
        2,
        1,
        2,
        1,
    ]
    assert sessions(filtered_report(tmp_path, lines, "host!=blog.example")) == 1
    assert sessions(filtered_report(tmp_path, SHOP, "host=**")) == 0


def test_earlier_sessions_of_a_visitor_are_taken_into_account(tmp_path: Path) -> None:
    """`once_per: visitor` covers all sessions, including those that the filter excludes."""
    goals = "macro: {sale: {page: /sale, once_per: visitor}}\n"
    lines = [*walk(1, "/a", "/sale"), *walk(1, "/b", "/sale", start=4000)]
    assert conversions(filtered_report(tmp_path, lines, "landing=/a", goals=goals)) == {"sale": 1}
    assert conversions(filtered_report(tmp_path, lines, "landing=/b", goals=goals)) == {"sale": 0}


def test_a_visitor_s_chain_belongs_to_the_session_of_its_first_step(tmp_path: Path) -> None:
    lines = [*walk(1, "/a", "/cart"), *walk(1, "/b", "/sale", start=4000)]

    def reached(*where: str) -> list[int]:
        return [row["reached"] for row in filtered_report(tmp_path, lines, *where)["reports"]["funnel"] if row["funnel"] == "later"]

    assert reached("landing=/a") == [1, 1]
    assert reached("landing=/b") == [0, 0]
    notes = {note["code"]: note["text"] for note in filtered_report(tmp_path, lines, "landing=/b")["notes"]}
    detours = [note["text"] for note in filtered_report(tmp_path, lines, "landing=/b")["notes"] if note["code"] == "other-ways"]
    assert "later: 1 more sale happened outside this funnel: started in a session that was filtered out." in detours
    assert notes["empty-step"].endswith("none of these sessions reached cart.")
    before = filtered_report(tmp_path, lines, since="2026-10-10T12:30Z")["notes"]
    assert any(note["text"].endswith("started before this period.") for note in before)


def test_the_macro_goal_is_known_from_all_sessions(tmp_path: Path) -> None:
    """With the built-in goals, the macro goal is known even if none of the filtered sessions has a purchase."""
    lines = [*walk(1, "/a", "/checkout/thank-you"), *walk(2, "/b")]
    log = written(tmp_path / "access.log", lines)
    report_data = json.loads(runs.render(runs.document([log], ["overview"], where=["landing=/b"]), "json"))
    assert {row["metric"]: row["value"] for row in report_data["reports"]["overview"]}["converted_sessions"] == 0


def test_the_period_applies_before_the_filter(tmp_path: Path) -> None:
    day = 86_400
    report_data = filtered_report(tmp_path, [*SHOP, *walk(1, "/a", start=day), *walk(2, "/b", start=day)], "landing=/a", since="2026-10-11")
    assert sessions(report_data) == 1
    assert report_data["notes"][0]["text"].endswith("1 of 2.")


def test_a_single_filter_may_be_a_string(tmp_path: Path) -> None:
    report(tmp_path, SHOP, GOALS)
    assert runs.analysis([tmp_path / "access.log"], convkit.load_goals(tmp_path / "goals.yaml"), where="landing=/a").input["kept"] == 4


@pytest.mark.parametrize(
    ("where", "message"),
    [
        ("landing", "--where landing: write it as FIELD=PATTERN, like landing=/blog/**. Fields: page, landing, exit, goal, host, device"),
        ("lading=/a", "--where lading=/a: unknown field 'lading'; did you mean 'landing'?"),
        ("=/a", "--where =/a: unknown field ''"),
        ("landing==/a", "--where landing==/a: '=/a' is not a path"),
        ("landing=", "--where landing=: an empty pattern matches nothing"),
        ("landing=blog/**", "--where landing=blog/**: 'blog/**' is not a path; paths begin with `/`, like /blog/**"),
        ("page=re:(", "--where page=re:(: this regular expression is not valid"),
        ("goal=sales", "--where goal=sales: unknown goal 'sales'; did you mean 'sale'? Goals: sale, cart"),
        ("goal!=xyz", "--where goal!=xyz: unknown goal 'xyz'. Goals: sale, cart"),
        ("device=mobil", "--where device=mobil: unknown device 'mobil'; did you mean 'mobile'? Devices: desktop, mobile, tablet, other"),
        ("dropped_at=crt", "--where dropped_at=crt: unknown step 'crt'. Steps: shop.cart, later.cart"),
        ("dropped_at=shop.sale", "--where dropped_at=shop.sale: unknown step 'shop.sale'"),
        ("met=eror", "--where met=eror: unknown obstacle 'eror'; did you mean 'error'? Obstacles: form_again, error, slow"),
        ("host=Shop.example", "--where host=Shop.example: host names are compared in lower case; write shop.example"),
    ],
)
def test_mistakes_are_reported_with_the_fix_before_a_log_is_read(where: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError) as raised:
        runs.document([tmp_path / "missing.log"], goals=parse_goals(GOALS, "goals.yaml"), where=[where])
    assert str(raised.value).startswith(message)
    assert raised.value.exit_code == ExitCode.USAGE


STOPS = [
    *(line(f"GET {path}", second, who="198.51.100.1 - -") for second, path in ((0, "/cart"), (9, "/gone"))),
    *(line(f"GET {path}", 60 + second, who="198.51.100.2 - -") for second, path in ((0, "/form"), (9, "/sale"))),
    *(line(f"GET {path}", 60 + second, who="198.51.100.3 - -") for second, path in ((0, "/cart"), (9, "/sale"))),
    *(line(f"{request}", 90 + second, who="198.51.100.4 - -") for second, request in ((0, "GET /form"), (9, "POST /form"), (19, "POST /other"))),
    *(line(f"GET {path}", 7200, who="198.51.100.1 - -") for path in ("/sale",)),
    line("GET /none", 100, 404, who="198.51.100.5 - -"),
    line("GET /a", 101, who="198.51.100.5 - -"),
    line("GET /cart", 102, who="198.51.100.6 - -"),
]


@pytest.mark.parametrize(
    ("where", "kept"),
    [
        ("dropped_at=shop.cart", 2),
        ("dropped_at=cart", 2),
        ("dropped_at=later.cart", 1),
        ("dropped_at=*.cart", 2),
        ("dropped_at!=shop.cart", 5),
        ("met=form_again", 1),
        ("met=error", 1),
        ("met=*", 2),
        ("met!=error", 6),
        ("met=slow", 0),
        ("met=reload", 0),
    ],
)
def test_sessions_are_selected_by_where_they_stopped_and_by_what_they_met(where: str, kept: int, tmp_path: Path) -> None:
    """The first visitor stops at the cart and buys two hours later: in the funnel across sessions, only the last one stops."""
    assert overview(report(tmp_path, STOPS, GOALS, where=(where,)))["sessions"] == kept  # type: ignore[arg-type]


def test_dropped_at_keeps_the_sessions_that_the_funnel_counts_as_drop_offs(tmp_path: Path) -> None:
    whole = report(tmp_path, STOPS, GOALS)
    kept = report(tmp_path, STOPS, GOALS, where=("dropped_at=cart",))  # type: ignore[arg-type]
    dropped = [row["drop_offs"] for row in whole["reports"]["funnel"] if (row["funnel"], row["step"]) == ("shop", 1)]
    assert dropped == [overview(kept)["sessions"]]
    (row,) = [row for row in kept["reports"]["funnel"] if (row["funnel"], row["step"]) == ("shop", 1)]
    assert (row["reached"], row["drop_offs"]) == (2, 2)


@share_of_examples(0.1)
@given(example=examples())
def test_the_sessions_of_each_step_are_those_that_drop_off_there(example: Example, folder: Path) -> None:
    (folder / "goals.yaml").write_text(to_yaml(example.goals), encoding="utf-8")
    log = written(folder / "access.log", example.stream.lines)
    analysis = runs.analysis([log], folder / "goals.yaml").analysis
    for name, (funnel, number) in analysis.goals.droppable_steps.items():
        chains = analysis.chains[funnel.name].collect()
        dropped = chains.filter(chains[f"row{number}"].is_not_null() & chains[f"row{funnel.next_step(number)}"].is_null())[f"session{number}"]
        # In the name of a step, a `*` is part of a path.
        if "*" not in name:
            kept = runs.analysis([log], folder / "goals.yaml", where=(f"dropped_at={name}",)).analysis.sessions.collect()
            assert set(kept["session"]) == set(dropped)


@pytest.mark.parametrize("where", ["dropped_at: shop.cart", "met: error"])
def test_a_funnel_cannot_test_where_people_stop(where: str) -> None:
    with pytest.raises(GoalsFileError, match=r"a funnel cannot test '(dropped_at|met)'; use --where"):
        parse_goals(f"macro: {{sale: /sale}}\nfunnels: {{shop: {{steps: [/cart, sale], where: {{{where}}}}}}}\n", "goals.yaml")


def test_every_field_is_tested_here() -> None:
    assert set(FILTER_FIELDS) == {
        "page",
        "landing",
        "exit",
        "goal",
        "host",
        "device",
        "browser",
        "country",
        "visit",
        "source",
        "medium",
        "campaign",
        "channel",
        "dropped_at",
        "met",
    }
    assert parse_filters(["goal=*", "host!=a*"], parse_goals(GOALS, "goals.yaml"))[1].is_inverted
