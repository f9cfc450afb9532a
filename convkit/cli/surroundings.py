"""The environment that a run relies on: set before Polars loads, so that nothing left in a shell changes a figure.

It stands alone because it must come first, and because only the program may do this: a library leaves its user's environment alone.
"""

from __future__ import annotations

import codecs
import locale
import os
import warnings
from contextlib import suppress

_UTF_8 = "C.UTF-8"
_SIZES = ("COLUMNS", "LINES")
_POLARS = "POLARS_"
_THE_USER_S = (
    "ALLOW_UNSECURED_TEMP_DIR",
    "CLOUD_",
    "FORCE_PKG",
    "MAX_THREADS",
    "OOC_",
    "OOMKILL_",
    "OVERRIDE_TOTAL_MEMORY_MB",
    "PREFER_PKG",
    "SKIP_CPU_CHECK",
    "TEMP_DIR",
    "THP",
)
"""What says how much of the machine to use, and where: it changes no figure. All else chooses engines, prints, or splits the work in other ways."""

_ALLOCATOR = "_RJEM_MALLOC_CONF"
"""Where the allocator of Polars, jemalloc as Rust names it, looks for its settings when it is loaded."""


def settle() -> None:
    """Take out of the environment what would change results or write on standard error."""
    for name in [name for name in os.environ if name.startswith(_POLARS)]:
        if not name.removeprefix(_POLARS).startswith(_THE_USER_S):
            del os.environ[name]
    # Memory that one thread gives back serves the others: with four pools a core, as is usual, a run takes an eighth more of it and a little longer.
    os.environ.setdefault(_ALLOCATOR, f"narenas:{os.cpu_count() or 1}")
    for name in _SIZES:
        size = os.environ.get(name, "")
        if not (size.isascii() and size.isdecimal()):
            # Rich takes other digits for a number, too, and fails.
            os.environ.pop(name, None)
    if codecs.lookup(locale.getencoding()).name != "utf-8":
        # Packages read files of their own in the locale's encoding where they name none.
        with suppress(locale.Error):
            locale.setlocale(locale.LC_CTYPE, _UTF_8)
    if os.environ.get("PYTHONWARNINGS"):
        # What it asks for is about Python programs; those who run this one did not write it.
        warnings.simplefilter("ignore")
