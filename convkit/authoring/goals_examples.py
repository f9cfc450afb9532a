"""Goals files to start from, for a kind of site each, as they stand in `data/examples`.

It stands alone because a further example is one more file there, and nothing else.
"""

from __future__ import annotations

from importlib.resources import files

_ENDING = ".yaml"


def examples() -> tuple[str, ...]:
    """Return the names of all examples."""
    return tuple(sorted(entry.name.removesuffix(_ENDING) for entry in files("convkit").joinpath("data", "examples").iterdir()))


def example(name: str) -> str:
    """Return the text of an example."""
    return files("convkit").joinpath("data", "examples", f"{name}{_ENDING}").read_text(encoding="utf-8")
