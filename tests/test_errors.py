"""Exit codes are an interface: their numbers, their order, and what the documentation says about them."""

from __future__ import annotations

import signal

import pytest

from convkit.errors import ExitCode, gravest

CODES = {
    "OK": 0, "BUG": 1, "USAGE": 2, "INPUT": 3, "LOST": 4, "STORE": 5, "OUTPUT": 6, "THRESHOLD": 10,
    "HANGUP": 128 + signal.SIGHUP, "INTERRUPTED": 128 + signal.SIGINT, "TERMINATED": 128 + signal.SIGTERM,
}  # fmt: skip


def test_codes_are_never_changed() -> None:
    assert {code.name: code.value for code in ExitCode} == CODES


@pytest.mark.parametrize(
    ("codes", "one"),
    [
        ([], 0),
        ([10], 10),
        ([10, 4], 4),
        ([4, 10, 3], 3),
        ([3, 4, 5, 10], 5),
        ([10, 4, 3, 5, 6], 6),
        ([0, 10, 0], 10),
        ([0], 0),
    ],
)
def test_the_most_serious_of_several_codes_is_returned(codes: list[int], one: int) -> None:
    assert gravest([ExitCode(code) for code in codes]) == one
