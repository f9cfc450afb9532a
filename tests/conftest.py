"""Settings of all tests: hypothesis without a deadline, because a slow machine is no mistake of the product; ids of visitors by one key.

No test makes or reads the key file of whoever runs it.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from hypothesis import settings

if TYPE_CHECKING:
    import pytest

os.environ["CONVKIT_KEY"] = "a key for tests"
settings.register_profile("without a deadline", deadline=None)
settings.load_profile("without a deadline")


COUNTED = {
    *("test_behaviour", "test_by_hand", "test_cli", "test_copies", "test_exports", "test_findings", "test_formats", "test_goal_kinds", "test_goals"),
    *("test_golden", "test_hits_report", "test_intake", "test_lines", "test_paths", "test_periods", "test_progress", "test_readme_damage"),
    *(
        "test_reading",
        "test_signals",
        "test_site",
        "test_sort",
        "test_stats",
        "test_strict_yaml",
        "test_surroundings",
        "test_terminal",
        "test_tolerant",
    ),
    *("test_check", "test_init", "test_visitor_ids", "test_where", "test_writing"),
}
"""The modules whose branches are counted: they reach nearly all. The others run the same lines over and over, at half as much again."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Count no coverage in modules that only repeat."""
    for item in items:
        if item.path.stem not in COUNTED:
            item.add_marker("no_cover")
