"""What became of one line of a log, in words.

It stands alone because every fate has a reason that whoever doubts a count can be told.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from convkit.errors import UsageError, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Mapping

_STATIC = "a static file: only who asked for it is of interest"
_PROBLEMS = {
    "asset": _STATIC,
    "blank": "an empty line",
    "comment": "no record: a header of the format, another program's line, or a further row of one order",
    "duplicate": "its event id was seen before",
}
_FATES = {
    "asset": _STATIC,
    "excluded": "left out: of `ignore` in the goals file, or of a host that is not yours",
    "other": "nobody's interest: HEAD, OPTIONS and such, no valid request, or robots.txt",
    "background": "a background request: nobody looks at it unless a goal names it",
}


def place_of(names: tuple[str, ...], asked: str) -> tuple[int, int]:
    """Return the number of the log and of the line that FILE:N means; `names` are the logs' by their number. Raises UsageError."""
    name, _, number = asked.rpartition(":")
    if not (number.isdecimal() and name):
        raise UsageError(f"--line {asked}: write it as FILE:N, like access.log:1200")
    alike = [place for place, known in enumerate(names) if known.rpartition("/")[2] == name.rpartition("/")[2]]
    fits = [place for place, known in enumerate(names) if known == name] or alike
    if not fits:
        raise UsageError(f"--line {asked}: no log is called {name}{did_you_mean(name, names)}; logs are {', '.join(names)}")
    return fits[0], int(number)


def name(hit: Mapping[str, Any]) -> str:
    """Return what a hit was about: the path, or the event, with the page where it has one of its own."""
    event, path = hit["event"], hit["path"] or ""
    return path if event is None else event if path in {"", event} else f"{event} {path}".strip()


def told(begin: str, problem: str | None, decided: Mapping[str, Any] | None, found: Mapping[str, Any] | None, mode: str) -> tuple[str, int | None]:
    """Return what became of a line, and the session that it belongs to.

    `problem` is the cell's, `decided` the hit with its `fate` and `reason`, `found` the matched hit, None where it is none; `mode` is one of BOTS.
    """
    if problem is not None or decided is None:
        return f"{begin}: {_PROBLEMS.get(problem or '', f'not read: {problem}')}.", None
    what = name(decided) if decided["event"] is not None else f"{decided['method'] or ''} {name(decided)} {decided['status'] or ''}".strip()
    if decided["fate"] in _FATES:
        return f"{begin}: {what}. It is {_FATES[decided['fate']]}.", None
    if decided["reason"] is not None and mode == "drop":
        return f"{begin}: {what}. It is a bot's ({decided['reason']}); --bots keep counts it.", None
    where, session = _session(found)
    return f"{begin}: {what}. {where}", session


def _session(found: Mapping[str, Any] | None) -> tuple[str, int | None]:
    """Return in words where a hit belongs, and its session."""
    if found is None:
        return "It is left out by --bots.", None
    kind = f"It is of kind {found['kind']}"
    if found["session"] is not None:
        return (f"{kind}.", found["session"]) if found["inside"] else ("Its session is not in the period, or not asked for.", None)
    if found["aside"]:
        return f"{kind}, in a session without a page, which is set aside.", None
    return f"{kind} and belongs to no session: its visitor saw no page around that time.", None
