"""The paths of the project's files, for tests in all folders."""

from __future__ import annotations

from pathlib import Path

TESTS = Path(__file__).resolve().parent
ROOT = TESTS.parent
PACKAGE = ROOT / "convkit"
DATA = TESTS / "data"
GOLDEN = TESTS / "golden"
BENCH = TESTS / "bench"
SAMPLE = ROOT / "sample_logs" / "access.log.gz"
EXAMPLE_GOALS = ROOT / "goals.example.yaml"
PLUGIN_FOLDERS = ("cli.commands", "formats", "goals.kinds", "outputs", "reports")
