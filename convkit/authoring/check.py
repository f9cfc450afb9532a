"""The checks that `convkit check` makes, such as for goals that are never reached, funnels in the wrong order, and sessions without a channel.

Each kind of remark is an entry in KINDS.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from difflib import get_close_matches
from itertools import combinations
from typing import TYPE_CHECKING

import polars as pl

from convkit.authoring import near_misses
from convkit.authoring.goals_file import flow, is_writable
from convkit.core import formatting, patterns
from convkit.core.conditions import any_of
from convkit.core.formatting import plural
from convkit.core.model import USER_RULE
from convkit.core.secret_names import is_secret
from convkit.core.text import safe
from convkit.goals import channel_rules
from convkit.sessions.channels import NO_VALUE
from convkit.traffic import subrequests

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from convkit.authoring.survey import Survey
    from convkit.core.model import Funnel, Goal, Goals, Site

_MANY_MACROS = 2
NEARLY_ALL = "nearly-all"
"""The code of the remark on goals that nearly every session reaches."""
_NEARLY_ALL, _ENOUGH_SESSIONS = 0.95, 100
_FEWEST = 20
"""The number of sessions (or visitors) needed to compare two goals or steps."""
_MOSTLY = 0.5
_MOST_SOURCES = 3
"""The maximum number of sources that are mentioned."""
_FEWEST_OF_SOURCE, _FEWEST_OF_MEDIUM = 20, 3
"""A source or medium with fewer sessions is ignored: a single link posted by a stranger is not one of the site's campaigns."""
_MOST_COMPARED, _SIMILARITY, _SHORTEST = 200, 0.8, 4
_FIRST_ERROR = 400
_LONGEST = 60
"""The maximum length of a source or medium in a sentence."""


@dataclass(frozen=True, order=True)
class Remark:
    """A remark: its line in the goals file (0 for the whole file), its code, and a sentence that suggests a fix."""

    line: int
    code: str
    text: str
    names: tuple[str, ...] = field(default=(), compare=False)
    """The goals or the funnel that the remark is about."""
    is_warning: bool = field(default=True, compare=False)


@dataclass(frozen=True)
class _Context:
    """The input to every check."""

    survey: Survey
    unreached: Mapping[str, list[tuple[int, str, str]]]
    """For each code, the goals that no session reached: their line, name and sentence."""

    @property
    def goals(self) -> Goals:
        return self.survey.goals


@dataclass(frozen=True)
class _Kind:
    """A kind of remark; `find` yields the line, the names and the sentence of each remark."""

    find: Callable[[_Context], Iterator[tuple[int, tuple[str, ...], str]]]
    needs_logs: bool = True
    is_warning: bool = True


def remarks_on(survey: Survey, *, has_logs: bool) -> list[Remark]:
    """Return the remarks in the order of the goals file; if there are no logs, only those about the file itself."""
    unreached: dict[str, list[tuple[int, str, str]]] = {}
    if has_logs and survey.sessions.height:
        for goal, line, label in _all_goals(survey.goals):
            if not survey.sessions[goal.column].count():
                code, text = near_misses.explain(goal, label, survey)
                unreached.setdefault(code, []).append((line, goal.name, text))
    context = _Context(survey, unreached)
    return sorted(
        Remark(line, code, text, names, kind.is_warning)
        for code, kind in KINDS.items()
        if has_logs or not kind.needs_logs
        for line, names, text in kind.find(context)
    )


def _all_goals(goals: Goals) -> Iterator[tuple[Goal, int, str]]:
    """Yield each goal with its line and name, including goals defined inside funnel steps."""
    yield from ((goal, goal.line, goal.name) for goal in goals.goals)
    unlisted = {goal.column: goal for goal in goals.unlisted}
    for funnel in goals.funnels:
        for number, step in enumerate(funnel.steps, 1):
            yield from ((unlisted[column], funnel.line, f"step {number} of {funnel.name}") for column in step.columns if column in unlisted)


