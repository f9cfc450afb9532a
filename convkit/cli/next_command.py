"""The command that works next, exactly as it would be typed."""

from __future__ import annotations

import shlex
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from convkit.cli import terminal
from convkit.cli.options import GOALS_FILE
from convkit.core.options import flags
from convkit.core.text import safe

if TYPE_CHECKING:
    from collections.abc import Sequence

    from convkit.core.options import Options

_MOST_LOGS = 3
"""The maximum number of logs that are listed by name if a pattern names them."""
_DEFAULT_FORMAT = "auto"


def command(name: str, logs: Sequence[str], goals: str | None, options: Options | None = None) -> str:
    """Return a command for logs and a goals file, with the options that decide how the logs are read; without a log, LOG takes its place."""
    flag = flags(type(options)) if options else {}
    words = ["-g", goals] if goals not in {None, GOALS_FILE} else []
    if options is not None:
        words += [flag["log_format"].names[-1], options.log_format] if options.log_format != _DEFAULT_FORMAT else []
        words += [flag["timezone"].names[-1], options.timezone] if options.timezone else []
        words += [word for setting in options.settings for word in (flag["settings"].names[-1], setting)]
    return " ".join(["convkit", name, *(_named(logs) or ["LOG"]), *(shlex.quote(str(word)) for word in words)])


def write(following: str) -> None:
    """Write a command to standard output, on a line of its own that is never wrapped, so that it can be copied."""
    terminal.write_stream(terminal.encoded(f"Next: {safe(following, None)}\n", to_screen=True))


def _named(logs: Sequence[str]) -> list[str]:
    """Return the logs as words of a command: by name or, if there are many, as the pattern that names exactly these."""
    first, last = min(logs, default=""), max(logs, default="")
    shared = next((place for place, (one, other) in enumerate(zip(first, last, strict=False)) if one != other), len(first))
    start, folder = Path(first[:shared]).name if not first[:shared].endswith("/") else "", Path(first).parent
    alike = set[str]()
    if len(logs) > _MOST_LOGS:
        with suppress(OSError):  # There may be no such directory, or the user may not list it.
            alike = {path.name for path in folder.iterdir() if path.name.startswith(start)}
    if start and alike == {Path(log).name for log in logs} and all(Path(log).parent == folder for log in logs):
        return [f"{shlex.quote(first[:shared])}*"]
    from convkit.files.paths import shown_names  # noqa: PLC0415 (code that reads logs is imported when a command runs, not for its help)

    return [shlex.quote(log) for log in shown_names(logs)]
