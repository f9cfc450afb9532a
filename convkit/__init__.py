"""convkit: micro and macro conversion goals, funnels, drop-off, bounces and exits, straight from the access log.

The public functions use the words of the command line. They are resolved when they are first asked for, so that `import convkit` costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from convkit.version import __version__

if TYPE_CHECKING:
    from convkit.comparison.report import compare
    from convkit.engine.pipeline import analyze, read_hits, read_records, run
    from convkit.goals.loader import load_goals
    from convkit.outputs import render

_PLACES = {
    "analyze": "engine.pipeline",
    "compare": "comparison.report",
    "load_goals": "goals.loader",
    "read_hits": "engine.pipeline",
    "read_records": "engine.pipeline",
    "render": "outputs",
    "run": "engine.pipeline",
}

__all__ = ["__version__", "analyze", "compare", "load_goals", "read_hits", "read_records", "render", "run"]


def __getattr__(name: str) -> object:
    """Import a public function when it is asked for (PEP 562)."""
    if name in _PLACES:
        return getattr(import_module(f"convkit.{_PLACES[name]}"), name)
    msg = f"module 'convkit' has no attribute {name!r}"
    raise AttributeError(msg)