def _no_macro(context: _Context) -> Iterator[tuple[int, tuple[str, ...], str]]:
    if not context.goals.macros:
        yield 0, (), "no goal under `macro`; move the goal that counts as success on this site there from `micro`, or add one"


def _many_macros(context: _Context) -> Iterator[tuple[int, tuple[str, ...], str]]:
    macros = context.goals.macros
    if len(macros) > _MANY_MACROS:
        yield (
            macros[_MANY_MACROS].line,
            (),
            f"{len(macros)} macro goals is too many; keep the one or two that the site exists for, and move the others to `micro`",
        )


def _secret_parameters(context: _Context) -> Iterator[tuple[int, tuple[str, ...], str]]:
    for name in filter(is_secret, context.goals.site.keep_query):
        yield 0, (), f"{name} in `site.keep_query` may be a secret, so paths show *** as its value; test the value with `query`, or remove it"


def _no_sessions(context: _Context) -> Iterator[tuple[int, tuple[str, ...], str]]:
    if context.survey.sessions.is_empty():
        yield 0, (), "these logs have no human sessions in this period, so no goal was checked; choose other logs or another period"


def _unreached(code: str) -> Callable[[_Context], Iterator[tuple[int, tuple[str, ...], str]]]:
    """Return the check for goals that no session reached, for the reason that this code stands for."""
    return lambda context: ((line, (name,), text) for line, name, text in context.unreached.get(code, []))


def _nearly_all(context: _Context) -> Iterator[tuple[int, tuple[str, ...], str]]:
    sessions = context.survey.sessions
    # A funnel may begin with what everybody does, and an export may hold nothing but orders.
    first_steps = {column for funnel in context.goals.funnels for column in funnel.steps[0].columns}
    is_export = not context.survey.requests.is_empty() and context.survey.requests["event"].count() > 0
    for goal in context.goals.goals:
        reached = sessions[goal.column].count()
        is_expected = goal.column in first_steps or (goal.macro and is_export)
        if not is_expected and sessions.height >= _ENOUGH_SESSIONS and reached >= _NEARLY_ALL * sessions.height:
            share = f"{formatting.percent(reached / sessions.height)} of {plural(sessions.height, 'session')} reach {goal.name}, so it hardly"
            share = f"every session reaches {goal.name}, so it" if reached == sessions.height else share
            yield (
                goal.line,
                (goal.name,),
                f"{share} distinguishes {'nobody' if reached == sessions.height else 'anybody'}; make it stricter or remove it",
            )


def _matched_paths(context: _Context) -> Iterator[tuple[int, tuple[str, ...], str]]:
    """Yield what each goal with a wildcard or a regular expression matches, if that is more than one path or event."""
    people = context.survey.requests.filter(~pl.col("is_bot"), ~pl.col("is_excluded"))
    for goal in context.goals.goals:
        tested = [patterns.split_named_column(name) for expr in goal.named.values() for name in expr.meta.root_names() if "~" in name]
        column = next((column for column, pattern in tested if column in {"path", "event"} and ("*" in pattern or pattern.startswith("re:"))), None)
        if column is None:
            continue
        matched = people.filter(any_of(goal.named)).group_by(column).agg(pl.col("n").sum()).drop_nulls(column)
        rows = matched.sort("n", column, descending=[True, False]).rows()
        if len(rows) > 1:
            named = [f"{safe(text)} ({formatting.count(number)})" for text, number in rows[:_MOST_SOURCES]]
            more = [f"{formatting.count(len(rows) - len(named))} more"] if len(rows) > len(named) else []
            yield goal.line, (goal.name,), f"{goal.name} matches {plural(len(rows), column)}: {', '.join([*named, *more])}"


