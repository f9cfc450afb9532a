"""What is said on standard error: errors, warnings, and what was read.

It stands alone because standard output is the report and nothing else, and because whatever is said may hold names that are not to be trusted.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

import click

from convkit.core.text import safe

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

# As in `schema`, which cannot be imported here: it loads Polars, and help is shown without it.
UNFINISHED = "unfinished last line"
_LONGEST = 4_000


def say(*lines: str, by_name: bool = True) -> None:
    """Write lines on standard error, each behind the program's name; what they name is made harmless, and that nobody listens is no error."""
    with suppress(OSError):
        for line in lines:
            click.echo(f"{'convkit: ' if by_name else ''}{safe(line, _LONGEST)}", err=True)


def tell(warnings: Iterable[str], rest: Iterable[str]) -> None:
    """Say warnings, a line each, and what else there is to say."""
    for warning in warnings:
        say(f"warning: {warning}")
    say(*rest)


def lost(losses: Iterable[str], unread: Mapping[str, int]) -> str:
    """Return that input was lost, in one sentence, empty where none was; a last line that is not finished yet is no loss."""
    lines = sum(number for reason, number in unread.items() if reason != UNFINISHED)
    found = [f"{lines:,} {'line was' if lines == 1 else 'lines were'} not read (see them with --rejects FILE)"] if lines else []
    found += [f"{'other ' * bool(lines)}input was lost, as the warnings say"] if any(losses) else []
    return f"{', and '.join(found)}; without --strict this is no error" if found else ""


def read(counts: Mapping[str, int], logs: int) -> str:
    """Return what was read in one sentence; `counts` are `lines` and the fates of them."""
    fates = ", ".join(f"{number:,} {fate}" for fate, number in counts.items() if number and fate != "lines")
    return f"read {counts['lines']:,} lines from {logs:,} {'log' if logs == 1 else 'logs'}{f': {fates}' if fates else ''}"
