"""The expected channels: the origin of each session, and the first and last channel of visitors who converted.

Like chains, and unlike the other expected figures, these depend on all sessions of a visitor.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from fractions import Fraction
from typing import TYPE_CHECKING

from .simulator_figures import median, ratio, wilson
from .simulator_origins import Origin
from .simulator_sessions import Session

if TYPE_CHECKING:
    from .simulator_acts import Hit
    from .simulator_sessions import Who

_BACKGROUND = {"background", "other"}


Origins = Mapping[Session, Origin]


def origins_of(sessions: list[Session], kinds: dict[Hit, str], *, export: bool) -> Origins:
    """Return each session's origin, taken from its first hit that is not a background request (an export contains only interactions)."""
    return {
        session: session.interactions[0].origin if export else next(hit for hit in session.hits if kinds[hit] not in _BACKGROUND).origin
        for session in sessions
    }


def channels_of(origins: Origins, inside: list[Session], converted: set[Session], worth: Mapping[Session, Fraction]) -> dict[str, dict[str, object]]:
    """Return one row per channel for the sessions `inside` the period; first touches come from all of `origins`. Both are in time order."""
    channel = {session: origin.channel for session, origin in origins.items()}
    first: dict[Who, Session] = {}
    for session in origins:
        first.setdefault(session.visitor, session)
    buying: dict[Who, Session] = {}
    for session in inside:
        if session in converted:
            buying.setdefault(session.visitor, session)
    first_touch = Counter(channel[first[visitor]] for visitor in buying)
    last_touch = Counter(channel[session] for session in buying.values())
    rows: dict[str, dict[str, object]] = {}
    for name in {channel[session] for session in inside}:
        in_channel = [session for session in inside if channel[session] == name]
        rows[name] = _row(in_channel, converted, worth, len(inside)) | {"first_touch": first_touch[name], "last_touch": last_touch[name]}
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