def _always_together(context: _Context) -> Iterator[tuple[int, tuple[str, ...], str]]:
    reached = {goal.name: context.survey.sessions[goal.column].is_not_null() for goal in context.goals.goals}
    for one, other in combinations(context.goals.goals, 2):
        number = int(reached[one.name].sum())
        if number >= _FEWEST and reached[one.name].equals(reached[other.name]) and not _is_part(one, other, context.survey.requests):
            sessions = plural(number, "session")
            yield other.line, (one.name, other.name), f"{other.name} is reached in exactly the same {sessions} as {one.name}; keep one of the two"


def _is_part(one: Goal, other: Goal, requests: pl.DataFrame) -> bool:
    """Return whether one goal implies the other: its hits are a subset of the other's, or the same hits with another depth or way of counting."""
    first, second = (pl.any_horizontal(*goal.named) if goal.named else pl.lit(value=True) for goal in (one, other))
    only = requests.filter(~pl.col("is_bot")).select(first=(first & ~second).any(), second=(second & ~first).any()).row(0)
    if only != (False, False):
        return not all(only)
    is_state = any(not expr.meta.is_column() for goal in (one, other) for expr in goal.turned)
    return is_state or one.once_per != other.once_per


def _reversed(context: _Context) -> Iterator[tuple[int, tuple[str, ...], str]]:
    for funnel in context.goals.funnels:
        firsts = _first_rows(funnel, context.survey.sessions)
        for number in range(1, len(funnel.steps)) if funnel.order != "any" else ():
            both = firsts.drop_nulls([f"first{number}", f"first{number + 1}"])
            before = both.filter(pl.col(f"first{number + 1}") < pl.col(f"first{number}")).height
            if both.height >= _FEWEST and before > _MOSTLY * both.height:
                one, other = funnel.steps[number - 1].name, funnel.steps[number].name
                units = plural(both.height, funnel.per)
                share = f"in all {units}" if before == both.height else f"in {formatting.count(before)} of the {units}"
                text = f"{funnel.name}: {share} with both, {other} came before {one} (step {number}); swap the two steps"
                yield funnel.line, (funnel.name,), text


def _first_rows(funnel: Funnel, sessions: pl.DataFrame) -> pl.DataFrame:
    """Return `unit, visitor`, and for each step the row of the unit's first hit: `first1`, `first2`, ..."""
    steps = {f"first{number}": pl.min_horizontal(*step.columns) for number, step in enumerate(funnel.steps, 1)}
    return sessions.group_by(unit=funnel.per, maintain_order=True).agg(pl.col("visitor").first(), **{name: row.min() for name, row in steps.items()})


def _later_session(context: _Context) -> Iterator[tuple[int, tuple[str, ...], str]]:
    for funnel in context.goals.funnels:
        if funnel.per != "session" or funnel.order == "any":
            continue
        firsts, last = _first_rows(funnel, context.survey.sessions), f"first{len(funnel.steps)}"
        before = [f"first{number}" for number in funnel.required[:-1]]
        complete = firsts.with_columns(
            # Sessions that have all steps, but in another order, are left to the `reversed` check.
            same_session=pl.all_horizontal(pl.col(name).is_not_null() for name in before),
            ever=pl.all_horizontal((pl.col(name).min().over("visitor") <= pl.col(last)).fill_null(value=False) for name in before),
        ).filter("ever")
        later = complete.height - int(complete["same_session"].sum())
        if complete.height >= _FEWEST and later > _MOSTLY * complete.height:
            sessions = f"of {plural(complete.height, 'session')} that reached {funnel.steps[-1].name} after all other steps"
            text = f"{funnel.name}: {sessions}, {formatting.count(later)} did some of them in an earlier session; use per: visitor"
            yield funnel.line, (funnel.name,), text


