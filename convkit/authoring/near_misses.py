"""Near misses: why a goal never matches, and the requests in the log that come closest to it.

A goal's condition is evaluated on requests as they might have been: with another method, another status, or on no list.
"""

from __future__ import annotations

from difflib import get_close_matches
from itertools import product
from typing import TYPE_CHECKING

import polars as pl

from convkit.core import formatting, patterns
from convkit.core.formatting import plural
from convkit.core.text import safe

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from convkit.core.model import Goal

NEVER, ERRORS, BOTS = "never-matches", "only-errors", "only-bots"
"""The codes of what is found."""

_METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
_STATUSES = (200, 201, 206, 301, 302, 303, 307, 400, 401, 403, 404, 410, 422, 500, 503)
_NO_LIST = {"asset": False, "background": False, "download": False, "listed": False}
_WAYS: Mapping[str, Sequence[Mapping[str, object]]] = {
    "method": [{"method": method} for method in _METHODS],
    "status": [{"status": status} for status in _STATUSES],
    "list": [_NO_LIST, {**_NO_LIST, "download": True}],
}
"""How a request might have been otherwise."""
_FIRST_REDIRECT, _FIRST_ERROR = 300, 400
_MOST_REQUESTS, _MOST_PATHS, _MOST_NEAR, _LEAST_LIKE, _MUCH_LIKE, _SHORTEST_WORD = 2_000, 5_000, 3, 0.7, 0.8, 4
_LONGEST = 60
"""Characters of a pattern that are shown."""
_LISTS = {"asset": "assets", "background": "background requests", "download": "downloads"}


def explain(goal: Goal, shown: str, requests: pl.DataFrame) -> tuple[str, str]:
    """Return a code, and a sentence with the fix, of a goal that no session reached; `requests` are a survey's."""
    if not goal.named:
        return NEVER, f"{shown} is never reached: no session and no visitor completes it; ask for less"
    named = requests.filter(pl.any_horizontal(*goal.named))
    if named.height:
        return _unfinished(goal, shown, named)
    asked = sorted({name for expr in goal.named.values() for name in expr.meta.root_names() if "~" in name})
    tests = [name for name in asked if name.startswith(("path~", "event~"))]
    there = requests.filter(pl.any_horizontal(*tests)) if tests else requests
    if there.is_empty():
        return NEVER, f"{shown} never matches: {_nearest(tests, requests)}"
    fitting = _fitting(there, goal, ("method", "status", "list"))
    if fitting.is_empty():
        lacking = [name.removesuffix("~**").replace("~", ": ", 1) for name in asked if name not in tests and not there[name].any()]
        rest = " and ".join(lacking) or "all that the goal asks for at once"
        met = "all else" if tests in ([], ["path~**"]) else f"{_what(there, tests)} is there"
        return NEVER, f"{shown} never matches: {met} ({_hits(there)}), but never with {rest}; write what the log has"
    return _obstacle(goal, shown, fitting, _what(fitting, tests))


def _unfinished(goal: Goal, shown: str, named: pl.DataFrame) -> tuple[str, str]:
    """Say why hits that a goal names reach it in no session."""
    if named["is_bot"].all():
        fix = "bots.keep under `site` spares those that are none; else take the goal out"
        return BOTS, f"{shown} matches bots alone ({_hits(named)}, most of {_most(named)}); {fix}"
    people = named.filter(~pl.col("is_bot"))
    if people["is_excluded"].all():
        return NEVER, f"{shown} never matches: all its {_hits(people)} are of hosts, addresses or users that `site` leaves out; look there"
    if all(expr.meta.is_column() for expr in goal.turned):
        return NEVER, f"{shown} is never reached: all its {_hits(people)} stand outside sessions with a page, as those of an API do"
    states = "`at_least`, `stayed`, `visits` or `after`"
    return NEVER, f"{shown} is never reached: {_hits(people)} fit, but none completes what {states} asks for; ask for less"


def _fitting(requests: pl.DataFrame, goal: Goal, ways: Collection[str]) -> pl.DataFrame:
    """Return the requests, of the most frequent ones, that would fit if they had been otherwise in some ways."""
    asked = pl.any_horizontal(*goal.named.values()).fill_null(value=False)
    requests = requests.head(_MOST_REQUESTS).with_row_index("place")
    changed = [{name: value for change in changes for name, value in change.items()} for changes in product(*(_WAYS[way] for way in ways))]
    otherwise = pl.DataFrame(changed).cast({name: requests.schema[name] for name in changed[0]})
    fits = requests.drop(changed[0]).join(otherwise, how="cross").filter(asked)
    return requests.join(fits.select("place").unique(), on="place", how="semi", maintain_order="left").drop("place")


