"""Near misses: why a goal never matches, and the requests in the log that come closest to it.

The goal's condition is evaluated on altered requests: with another method, with another status, or as if they were not on any of the lists (assets,
background requests, downloads).
"""

from __future__ import annotations

from difflib import get_close_matches
from itertools import product
from typing import TYPE_CHECKING

import polars as pl

from convkit.authoring.survey import OUTSIDE
from convkit.core import formatting, patterns
from convkit.core.formatting import plural
from convkit.core.text import safe

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from convkit.authoring.survey import Survey
    from convkit.core.model import Goal

NEVER, ERRORS, BOTS = "never-matches", "only-errors", "only-bots"
"""The codes of the remarks made here."""

_METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
_STATUSES = (200, 201, 206, 301, 302, 303, 307, 400, 401, 403, 404, 410, 422, 500, 503)
_UNLISTED = {"asset": False, "background": False, "download": False, "listed": False, "subrequest": False}
_ALTERATIONS: Mapping[str, Sequence[Mapping[str, object]]] = {
    "method": [{"method": method} for method in _METHODS],
    "status": [{"status": status} for status in _STATUSES],
    "list": [_UNLISTED, {**_UNLISTED, "download": True}],
}
"""The ways in which requests are altered."""
_FIRST_REDIRECT, _FIRST_ERROR = 300, 400
_MOST_REQUESTS, _MOST_PATHS, _MOST_CLOSE, _SIMILAR, _VERY_SIMILAR, _SHORTEST_WORD = 2_000, 5_000, 3, 0.7, 0.8, 4
_LONGEST = 60
"""The maximum length of a pattern in a sentence."""
_LISTS = {"asset": "assets", "background": "background requests", "download": "downloads"}


def explain(goal: Goal, label: str, survey: Survey) -> tuple[str, str]:
    """Return a code, and a sentence that suggests a fix, for a goal that no session reached."""
    requests = survey.requests
    if not goal.named:
        return NEVER, f"{label} is never reached: no session or visitor meets its condition; make it less strict"
    named = requests.filter(pl.any_horizontal(*goal.named))
    if named.height:
        return _unfinished(goal, label, named)
    not_counted = survey.others.filter(pl.any_horizontal(*goal.named)) if survey.others.height else survey.others
    if not_counted.height:
        return NEVER, _not_counted(label, not_counted)
    tests = sorted({name for expr in goal.named.values() for name in expr.meta.root_names() if "~" in name})
    path_tests = [name for name in tests if name.startswith(("path~", "event~"))]
    candidates = requests.filter(pl.any_horizontal(*path_tests)) if path_tests else requests
    if candidates.is_empty():
        return NEVER, f"{label} never matches: {_closest(path_tests, survey)}"
    fitting = _fitting(candidates, goal, ("method", "status", "list"))
    if fitting.is_empty():
        unmet = [name.removesuffix("~**").replace("~", ": ", 1) for name in tests if name not in path_tests and not candidates[name].any()]
        rest = " and ".join(unmet) or "everything the goal asks for at once"
        met = "its other conditions are met" if path_tests in ([], ["path~**"]) else f"{_common_path(candidates, path_tests)} occurs"
        return NEVER, f"{label} never matches: {met} ({_hits(candidates)}), but never with {rest}; adapt the goal to the log"
    return _obstacle(goal, label, fitting, _common_path(fitting, path_tests))


def _unfinished(goal: Goal, label: str, named: pl.DataFrame) -> tuple[str, str]:
    """Return a code, and a sentence on why no session reaches the goal although hits match it."""
    if named["is_bot"].all():
        fix = "if they are people, list their user agents under bots.keep in `site`; otherwise remove the goal"
        return BOTS, f"only bots match {label} ({_hits(named)}, most of them for {_most_frequent(named)}); {fix}"
    people = named.filter(~pl.col("is_bot"))
    if people["is_excluded"].all():
        return NEVER, f"{label} never matches: all {_hits(people)} come from hosts, addresses or users that `site` excludes; check these settings"
    if all(expr.meta.is_column() for expr in goal.turned):
        fix = "if visitors sent them, set pageless_sessions: true under `site`"
        return NEVER, f"{label} is never reached: all {_hits(people)} occur outside sessions with a page view, as API calls do; {fix}"
    states = "`at_least`, `stayed`, `visits` or `after`"
    return NEVER, f"{label} is never reached: {_hits(people)} match, but none meets its {states}; make it less strict"


