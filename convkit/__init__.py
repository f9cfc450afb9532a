"""convkit: micro and macro conversion goals, funnels, drop-off, bounces and exits, straight from the access log.

The public functions are named as on the command line. They are imported on first use, so that `import convkit` costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from convkit.version import __version__

if TYPE_CHECKING:
    from convkit.api import Result, compare, load_goals, read_hits, read_records, read_sessions, report

__all__ = ["Result", "__version__", "compare", "load_goals", "read_hits", "read_records", "read_sessions", "report"]


def __getattr__(name: str) -> object:
    """Import a public name on first use (PEP 562)."""
    if name in __all__:
        return getattr(import_module("convkit.api"), name)
    msg = f"module 'convkit' has no attribute {name!r}"
    raise AttributeError(msg)


def __dir__() -> list[str]:
    """Return the public names only."""
    return [*__all__]
