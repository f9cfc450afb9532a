"""Money: amounts as shops write them, their currencies, and orders that are not sales."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from urllib.parse import quote_plus

import pytest
from engine.test_partition import both
from goals_schema import is_valid
from small_logs import conversions, figures, line, report, written

from convkit.authoring import check, survey
from convkit.core.options import Options
from convkit.core.progress import NO_PROGRESS
from convkit.errors import GoalsFileError
from convkit.goals.loader import parse_goals
from convkit.outputs import render

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

import runs

ROWS = {
    "a32": "test_amounts_are_read_as_shops_write_them",
    "e41": "test_amounts_in_another_currency_add_nothing",
    "e43": "test_refunded_voided_and_cancelled_orders_are_not_sales",
    "e59": "test_decimal_commas_are_read_between_any_separators",
}
GOALS = "site: {{{}}}\nmacro: {{order: {{event: order, value: prop.amount, once_per: hit}}}}"


def value_of(folder: Path, rows: Iterable[str], site: str = "currency: EUR", name: str = "events.csv") -> tuple[float, dict[str, str]]:
    """Return the value of the orders in an export, and the notes by code."""
    goals = written(folder / "goals.yaml", [GOALS.format(site)])
    document = figures(written(folder / name, rows), goals=goals)
    return document["reports"]["goals"][0]["value"], {note["code"]: note["text"] for note in document["notes"]}


def orders(*amounts: str, separator: str = "\t") -> list[str]:
    """Return an export with an order for each amount."""
    rows = [["time", "event", "user_id", "amount"], *([f"2026-10-01T09:{n:02}:00Z", "order", f"u{n}", amount] for n, amount in enumerate(amounts))]
    return [separator.join(row) for row in rows]


def sent(*amounts: str) -> list[str]:
    """Return a log with an order for each amount."""
    return [line(f"GET /thank-you?total={quote_plus(amount)}", n * 10, who=f"198.51.100.{n} - -") for n, amount in enumerate(amounts)]


BOUGHT = "site: {currency: EUR}\nmacro: {bought: {page: /thank-you, value: query.total}}"


def test_amounts_are_read_as_shops_write_them(tmp_path: Path) -> None:
    document = report(tmp_path, sent("12.50", "12,50", "1.234,56", "2,000.00", "EUR 12.50", "€12.50", "12.50 EUR"), BOUGHT)
    assert (document["reports"]["goals"][0]["value"], conversions(document)) == (3297.06, {"bought": 7})
    assert "no-value" not in {note["code"] for note in document["notes"]}


AMOUNTS = {
    "1,234.50": 1234.5,
    "1.234,50": 1234.5,
    "12,50": 12.5,
    "2 000,00": 2000,
    "2\u00a0000,00": 2000,
    "2\u202f000": 2000,
    "1'234.50": 1234.5,
    "EUR 12.50": 12.5,
    "€1,234.50": 1234.5,
    "1e2": 100,
    "1.5E+3": 1500,
    "25e-2": 0.25,
    "(5.00)": -5,
    "-5,00": -5,
    "\u22125.00": -5,
    "-€5.00": -5,
    "€-5.00": -5,
    "+7": 7,
    "1,234,567": 1234567,
    "1.234.567,8": 1234567.8,
    "12,34,567.50": 1234567.5,
    "1234,500": 1234.5,
    "0,125": 0.125,
    ".5": 0.5,
    "12,-": 12,
    " 3.10 ": 3.1,
    "999999999999.999999": 999999999999.999999,
    "0.0000005": 0.000001,
}


def test_an_amount_has_one_meaning(tmp_path: Path) -> None:
    log = written(tmp_path / "events.csv", orders(*AMOUNTS))
    hits = runs.document([log], ["hits"], parse_goals(GOALS.format("currency: EUR"), "goals.yaml")).reports["hits"].frame.sort("time")
    assert dict(zip(AMOUNTS, (value / 1_000_000 for value in hits["value"]), strict=True)) == AMOUNTS


NOT_AMOUNTS = (
    *("free", "12.50 kg", "1.2.3.4", "2026-10-01", "10:30", "0x10", "(5.00", "1,23,4"),
    *("12.34.56", "1 2 3", "5 5", "nan", "12..5", "e5", "1234567890123"),
)


def test_other_texts_are_no_amounts(tmp_path: Path) -> None:
    value, notes = value_of(tmp_path, orders(*NOT_AMOUNTS, "1"))
    assert value == 1
    assert notes["no-value"].startswith(f"{len(NOT_AMOUNTS)} conversions had no numeric value")


@pytest.mark.parametrize(
    ("amounts", "value"),
    [
        (("2,000", "12.50"), 2012.5),
        (("2,000", "12,50"), 14.5),
        (("2.000", "12,50"), 2012.5),
        (("2.000", "12.50"), 14.5),
        (("2,000", "1,234,567"), 1236567),
        (("2,000", "0,125"), 2.125),
    ],
)
def test_other_amounts_decide_what_is_ambiguous(amounts: Sequence[str], value: float, tmp_path: Path) -> None:
    found, notes = value_of(tmp_path, orders(*amounts))
    assert found == value
    assert "ambiguous-value" not in notes


@pytest.mark.parametrize("amounts", [("2,000", "15"), ("2.000", "15"), ("2,000", "15", "1.50", "1,50", "-3.00", "-3,00")])
def test_what_nothing_decides_is_not_counted_and_noted(amounts: Sequence[str], tmp_path: Path) -> None:
    found, notes = value_of(tmp_path, orders(*amounts))
    assert found == {2: 15, 6: 12}[len(amounts)]
    assert f"1 conversion had an amount like {amounts[0]}" in notes["ambiguous-value"]
    assert "site.decimal" in notes["ambiguous-value"]
    assert "no-value" not in notes


@pytest.mark.parametrize(("decimal", "value"), [("point", 2015), ("comma", 17), ('"."', 2015), ('","', 17)])
def test_the_site_decides_what_is_ambiguous(decimal: str, value: float, tmp_path: Path) -> None:
    assert value_of(tmp_path, orders("2,000", "15"), f"decimal: {decimal}")[0] == value


def test_a_decimal_sign_is_point_or_comma(tmp_path: Path) -> None:
    assert is_valid(GOALS.format("decimal: comma"))
    assert not is_valid(GOALS.format("decimal: dot"))
    with pytest.raises(GoalsFileError, match="`decimal` must be point or comma"):
        value_of(tmp_path, orders("1"), "decimal: dot")


@pytest.mark.parametrize("separator", ["\t", ";", "|"])
def test_decimal_commas_are_read_between_any_separators(separator: str, tmp_path: Path) -> None:
    assert value_of(tmp_path, orders("19,90", "1.234,50", separator=separator))[0] == 1254.4
    assert value_of(tmp_path, orders("19,90", "1.234", separator=separator))[0] == 1253.9


def test_comparisons_read_decimal_commas(tmp_path: Path) -> None:
    goals = "macro: {big: {event: order, where: {amount: '>= 19.5'}, once_per: hit}}"
    for separator in ("\t", ";"):
        log = written(tmp_path / "events.csv", orders("19,90", "1.234,50", "5,5", "2,000", separator=separator))
        assert conversions(figures(log, goals=written(tmp_path / "goals.yaml", [goals]))) == {"big": 2}


def in_currencies(*amounts: tuple[str, str], column: str = "currency") -> list[str]:
    """Return an export with an order for each amount and its currency."""
    header, *rows = orders(*(amount for amount, _ in amounts))
    return [f"{header}\t{column}", *(f"{row}\t{currency}" for row, (_, currency) in zip(rows, amounts, strict=True))]


@pytest.mark.parametrize("column", ["currency", "Currency", "currency_code"])
def test_amounts_in_another_currency_add_nothing(column: str, tmp_path: Path) -> None:
    value, notes = value_of(tmp_path, in_currencies(("100", "EUR"), ("15000", "JPY"), ("7", ""), column=column))
    assert value == 107
    assert "1 conversion was in another currency than EUR (JPY)" in notes["other-currency"]
    assert "no-value" not in notes


def test_the_most_frequent_currency_counts_if_the_site_names_none(tmp_path: Path) -> None:
    rows = in_currencies(("100", "EUR"), ("1", "usd"), ("2", "USD"))
    assert value_of(tmp_path, rows, "timezone: UTC")[0] == 3
    assert value_of(tmp_path, rows, "currency: EUR")[0] == 100
    assert value_of(tmp_path, rows[:2], "timezone: UTC")[0] == 100


def test_signs_are_currencies_too(tmp_path: Path) -> None:
    amounts = orders("$1,234.50", "€10.00", "US$ 5", "12 kr")
    assert value_of(tmp_path, amounts, "currency: USD")[0] == 1239.5
    assert value_of(tmp_path, amounts, "currency: NOK")[0] == 12
    assert value_of(tmp_path, amounts, "timezone: UTC")[0] == 1239.5
    value, notes = value_of(tmp_path, in_currencies(("$5", "CAD"), ("7.00", "CAD")), "currency: CAD")
    assert (value, "other-currency" in notes) == (12, False), "Canadian dollars have the sign of dollars"


def test_a_parameter_may_name_the_currency(tmp_path: Path) -> None:
    requests = ["GET /thank-you?total=10&currency=EUR", "GET /thank-you?total=99&currency=GBP", "GET /thank-you?total=5"]
    document = report(tmp_path, [line(request, who=f"198.51.100.{n} - -") for n, request in enumerate(requests)], BOUGHT)
    assert document["reports"]["goals"][0]["value"] == 15
    assert {row["query"] for row in report(tmp_path, [line(requests[0])], BOUGHT)["reports"].get("hits", [])} == set()


def test_each_divides_by_the_conversions_that_have_an_amount(tmp_path: Path) -> None:
    log, goals = written(tmp_path / "access.log", sent("10", "20", "free", "none")), written(tmp_path / "goals.yaml", [BOUGHT])
    screen = render(runs.document([log], ["overview"], goals), "table", width=140)
    assert isinstance(screen, str)
    assert "€30.00, €15.00 each, €7.50 per session" in screen


def test_the_value_of_hits_is_the_same(tmp_path: Path) -> None:
    log = written(tmp_path / "access.log", sent("10,50", "USD 20", "2.000"))
    document = runs.document([log], ["hits", "sessions"], written(tmp_path / "goals.yaml", [BOUGHT]))
    for name in ("hits", "sessions"):
        assert sorted(document.reports[name].frame["value"].fill_null(0)) == [0, 10_500_000, 2_000_000_000]


SHOP = (
    (
        "Name,Email,Financial Status,Paid at,Currency,Subtotal,Total,Created at,Lineitem quantity,Lineitem name,Lineitem price,Cancelled at,"
        "Refunded Amount"
    ),
    "#1,a@shop.example,paid,,EUR,30.00,34.98,2026-10-01 10:00:00 +0200,2,Tee,9.99,,0.00",
    "#1,a@shop.example,,,,,,2026-10-01 10:00:00 +0200,1,Mug,15.00,,",
    "#2,b@shop.example,refunded,,EUR,20.00,20.00,2026-10-01 11:00:00 +0200,1,Tee,20.00,2026-10-03 09:00:00 +0200,20.00",
    "#3,c@shop.example,voided,,EUR,50.00,50.00,2026-10-02 11:00:00 +0200,1,Coat,50.00,,0.00",
    "#4,d@shop.example,partially_refunded,,EUR,40.00,40.00,2026-10-02 15:00:00 +0200,2,Tee,20.00,,20.00",
    "#5,e@shop.example,paid,,EUR,9.00,9.00,2026-10-02 16:00:00 +0200,2,Tee,20.00,2026-10-02 17:00:00 +0200,",
)


def test_refunded_voided_and_cancelled_orders_are_not_sales(tmp_path: Path) -> None:
    goals = written(tmp_path / "goals.yaml", ["macro: {order: {event: order, value: prop.Total}}\nmicro: {lost: {event: cancelled_order}}"])
    document = figures(written(tmp_path / "orders.csv", SHOP), goals=goals)
    assert conversions(document) == {"order": 2, "lost": 3}
    assert document["reports"]["goals"][0]["value"] == 54.98
    (note,) = (note["text"] for note in document["notes"] if note["code"] == "cancelled-orders")
    assert note.startswith("3 orders were cancelled, voided or refunded and not counted as a sale")
    assert (document["input"]["comment"], document["input"]["duplicate"]) == (2, 0)


def test_amounts_give_the_same_bytes_in_parts(tmp_path: Path) -> None:
    """The amounts that decide may belong to visitors of another part."""
    rows = [{"time": f"2026-10-01T09:{n % 60:02}:00Z", "event": "order", "user_id": f"u{n}", "amount": "2,000" if n else "12,50"} for n in range(120)]
    events: list[dict[str, Any]] = [row | {"currency": "USD" if n % 3 else "EUR"} for n, row in enumerate(rows)]
    log = written(tmp_path / "events.ndjson", map(json.dumps, events))
    for site in ("timezone: UTC", "currency: EUR, decimal: point"):
        number, in_one_piece, in_parts = both([log], 9_000, goals=written(tmp_path / "goals.yaml", [GOALS.format(site)]))
        assert number > 1
        assert in_parts == in_one_piece
    log = written(tmp_path / "access.log", sent(*("2,000" for _ in range(100)), "1,5"))
    number, in_one_piece, in_parts = both([log], 9_000, goals=written(tmp_path / "goals.yaml", [BOUGHT]))
    assert number > 1
    assert in_parts == in_one_piece
    assert json.loads(in_parts)["reports"]["goals"][0]["value"] == 201.5


def remarks_of(folder: Path, rows: Iterable[str]) -> dict[str, str]:
    """Return the remarks of `check` on the amounts of an export, by code."""
    loaded = parse_goals(GOALS.format("currency: EUR"), "goals.yaml")
    surveyed, _ = survey.survey_once([str(written(folder / "events.csv", rows))], Options(), loaded, NO_PROGRESS)
    codes = {"ambiguous-value", "other-currency"}
    return {remark.code: remark.text for remark in check.remarks_on(surveyed, has_logs=True) if remark.code in codes}


def test_check_names_amounts_that_are_not_counted(tmp_path: Path) -> None:
    assert remarks_of(tmp_path, orders("2,000", "1.50")) == {}
    assert "amounts like 2,000" in remarks_of(tmp_path, orders("2,000", "15"))["ambiguous-value"]
    assert "another currency than EUR (JPY) are not counted" in remarks_of(tmp_path, in_currencies(("1", "EUR"), ("9", "JPY")))["other-currency"]