def _fitting(requests: pl.DataFrame, goal: Goal, alterations: Collection[str]) -> pl.DataFrame:
    """Return the requests, among the most frequent ones, that would match if they were altered."""
    condition = pl.any_horizontal(*goal.named.values()).fill_null(value=False)
    requests = requests.head(_MOST_REQUESTS).with_row_index("number")
    changes = [
        {name: value for change in combined for name, value in change.items()} for combined in product(*(_ALTERATIONS[name] for name in alterations))
    ]
    altered = pl.DataFrame(changes).cast({name: requests.schema[name] for name in changes[0]})
    fits = requests.drop(changes[0]).join(altered, how="cross").filter(condition)
    return requests.join(fits.select("number").unique(), on="number", how="semi", maintain_order="left").drop("number")


def _obstacle(goal: Goal, label: str, fitting: pl.DataFrame, path: str) -> tuple[str, str]:
    """Return a code, and a sentence on what keeps requests from matching: the first alteration without which none of them would match."""
    if fitting["is_bot"].all():
        return BOTS, f"{label} never matches: only bots request {path} ({_hits(fitting)}); remove the goal"
    fitting = fitting.filter(~pl.col("is_bot"))
    if _fitting(fitting, goal, ("status", "list")).is_empty():
        methods = fitting["method"].drop_nulls().unique(maintain_order=True).to_list()
        fix = f"write {path}" if methods == ["GET"] else f"write {methods[0] if methods else 'GET'} {path}"
        used = f"with {' and '.join(methods)}" if methods else "without a method"
        return NEVER, f"{label} never matches: {path} is only requested {used} ({_answers(fitting)}); {fix}"
    if _fitting(fitting, goal, ("method", "list")).is_empty():
        return _wrong_status(label, fitting, path)
    if _fitting(fitting, goal, ("method", "status")).is_empty():
        lists = [name for column, name in _LISTS.items() if fitting[column].all()]
        if not lists:
            return (
                NEVER,
                f"{label} never matches: {path} occurs ({_hits(fitting)}), but its extension is not a download type; use `page` instead",
            )
        fix = _named_fix(lists[0], fitting, goal)
        return NEVER, f"{label} never matches: all {_hits(fitting)} on {path} are {lists[0]}, which wildcards do not match; {fix}"
    return NEVER, f"{label} never matches: {path} occurs, but not as the goal requires ({_answers(fitting)}); adapt the goal to the log"


def _named_fix(kind: str, fitting: pl.DataFrame, goal: Goal) -> str:
    """Return how to name requests on a list, which the wildcards of a page do not match."""
    tests = sorted({name for expr in goal.named.values() for name in expr.meta.root_names() if name.startswith("path~")})
    path = _main_pattern(fitting, tests)
    if kind == _LISTS["background"]:
        # A request with its method matches whatever is not an asset.
        return f"write {fitting['method'].drop_nulls().head(1).to_list()[0]} {path}" if fitting["method"].count() else f"name {fitting['path'][0]}"
    return f"write {{download: {path}}}" if kind == _LISTS["download"] else f"name the file, like {fitting['path'][0]}"


def _wrong_status(label: str, fitting: pl.DataFrame, path: str) -> tuple[str, str]:
    """Return a code, and a sentence on the statuses that keep requests from matching."""
    status, hits = fitting["status"], _hits(fitting)
    if (status >= _FIRST_ERROR).all():
        return ERRORS, f"{label} matches only errors: {path} never succeeded ({_answers(fitting)}); fix the site, or set the `status` of the goal"
    if status.is_between(_FIRST_REDIRECT, _FIRST_ERROR - 1).all() and (fitting["method"] == "GET").all():
        fix = f"name the page it redirects to, or write {{request: GET {path}, status: 3xx}}"
        return NEVER, f"{label} never matches: {path} is always redirected ({_answers(fitting)}), and a redirect is not a page view; {fix}"
    return NEVER, f"{label} never matches: {path} occurs ({hits}), but with another status ({_answers(fitting)}); change its `status`"


def _not_counted(label: str, hits: pl.DataFrame) -> str:
    """Return a sentence on hits that match a goal and are in no figure, with the reasons."""
    by_reason = hits.group_by("why").agg(pl.col("n").sum()).sort("n", "why", descending=[True, False])
    reasons = ", ".join(f"{why} ({formatting.count(n)})" for why, n in by_reason.rows())
    example = f"{safe(_most_frequent(hits), _LONGEST)}{', ...' if hits.height > 1 else ''}"
    rejects = "" if by_reason["why"].to_list() == [OUTSIDE] else "; `convkit report --rejects FILE` saves lines that could not be read"
    return f"{label} matches only hits that are not counted: {_hits(hits)} ({example}), {reasons}{rejects}"


