"""Which agents are no people: the maintained list of crawler-user-agents, and agents that say nothing.

It stands alone because the list is somebody else's and grows by the month.
"""

from __future__ import annotations

import json
import re
from functools import cache
from importlib.metadata import distribution, version
from pathlib import Path

import polars as pl

LIST = "crawler-user-agents"
_FILE = "crawleruseragents/crawler-user-agents.json"
LISTED, SILENT = "agent is on the list of crawlers", "agent says nothing"
"""The reasons, as they stand in JSON's `input`."""

_ESCAPED = re.compile(r"\\([^A-Za-z0-9])")
_SPECIAL = set("^$*+?()[]{}|.\\")


@cache
def _patterns() -> tuple[tuple[str, ...], str]:
    """Return the list's plain texts and one regular expression of all others."""
    # Read as data: the package's own module compiles every pattern when it is imported, and reads the list in whatever encoding the locale has.
    listed = json.loads(Path(str(distribution(LIST).locate_file(_FILE))).read_text(encoding="utf-8"))
    texts, expressions = [], []
    for pattern in (entry["pattern"] for entry in listed):
        bare = _ESCAPED.sub("", pattern)
        if _SPECIAL & set(bare):
            expressions.append(f"(?:{pattern})")
        else:
            texts.append(_ESCAPED.sub(r"\1", pattern))
    return tuple(texts), "|".join(expressions)


def list_version() -> str:
    """Return which edition of the list decides."""
    return f"{LIST} {version(LIST)}"


def reason(agent: pl.Expr) -> pl.Expr:
    """Return why an agent is a bot's, null for a person's; a null agent (the format has none) is no bot."""
    texts, expressions = _patterns()
    listed = agent.str.contains_any(list(texts)) | agent.str.contains(expressions)
    return pl.when(agent.str.strip_chars() == "").then(pl.lit(SILENT)).when(listed).then(pl.lit(LISTED))