def _counted_background(context: _Context) -> Iterator[tuple[int, tuple[str, ...], str]]:
    people = context.survey.requests.filter(~pl.col("is_bot"), ~pl.col("is_excluded"), pl.col("kind").cast(pl.String) == "event")
    for goal, line, label in _all_goals(context.goals):
        for column in ("background", "asset"):
            counted = people.filter(any_of(goal.named), column)
            if counted.height:
                paths = counted.group_by("path").agg(pl.col("n").sum()).sort("n", "path", descending=[True, False])
                example = paths["path"][0] + (", ..." if paths.height > 1 else "")
                number = formatting.count(int(counted["n"].sum()))
                yield line, (goal.name,), f"{label} makes {plural(paths.height, f'{column} path')} ({example}) count as interactions: {number} more"


def _misses_by_case(context: _Context) -> Iterator[tuple[int, tuple[str, ...], str]]:
    if context.goals.site.ignore_case or context.survey.requests.is_empty():
        return
    successful = context.survey.requests.filter(
        ~pl.col("is_bot"), ~pl.col("is_excluded"), pl.col("path").is_not_null(), pl.col("status").is_null() | (pl.col("status") < _FIRST_ERROR)
    )
    for goal, line, label in _all_goals(context.goals):
        tests = {name: patterns.split_named_column(name) for expr in goal.named.values() for name in expr.meta.root_names()}
        of_paths = {name: pattern for name, (column, pattern) in sorted(tests.items()) if column == "path" and pattern}
        alike = [patterns.matches(pl.col("path").str.to_lowercase(), pattern, ignore_case=True) for pattern in of_paths.values()]
        missed = successful.filter(any_of(alike) & ~any_of(of_paths))
        if missed.height:
            paths = missed.group_by("path").agg(pl.col("n").sum()).sort("n", "path", descending=[True, False])
            example = f"{safe(paths['path'][0], _LONGEST)}{', ...' if paths.height > 1 else ''}"
            number = plural(int(missed["n"].sum()), "hit")
            fix = "if the server ignores case, set ignore_case: true under `site`"
            yield line, (goal.name,), f"{label} misses {number} whose path differs only in upper and lower case ({example}); {fix}"


def _unused_rules(context: _Context) -> Iterator[tuple[int, tuple[str, ...], str]]:
    site, used = context.goals.site, context.survey.sessions["identified_by"].unique()
    for place, rule in enumerate(site.visitor_rules if context.survey.sessions.height else ()):
        if rule in site.visitor and rule not in {USER_RULE, site.address_rule} and place not in used:
            if place < len(site.preferred_rules):
                yield 0, (), f"{rule} in `site.visitor` identifies no visitor in these logs; correct its name or remove it"
            else:
                why = f"{site.address_rule} is listed before it and identifies every visitor"
                yield 0, (), f"{rule} in `site.visitor` is never used: {why}; move it first"


def _subrequests(context: _Context) -> Iterator[tuple[int, tuple[str, ...], str]]:
    for pattern, number, soon in context.survey.followers.rows():
        often = f"within {subrequests.SOON_SECONDS} s of another page {formatting.count(soon)} of {plural(number, 'time')}"
        yield 0, (), f"{pattern} was loaded {often}, so it is probably not a page; if so, exclude it with ignore.paths"


def _misspelt_mediums(context: _Context) -> Iterator[tuple[int, tuple[str, ...], str]]:
    if not context.survey.unassigned.is_empty():
        yield from ((0, (), text) for text in _medium_sentences(context.survey.unassigned, context.goals.site))


def _unassigned(context: _Context) -> Iterator[tuple[int, tuple[str, ...], str]]:
    if not context.survey.unassigned.is_empty():
        yield from ((0, (), text) for text in _source_sentences(context.survey.unassigned, context.goals.site))


def _ambiguous_amounts(context: _Context) -> Iterator[tuple[int, tuple[str, ...], str]]:
    for goal in context.goals.goals:
        if goal.money.example:
            text = f"{goal.value} has amounts like {goal.money.example}, which may or may not have decimals and are not counted"
            yield goal.line, (goal.name,), f"{goal.name}: {text}; set site.decimal to point or comma"


