"""Bots: how they are recognised, by user agent or behaviour, and how many lines they sent.

User agents are judged by `site.bots`, by the crawler-user-agents list, and by whether they are empty or not a browser's; visitors are judged by all
of their requests and the responses. Behaviour is judged only in access logs: rows of exports never make a visitor a bot.
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
from convkit.core.conditions import any_of
from convkit.core.document import Note
from convkit.core.patterns import is_whole_pattern
from convkit.core.quality import BotAgent, Quality
from convkit.core.schema import TEXT, is_kind
from convkit.formats.parsers import masking
from convkit.traffic import programs

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from convkit.core.model import Site


CRAWLER_LIST = "crawler-user-agents"
_FILE = "crawleruseragents/crawler-user-agents.json"
DROPPED, LISTED, MISSING_AGENT = "user agent matches bots.drop", "user agent is on the crawler list", "no user agent"
PROGRAM = "user agent is not a browser"
"""The reasons based on the user agent, as they appear in `input` in the JSON output."""

OWN_CLASS, NO_AGENT_CLASS, BEHAVIOUR_CLASS, OTHER_CLASS = "bots.drop", "no-agent", "behaviour", "other"
"""Classes of bots in addition to those on the list, which are words like `search-engine`."""
_GENERAL_CLASSES = ("browser-automation", "http-library")
"""Classes that describe how requests were sent; a class that describes their purpose takes precedence."""

_ESCAPED = re.compile(r"\\([^A-Za-z0-9])")
_SPECIAL = set("^$*+?()[]{}|.\\")

FAST_PAGES, FAST_SECONDS = 180, 180
"""A visitor who views more than this many pages within this many seconds is a bot."""
SCANNED_PATHS = 2
"""A visitor who requests this many different paths that only scanners request is a bot, whatever else it requests."""
ROBOTS_TXT = "requested robots.txt"
SCANNER = "requested paths that only scanners request"
FAST = f"more than {FAST_PAGES} pages in {FAST_SECONDS} seconds"
ONLY_HEAD = "sent only HEAD requests"
ONLY_ERRORS = "received only 4xx responses"
"""The reasons based on behaviour, as they appear in `input` in the JSON output; only the first one that applies is given."""
_BY_REASON = {"robots": ROBOTS_TXT, "scanner": SCANNER, "fast": FAST, "only_head": ONLY_HEAD, "only_errors": ONLY_ERRORS}
_MOST_AGENTS = 5
"""The maximum number of user agents that are listed."""


@cache
def _patterns() -> dict[str, tuple[tuple[str, ...], str]]:
    """Return each class on the list, in order of precedence: its plain strings, and one regular expression for all its other patterns."""
    # The file is read directly: the package's own module compiles every pattern on import, and reads the list in the locale's encoding.
    listed = json.loads(Path(str(distribution(CRAWLER_LIST).locate_file(_FILE))).read_text(encoding="utf-8"))
    texts: dict[str, list[str]] = {}
    expressions: dict[str, list[str]] = {}
    for entry in listed:
        pattern, class_ = entry["pattern"], next(iter(entry.get("tags", [])), OTHER_CLASS)
        bare = _ESCAPED.sub("", pattern)
        for by_class in (texts, expressions):
            by_class.setdefault(class_, [])
        if _SPECIAL & set(bare):
            expressions[class_].append(f"(?:{pattern})")
        else:
            texts[class_].append(_ESCAPED.sub(r"\1", pattern))
    return {class_: (tuple(texts[class_]), "|".join(expressions[class_])) for class_ in sorted(texts, key=lambda class_: class_ in _GENERAL_CLASSES)}


@cache
def list_version() -> str:
    """Return the name and version of the crawler list."""
    return f"{CRAWLER_LIST} {version(CRAWLER_LIST)}"


def is_named(agent: pl.Expr, texts: Iterable[str]) -> pl.Expr:
    """Return whether an entry in `site.bots` matches a user agent; none matches a null agent."""
    named = [agent.str.contains(patterns.to_regex(text) if is_whole_pattern(text) else f"(?i){re.escape(text)}") for text in texts]
    return any_of(matches.fill_null(value=False) for matches in named)


def agent_reason(agent: pl.Expr, dropped: Iterable[str] = ()) -> pl.Expr:
    """Return why a user agent is a bot, or null for people; a null agent (the format has no user agents) is not a bot."""
    classes = _patterns().values()
    named = programs.without_browser_names(agent)
    listed = _is_listed(named, [text for texts, _ in classes for text in texts], "|".join(expression for _, expression in classes if expression))
    own = pl.when(is_named(agent, dropped)).then(pl.lit(DROPPED))
    by_lists = own.when(agent.str.strip_chars() == "").then(pl.lit(MISSING_AGENT)).when(listed).then(pl.lit(LISTED))
    return by_lists.when(programs.is_program(agent)).then(pl.lit(PROGRAM))


def _is_listed(agent: pl.Expr, texts: Sequence[str], expression: str) -> pl.Expr:
    """Return whether a user agent contains one of the strings or matches the expression; both may be empty."""
    matches = [agent.str.contains_any(list(texts))] * bool(texts) + [agent.str.contains(expression)] * bool(expression)
    return pl.any_horizontal(*matches)


def class_of(agent: pl.Expr, reason: pl.Expr) -> pl.Expr:
    """Return the class of a bot, given the `reason` why it is one: its purpose according to the list, else how it was recognised."""
    by_reason = {DROPPED: OWN_CLASS, MISSING_AGENT: NO_AGENT_CLASS}
    named = programs.without_browser_names(agent)
    listed = pl.coalesce(
        *(pl.when(_is_listed(named, *of_class)).then(pl.lit(class_)) for class_, of_class in _patterns().items()), pl.lit(OTHER_CLASS)
    )
    others = reason.replace_strict(by_reason, default=BEHAVIOUR_CLASS, return_dtype=pl.String)
    return pl.when(reason == LISTED).then(listed).when(reason == PROGRAM).then(programs.class_of_program(agent)).otherwise(others)


def judge_agents(agent: pl.Expr, site: Site, mode: str) -> dict[str, pl.Expr]:
    """Return the columns `bot` (why a user agent is a bot, or null for people) and `exempt` (whether its visitors are never taken for bots)."""
    exempt = is_named(agent, site.bots_keep) | pl.lit(mode == "keep")
    return {"exempt": exempt, "bot": pl.when(~exempt).then(agent_reason(agent, site.bots_drop)).cast(TEXT)}


def detection_note(mode: str) -> Note:
    """Return the note on how bots are identified and whether they are counted; `mode` is one of BOT_MODES."""
    how = f"by user agent (list: {list_version()}), missing user agent, or behaviour"
    texts = {"drop": f"Bots were excluded {how}.", "keep": "Bots are counted like people.", "only": f"Only bots are counted, recognised {how}."}
    return Note("bots", texts[mode])


def behaviour_reasons(hits: pl.LazyFrame) -> pl.LazyFrame:
    """Return `visitor, behaviour`: the visitors who are bots by behaviour, and the reason why.

    `hits` are all hits of visitors except assets: `visitor, time, kind, method, path, status, user_agent, has_assets`, and whether they requested
    robots.txt (`robots`) or a path that scanners try (`scanner`).
    """
    behaviours = _suspects(hits).join(_fast(hits), on="visitor", how="full", coalesce=True)
    first = pl.coalesce(pl.when(name).then(pl.lit(reason)) for name, reason in _BY_REASON.items())
    return behaviours.select("visitor", behaviour=first.cast(TEXT)).filter(pl.col("behaviour").is_not_null())


def is_by_behaviour(reason: pl.Expr) -> pl.Expr:
    """Return whether a reason is one based on behaviour."""
    return reason.cast(pl.String).is_in(list(_BY_REASON.values()))


def add_reasons(hits: pl.DataFrame, behaviours: pl.DataFrame) -> pl.DataFrame:
    """Add `reason`: why the visitor is a bot, or null for people; the user agent takes precedence over behaviour (`visitor, behaviour`)."""
    # Few visitors are bots by behaviour: a lookup is enough, while a join would copy every column.
    behaviour = pl.col("visitor").replace_strict(behaviours["visitor"], behaviours["behaviour"], default=None, return_dtype=TEXT)
    judged = hits.with_columns(reason=pl.coalesce("bot", pl.when(~pl.col("exempt")).then(behaviour)))
    return judged.drop("bot", "exempt", "robots", "scanner")


def _suspects(hits: pl.LazyFrame) -> pl.LazyFrame:
    """Return `visitor, robots, scanner, only_head, only_errors` for the few visitors with a suspicious hit."""
    status, is_answered = pl.col("status"), pl.col("status").is_not_null()
    robots, scanner = pl.col("robots") & is_answered, pl.col("scanner") & is_answered
    is_head = pl.col("method").eq_missing(pl.lit("HEAD"))
    is_error = status.is_between(400, 499).fill_null(value=False)
    suspects = hits.filter(robots | scanner | is_head | is_error).select("visitor").unique()
    is_alone = _is_alone().all()
    # The response to a path that scanners try is not a page that a person read.
    is_page = is_kind("page") & status.is_between(200, 299) & ~pl.col("scanner")
    return (
        hits.join(suspects, on="visitor", how="semi")
        .group_by("visitor")
        .agg(
            robots=robots.any() & is_alone,
            scanner=(pl.col("path").filter(scanner).n_unique() >= SCANNED_PATHS) | (scanner.any() & ~is_page.any()),
            only_head=is_head.all(),
            only_errors=is_error.all() & is_alone,
        )
    )


def _is_alone() -> pl.Expr:
    """Return whether a hit's visitor can be one program, not several people: its user agent is logged, and it loaded no static files."""
    return pl.col("user_agent").is_not_null() & ~pl.col("has_assets").fill_null(value=False)


