"""Which agents are no people: the site's own, the maintained list of crawler-user-agents, and agents that say nothing.

It stands alone because the list is somebody else's and grows by the month.
"""

from __future__ import annotations

import json
import re
from functools import cache
from importlib.metadata import distribution, version
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl

from convkit import patterns
from convkit.schema import TEXT

if TYPE_CHECKING:
    from collections.abc import Iterable

    from convkit.definitions import Site

LIST = "crawler-user-agents"
_FILE = "crawleruseragents/crawler-user-agents.json"
DROPPED, LISTED, SILENT = "agent is in bots.drop", "agent is on the list of crawlers", "agent says nothing"
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


def is_pattern(text: str) -> bool:
    """Tell whether a text of `site.bots` is a pattern of the whole agent; any other is a part of the agent, in any case."""
    return "*" in text or text.startswith("re:")


def is_among(agent: pl.Expr, texts: Iterable[str]) -> pl.Expr:
    """Tell whether an agent is one of those that texts of `site.bots` name; a null agent is none."""
    named = [agent.str.contains(patterns.to_regex(text) if is_pattern(text) else f"(?i){re.escape(text)}") for text in texts]
    return pl.any_horizontal(pl.lit(value=False), *named).fill_null(value=False)


def reason(agent: pl.Expr, dropped: Iterable[str] = ()) -> pl.Expr:
    """Return why an agent is a bot's, null for a person's; a null agent (the format has none) is no bot."""
    texts, expressions = _patterns()
    listed = agent.str.contains_any(list(texts)) | agent.str.contains(expressions)
    own = pl.when(is_among(agent, dropped)).then(pl.lit(DROPPED))
    return own.when(agent.str.strip_chars() == "").then(pl.lit(SILENT)).when(listed).then(pl.lit(LISTED))


def told(agent: pl.Expr, site: Site, mode: str) -> dict[str, pl.Expr]:
    """Return what an agent tells: `bot`, why it is a bot's, null for a person's, and whether it is `spared`, whatever else there is against it."""
    spared = is_among(agent, site.bots_keep) | pl.lit(mode == "keep")
    return {"spared": spared, "bot": pl.when(~spared).then(reason(agent, site.bots_drop)).cast(TEXT)}
