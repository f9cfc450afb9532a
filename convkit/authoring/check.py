"""The checks of `convkit check`: goals that are never reached or say nothing, funnels in the wrong order, sessions without a channel.

A kind of remark is one entry of KINDS.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from difflib import get_close_matches
from itertools import combinations
from typing import TYPE_CHECKING

import polars as pl

from convkit.authoring import near_misses
from convkit.authoring.goals_file import flow, is_writable
from convkit.core import formatting
from convkit.core.formatting import plural
from convkit.core.model import USER_RULE
from convkit.goals import channel_rules
from convkit.sessions.channels import NO_VALUE
from convkit.traffic import subrequests

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from convkit.authoring.survey import Survey
    from convkit.core.model import Funnel, Goal, Goals, Site

_MANY_MACROS = 2
_NEARLY_ALL, _ENOUGH_SESSIONS = 0.95, 100
_FEWEST = 20
"""Sessions, or visitors, on which two goals or steps are judged."""
_MOSTLY = 0.5
_MOST_SOURCES = 3
"""Sources that are told of."""
_FEWEST_OF_SOURCE, _FEWEST_OF_MEDIUM = 20, 3
"""Sessions; one stranger's link is no habit of the site."""
_MOST_COMPARED, _LIKE, _SHORTEST = 200, 0.8, 4
_LONGEST = 60
"""Characters of a source or medium that is told."""


@dataclass(frozen=True, order=True)
class Remark:
    """One finding: the line in the goals file, 0 for the file as a whole, its code, and a sentence with the fix."""

    line: int
    code: str
    text: str
    names: tuple[str, ...] = field(default=(), compare=False)
    """The goals or the funnel that it is about."""
    is_warning: bool = field(default=True, compare=False)


@dataclass(frozen=True)
class _Checked:
    """What finders look at."""

    survey: Survey
    unreached: Mapping[str, list[tuple[int, str, str]]]
    """By code: line, name and sentence of goals that no session reached."""

    @property
    def goals(self) -> Goals:
        return self.survey.goals


@dataclass(frozen=True)
class _Kind:
    """How findings of a kind are found: line, names and sentence of each."""

    find: Callable[[_Checked], Iterator[tuple[int, tuple[str, ...], str]]]
    needs_logs: bool = True
    is_warning: bool = True


def remarks_on(survey: Survey, *, has_logs: bool) -> list[Remark]:
    """Return what is amiss, in the order of the file; without logs only what the file alone tells."""
    unreached: dict[str, list[tuple[int, str, str]]] = {}
    if has_logs and survey.sessions.height:
        for goal, line, shown in _every_goal(survey.goals):
            if not survey.sessions[goal.column].count():
                code, text = near_misses.explain(goal, shown, survey.requests)
                unreached.setdefault(code, []).append((line, goal.name, text))
    seen = _Checked(survey, unreached)
    found = [
        Remark(line, code, text, names, kind.is_warning)
        for code, kind in KINDS.items()
        if has_logs or not kind.needs_logs
        for line, names, text in kind.find(seen)
    ]
    return sorted(found)


def _every_goal(goals: Goals) -> Iterator[tuple[Goal, int, str]]:
    """Yield goals with their line and name, those too that are written out in steps."""
    yield from ((goal, goal.line, goal.name) for goal in goals.goals)
    unlisted = {goal.column: goal for goal in goals.unlisted}
    for funnel in goals.funnels:
        for number, step in enumerate(funnel.steps, 1):
            yield from ((unlisted[column], funnel.line, f"step {number} of {funnel.name}") for column in step.columns if column in unlisted)


def _no_macro(seen: _Checked) -> Iterator[tuple[int, tuple[str, ...], str]]:
    if not seen.goals.macros:
        yield 0, (), "no goal stands under `macro`; put there what the site is for"


def _many_macros(seen: _Checked) -> Iterator[tuple[int, tuple[str, ...], str]]:
    macros = seen.goals.macros
    if len(macros) > _MANY_MACROS:
        yield macros[_MANY_MACROS].line, (), f"{len(macros)} macro goals are many; a site is for one or two things, move the rest under `micro`"


def _no_sessions(seen: _Checked) -> Iterator[tuple[int, tuple[str, ...], str]]:
    if seen.survey.sessions.is_empty():
        yield 0, (), "the logs hold no session of people in this period, so no goal was looked at; give other logs or days"


def _unreached(code: str) -> Callable[[_Checked], Iterator[tuple[int, tuple[str, ...], str]]]:
    """Return what finds the goals that no session reached for one reason."""
    return lambda seen: ((line, (name,), text) for line, name, text in seen.unreached.get(code, []))


