"""JSON: everything, for programs."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from convkit.outputs import _rows
from convkit.outputs._rows import json_text
from convkit.traffic import bots

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from convkit.core.blocks import Screen
    from convkit.core.document import Document, Report

ENDINGS = ("json",)
VERSION = 1


def render(document: Document, _: Screen) -> Iterable[str]:
    """Yield the document as JSON; the same input always gives the same bytes."""
    head = {
        "version": VERSION,
        "convkit": document.version,
        "logs": [_rows.safe_text(name) for name in document.logs],
        "goals_file": None if document.goals_file is None else _rows.safe_text(document.goals_file),
        "input": _input(document),
        "period": {
            "from": _time(document.period.begin),
            "to": _time(document.period.end),
            "timezone": document.period.timezone,
        },
        "notes": [{"code": note.code, "text": _rows.safe_text(note.text)} for note in document.notes],
    }
    if document.thresholds:
        head["thresholds"] = [
            {name: _rows.safe_text(value) if isinstance(value, str) else value for name, value in asdict(one).items()} for one in document.thresholds
        ]
    parts = [f"  {json_text(key)}: {json.dumps(value, ensure_ascii=False, allow_nan=False)}" for key, value in head.items()]
    yield "{\n" + ",\n".join([*parts, '  "reports": {'])
    for place, (name, report) in enumerate({**document.reports, **document.asides}.items()):
        yield f"{',' * bool(place)}\n    {json_text(name)}: ["
        yield from _report_lines(report)
        yield "]"
    yield "\n  }\n}\n"


def _report_lines(report: Report) -> Iterator[str]:
    """Yield a report's rows, one per line."""
    before = "\n      "
    for objects in _rows.json_objects(report):
        yield before + ",\n      ".join(objects)
        before = ",\n      "
    if not report.rows.is_empty():
        yield "\n    "


def _input(document: Document) -> dict[str, Any]:
    """Return the `input` object; the only numbers directly in it are counts of lines, which add up to `lines`."""
    quality = document.quality
    return {
        **document.input,
        **document.reasons,
        "bots": dict(quality.bot_classes),
        "bot_list": quality.bot_list,
        "bot_agents": [
            {"agent": _rows.safe_text(agent.agent), "lines": agent.lines, "class": agent.class_, "reason": agent.reason}
            for agent in quality.bot_agents
            # The user agents of visitors who only act like bots are shown to the site's owner (-v), but never written to a file.
            if agent.class_ != bots.BEHAVIOUR_CLASS
        ],
        "bots_kept": _bots_kept(document),
        "files": [
            {
                "name": _rows.safe_text(log.name),
                "format": log.log_format,
                "wrappers": [*log.wrappers],
                "packing": log.packing,
                "lines": log.lines,
                "from": _time(log.begin),
                "to": _time(log.end),
            }
            for log in quality.logs
        ],
        "copies": [_rows.safe_text(sentence) for sentence in document.copies],
        "gaps": [{"from": _time(gap.begin), "to": _time(gap.end), "usual_lines": gap.usual} for gap in quality.silences],
        "jumps": [
            {"file": _rows.safe_text(jump.log), "line": jump.line, "from": _time(jump.before), "to": _time(jump.after)} for jump in quality.jumps
        ],
    }


def _bots_kept(document: Document) -> Mapping[str, int] | None:
    """Return the sessions and conversions that the excluded bots would add, or None if unknown."""
    added = document.quality.bot_sessions
    return None if added is None else {"sessions": added.sessions, "converted": added.converted}


def _time(moment: object) -> str | None:
    """Return a time as text, or None if there is none."""
    return None if moment is None else _rows.safe_text(moment)
