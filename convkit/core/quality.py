"""What is known about the traffic: the logs it came from, silences and clock jumps, and the bots that were excluded."""

from __future__ import annotations

from dataclasses import astuple, dataclass, field
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
    """What stood around its lines, the outermost first."""
    lines: int
    begin: datetime | None
    """The earliest time that one of its lines says, in the site's time zone; None where none says any."""
    end: datetime | None


@dataclass(frozen=True)
class Silence:
    """Hours without a line, where such hours are busy, in the site's time zone."""

    begin: datetime
    end: datetime
    usual: int
    """Lines that such hours have."""


@dataclass(frozen=True)
class ClockJump:
    """A place in a log from which on the time is another by more than a day, and stays so."""

    log: str
    line: int
    """The first line behind the jump."""
    before: datetime
    after: datetime


@dataclass(frozen=True)
class BotAgent:
    """An agent of bots: its lines, why it is one, and of which class."""

    agent: str
    lines: int
    reason: str
    class_: str


@dataclass(frozen=True)
class BotSessions:
    """What bots would add to the headline if they were kept, and what it is without them."""

    sessions: int
    converted: int
    of_people: int
    converted_of_people: int

    def __add__(self, other: BotSessions) -> BotSessions:
        """Return the same of more visitors."""
        mine, others = astuple(self), astuple(other)
        return BotSessions(*(number + more for number, more in zip(mine, others, strict=True)))

    @property
    def all_kept(self) -> tuple[int, int]:
        """Return how many sessions would have converted, and of how many."""
        return self.converted + self.converted_of_people, self.sessions + self.of_people


@dataclass(frozen=True)
class Quality:
    """All of it."""

    logs: tuple[LogSummary, ...] = ()
    silences: tuple[Silence, ...] = ()
    jumps: tuple[ClockJump, ...] = ()
    bot_list: str = ""
    """The list of crawlers, and its version."""
    bot_classes: Mapping[str, int] = field(default_factory=dict)
    """Lines of the bots that were left out, by class, the largest first: they add up to the fate `bot`."""
    bot_agents: tuple[BotAgent, ...] = ()
    """The agents of bots that sent most."""
    bot_sessions: BotSessions | None = None
    """Known where bots are left out and reached a macro goal, or where it was asked for."""


UNKNOWN_QUALITY = Quality()
