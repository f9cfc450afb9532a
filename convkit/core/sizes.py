"""Sizes in bytes, as they are typed and shown."""

from __future__ import annotations

import re
import sys

_SIZE = re.compile(r"(\d{1,6}(?:\.\d{1,3})?) ?([KMGT])(i?)B?", re.IGNORECASE)
_POWERS = {"K": 1, "M": 2, "G": 3, "T": 4}
LEAST_ADDRESSES = 1536 << 20
"""The number of bytes of addresses below which Polars may crash, or wait for ever: its threads and allocator reserve most of them."""
LITTLE_MEMORY = 768 << 20
"""The number of bytes below which a run with `--memory` saves memory at the cost of time."""


def parse_size(text: str) -> int | None:
    """Return the number of bytes in a size like `1GiB` or `800MB`, or None if it is not one."""
    size = _SIZE.fullmatch(text.strip())
    if not size:
        return None
    number, unit, binary = size.groups()
    return int(float(number) * (1024 if binary else 1000) ** _POWERS[unit.upper()])


def address_limit() -> int:
    """Return the limit on the process's addresses in bytes (`ulimit -v`), which is very high if there is none."""
    try:
        import resource  # noqa: PLC0415 (not every system has it)
    except ImportError:
        return sys.maxsize
    limit = resource.getrlimit(resource.RLIMIT_AS)[0]
    return sys.maxsize if limit == resource.RLIM_INFINITY else limit


def size_text(size: int) -> str:
    """Return a number of bytes as text, like `1 GiB`."""
    prefix = next((prefix for prefix, power in reversed(_POWERS.items()) if size >= 1024**power), "K")
    return f"{size / 1024 ** _POWERS[prefix]:.3g} {prefix}iB"
