"""Programs by user agent: libraries, native apps, probes and tools, whose user agents are not those of a browser.

The rules are in `data/programs.txt` and `data/browsers.txt`. Browsers and web views in apps begin with `Mozilla/` or `Opera/`, or are listed.
"""

from __future__ import annotations

import re
from collections import Counter
from functools import cache
from typing import TYPE_CHECKING

import polars as pl

from convkit.core import datafiles
from convkit.core.document import Note
from convkit.core.formatting import count, plural, were
from convkit.core.text import safe
from convkit.formats.parsers import masking

if TYPE_CHECKING:
    from collections.abc import Mapping

    from convkit.core.model import Goals

_NAME, _SIGN, _IGNORED = "name", "sign", "ignored"
"""The kinds of lines in `data/browsers.txt`."""
_PRODUCT = re.compile(r"[^/(\s]+(?: [^/(\s]+)*")
"""Matches the name before the version of a product."""
_MOST_PROGRAMS, _LONGEST_AGENT = 3, 60
"""The maximum number of programs that are named, and the number of characters of each."""
PROGRAM_CLASS = "program"
"""The class of programs that are nothing more specific."""


def without_browser_names(agent: pl.Expr) -> pl.Expr:
    """Return a user agent without the names of browsers and phones that an entry of the crawler list would match."""
    return agent.str.replace_all(_browser_pattern(_IGNORED), "")


def is_program(agent: pl.Expr) -> pl.Expr:
    """Return whether a user agent is not a browser's; null for a null agent."""
    matches = agent.map_batches(_match_rules, return_dtype=pl.Boolean(), is_elementwise=True)
    is_named, has_sign = (agent.str.contains(_browser_pattern(kind)) for kind in (_NAME, _SIGN))
    return ~is_named & (matches | ~has_sign)


def _match_rules(agents: pl.Series) -> pl.Series:
    """Return whether user agents match one of the rules for programs.

    One expression for all patterns takes a fraction of the time of one for each, and hardly any user agent matches.
    """
    agent, rules = pl.col("agent"), datafiles.rules("programs")
    frame = agents.to_frame("agent")
    plain = "|".join(f"(?:{pattern})" for _, pattern, missing in rules if not missing)
    every = "|".join(f"(?:{pattern})" for _, pattern, _ in rules)
    matches = frame.select(_matches(agent, every, "")).to_series()
    rows = matches.arg_true()
    if rows.is_empty():
        return matches
    with_exceptions = [_matches(agent, pattern, missing) for _, pattern, missing in rules if missing]
    return matches.scatter(rows, frame[rows].select(pl.any_horizontal(_matches(agent, plain, ""), *with_exceptions)).to_series())


def class_of_program(agent: pl.Expr) -> pl.Expr:
    """Return the class of a program's user agent: that of the first rule that matches, else `program`."""
    by_rule = (pl.when(_matches(agent, pattern, missing)).then(pl.lit(class_)) for class_, pattern, missing in datafiles.rules("programs"))
    return pl.coalesce(*by_rule, pl.lit(PROGRAM_CLASS))


def product(agent: str) -> str:
    """Return the name of a program as `bots.keep` may list it: what its user agent begins with, or all of one that begins like a browser's."""
    name = _PRODUCT.match(agent)
    return agent if name is None or name[0].lower() in {"mozilla", "opera"} else name[0]


def _matches(agent: pl.Expr, pattern: str, missing: str) -> pl.Expr:
    """Return whether a user agent matches `pattern` but not `missing`, unless that is empty."""
    matches = without_browser_names(agent).str.contains(f"(?i){pattern}")
    return matches & ~agent.str.contains(f"(?i){missing}") if missing else matches


@cache
def _browser_pattern(kind: str) -> str:
    """Return one regular expression for all patterns of a kind."""
    return "(?i)" + "|".join(f"(?:{pattern})" for word, pattern, _ in datafiles.rules("browsers") if word == kind)


def conversions_note(conversions: Mapping[str, int], goals: Goals) -> Note:
    """Return the note on conversions by user agent of programs."""
    by_name = Counter[str]()
    for agent, number in conversions.items():
        by_name[product(agent)] += number
    largest = sorted(by_name.items(), key=lambda item: (-item[1], item[0]))
    shown = [f"{safe(masking.mask_people(name), _LONGEST_AGENT)} ({count(number)})" for name, number in largest[:_MOST_PROGRAMS]]
    more = [f"{count(len(largest) - _MOST_PROGRAMS)} more"] if len(largest) > _MOST_PROGRAMS else []
    number = by_name.total()
    reached = f"reached {goals.macros[0].name}" if len(goals.macros) == 1 else "converted"
    sessions = f"{plural(number, 'session')} that {reached} {were(number)} excluded as programs, judging by user agents that are not a browser's"
    return Note("programs-converted", f"{sessions}: {', '.join([*shown, *more])}. If these are people, list them under bots.keep in goals.yaml.")
