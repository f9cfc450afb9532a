"""What `-v` says of the input: its logs, its bots, and what became of its lines.

It stands alone because it is said on standard error, a line each, for whoever wonders whether the right things were counted.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from convkit.cli import talk
from convkit.core import figures
from convkit.core.text import safe

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from convkit.core.quality import BotSessions, LogRead, Quality


def told(known: Quality, fates: Mapping[str, int], logs: int) -> list[str]:
    """Return the lines in the order in which they are said; `fates` are `lines` and what became of them."""
    kept = [_kept(known.bot_sessions)] if known.bot_sessions else []
    return [*map(_log, known.logs), *_bots(known, fates["bot"]), *kept, talk.read(fates, logs)]


def _log(log: LogRead) -> str:
    """Return what is known of a log."""
    packing = [log.packing] if log.packing not in {"plain", log.log_format} else []
    words = [log.log_format, *(f"in {wrapper}" for wrapper in reversed(log.wrappers)), *packing]
    when = "no time" if log.begin is None or log.end is None else f"{log.begin:%Y-%m-%d %H:%M} to {log.end:%Y-%m-%d %H:%M}"
    return f"log: {safe(log.name)}: {', '.join(words)}; {figures.plural(log.lines, 'line')}, {when}"


def _bots(known: Quality, lines: int) -> Iterator[str]:
    """Yield what bots sent by class, and the agents that sent most: who is left out by mistake is seen here."""
    if lines:
        classes = ", ".join(
            f"{figures.count(of_class)} {class_} ({figures.percent(of_class / lines)})" for class_, of_class in known.bot_classes.items()
        )
        yield f"bots: {figures.plural(lines, 'line')} left out, by {known.bot_list} and other signs: {classes}"
    for agent in known.bot_agents:
        yield f"bot: {figures.plural(agent.lines, 'line')} ({agent.class_}: {agent.reason}) of {safe(agent.agent) or '-'}"


def _kept(added: BotSessions) -> str:
    """Return how the headline moves where bots are kept."""
    people = figures.of(added.converted_of_people, added.of_people, "session")
    return f"bots: with all of them kept, {figures.of(*added.all_kept, 'session')} would have converted; without, {people} did"
