"""The errors that a user can fix, as one class tree, and the exit codes that scripts rely on.

ConvkitError            an error whose message is one sentence with the fix
├── UsageError          2  a bad option or argument
│   └── GoalsFileError  2  all problems in goals.yaml at once
├── InputError          3  a log that is missing, unreadable or in an unknown format
│   └── UnreadableLogsError  all logs that cannot be read at once
└── OutputError         6  a report that could not be written

Any module raises these; only the command line turns them into text.
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
    """The exit codes of the program."""

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
        """The code's meaning, as the documentation gives it."""
        return _MEANINGS[self]


_MEANINGS = {
    ExitCode.OK: "The report was produced (even if the reader of the pipe stopped early).",
    ExitCode.BUG: "A bug in convkit.",
    ExitCode.USAGE: "A bad option, argument or goals file.",
    ExitCode.INPUT: "A log that is missing, unreadable or in an unknown format, or a period without a session (unless `--allow-empty` was given).",
    ExitCode.LOST: "Part of the input was lost, and `--strict` was given.",
    ExitCode.STORE: "A store that is in use, damaged or written by a newer version.",
    ExitCode.OUTPUT: "The report could not be written, or there was too little memory or too few threads; an existing file is left untouched.",
    ExitCode.THRESHOLD: "The report was produced, but a threshold was missed.",
    ExitCode.HANGUP: "The terminal was closed.",
    ExitCode.INTERRUPTED: "Ctrl-C.",
    ExitCode.TERMINATED: "Stopped by `kill`.",
}
_BY_GRAVITY = (ExitCode.OUTPUT, ExitCode.STORE, ExitCode.INPUT, ExitCode.LOST, ExitCode.THRESHOLD)


def gravest(codes: Collection[ExitCode]) -> ExitCode:
    """Return the most serious of several exit codes, or OK if there are none."""
    return next((code for code in _BY_GRAVITY if code in codes), ExitCode.OK)


_BEFORE_EXAMPLES = re.compile(r"\n(?=  )")


class ConvkitError(Exception):
    """An error whose message is one sentence with the fix."""

    exit_code = ExitCode.BUG

    @property
    def lines(self) -> list[str]:
        """The message's lines: the sentence, then indented examples. A line break inside a name does not start a new line."""
        return _BEFORE_EXAMPLES.split(str(self))


class UsageError(ConvkitError):
    """A bad option or argument."""

    exit_code = ExitCode.USAGE


class InputError(ConvkitError):
    """A log that is missing, unreadable or in an unknown format."""

    exit_code = ExitCode.INPUT


class OtherFileError(InputError):
    """A file that is certainly no log, like an image or an archive; it is left out if the user named only its directory."""

    def __init__(self, name: str, kind: str, cure: str) -> None:
        """Keep what the file is, and what to do."""
        self.kind, self.cure = kind, cure
        super().__init__(f"{name} is {kind}, which is not supported; {cure}")


class UnreadableLogsError(InputError):
    """All logs that cannot be read, one sentence each."""

    def __init__(self, sentences: Iterable[str]) -> None:
        """Keep the sentences."""
        self.sentences = list(dict.fromkeys(sentences))
        super().__init__("\n".join(self.sentences))

    @property
    def lines(self) -> list[str]:
        """The message's lines, one per log."""
        return self.sentences


class OutputError(ConvkitError):
    """A report that could not be written."""

    exit_code = ExitCode.OUTPUT


@dataclass(frozen=True, order=True)
class Problem:
    """One mistake in a goals file. Line and column are counted from 1; line 0 means the file as a whole."""

    line: int
    column: int
    message: str


class GoalsFileError(UsageError):
    """All problems in a goals file, one per line, as `goals.yaml:12:7: message`."""

    def __init__(self, file: str, problems: Iterable[Problem]) -> None:
        """Sort the problems by position in the file."""
        self.file = file
        self.problems = sorted(set(problems))
        super().__init__("\n".join(self.lines))

    @property
    def lines(self) -> list[str]:
        """The message's lines, one per problem."""
        return [self._position(problem) + problem.message for problem in self.problems]

    def _position(self, problem: Problem) -> str:
        return f"{self.file}:{problem.line}:{problem.column}: " if problem.line else f"{self.file}: "


_MAX_LISTED = 12
"""The maximum number of known names that are listed after a suggestion."""


def did_you_mean(name: str, names: Iterable[str]) -> str:
    """Return `; did you mean 'x'?` if a known name is close to `name`, or else an empty string."""
    close = get_close_matches(name, list(names), n=1, cutoff=0.6)
    return f"; did you mean {close[0]!r}?" if close else ""


def suggestion(name: str, names: Iterable[str], heading: str) -> str:
    """Return `; did you mean 'page'? Keys: page, query`, or only `. Keys: page, query` if no known name is close; here the heading is `Keys`."""
    listed = list(names)
    return f"{did_you_mean(name, listed) or '.'} {heading}: {', '.join(listed) or 'none'}"


def unknown_name(kind: str, name: str, valid: Iterable[str], heading: str = "", place: str = "") -> str:
    """Return `unknown key 'pag' in a goal; did you mean 'page'? Keys: page, query`; here the place is `a goal`.

    Without a heading (`Keys`) the valid names are not listed; a long list is shown only if no name is close.
    """
    names = list(valid)
    hint = did_you_mean(name, names)
    is_listed = heading and not (hint and len(names) > _MAX_LISTED)
    return f"unknown {kind} {name!r}{place and f' in {place}'}{suggestion(name, names, heading) if is_listed else hint}"
