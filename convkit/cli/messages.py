"""Messages on standard error: errors, warnings, lost input, and with `-v` the logs, the bots and the fates of lines.

Names from a log are made harmless before they are printed.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

import click

from convkit.core import formatting
from convkit.core.text import safe

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from convkit.core.quality import BotSessions, LogSummary, Quality

# As in `schema`, which cannot be imported here: it loads Polars, and help is shown without it.
UNFINISHED = "unfinished last line"
_LONGEST = 4_000


def write(*lines: str, by_name: bool = True) -> None:
    """Write lines to standard error, each after the program's name; characters that could harm a terminal are replaced."""
    with suppress(OSError):  # Standard error may be closed or full; no report fails because of that.
        for line in lines:
            click.echo(f"{'convkit: ' if by_name else ''}{safe(line, _LONGEST)}", err=True)


def write_error(*lines: str) -> None:
    """Write an error; indented lines are examples that belong to the line before them."""
    write(*(line if line.startswith("  ") else f"error: {line}" for line in lines))


def warn(warnings: Iterable[str], rest: Iterable[str]) -> None:
    """Write warnings, one line each, and then the other lines."""
    for warning in warnings:
        write(f"warning: {warning}")
    write(*rest)


def loss_sentence(losses: Iterable[str], unread: Mapping[str, int]) -> str:
    """Return that input was lost, in one sentence, empty where none was; a last line that is not finished yet is no loss."""
    lines = sum(number for reason, number in unread.items() if reason != UNFINISHED)
    found = [f"{lines:,} {'line was' if lines == 1 else 'lines were'} not read (see them with --rejects FILE)"] if lines else []
    found += [f"{'other ' * bool(lines)}input was lost, as the warnings say"] if any(losses) else []
    return f"{', and '.join(found)}; without --strict this is no error" if found else ""


def fates_sentence(counts: Mapping[str, int], logs: int) -> str:
    """Return what was read in one sentence; `counts` are `lines` and the fates of them."""
    fates = ", ".join(f"{number:,} {fate}" for fate, number in counts.items() if number and fate != "lines")
    return f"read {counts['lines']:,} lines from {logs:,} {'log' if logs == 1 else 'logs'}{f': {fates}' if fates else ''}"


def quality_lines(known: Quality, fates: Mapping[str, int], logs: int) -> list[str]:
    """Return the lines in the order in which they are said; `fates` are `lines` and what became of them."""
    kept = [_all_bots_kept(known.bot_sessions)] if known.bot_sessions else []
    return [*map(_log, known.logs), *_bots(known, fates["bot"]), *kept, fates_sentence(fates, logs)]


def _log(log: LogSummary) -> str:
    """Return what is known of a log."""
    packing = [log.packing] if log.packing not in {"plain", log.log_format} else []
    words = [log.log_format, *(f"in {wrapper}" for wrapper in reversed(log.wrappers)), *packing]
    when = "no time" if log.begin is None or log.end is None else f"{log.begin:%Y-%m-%d %H:%M} to {log.end:%Y-%m-%d %H:%M}"
    return f"log: {safe(log.name)}: {', '.join(words)}; {formatting.plural(log.lines, 'line')}, {when}"


def _bots(known: Quality, lines: int) -> Iterator[str]:
    """Yield what bots sent by class, and the agents that sent most: who is left out by mistake is seen here."""
    if lines:
        classes = ", ".join(
            f"{formatting.count(of_class)} {class_} ({formatting.percent(of_class / lines)})" for class_, of_class in known.bot_classes.items()
        )
        yield f"bots: {formatting.plural(lines, 'line')} left out, by {known.bot_list} and other signs: {classes}"
    for agent in known.bot_agents:
        yield f"bot: {formatting.plural(agent.lines, 'line')} ({agent.class_}: {agent.reason}) of {safe(agent.agent) or '-'}"


def _all_bots_kept(added: BotSessions) -> str:
    """Return how the headline moves where bots are kept."""
    people = formatting.count_of(added.converted_of_people, added.of_people, "session")
    return f"bots: with all of them kept, {formatting.count_of(*added.all_kept, 'session')} would have converted; without, {people} did"