def _other_currencies(context: _Context) -> Iterator[tuple[int, tuple[str, ...], str]]:
    for goal in context.goals.goals:
        codes = [code for code in goal.money.others if _is_printable(code)]
        if goal.money.others:
            named = f" ({', '.join(codes[:_MOST_SOURCES])})" if codes else ""
            yield goal.line, (goal.name,), f"{goal.name}: amounts in another currency than {goal.money.currency}{named} are not counted"


KINDS: dict[str, _Kind] = {
    "no-macro": _Kind(_no_macro, needs_logs=False),
    "many-macros": _Kind(_many_macros, needs_logs=False),
    "secret": _Kind(_secret_parameters, needs_logs=False),
    "no-sessions": _Kind(_no_sessions),
    near_misses.NEVER: _Kind(_unreached(near_misses.NEVER)),
    near_misses.ERRORS: _Kind(_unreached(near_misses.ERRORS)),
    near_misses.BOTS: _Kind(_unreached(near_misses.BOTS)),
    NEARLY_ALL: _Kind(_nearly_all),
    "matches": _Kind(_matched_paths, is_warning=False),
    "always-together": _Kind(_always_together),
    "reversed": _Kind(_reversed),
    "later-session": _Kind(_later_session),
    "visitor-rule": _Kind(_unused_rules),
    "case": _Kind(_misses_by_case),
    "off-list": _Kind(_counted_background, is_warning=False),
    "like-no-page": _Kind(_subrequests, is_warning=False),
    "misspelt-medium": _Kind(_misspelt_mediums),
    "unassigned": _Kind(_unassigned, is_warning=False),
    "ambiguous-value": _Kind(_ambiguous_amounts),
    "other-currency": _Kind(_other_currencies),
}
"""The kinds of remarks by their codes, which scripts rely on."""


def _medium_sentences(unassigned: pl.DataFrame, site: Site) -> Iterator[str]:
    """Yield a sentence for each medium that resembles one with a channel; `unassigned` has `source, medium, n` and is sorted by `n`."""
    channels = channel_rules.mediums(site.channels)
    counted = unassigned.group_by("medium", maintain_order=True).agg(pl.col("n").sum()).filter(pl.col("n") >= _FEWEST_OF_MEDIUM)
    for medium, number in counted.sort("n", "medium", descending=[True, False]).head(_MOST_COMPARED).rows():
        similar = _similar_medium(medium, channels)
        if similar and _is_printable(medium):
            sessions = f"{plural(number, 'session')} arrived with the medium {medium}, which belongs to no channel (did you mean {similar}?)"
            yield f"{sessions}; fix the links, or add `{channels[similar]}: {flow({'medium': medium})}` under `site.channels`"


def _source_sentences(unassigned: pl.DataFrame, site: Site) -> Iterator[str]:
    """Yield a sentence for each of the largest sources in `unassigned` (see `_medium_sentences`), unless its medium is misspelt."""
    channels = channel_rules.mediums(site.channels)
    mentioned = 0
    for source, medium, number in unassigned.filter(pl.col("n") >= _FEWEST_OF_SOURCE).head(_MOST_COMPARED).rows():
        if mentioned < _MOST_SOURCES and not _similar_medium(medium, channels) and _is_printable(source) and _is_printable(medium):
            mentioned += 1
            rule = {name: text for name, text in (("source", source), ("medium", medium)) if text != NO_VALUE}
            origin = f"source {source}" + ("" if medium == NO_VALUE else f", medium {medium}")
            yield f"{plural(number, 'session')} with {origin} have no channel; add one under `site.channels`, like `NAME: {flow(rule)}`"


def _similar_medium(medium: str, channels: dict[str, str]) -> str:
    """Return the medium in `channels` that is most similar to this one, or an empty string if none is similar."""
    return next(iter(get_close_matches(medium, channels, n=1, cutoff=_SIMILARITY)), "") if len(medium) >= _SHORTEST and medium != NO_VALUE else ""


def _is_printable(text: str) -> bool:
    return len(text) <= _LONGEST and is_writable(text)
