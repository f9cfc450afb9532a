"""Files beside access logs that hold no requests: logs of errors, lock files and the like."""

from __future__ import annotations

import re
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from convkit.core import datafiles
from convkit.files.kinds import text_start
from convkit.files.lines import PARQUET, TEXT_LOG

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from convkit.files.lines import Source

ERROR_LOG = "a log of errors"
_ERROR_LINES = re.compile(
    # nginx
    r"\d{4}/\d\d/\d\d \d\d:\d\d:\d\d \[(?:debug|info|notice|warn|error|crit|alert|emerg)\] \d+#\d+: "
    # Apache, before and since version 2.4
    r"|\[(?:[A-Z][a-z]{2} ){2}[ \d]\d \d\d:\d\d:\d\d(?:\.\d+)? \d{4}\] \[(?:[\w-]*:)?(?:emerg|alert|crit|error|warn|notice|info|debug|trace\d)\]"
    # PHP and PHP-FPM
    r"|\[\d\d-[A-Z][a-z]{2}-\d{4} \d\d:\d\d:\d\d(?: [\w/+-]+)?\] (?:PHP |NOTICE|WARNING|ERROR|ALERT|DEBUG)"
    # LiteSpeed
    r"|\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d+ (?:\[\d+\] )?\[(?:NOTICE|INFO|WARN|ERROR|DEBUG)\] "
)
_MIN_SHARE = 0.5
_PROCESS_ID = re.compile(r"\s*\d{1,7}\s*")


def without_unwanted(sources: Sequence[Source]) -> tuple[list[Source], list[str]]:
    """Return the sources that may be logs, and a sentence that names the others; all of them if none may be one.

    Raises OtherFileError if none may be one and some are certainly none.
    """
    kinds = {source: kind for source in sources if (kind := _kind(source))}
    if not kinds or len(kinds) == len(sources):
        for refusal in filter(None, (source.refusal for source in sources)):
            raise refusal
        return list(sources), []
    return [source for source in sources if source not in kinds], [_sentence({source.name: kind for source, kind in kinds.items()})]


def is_error_log(lines: Iterable[str]) -> bool:
    """Return whether most of these lines are messages about errors."""
    filled = [line for line in lines if line.strip()]
    return bool(filled) and sum(bool(_ERROR_LINES.match(line)) for line in filled) >= _MIN_SHARE * len(filled)


def _sentence(kinds: Mapping[str, str]) -> str:
    """Return the sentence that names the files that are left out, and what they are."""
    named = "; ".join(f"{name} is {kind}" for name, kind in kinds.items())
    return f"{'these files were' if len(kinds) > 1 else 'this file was'} left out: {named}"


def _kind(source: Source) -> str | None:
    """Return what a file is if it is not a log of requests, else None."""
    if source.refusal:
        return source.refusal.kind if source.refusal.cure == TEXT_LOG else f"{source.refusal.kind} ({source.refusal.cure})"
    name = source.name.rpartition("/")[2].lower()
    for line in datafiles.lines("no_logs"):
        kind, _, patterns = line.partition(": ")
        if any(fnmatchcase(name, pattern) for pattern in patterns.split()):
            return kind
    if source.packing == PARQUET:
        return None
    start = text_start(source)
    if _PROCESS_ID.fullmatch(start):
        return "a lock file"
    return ERROR_LOG if is_error_log(start.splitlines()) else None
