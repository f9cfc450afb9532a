"""`hits`: one row per kept line, with its session and goals, and only the query parameters that are configured."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest
import runs
from places import DATA
from small_logs import line, written

from convkit.core import plugins
from convkit.core.secret_names import is_secret

if TYPE_CHECKING:
    from pathlib import Path

GOALS = """
site: {timezone: Europe/Berlin, group: ['/product/*'], keep_query: [route]}
macro:
  sale: {page: /sale, value: query.total, once_per: query.order}
  asked: {page: /asked, value: 5}
micro:
  saw: {page: '/product/*', value: 0.25}
  any_sale: {page: /sale, value: 7, once_per: hit}
  deep: {page: /**, at_least: 3}
  gone: {page: /gone, status: 404}
"""


def rows(folder: Path, lines: list[str], goals: str = GOALS, **options: Any) -> list[dict[str, Any]]:  # noqa: ANN401 (the options of `run`)
    """Return the rows of the report on some lines, parsed from its JSON."""
    (folder / "goals.yaml").write_text(goals, encoding="utf-8")
    document = runs.document([written(folder / "access.log", lines)], ["hits"], folder / "goals.yaml", **options)
    report_rows: list[dict[str, Any]] = json.loads(runs.render(document, "json"))["reports"]["hits"]
    return report_rows


def column(report_rows: list[dict[str, Any]], name: str) -> list[Any]:
    """Return the values of a column."""
    return [row[name] for row in report_rows]


def test_a_row_describes_a_hit_completely(tmp_path: Path) -> None:
    lines = [line("GET /style.css"), line("GET /product/1?a=b&total=3#x", 10), line("HEAD /", 11)]
    (row,) = rows(tmp_path, lines)
    assert list(row) == [spec.name for spec in plugins.load("reports", "hits").COLUMNS]
    assert row["session"] == f"{row['visitor']}-1"
    assert {key: value for key, value in row.items() if key not in {"session", "visitor"}} == {
        "time": "2026-10-10T14:00:10+02:00",
        "kind": "page",
        "method": "GET",
        "path": "/product/1",
        "query": "total=3",
        "status": 200,
        "event": None,
        "value": 0.25,
        "goals": "saw",
        "source": "access.log",
        "line": 2,
    }


def test_every_kept_line_is_a_row_in_order(tmp_path: Path) -> None:
    """Hits of every kind are rows, except background requests."""
    requests = [("GET /b", 5, 200), ("GET /a", 3, 200), ("POST /x", 3, 302), ("GET /gone", 4, 404), ("GET /old", 4, 301), ("GET /f.pdf", 6, 200)]
    lines_without_rows = [line("GET /api/x", 1), line("POST /form", 4), line("GET /robots.txt", agent="Opera/12.0"), "rubbish", ""]
    lines = [line(*request) for request in requests] + lines_without_rows
    report_rows = rows(tmp_path, lines)
    assert column(report_rows, "line") == [2, 4, 5, 1, 6]
    assert column(report_rows, "kind") == ["page", "error", "redirect", "page", "download"]
    assert runs.document([tmp_path / "access.log"], ["hits"], tmp_path / "goals.yaml").input["kept"] == 5


def test_forms_shown_again_are_rows_of_their_own_kind(tmp_path: Path) -> None:
    """So that drop-off can be worked out from the rows; other background requests, and forms that belong to no page, are none."""
    requests = [
        ("POST /form", 1, 200),
        ("GET /form", 2, 200),
        ("POST /form", 3, 200),
        ("POST /form?a=b", 4, 422),
        ("POST /other", 5, 200),
        ("POST /form", 6, 302),
        ("GET /next", 7, 200),
        ("POST /form", 8, 200),
    ]
    lines = [line(*request) for request in requests]
    report_rows = rows(tmp_path, lines)
    assert [(row["line"], row["kind"], row["status"]) for row in report_rows] == [
        (2, "page", 200),
        (3, "form_again", 200),
        (4, "error", 422),
        (7, "page", 200),
    ]
    assert {row["session"][-2:] for row in report_rows} == {"-1"}
    assert column(rows(tmp_path, [text for text in lines if "POST" not in text]), "line") == [1, 2]


def test_the_forms_in_the_sample_are_those_of_drop_off() -> None:
    frame = runs.sample("hits").reports["hits"].frame
    last_page = pl.when(pl.col("kind") == "page").then("path").forward_fill().over("session")
    is_form = (pl.col("method") == "POST") & pl.col("status").is_in([200, 400, 422])
    again = frame.with_columns(shown=last_page).filter(is_form & (pl.col("path") == pl.col("shown")))
    assert set(again["kind"]) == {"error", "form_again"}
    checkout = again.filter(path="/checkout")["session"].n_unique()
    (row,) = runs.sample("drop-off").reports["drop-off"].frame.filter(funnel="checkout", step=3, what="form_again", item="(any)").rows(named=True)
    assert checkout == row["dropped"] + row["went_on"] == 21


def test_the_value_is_that_of_the_first_goal_that_counts_the_hit(tmp_path: Path) -> None:
    """Here, that is `sale`, or `any_sale` if `sale` does not count the hit or finds no number; values are never added up."""
    targets = (
        "/product/1",
        "/product/2",
        "/sale?order=1&total=9.5",
        "/sale?order=1&total=9.5",
        "/sale?order=2&total=x",
        "/asked",
        "/asked",
        "/plain",
    )
    report_rows = rows(tmp_path, [line(f"GET {target}", 10 * number) for number, target in enumerate(targets)])
    assert column(report_rows, "value") == [0.25, None, 9.5, 7, 7, 5, None, None]
    assert column(report_rows, "goals") == ["saw", "saw", "sale any_sale deep", "any_sale", "sale any_sale", "asked", "asked", ""]


def test_hits_outside_of_sessions_have_no_session(tmp_path: Path) -> None:
    report_rows = rows(tmp_path, [line("GET /gone", 0, 404), line("GET /", 4000), line("GET /gone", 4001, 404)])
    assert [session and session[-2:] for session in column(report_rows, "session")] == [None, "-1", "-1"]
    assert len(set(column(report_rows, "visitor"))) == 1
    assert column(report_rows, "goals") == ["", "", "gone"]
    (tmp_path / "goals.yaml").write_text(GOALS, encoding="utf-8")
    document = runs.document([tmp_path / "access.log"], ["hits"], tmp_path / "goals.yaml")
    assert f"  {report_rows[0]['visitor'][:6]}…    " in runs.render(document, width=80)


def test_period_and_filters_select_rows(tmp_path: Path) -> None:
    lines = [line("GET /a"), line("GET /b", 10), line("GET /a", 86_400), line("GET /gone", 90_000, 404)]
    assert column(rows(tmp_path, lines, since="2026-10-11"), "line") == [3, 4]
    assert column(rows(tmp_path, lines, where=["page=/b"]), "line") == [1, 2]
    assert rows(tmp_path, lines, where=["page=/b"])[0]["session"].endswith("-1")


def test_sources_are_named_whatever_the_order_of_files(tmp_path: Path) -> None:
    late = written(tmp_path / "a.log", [line("GET /late", 50), line("GET /early", 0)])
    early = written(tmp_path / "b.log", [line("GET /b", 1), line("GET /b", 50)])
    orders = [[late, early], [early, late]]
    rows_by_order = [json.loads(runs.render(runs.document(logs, ["hits"]), "json"))["reports"]["hits"] for logs in orders]
    assert rows_by_order[0] == rows_by_order[1]
    assert [(row["source"], row["line"]) for row in rows_by_order[0]] == [("a.log", 2), ("b.log", 1), ("b.log", 2), ("a.log", 1)]


def test_only_configured_parameters_are_shown(tmp_path: Path) -> None:
    goals = "site: {keep_query: [route]}\nmacro: {sale: {page: /a, value: query.total}}\nmicro: {mail: {query: {utm_medium: e*}}, seen: {query: q}}\n"
    lines = [line("GET /a?password=hidden&total=1%2E5&q=%C3%A9+x&route=r&utm_medium=email&utm_source=s"), line("GET /a?x=1", 9), line("GET /a?q", 10)]
    report_rows = rows(tmp_path, lines, goals)
    assert column(report_rows, "query") == ["route=r&q=é x&total=1.5&utm_medium=email", None, "q="]
    assert column(report_rows, "path") == ["/a?route=r", "/a", "/a"]


SECRETS = (
    *("token", "key", "sig", "code", "password", "email", "session", "jwt", "X-Amz-Signature", "x-amz-credential"),
    *("access_token", "api_key", "apikey", "PHPSESSIONID", "auth.code", "Email", "reset-token", "user[email]", "SIG", "client_secret"),
)
PLAIN = ("total", "order", "keyword", "signup", "design", "encoded", "utm_medium", "q", "tokens_x"[-1:])


@pytest.mark.parametrize("name", SECRETS)
def test_values_of_parameters_that_look_secret_are_masked(name: str, tmp_path: Path) -> None:
    goals = f"macro: {{sale: {{page: /a, once_per: 'query.{name}'}}}}\nmicro: {{seen: {{query: '{name}'}}}}\n"
    report_rows = rows(tmp_path, [line(f"GET /a?{name}=planted&x=1"), line("GET /a", 9)], goals)
    assert column(report_rows, "query") == [f"{name}=***", None]
    assert "planted" not in json.dumps(report_rows)


@pytest.mark.parametrize("name", PLAIN)
def test_other_parameters_are_not_masked(name: str) -> None:
    assert not is_secret(name)


def test_by_hand() -> None:
    """The log is the small one that is counted by hand in the tests of other reports."""
    document = runs.document([DATA / "by_hand.log"], ["hits"], DATA / "by_hand.yaml")
    frame = document.reports["hits"].frame
    assert frame.height == document.input["kept"]
    assert frame["session"].null_count() == 1
    bought = frame.filter(frame["goals"].str.contains("purchase"))
    assert bought.select("line", "query", "value").rows() == [(11, "order=71&total=19.99", 19_990_000), (40, "order=72&total=0.1", 100_000)]
    assert frame["line"].to_list() == sorted(frame["line"])
