"""What is proposed for a site -> the text of its goals file.

It stands alone because the same text is matched while it is a guess, and written when it is one that holds.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from convkit.authoring import goals_writing
from convkit.core import figures
from convkit.core.figures import plural
from convkit.core.text import safe

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from convkit.authoring.goals_writing import Written
    from convkit.authoring.proposals import Proposal
    from convkit.authoring.surveys import Survey

_FACTS = {
    "timezone": "in which days begin: like Europe/Berlin",
    "log_format": "of the logs",
    "ignore": "nobody looks at these; a goal still finds them",
    "keep_query": "where the page is the query",
    "group": "each pattern is one row in the reports; the first that fits",
}
_A_MACRO = "What the site is for: one or two."
_NO_MACRO = "What the site is for. Nothing in the logs looks like a purchase or an enquiry; this is the nearest sign: put yours in its place."
_MICROS = "Steps and signs of interest: as many as you like."


@dataclass(frozen=True)
class Draft:
    """Facts of `site:`, goals, which of them is the macro, and the steps of a funnel to it; and what the logs say of them, once they were asked."""

    facts: Mapping[str, Written]
    goals: Sequence[Proposal]
    macro: str = ""
    steps: Sequence[str] = ()
    survey: Survey | None = None

    @property
    def funnel(self) -> str:
        """The funnel's name."""
        return f"to_{self.macro}"


def headed(draft: Draft, logs: Sequence[str], begin: datetime, end: datetime) -> str:
    """Return the whole file for logs of some names and their days; the draft was counted."""
    sessions = plural(draft.survey.sessions.height if draft.survey else 0, "session")
    head = [
        f"# Goals for convkit, proposed from {', '.join(logs)}: {sessions}, {figures.dates(begin, end)}.",
        "# All of it is guessed from addresses; a number is how many sessions reached the goal. Take out what means nothing to you, correct",
        "# what is wrong, and give it names of your own. Then run `convkit check LOG` and `convkit report LOG`.",
    ]
    return "\n".join([*(safe(line, None) for line in head), "", text(draft)])


def text(draft: Draft) -> str:
    """Return the blocks of the file."""
    facts = {"timezone": "UTC", **draft.facts}
    of_macro = [proposal for proposal in draft.goals if proposal.name == draft.macro]
    micros = {proposal.name: (proposal.goal, _count(draft, proposal)) for proposal in draft.goals if proposal.name != draft.macro}
    title = _A_MACRO if any(proposal.may_be_macro for proposal in of_macro) else _NO_MACRO
    before = f"What came before {draft.macro} in most of its sessions, in the usual order."
    blocks = [
        goals_writing.block("site", "", {name: (value, _FACTS[name]) for name, value in facts.items()}),
        goals_writing.block("macro", title, {proposal.name: (proposal.goal, _count(draft, proposal)) for proposal in of_macro}),
        goals_writing.block("micro", _MICROS, micros),
        goals_writing.block("funnels", before, {draft.funnel: ([*draft.steps], "")} if draft.steps else {}),
    ]
    return "\n\n".join("\n".join(lines) for lines in blocks if lines) + "\n"


def _count(draft: Draft, proposal: Proposal) -> str:
    """Return how many sessions reached a goal, and what else speaks for it."""
    if draft.survey is None:
        return ""
    reached, sessions = int(draft.survey.sessions[f"goal:{proposal.name}"].count()), draft.survey.sessions.height
    share = f" ({figures.share(reached, sessions)})" if sessions >= figures.FEWEST else ""
    return f"{plural(reached, 'session')}{share}" + (f", {proposal.said}" if proposal.said else "")
