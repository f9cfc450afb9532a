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

from convkit.core import patterns
from convkit.core.patterns import is_whole_pattern
from convkit.core.schema import TEXT

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from convkit.core.definitions import Site


LIST = "crawler-user-agents"
_FILE = "crawleruseragents/crawler-user-agents.json"
DROPPED, LISTED, SILENT = "agent is in bots.drop", "agent is on the list of crawlers", "agent says nothing"
"""The reasons, as they stand in JSON's `input`."""

OWN, NO_AGENT, BY_BEHAVIOUR, UNKNOWN = "bots.drop", "no-agent", "behaviour", "other"
"""Classes of bots that the list does not tell: its own classes are words like `search-engine`."""
_GENERAL = ("browser-automation", "http-library")
"""Classes that say how something was sent: where another says what for, that one is told."""

_ESCAPED = re.compile(r"\\([^A-Za-z0-9])")
_SPECIAL = set("^$*+?()[]{}|.\\")


@cache
def _patterns() -> dict[str, tuple[tuple[str, ...], str]]:
    """Return by class the list's plain texts and one regular expression of all others, in the order in which classes are told."""
    # Read as data: the package's own module compiles every pattern when it is imported, and reads the list in whatever encoding the locale has.
    listed = json.loads(Path(str(distribution(LIST).locate_file(_FILE))).read_text(encoding="utf-8"))
    texts: dict[str, list[str]] = {}
    expressions: dict[str, list[str]] = {}
    for entry in listed:
        pattern, class_ = entry["pattern"], next(iter(entry.get("tags", [])), UNKNOWN)
        bare = _ESCAPED.sub("", pattern)
        for found in (texts, expressions):
            found.setdefault(class_, [])
        if _SPECIAL & set(bare):
            expressions[class_].append(f"(?:{pattern})")
        else:
            texts[class_].append(_ESCAPED.sub(r"\1", pattern))
    return {class_: (tuple(texts[class_]), "|".join(expressions[class_])) for class_ in sorted(texts, key=lambda class_: class_ in _GENERAL)}


@cache
def list_version() -> str:
    """Return which edition of the list decides."""
    return f"{LIST} {version(LIST)}"


def is_among(agent: pl.Expr, texts: Iterable[str]) -> pl.Expr:
    """Tell whether an agent is one of those that texts of `site.bots` name; a null agent is none."""
    named = [agent.str.contains(patterns.to_regex(text) if is_whole_pattern(text) else f"(?i){re.escape(text)}") for text in texts]
    return pl.any_horizontal(pl.lit(value=False), *named).fill_null(value=False)


def reason(agent: pl.Expr, dropped: Iterable[str] = ()) -> pl.Expr:
    """Return why an agent is a bot's, null for a person's; a null agent (the format has none) is no bot."""
    of_classes = _patterns().values()
    listed = _is_listed(agent, [text for texts, _ in of_classes for text in texts], "|".join(found for _, found in of_classes if found))
    own = pl.when(is_among(agent, dropped)).then(pl.lit(DROPPED))
    return own.when(agent.str.strip_chars() == "").then(pl.lit(SILENT)).when(listed).then(pl.lit(LISTED))


def _is_listed(agent: pl.Expr, texts: Sequence[str], expression: str) -> pl.Expr:
    """Tell whether an agent holds one of some texts, or what fits an expression, where there are any."""
    found = [agent.str.contains_any(list(texts))] * bool(texts) + [agent.str.contains(expression)] * bool(expression)
    return pl.any_horizontal(*found)


def class_of(agent: pl.Expr, reason: pl.Expr) -> pl.Expr:
    """Return the class of bots that an agent is of which is one for a `reason`: what it is for, as the list says, or how else it was told."""
    by_reason = {DROPPED: OWN, SILENT: NO_AGENT}
    listed = pl.coalesce(*(pl.when(_is_listed(agent, *of_class)).then(pl.lit(class_)) for class_, of_class in _patterns().items()), pl.lit(UNKNOWN))
    return pl.when(reason == LISTED).then(listed).otherwise(reason.replace_strict(by_reason, default=BY_BEHAVIOUR, return_dtype=pl.String))


def told(agent: pl.Expr, site: Site, mode: str) -> dict[str, pl.Expr]:
    """Return what an agent tells: `bot`, why it is a bot's, null for a person's, and whether it is `spared`, whatever else there is against it."""
    spared = is_among(agent, site.bots_keep) | pl.lit(mode == "keep")
    return {"spared": spared, "bot": pl.when(~spared).then(reason(agent, site.bots_drop)).cast(TEXT)}