def _closest(tests: Sequence[str], survey: Survey) -> str:
    """Return a sentence that names the paths or events most similar to the patterns of these tests, which match nothing."""
    named = [patterns.split_named_column(test) for test in tests]
    # A pattern of wildcards alone, as of a parameter with any value, matches whatever there is.
    names = [(column, pattern) for column, pattern in named if pattern.strip("*/")] or named
    missing = " or ".join(safe(pattern, _LONGEST) for _, pattern in names[:_MOST_CLOSE])
    by_people, succeeded = ~pl.col("is_bot"), pl.col("status").is_null() | (pl.col("status") < _FIRST_ERROR)
    pools = {
        "": survey.requests.filter(by_people, succeeded),
        ", answered only with errors": survey.requests.filter(by_people, ~succeeded),
        ", requested only by bots": survey.requests.filter(~by_people),
        ", only in lines that are not counted": survey.others,
    }
    for where, requests in pools.items():
        close = _similar(names, requests) if requests.height else {}
        if close:
            examples = ", ".join(f"{text} ({formatting.count(number)})" for text, number in list(close.items())[:_MOST_CLOSE])
            return f"no hit in the log matches {missing}; the closest {'is' if len(close) == 1 else 'are'} {examples}{where}"
    read = f" that could be read (all but {plural(survey.unknown, 'line')})" if survey.unknown else ""
    return f"nothing in the log{read} resembles {missing}; check its spelling, or remove the goal"


def _similar(names: Sequence[tuple[str, str]], requests: pl.DataFrame) -> dict[str, int]:
    """Return the paths or events of requests that are similar to patterns, each with its number of hits; `names` are columns with their patterns."""
    close: dict[str, int] = {}
    for column, pattern in names:
        occurring = requests.drop_nulls(column).select(_as_written(column, pattern), "n").drop_nulls().group_by("text").agg(pl.col("n").sum())
        occurring = occurring.sort("n", "text", descending=[True, False]).head(_MOST_PATHS)
        numbers = dict(occurring.rows())
        by_last_segment = {_last_segment(text): text for text in reversed(numbers)}
        same_end = [
            by_last_segment[word]
            for word in get_close_matches(_last_segment(pattern), by_last_segment, _MOST_CLOSE, _VERY_SIMILAR)
            if len(word) >= _SHORTEST_WORD
        ]
        close |= {text: numbers[text] for text in [*same_end, *get_close_matches(pattern, numbers, _MOST_CLOSE, _SIMILAR)] if text != pattern}
    return close


def _last_segment(path: str) -> str:
    return path.rpartition("/")[2]


def _as_written(column: str, pattern: str) -> pl.Expr:
    """Return paths rewritten with the pattern's wildcards, or null if they do not fit: /product/oak becomes /product/* for /produkt/*."""
    parts, path = pattern.split("/"), pl.col(column).str.split("/")
    if "*" not in pattern or column == "event" or "**" in parts[:-1] or pattern.startswith("re:"):
        return pl.col(column).alias("text")
    depth = path.list.len()
    fits = depth >= len(parts) if parts[-1] == "**" else depth == len(parts)
    segments = [path.list.get(place, null_on_oob=True) for place in range(len(parts))]
    written = [pl.lit(part) if part in {"*", "**"} else segment for part, segment in zip(parts, segments, strict=True)]
    if parts[-1].startswith("*."):
        written[-1] = pl.concat_str(pl.lit("*"), segments[-1].str.extract(r"(\.\w+)$"))
    return pl.when(fits).then(pl.concat_str(written, separator="/")).alias("text")


def _common_path(requests: pl.DataFrame, tests: Sequence[str]) -> str:
    """Return what requests have in common, as a goals file would name it: their path, or the pattern that matches most of them."""
    return requests["path"][0] or "" if requests["path"].n_unique() == 1 or not tests else _main_pattern(requests, tests)


def _main_pattern(requests: pl.DataFrame, tests: Sequence[str]) -> str:
    """Return the pattern that matches most of some requests, or the path of one if there are no patterns."""
    counts = {patterns.split_named_column(test)[1]: requests.filter(test)["n"].sum() for test in tests}
    return max(counts, key=lambda pattern: counts[pattern]) if counts else requests["path"][0] or ""


def _most_frequent(requests: pl.DataFrame) -> str:
    return str(requests["path"][0] or requests["event"][0])


def _hits(requests: pl.DataFrame) -> str:
    return plural(int(requests["n"].sum()), "hit")


def _answers(requests: pl.DataFrame) -> str:
    """Return, in words, the number of requests by method and status, the most frequent first."""
    answers = requests.group_by("method", "status").agg(pl.col("n").sum()).sort("n", "method", "status", descending=[True, False, False])
    texts = [f"{formatting.count(n)} {method or 'without a method'} answered with {status}" for method, status, n in answers.rows()]
    more = len(texts) - _MOST_CLOSE
    return ", ".join([*texts[:_MOST_CLOSE], *([f"{more} more"] if more > 0 else [])])
