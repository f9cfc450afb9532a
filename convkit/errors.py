"""Everything that can go wrong in a way a user can mend, as one tree, and the exit codes that scripts rely on.

ConvkitError            an error with one sentence that says the fix
├── UsageError          2  a bad option or argument
│   └── GoalsFileError  2  problems in goals.yaml, all of them at once
├── InputError          3  a log that is missing, unreadable or of no known format
└── OutputError         6  a report that could not be written

It stands alone because every module raises these and only the command line turns them into text.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from difflib import get_close_matches
from enum import IntEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable


class ExitCode(IntEnum):
    """What the shell learns."""

    OK = 0
    BUG = 1
    USAGE = 2
    INPUT = 3
    LOST = 4
    STORE = 5
    OUTPUT = 6
    THRESHOLD = 10
    HANGUP = 129
    INTERRUPTED = 130
    TERMINATED = 143

    @property
    def meaning(self) -> str:
        """Return what the documentation says of the code."""
        return _MEANINGS[self]


_MEANINGS = {
    ExitCode.OK: "The report was made; also when the reader of a pipe went away.",
    ExitCode.BUG: "A mistake in convkit itself.",
    ExitCode.USAGE: "A bad option, argument or goals file.",
    ExitCode.INPUT: "A log that is missing, unreadable or of no known format.",
    ExitCode.LOST: "Part of the input was lost, and `--strict` was given.",
    ExitCode.STORE: "A store that is in use, damaged or of a newer version.",
    ExitCode.OUTPUT: "The report could not be written; the file that was there is untouched.",
    ExitCode.THRESHOLD: "A threshold was missed; the report was made.",
    ExitCode.HANGUP: "The terminal was closed.",
    ExitCode.INTERRUPTED: "Ctrl-C.",
    ExitCode.TERMINATED: "Ended by `kill`.",
}
_GRAVEST = (ExitCode.OUTPUT, ExitCode.STORE, ExitCode.INPUT, ExitCode.LOST, ExitCode.THRESHOLD)


def gravest(codes: Collection[ExitCode]) -> ExitCode:
    """Return the one code that the shell learns where several apply."""
    return next((code for code in _GRAVEST if code in codes), ExitCode.OK)


_BEFORE_EXAMPLES = re.compile(r"\n(?=  )")


class ConvkitError(Exception):
    """An error whose message is one sentence with the fix."""

    exit_code = ExitCode.BUG

    @property
    def lines(self) -> list[str]:
        """Return the message's lines: the sentence, and examples under it, indented. A name that holds a line break begins no line of its own."""
        return _BEFORE_EXAMPLES.split(str(self))


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
        super().__init__("\n".join(self.lines))

    @property
    def lines(self) -> list[str]:
        """Return a line a problem."""
        return [self._place(problem) + problem.message for problem in self.problems]

    def _place(self, problem: Problem) -> str:
        return f"{self.file}:{problem.line}:{problem.column}: " if problem.line else f"{self.file}: "


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return `, did you mean 'x'?` where a known name is close to `name`, else an empty text."""
    close = get_close_matches(name, list(known), n=1, cutoff=0.6)
    return f", did you mean {close[0]!r}?" if close else ""
