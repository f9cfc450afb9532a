"""The truth about channels: where each session came from, and where the visitors who converted came from first and last.

It stands alone because it hangs on visitors across sessions, as nothing else of the truth but chains does.
"""

from __future__ import annotations

from collections import Counter
from fractions import Fraction
from typing import TYPE_CHECKING

from .simulator_figures import median, ratio, wilson

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .simulator_acts import Hit
    from .simulator_origins import Origin
    from .simulator_sessions import Session, Who

_UNSEEN = {"background", "other"}


def origin_of(session: Session, kinds: dict[Hit, str]) -> Origin:
    """Return where a session came from: what its first hit shows that anybody looks at."""
    return next(hit for hit in session.hits if kinds[hit] not in _UNSEEN).origin


def origins_of(sessions: list[Session], kinds: dict[Hit, str]) -> dict[tuple[str, str, str, str], int]:
    """Count sessions by source, medium, campaign and channel."""
    return Counter(origin_of(session, kinds).names for session in sessions)


def channels_of(
    every: list[Session], inside: list[Session], converted: set[Session], worth: Mapping[Session, Fraction], kinds: dict[Hit, str]
) -> dict[str, dict[str, object]]:
    """Return a row a channel: of the sessions inside, whatever sessions there were before of the same visitors; both stand in order of time."""
    channel = {session: origin_of(session, kinds).channel for session in every}
    first: dict[Who, Session] = {}
    for session in every:
        first.setdefault(session.visitor, session)
    buying: dict[Who, Session] = {}
    for session in inside:
        if session in converted:
            buying.setdefault(session.visitor, session)
    first_touch = Counter(channel[first[visitor]] for visitor in buying)
    last_touch = Counter(channel[session] for session in buying.values())
    rows: dict[str, dict[str, object]] = {}
    for name in {channel[session] for session in inside}:
        mine = [session for session in inside if channel[session] == name]
        rows[name] = _row(mine, converted, worth, len(inside)) | {"first_touch": first_touch[name], "last_touch": last_touch[name]}
    return rows


def _row(sessions: list[Session], converted: set[Session], worth: Mapping[Session, Fraction], of: int) -> dict[str, object]:
    bought = [session for session in sessions if session in converted]
    seconds = [session.interactions[-1].time - session.start for session in sessions if len(session.interactions) > 1]
    low, high = wilson(len(bought), len(sessions))
    return {
        "sessions": len(sessions),
        "share": ratio(len(sessions), of),
        "bounce_rate": ratio(sum(len(session.interactions) == 1 for session in sessions), len(sessions)),
        "pages_per_session": ratio(sum(len(session.pages) for session in sessions), len(sessions)),
        "median_seconds": median(seconds),
        "timed_share": ratio(len(seconds), len(sessions)),
        "converted_sessions": len(bought),
        "conversion_rate": ratio(len(bought), len(sessions)),
        "conversion_rate_low": low,
        "conversion_rate_high": high,
        "value": sum((worth[session] for session in sessions), start=Fraction(0)),
    }
