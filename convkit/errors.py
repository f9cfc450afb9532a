"""Everything that can go wrong in a way a user can mend, as one tree, and the exit codes that scripts rely on.

ConvkitError            an error with one sentence that says the fix
├── UsageError          2  a bad option or argument
│   └── GoalsFileError  2  problems in goals.yaml, all of them at once
├── InputError          3  a log that is missing, unreadable or of no known format
└── OutputError         6  a report that could not be written

It stands alone because every module raises these and only the command line turns them into text.
"""

from __future__ import annotations

from dataclasses import dataclass
from difflib import get_close_matches
from enum import IntEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


class ExitCode(IntEnum):
    """What the shell learns."""

    OK = 0
    """The report was made; also when the reader of a pipe went away."""
    BUG = 1
    """A mistake in convkit itself."""
    USAGE = 2
    """A bad option, argument or goals file."""
    INPUT = 3
    """A log that is missing, unreadable or of no known format."""
    OUTPUT = 6
    """The report could not be written."""
    INTERRUPTED = 130
    """Ctrl-C."""


class ConvkitError(Exception):
    """An error whose message is one sentence with the fix."""

    exit_code = ExitCode.BUG


class UsageError(ConvkitError):
    """A bad option or argument."""

    exit_code = ExitCode.USAGE


class InputError(ConvkitError):
    """A log that is missing, unreadable or of no known format."""

    exit_code = ExitCode.INPUT


class OutputError(ConvkitError):
    """A report that could not be written."""

    exit_code = ExitCode.OUTPUT


@dataclass(frozen=True, order=True)
class Problem:
    """One mistake in a goals file: line and column count from 1, 0 means the file as a whole."""

    line: int
    column: int
    message: str


class GoalsFileError(UsageError):
    """All problems of a goals file, one a line, as `goals.yaml:12:7: message`."""

    def __init__(self, file: str, problems: Iterable[Problem]) -> None:
        """Sort the problems by their place in the file."""
        self.file = file
        self.problems = sorted(set(problems))
        super().__init__("\n".join(self._place(problem) + problem.message for problem in self.problems))

    def _place(self, problem: Problem) -> str:
        return f"{self.file}:{problem.line}:{problem.column}: " if problem.line else f"{self.file}: "


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return `, did you mean 'x'?` where a known name is close to `name`, else an empty text."""
    close = get_close_matches(name, list(known), n=1, cutoff=0.6)
    return f", did you mean {close[0]!r}?" if close else ""
