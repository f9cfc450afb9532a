"""Messages on standard error: errors, warnings, lost input, and with `-v` the logs, the bots and how lines were classified."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

import click

from convkit.cli import terminal
from convkit.core import formatting
from convkit.core.text import safe

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from convkit.core.document import Outcome
    from convkit.core.quality import BotSessions, LogSummary, Quality

# The same words as in `schema`, which cannot be imported here because it loads Polars: `--help` must not load that.
UNFINISHED = "unfinished last line"
_PREFIX = "convkit: "
_LONGEST = 4_000


def write(*lines: str, with_name: bool = True) -> None:
    """Write lines to standard error, each starting with the program's name, wrapped on a terminal; unsafe characters are replaced."""
    prefix = _PREFIX if with_name else ""
    with suppress(OSError):  # Standard error may be closed or full; no report should fail because of that.
        width = terminal.message_width()
        for line in lines:
            text = safe(line, _LONGEST)
            click.echo(f"{prefix}{text}" if width is None else terminal.wrapped(text, width, first=prefix, indent=len(prefix)), err=True)


def write_error(*lines: str) -> None:
    """Write an error; indented lines are examples that belong to the line before them."""
    write(*(line if line.startswith("  ") else f"error: {line}" for line in lines))


def warn(warnings: Iterable[str], rest: Iterable[str]) -> None:
    """Write warnings, one line each, and then the other lines."""
    write(*(f"warning: {warning}" for warning in warnings))
    write(*rest)


def threshold_lines(outcomes: Iterable[Outcome], *, with_open: bool) -> list[str]:
    """Return a line for each threshold that was missed and, if `with_open`, for each on which there is too little data."""
    missed = [f"missed: {outcome.expr}: {outcome.text}" for outcome in outcomes if outcome.missed]
    return [*missed, *(f"too few to say: {outcome.expr}: {outcome.text}" for outcome in outcomes if with_open and outcome.missed is None)]


def loss_sentence(losses: Iterable[str], rejects: Mapping[str, int]) -> str:
    """Describe the input that was lost, if any; `rejects` counts rejected lines by reason. An unfinished last line is not a loss."""
    lines = sum(number for reason, number in rejects.items() if reason != UNFINISHED)
    sentences = [f"{formatting.plural(lines, 'line')} could not be read; save {'it' if lines == 1 else 'them'} with --rejects FILE"] if lines else []
    sentences += [f"{'Other input' if lines else 'input'} was lost; see the warnings"] if any(losses) else []
    return ". ".join([*sentences, "Exit code 4, as --strict requires"]) if sentences else ""


def fates_sentence(counts: Mapping[str, int], logs: int) -> str:
    """Describe how many lines were read from how many logs, and how they were classified; `counts` has the number of `lines` and of each fate."""
    fates = ", ".join(f"{number:,} {fate}" for fate, number in counts.items() if number and fate != "lines")
    return f"read {formatting.plural(counts['lines'], 'line')} from {formatting.plural(logs, 'log')}{f': {fates}' if fates else ''}"


def quality_lines(quality: Quality, counts: Mapping[str, int], logs: int) -> list[str]:
    """Return the lines that `-v` prints, in order: logs, bots, and how lines were classified (`fates_sentence`)."""
    with_bots = [_headline_with_bots(quality.bot_sessions)] if quality.bot_sessions else []
    return [*map(_log_line, quality.logs), *_bot_lines(quality, counts["bot"]), *with_bots, fates_sentence(counts, logs)]


def _log_line(log: LogSummary) -> str:
    """Return a line with the format, the size and the period of a log."""
    packing = [log.packing] if log.packing not in {"plain", log.log_format} else []
    layers = [log.log_format, *(f"in {wrapper}" for wrapper in reversed(log.wrappers)), *packing]
    period = "no times" if log.begin is None or log.end is None else f"{log.begin:%Y-%m-%d %H:%M} to {log.end:%Y-%m-%d %H:%M}"
    return f"log: {safe(log.name)}: {', '.join(layers)}; {formatting.plural(log.lines, 'line')}, {period}"


def _bot_lines(quality: Quality, lines: int) -> Iterator[str]:
    """Yield messages on how many lines bots sent, by class, and on the busiest user agents, so that one excluded by mistake shows up."""
    if lines:
        classes = ", ".join(
            f"{formatting.count(number)} {name} ({formatting.percent(number / lines)})" for name, number in quality.bot_classes.items()
        )
        rules = f"by user agent (list: {quality.bot_list}), missing user agent or behaviour"
        yield f"bots: {formatting.plural(lines, 'line')} excluded {rules}: {classes}"
    for agent in quality.bot_agents:
        yield f"bot: {formatting.plural(agent.lines, 'line')} ({agent.class_}: {agent.reason}) from {safe(agent.agent) or '-'}"


def _headline_with_bots(sessions: BotSessions) -> str:
    """Return a message with the conversion rate, with and without bots."""
    people = formatting.count_of(sessions.converted_of_people, sessions.of_people, "session")
    return f"bots: with bots included, {formatting.count_of(*sessions.all_kept, 'session')} would have converted; without them, {people} did"
