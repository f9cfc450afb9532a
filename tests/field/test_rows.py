"""Every case of the field has a test: access logs `a`, events `e`, faults met on whole logs `F`; `ap` and `ep` were right from the beginning."""

from __future__ import annotations

import ast
from pathlib import Path

CASES = {
    "a": "01 02 03 04 05 08 10 12 14 16 17 20 21 23 24 25 26 28 30 31 32 33 35 37 38 39 40 42",
    "e": "01 04 06 07 10 12 14 16 18 19 20 21 23 24 26 28 30 32 33 34 36 38 39 41 43 44 46 47 48 51 51b 53 54 56 57 58 59 60 62",
    "F": "1 2 3 4 5 6 7 8 9 11 12 13 15 16",
    "ap": "01 02 03 05 07 08 10 11 13 14 16 17 19 20",
    "ep": "01 03 04 06 07",
}


def rows_and_tests(file: Path) -> tuple[dict[str, str], set[str]]:
    """Return the cases that a module says it tests, with the names of their tests, and the names of all its tests."""
    body = ast.parse(file.read_text(encoding="utf-8")).body
    assigned = {node.targets[0].id: node.value for node in body if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name)}
    return ast.literal_eval(assigned["ROWS"]), {node.name for node in body if isinstance(node, ast.FunctionDef)}


def test_every_case_has_a_test() -> None:
    """Each module names the test of each of its cases, and the tests exist."""
    rows = []
    for file in sorted(Path(__file__).parent.glob("test_*.py")):
        if file.stem != Path(__file__).stem:
            named, tests = rows_and_tests(file)
            assert {*named.values()} <= tests, file.stem
            rows += named
    assert sorted({*rows}) == sorted(f"{kind}{number}" for kind, numbers in CASES.items() for number in numbers.split())
