"""Every sentence of `compare` is in one golden file, and none claims too much.

After an intended change, `PYTHONPATH=.:tests python tests/comparison/test_wording.py --write` rewrites the file.
"""

from __future__ import annotations

import re
import sys
from functools import cache
from typing import TYPE_CHECKING

import pytest
from compared_sites import cases, drawn, report
from places import TESTS
from wording_rules import FORBIDDEN

if TYPE_CHECKING:
    from convkit.comparison.rows import Pair
    from convkit.core.document import Report

GOLDEN = TESTS / "golden" / "compare_words.txt"
VERDICTS = {
    False: {"rose", "fell", "did not move by more than 10%", "cannot tell"},
    True: {"higher", "lower", "differs by less than 10%", "cannot tell"},
}
"""The verdicts on two periods, and on two groups."""


@cache
def reports() -> dict[str, tuple[Pair, Report]]:
    """Return every case with its report; the reports are made only once."""
    return {name: (pair, report(pair)) for name, pair in cases()}


@cache
def expected() -> str:
    """Return the content of the golden file."""
    return "".join(f"=== {name}\n\n{drawn(comparison)}\n" for name, (_, comparison) in reports().items())


def test_every_sentence_is_as_in_the_golden_file() -> None:
    assert expected().splitlines() == GOLDEN.read_text(encoding="utf-8").splitlines()


def test_no_sentence_names_a_cause_or_is_too_certain() -> None:
    texts = [note.text for _, comparison in reports().values() for note in comparison.notes]
    assert len(texts) > 60
    assert [text for text in texts if FORBIDDEN.search(text)] == []


@pytest.mark.parametrize("are_groups", VERDICTS)
def test_there_are_four_verdicts_and_no_other_words(are_groups: bool) -> None:  # noqa: FBT001 (a parameter of the test)
    pairs = [comparison for pair, comparison in reports().values() if pair.sides.are_groups == are_groups]
    assert {verdict for comparison in pairs for verdict in comparison.frame["verdict"].drop_nulls()} == VERDICTS[are_groups]


def test_a_micro_goal_that_moved_is_mentioned_with_the_macro_goal() -> None:
    """Its sentence is followed by the verdict on the macro goal."""
    moved = [
        note.text for name, (_, comparison) in reports().items() if "nobody said" not in name for note in comparison.notes if note.code == "moved"
    ]
    sentences = [text for text in moved if "by chance" not in text]
    assert len(sentences) >= 8
    assert [text for text in sentences if not re.search(r"\. Purchases? (?:rose|fell|did not|are too few to tell|was never)", text)] == []


def test_cannot_tell_is_never_the_last_word() -> None:
    """If the macro goal is undecided, a sentence says how much data would decide it, or that nobody reached it."""
    for name, (pair, comparison) in reports().items():
        row = comparison.frame.filter(item="purchase", what="goal").row(0, named=True)
        codes = {note.code for note in comparison.notes}
        if pair.knows_macro and row["verdict"] == "cannot tell" and row["before"] + row["now"]:
            assert "would-tell" in codes, name


def test_caveats_come_before_the_verdicts() -> None:
    for _, comparison in reports().values():
        screen, codes = drawn(comparison), [note.code for note in comparison.notes]
        first = [note.text for note in comparison.notes if note.code in {"not-covered", "gaps", "lengths", "bots-differ", "unfinished", "in-both"}]
        joined = " ".join(screen.split())
        assert all(joined.index(" ".join(text.split())) < joined.index("verdict") for text in first)
        assert codes[0] == "sides"


if __name__ == "__main__":
    if sys.argv[1:] != ["--write"]:
        sys.exit(f"{__doc__}")
    GOLDEN.write_text(expected(), encoding="utf-8")