def _fast(hits: pl.LazyFrame) -> pl.LazyFrame:
    """Return `visitor, fast` for those who viewed pages too fast: a page and the 180th after it are at most 180 seconds apart."""
    pages = hits.filter(is_kind("page") & pl.col("status").is_not_null() & _is_alone()).select("visitor", "time")
    busy = pages.group_by("visitor").len().filter(pl.col("len") > FAST_PAGES)
    ordered = pages.join(busy, on="visitor", how="semi").sort("visitor", "time")
    is_same = pl.col("visitor") == pl.col("visitor").shift(FAST_PAGES)
    is_soon = pl.col("time") - pl.col("time").shift(FAST_PAGES) <= pl.duration(seconds=FAST_SECONDS)
    return ordered.filter(is_same & is_soon).select("visitor").unique().with_columns(fast=True)


def tally_bot_lines(fates: pl.DataFrame) -> pl.DataFrame:
    """Return `user_agent, reason, is_excluded, lines, macro`: how many lines bots sent, and how many of them a macro goal names.

    `fates` has the `fate, reason, user_agent, macro` of all lines.
    """
    is_sent = pl.col("reason").is_not_null() & ~pl.col("fate").is_in(["asset", "excluded"])
    counted = (
        fates.filter(is_sent)
        .group_by("user_agent", "reason", is_excluded=pl.col("fate") == "bot")
        .agg(lines=pl.len().cast(pl.Int64), macro=pl.col("macro").sum().cast(pl.Int64))
    )
    return counted.with_columns(pl.col("user_agent", "reason").cast(pl.String))


def quality_of_bots(counted: pl.DataFrame) -> Quality:
    """Return the part of the quality summary about bots, from a tally of `tally_bot_lines`."""
    if counted.is_empty():
        return Quality(bot_list=list_version())
    agents = counted.with_columns(class_=class_of(pl.col("user_agent"), pl.col("reason")))
    excluded = agents.filter("is_excluded").group_by("class_").agg(pl.col("lines").sum()).sort("lines", "class_", descending=[True, False])
    most = agents.group_by("user_agent", "reason", "class_").agg(pl.col("lines").sum())
    most = most.sort("lines", "user_agent", "reason", descending=[True, False, False]).head(_MOST_AGENTS)
    return Quality(
        bot_list=list_version(),
        bot_classes=dict(excluded.rows()),
        bot_agents=tuple(BotAgent(masking.mask_people(agent or ""), lines, reason, class_) for agent, reason, class_, lines in most.rows()),
    )
