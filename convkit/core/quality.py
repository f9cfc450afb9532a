"""Data quality: the logs that were read, their silences and clock jumps, and the bots that were excluded."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime


@dataclass(frozen=True)
class LogSummary:
    """One log that was read."""

    name: str
    log_format: str
    packing: str
    wrappers: tuple[str, ...]
    """The wrappers around its lines, outermost first."""
    lines: int
    begin: datetime | None
    """The earliest time of its lines, in the site's time zone; None if no line has a time."""
    end: datetime | None


@dataclass(frozen=True)
class Silence:
    """Usually busy hours without any lines, in the site's time zone."""

    begin: datetime
    end: datetime
    usual: int
    """The usual number of lines in such hours."""


@dataclass(frozen=True)
class ClockJump:
    """A place in a log where the time jumps by more than a day."""

    log: str
    line: int
    """The first line after the jump."""
    before: datetime
    after: datetime


@dataclass(frozen=True)
class BotAgent:
    """A bot's user agent: its number of lines, why it counts as a bot, and its class."""

    agent: str
    lines: int
    reason: str
    class_: str


@dataclass(frozen=True)
class BotSessions:
    """Sessions and conversions of the excluded bots, and of people."""

    sessions: int
    converted: int
    of_people: int
    converted_of_people: int
    by_behaviour: Mapping[str, int] = field(default_factory=dict)
    """The sessions of bots recognised by their behaviour, for each rule."""
    converted_programs: Mapping[str, int] = field(default_factory=dict)
    """The conversions of programs that are no known bots, for each user agent."""

    def __add__(self, other: BotSessions) -> BotSessions:
        """Return the sum of these counts and those of other visitors."""
        return BotSessions(
            self.sessions + other.sessions,
            self.converted + other.converted,
            self.of_people + other.of_people,
            self.converted_of_people + other.converted_of_people,
            dict(Counter(self.by_behaviour) + Counter(other.by_behaviour)),
            dict(Counter(self.converted_programs) + Counter(other.converted_programs)),
        )

    @property
    def are_mostly_behaviour(self) -> bool:
        """Return whether the rules on behaviour exclude a third or more of the sessions that would be counted without them."""
        return is_third(sum(self.by_behaviour.values()), self.of_people)

    @property
    def all_kept(self) -> tuple[int, int]:
        """Conversions and sessions with bots included."""
        return self.converted + self.converted_of_people, self.sessions + self.of_people


@dataclass(frozen=True)
class Quality:
    """The data quality of a run."""

    logs: tuple[LogSummary, ...] = ()
    silences: tuple[Silence, ...] = ()
    jumps: tuple[ClockJump, ...] = ()
    identity_notes: tuple[tuple[str, str], ...] = ()
    """The codes and texts of notes on what the logs lack to identify visitors."""
    quiet_until: datetime | None = None
    """Until when the silence after the last line is usual for the hours it covers; None if there is no other day to compare them with."""
    bot_list: str = ""
    """The list of crawlers and its version."""
    bot_classes: Mapping[str, int] = field(default_factory=dict)
    """The number of lines from excluded bots by class, largest first; they add up to the lines with the fate `bot`."""
    bot_agents: tuple[BotAgent, ...] = ()
    """The user agents of the busiest bots."""
    bot_sessions: BotSessions | None = None
    """Set if excluded bots reached a macro goal, or on request."""


def is_third(excluded: int, counted: int) -> bool:
    """Return whether the excluded are a third or more of the excluded and the counted."""
    return excluded > 0 and 2 * excluded >= counted


UNKNOWN_QUALITY = Quality()
