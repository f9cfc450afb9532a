"""Sessions without a channel -> what would give them one: rules for the largest sources, and the mediums that links spell wrong.

It stands alone because what is amiss here is mostly not in the goals file, but in links that somebody else wrote.
"""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING

import polars as pl

from convkit.authoring.goals_writing import flow, is_writable
from convkit.core.figures import plural
from convkit.goals import channel_rules
from convkit.sessions.channels import NONE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from convkit.core.definitions import Site

_MOST = 3
"""Sources that are told of."""
_FEWEST_OF_SOURCE, _FEWEST_OF_MEDIUM = 20, 3
"""Sessions; one stranger's link is no habit of the site."""
_MOST_ASKED, _LIKE, _SHORTEST = 200, 0.8, 4
_LONGEST = 60
"""Characters of a source or medium that is told."""


def mediums(unassigned: pl.DataFrame, site: Site) -> Iterator[str]:
    """Yield a sentence for each medium that is nearly one with a channel, of `source, medium, n`, sorted by `n`."""
    known = channel_rules.mediums(site.channels)
    counted = unassigned.group_by("medium", maintain_order=True).agg(pl.col("n").sum()).filter(pl.col("n") >= _FEWEST_OF_MEDIUM)
    for medium, number in counted.sort("n", "medium", descending=[True, False]).head(_MOST_ASKED).rows():
        near = _near(medium, known)
        if near and _can_be_told(medium):
            came = f"{plural(number, 'session')} came with the medium {medium}, which has no channel, where {near} may be meant"
            yield f"{came}; mend the links, and write `{known[near]}: {flow({'medium': medium})}` under `site.channels`"


def sources(unassigned: pl.DataFrame, site: Site) -> Iterator[str]:
    """Yield a sentence for each of the largest sources, of `source, medium, n`, sorted by `n`; those with a misspelt medium are told of there."""
    known = channel_rules.mediums(site.channels)
    told = 0
    for source, medium, number in unassigned.filter(pl.col("n") >= _FEWEST_OF_SOURCE).head(_MOST_ASKED).rows():
        if told < _MOST and not _near(medium, known) and _can_be_told(source) and _can_be_told(medium):
            told += 1
            rule = {name: text for name, text in (("source", source), ("medium", medium)) if text != NONE}
            place = f"source {source}" + ("" if medium == NONE else f", medium {medium}")
            yield f"{plural(number, 'session')} of {place} have no channel; give them one under `site.channels`, like `NAME: {flow(rule)}`"


def _near(medium: str, known: dict[str, str]) -> str:
    """Return the known medium that another is nearly, or an empty text."""
    return next(iter(get_close_matches(medium, known, n=1, cutoff=_LIKE)), "") if len(medium) >= _SHORTEST and medium != NONE else ""


def _can_be_told(text: str) -> bool:
    return len(text) <= _LONGEST and is_writable(text)
