"""Masking what identifies people wherever lines are shown: IP addresses, e-mail addresses and names."""

from __future__ import annotations

import re
from functools import cache

from convkit.core import datafiles
from convkit.formats.parsers.addresses import mask_addresses

NAME_MASK, _MAIL_MASK = "xxx", "x@x.x"
_MAIL = re.compile(r"[\w.+-]+(?:@|%40)(?!\d+(?:\.\d+)*x?\.)(?:[\w-]+\.)+[^\W\d_]{2,}")
"""Matches an e-mail address, but not names of files like `logo@2x.png` or `vue@3.min.js`."""
_USER_OF_LINE = re.compile(r'(?<= )(?!- ?\[|x\.x\.x\.x)[^\s"\[\]{}]*[^\W\d_][^\s"\[\]{}]*(?= \[\d\d/[A-Z][a-z]{2}/\d{4}[: ])')
"""Matches the user of a common log line."""
_NAME = re.compile(r"(?:[^\W\d_]|[ .'\u2019-])+")
"""Matches what may be a person's name; IDs contain digits."""


def mask_people(text: str) -> str:
    """Return text with IP addresses, e-mail addresses, and names of people in fields that are called so masked."""
    masked = _MAIL.sub(_MAIL_MASK, mask_addresses(text))
    return _USER_OF_LINE.sub(NAME_MASK, _named_values().sub(_without_name, masked))


def mask_user(text: str) -> str:
    """Return the ID of a user, or a mask if it may be the name of a person."""
    return NAME_MASK if _NAME.fullmatch(text) else mask_people(text)


def _without_name(match: re.Match[str]) -> str:
    """Return a label with its value masked if it may be a person's name."""
    value = match["quoted"] if match["quoted"] is not None else match["bare"]
    if not _NAME.fullmatch(value.replace("+", " ").replace("%20", " ")) or value in {"-", "null"}:
        return match[0]
    return f"{match['label']}{match['start'] or ''}{NAME_MASK}{match['end'] or ''}"


@cache
def _named_values() -> re.Pattern[str]:
    """Return the pattern for a label that names a person, as in JSON, logfmt, LTSV and queries, and its value."""
    names = sorted(datafiles.words("people_fields"), key=len, reverse=True)
    either = "|".join("[_. -]?".join(map(re.escape, name.split("_"))) for name in names)
    label = rf'(?i:(?<![^\W_])(?:{either})"?\s*[:=]\s*)'
    return re.compile(rf"(?P<label>{label})(?:(?P<start>\")(?P<quoted>[^\"]*)(?P<end>\"?)|(?P<bare>[^\s&\"',;{{}}\[\]]+))")