def _obstacle(goal: Goal, shown: str, fitting: pl.DataFrame, what: str) -> tuple[str, str]:
    """Say what stands between: the first way in which requests must be otherwise to fit, whatever the others."""
    if fitting["is_bot"].all():
        return BOTS, f"{shown} never matches: bots alone ask for {what} ({_hits(fitting)}); take the goal out"
    fitting = fitting.filter(~pl.col("is_bot"))
    if _fitting(fitting, goal, ("status", "list")).is_empty():
        methods = fitting["method"].drop_nulls().unique(maintain_order=True).to_list()
        fix = f"write {what}" if methods == ["GET"] else f"write {methods[0] if methods else 'GET'} {what}"
        return NEVER, f"{shown} never matches: {what} comes with {' and '.join(methods) or 'no method'} only ({_answers(fitting)}); {fix}"
    if _fitting(fitting, goal, ("method", "list")).is_empty():
        return _answered(shown, fitting, what)
    if _fitting(fitting, goal, ("method", "status")).is_empty():
        on = [name for column, name in _LISTS.items() if fitting[column].all()]
        if not on:
            return NEVER, f"{shown} never matches: {what} is there ({_hits(fitting)}), but no download by its ending; write it as a page"
        fix = f"name the file, like {fitting['path'][0]}"
        return NEVER, f"{shown} never matches: all {_hits(fitting)} of {what} are on the list of {on[0]}, off which no wildcard takes them; {fix}"
    return NEVER, f"{shown} never matches: {what} is there, but not as the goal asks for it ({_answers(fitting)}); write what the log has"


def _answered(shown: str, fitting: pl.DataFrame, what: str) -> tuple[str, str]:
    """Say which answers stand between."""
    status, hits = fitting["status"], _hits(fitting)
    if (status >= _FIRST_ERROR).all():
        return ERRORS, f"{shown} matches errors alone: {what} was never answered otherwise ({_answers(fitting)}); mend the site, or name the `status`"
    if status.is_between(_FIRST_REDIRECT, _FIRST_ERROR - 1).all() and (fitting["method"] == "GET").all():
        fix = f"name the page behind it, or write {{request: GET {what}, status: 3xx}}"
        return NEVER, f"{shown} never matches: {what} is always redirected ({_answers(fitting)}), and a redirected {what} is no {what}; {fix}"
    return NEVER, f"{shown} never matches: {what} is there ({hits}), but with another answer ({_answers(fitting)}); change its `status`"


def _nearest(tests: Sequence[str], requests: pl.DataFrame) -> str:
    """Name the paths or events that are written most like what was never met."""
    near: dict[str, int] = {}
    names = [patterns.split_named_column(test) for test in tests]
    seen = requests.filter(~pl.col("is_bot"), pl.col("status").is_null() | (pl.col("status") < _FIRST_ERROR))
    for column, pattern in names:
        known = seen.drop_nulls(column).select(_as_written(column, pattern), "n").drop_nulls().group_by("text").agg(pl.col("n").sum())
        known = known.sort("n", "text", descending=[True, False]).head(_MOST_PATHS)
        numbers = dict(known.rows())
        of_last = {_last(text): text for text in reversed(numbers)}
        same_end = [of_last[word] for word in get_close_matches(_last(pattern), of_last, _MOST_NEAR, _MUCH_LIKE) if len(word) >= _SHORTEST_WORD]
        near |= {text: numbers[text] for text in [*same_end, *get_close_matches(pattern, numbers, _MOST_NEAR, _LEAST_LIKE)] if text != pattern}
    sought = " or ".join(safe(pattern, _LONGEST) for _, pattern in names[:_MOST_NEAR])
    if not near:
        return f"nothing in the log is like {sought}; look at it, or take it out"
    shown = ", ".join(f"{text} ({formatting.count(number)})" for text, number in list(near.items())[:_MOST_NEAR])
    return f"nothing fits {sought}; nearest {'is' if len(near) == 1 else 'are'} {shown}"


def _last(path: str) -> str:
    return path.rpartition("/")[2]


def _as_written(column: str, pattern: str) -> pl.Expr:
    """Return paths as a pattern with wildcards would write them, null where it could write none so: /product/oak as /product/* for /produkt/*."""
    parts, path = pattern.split("/"), pl.col(column).str.split("/")
    if "*" not in pattern or column == "event" or "**" in parts[:-1] or pattern.startswith("re:"):
        return pl.col(column).alias("text")
    deep = path.list.len()
    fits = deep >= len(parts) if parts[-1] == "**" else deep == len(parts)
    found = [path.list.get(place, null_on_oob=True) for place in range(len(parts))]
    written = [pl.lit(part) if part in {"*", "**"} else of_path for part, of_path in zip(parts, found, strict=True)]
    if parts[-1].startswith("*."):
        written[-1] = pl.concat_str(pl.lit("*"), found[-1].str.extract(r"(\.\w+)$"))
    return pl.when(fits).then(pl.concat_str(written, separator="/")).alias("text")


def _what(requests: pl.DataFrame, tests: Sequence[str]) -> str:
    """Return what requests have in common, as a goals file would write it: their path, or the pattern that fits most of them."""
    met = {patterns.split_named_column(test)[1]: requests.filter(test)["n"].sum() for test in tests}
    return requests["path"][0] or "" if requests["path"].n_unique() == 1 or not met else max(met, key=lambda pattern: met[pattern])


def _most(requests: pl.DataFrame) -> str:
    return str(requests["path"][0] or requests["event"][0])


def _hits(requests: pl.DataFrame) -> str:
    return plural(int(requests["n"].sum()), "hit")


def _answers(requests: pl.DataFrame) -> str:
    """Return how often requests came with which method and answer, the most frequent first."""
    found = requests.group_by("method", "status").agg(pl.col("n").sum()).sort("n", "method", "status", descending=[True, False, False])
    said = [f"{formatting.count(n)} {method or 'without a method'} answered {status}" for method, status, n in found.rows()]
    more = len(said) - _MOST_NEAR
    return ", ".join([*said[:_MOST_NEAR], *([f"{more} others"] if more > 0 else [])])
