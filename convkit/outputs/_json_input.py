"""JSON's `input`: what became of the lines, which logs there were, and what is known of the traffic beside the figures.

It stands alone because programs read it without a report.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from convkit.outputs import _plain
from convkit.traffic import bots

if TYPE_CHECKING:
    from collections.abc import Mapping

    from convkit.core.tables import Document


def told(document: Document) -> dict[str, Any]:
    """Return the object: counts of lines are its only numbers, and but for `lines` they add up to `lines`."""
    known = document.quality
    return {
        **document.input,
        **document.reasons,
        "bots": dict(known.bot_classes),
        "bot_list": known.bot_list,
        "bot_agents": [
            {"agent": _plain.harmless(agent.agent), "lines": agent.lines, "class": agent.class_, "reason": agent.reason}
            for agent in known.bot_agents
            # What the browser of somebody is called who only acts like a bot is for the site's owner to see (-v), and for no file.
            if agent.class_ != bots.BY_BEHAVIOUR
        ],
        "bots_kept": _bots_kept(document),
        "files": [
            {
                "name": _plain.harmless(log.name),
                "format": log.log_format,
                "wrappers": [*log.wrappers],
                "packing": log.packing,
                "lines": log.lines,
                "from": time(log.begin),
                "to": time(log.end),
            }
            for log in known.logs
        ],
        "copies": [_plain.harmless(sentence) for sentence in document.copies],
        "gaps": [{"from": time(gap.begin), "to": time(gap.end), "usual_lines": gap.usual} for gap in known.silences],
        "jumps": [{"file": _plain.harmless(jump.log), "line": jump.line, "from": time(jump.before), "to": time(jump.after)} for jump in known.jumps],
    }


def _bots_kept(document: Document) -> Mapping[str, int] | None:
    """Return what the bots that were left out would add, null where it is not known."""
    added = document.quality.bot_sessions
    return None if added is None else {"sessions": added.sessions, "converted": added.converted}


def time(moment: object) -> str | None:
    """Return a time, null where there is none."""
    return None if moment is None else _plain.harmless(moment)
