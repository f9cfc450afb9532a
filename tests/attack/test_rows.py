"""Every known fault `F` and every threat `A` has a test: what once broke convkit, or could, is tried again with each change.

The modules of this folder name the test of each in `ROWS`: one of their own, or one elsewhere by its path. The threats are to outputs (1 to 8), goals
files (9 to 18), input bytes (19 to 32), files and processes (33 to 49), times (50 to 55) and the meaning of numbers (65 to 74); those to outputs
and a store that do not exist (5, 56 to 64) are left out.
"""

from __future__ import annotations

import ast
from pathlib import Path

FAULTS = {f"F{number}" for number in range(1, 47)}
THREATS = {f"A{number}" for number in (*range(1, 56), *range(65, 75))} - {"A5"}
TESTS = Path(__file__).parents[1]


def names_of(file: Path) -> set[str]:
    """Return the names of the tests in a module."""
    return {node.name for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))) if isinstance(node, ast.FunctionDef)}


def rows_of(file: Path) -> dict[str, str]:
    """Return the table of a module."""
    for node in ast.parse(file.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name) and node.targets[0].id == "ROWS":
            return dict(ast.literal_eval(node.value))
    return {}


def test_every_fault_and_every_threat_has_a_test() -> None:
    named = set[str]()
    for file in sorted(Path(__file__).parent.glob("test_*.py")):
        for row, tests in rows_of(file).items():
            for test in tests.split(" and "):
                module, _, name = test.rpartition("::") if "::" in test or "/" not in test else (test, "", "")
                place = TESTS.parent / module if module else file
                assert place.is_file(), (row, test)
                assert not name or name in names_of(place), (row, test)
            named.add(row.rstrip("abcd"))
    assert named == FAULTS | THREATS