def _nearly_all(seen: _Checked) -> Iterator[tuple[int, tuple[str, ...], str]]:
    sessions = seen.survey.sessions
    for goal in seen.goals.goals:
        reached = sessions[goal.column].count()
        if sessions.height >= _ENOUGH_SESSIONS and reached >= _NEARLY_ALL * sessions.height:
            said = f"{formatting.percent(reached / sessions.height)} of {plural(sessions.height, 'session')}"
            yield goal.line, (goal.name,), f"{goal.name} is reached in {said}, so it tells nobody apart; ask for more, or take it out"


def _always_together(seen: _Checked) -> Iterator[tuple[int, tuple[str, ...], str]]:
    reached = {goal.name: seen.survey.sessions[goal.column].is_not_null() for goal in seen.goals.goals}
    for one, other in combinations(seen.goals.goals, 2):
        number = int(reached[one.name].sum())
        if number >= _FEWEST and reached[one.name].equals(reached[other.name]) and not _is_part(one, other, seen.survey.requests):
            said = f"{other.name} is reached in the same {plural(number, 'session')} as {one.name}"
            yield other.line, (one.name, other.name), f"{said} and says nothing more; keep one of them"


def _is_part(one: Goal, other: Goal, requests: pl.DataFrame) -> bool:
    """Tell whether one goal comes with the other by what they are: its hits are some of the other's, or the same with a depth or count of its own."""
    mine, theirs = (pl.any_horizontal(*goal.named) if goal.named else pl.lit(value=True) for goal in (one, other))
    only = requests.filter(~pl.col("is_bot")).select(mine=(mine & ~theirs).any(), theirs=(theirs & ~mine).any()).row(0)
    if only != (False, False):
        return not all(only)
    is_state = any(not expr.meta.is_column() for goal in (one, other) for expr in goal.turned)
    return is_state or one.once_per != other.once_per


def _reversed(seen: _Checked) -> Iterator[tuple[int, tuple[str, ...], str]]:
    for funnel in seen.goals.funnels:
        firsts = _firsts(funnel, seen.survey.sessions)
        for number in range(1, len(funnel.steps)) if funnel.order != "any" else ():
            both = firsts.drop_nulls([f"first{number}", f"first{number + 1}"])
            before = both.filter(pl.col(f"first{number + 1}") < pl.col(f"first{number}")).height
            if both.height >= _FEWEST and before > _MOSTLY * both.height:
                one, other = funnel.steps[number - 1].name, funnel.steps[number].name
                said = f"{formatting.count(before)} of the {plural(both.height, funnel.per)} with both had {other} before {one}"
                yield funnel.line, (funnel.name,), f"{funnel.name}: {said}, which is step {number}; exchange the two"


def _firsts(funnel: Funnel, sessions: pl.DataFrame) -> pl.DataFrame:
    """Return `visitor, unit`, and when each unit first met each step: `first1`, ..."""
    steps = {f"first{number}": pl.min_horizontal(*step.columns) for number, step in enumerate(funnel.steps, 1)}
    return sessions.group_by(unit=funnel.per, maintain_order=True).agg(pl.col("visitor").first(), **{name: row.min() for name, row in steps.items()})


def _later_session(seen: _Checked) -> Iterator[tuple[int, tuple[str, ...], str]]:
    for funnel in seen.goals.funnels:
        if funnel.per != "session" or funnel.order == "any":
            continue
        firsts, last = _firsts(funnel, seen.survey.sessions), f"first{len(funnel.steps)}"
        before = [f"first{number}" for number in funnel.required[:-1]]
        complete = firsts.with_columns(
            # What is all in one session, in whatever order, is a matter of order.
            here=pl.all_horizontal(pl.col(name).is_not_null() for name in before),
            ever=pl.all_horizontal((pl.col(name).min().over("visitor") <= pl.col(last)).fill_null(value=False) for name in before),
        ).filter("ever")
        later = complete.height - int(complete["here"].sum())
        if complete.height >= _FEWEST and later > _MOSTLY * complete.height:
            said = (
                f"in {formatting.count(later)} of the {plural(complete.height, 'session')} that reached {funnel.steps[-1].name} after all other steps"
            )
            yield funnel.line, (funnel.name,), f"{funnel.name}: {said}, some of those came in an earlier session; write per: visitor"


def _off_list(seen: _Checked) -> Iterator[tuple[int, tuple[str, ...], str]]:
    people = seen.survey.requests.filter(~pl.col("is_bot"), ~pl.col("is_excluded"), pl.col("kind").cast(pl.String) == "event")
    for goal, line, shown in _every_goal(seen.goals):
        for column, name in {"background": "background requests", "asset": "assets"}.items():
            taken = people.filter(pl.any_horizontal(pl.lit(value=False), *goal.named), column)
            if taken.height:
                paths = taken.group_by("path").agg(pl.col("n").sum()).sort("n", "path", descending=[True, False])
                some = paths["path"][0] + (f" and {plural(paths.height - 1, 'other')}" if paths.height > 1 else "")
                more = plural(int(taken["n"].sum()), "interaction")
                yield line, (goal.name,), f"{shown} takes {some} off the list of {name}: {more} more"


def _unserved(seen: _Checked) -> Iterator[tuple[int, tuple[str, ...], str]]:
    site, served = seen.goals.site, seen.survey.sessions["told_by"].unique()
    for place, rule in enumerate(site.visitor_rules if seen.survey.sessions.height else ()):
        if rule in site.visitor and rule not in {USER_RULE, site.address_rule} and place not in served:
            if place < len(site.preferred_rules):
                yield 0, (), f"{rule} stands in `site.visitor` and tells nobody in these logs; correct its name, or take it out"
            else:
                yield 0, (), f"{rule} stands behind {site.address_rule} in `site.visitor`, which tells everybody in these logs; put it before"


def _like_no_page(seen: _Checked) -> Iterator[tuple[int, tuple[str, ...], str]]:
    for pattern, number, soon in seen.survey.followers.rows():
        said = f"{formatting.count(soon)} of the {plural(number, 'time')} that {pattern} was seen"
        yield (
            0,
            (),
            f"in {said} it came within {subrequests.SOON_SECONDS} s of another page, like what a page loads; if so, put it under ignore.paths",
        )


def _misspelt_mediums(seen: _Checked) -> Iterator[tuple[int, tuple[str, ...], str]]:
    if not seen.survey.unassigned.is_empty():
        yield from ((0, (), text) for text in _medium_sentences(seen.survey.unassigned, seen.goals.site))


def _unassigned(seen: _Checked) -> Iterator[tuple[int, tuple[str, ...], str]]:
    if not seen.survey.unassigned.is_empty():
        yield from ((0, (), text) for text in _source_sentences(seen.survey.unassigned, seen.goals.site))


KINDS: dict[str, _Kind] = {
    "no-macro": _Kind(_no_macro, needs_logs=False),
    "many-macros": _Kind(_many_macros, needs_logs=False),
    "no-sessions": _Kind(_no_sessions),
    near_misses.NEVER: _Kind(_unreached(near_misses.NEVER)),
    near_misses.ERRORS: _Kind(_unreached(near_misses.ERRORS)),
    near_misses.BOTS: _Kind(_unreached(near_misses.BOTS)),
    "nearly-all": _Kind(_nearly_all),
    "always-together": _Kind(_always_together),
    "reversed": _Kind(_reversed),
    "later-session": _Kind(_later_session),
    "visitor-rule": _Kind(_unserved),
    "off-list": _Kind(_off_list, is_warning=False),
    "like-no-page": _Kind(_like_no_page, is_warning=False),
    "misspelt-medium": _Kind(_misspelt_mediums),
    "unassigned": _Kind(_unassigned, is_warning=False),
}
"""The kinds of findings by their codes, which scripts rely on."""


def _medium_sentences(unassigned: pl.DataFrame, site: Site) -> Iterator[str]:
    """Yield a sentence for each medium that is nearly one with a channel, of `source, medium, n`, sorted by `n`."""
    known = channel_rules.mediums(site.channels)
    counted = unassigned.group_by("medium", maintain_order=True).agg(pl.col("n").sum()).filter(pl.col("n") >= _FEWEST_OF_MEDIUM)
    for medium, number in counted.sort("n", "medium", descending=[True, False]).head(_MOST_COMPARED).rows():
        near = _nearest_medium(medium, known)
        if near and _is_printable(medium):
            came = f"{plural(number, 'session')} came with the medium {medium}, which has no channel, where {near} may be meant"
            yield f"{came}; mend the links, and write `{known[near]}: {flow({'medium': medium})}` under `site.channels`"


def _source_sentences(unassigned: pl.DataFrame, site: Site) -> Iterator[str]:
    """Yield a sentence for each of the largest sources, of `source, medium, n`, sorted by `n`; those with a misspelt medium are told of there."""
    known = channel_rules.mediums(site.channels)
    told = 0
    for source, medium, number in unassigned.filter(pl.col("n") >= _FEWEST_OF_SOURCE).head(_MOST_COMPARED).rows():
        if told < _MOST_SOURCES and not _nearest_medium(medium, known) and _is_printable(source) and _is_printable(medium):
            told += 1
            rule = {name: text for name, text in (("source", source), ("medium", medium)) if text != NO_VALUE}
            place = f"source {source}" + ("" if medium == NO_VALUE else f", medium {medium}")
            yield f"{plural(number, 'session')} of {place} have no channel; give them one under `site.channels`, like `NAME: {flow(rule)}`"


def _nearest_medium(medium: str, known: dict[str, str]) -> str:
    """Return the known medium that another is nearly, or an empty text."""
    return next(iter(get_close_matches(medium, known, n=1, cutoff=_LIKE)), "") if len(medium) >= _SHORTEST and medium != NO_VALUE else ""


def _is_printable(text: str) -> bool:
    return len(text) <= _LONGEST and is_writable(text)
