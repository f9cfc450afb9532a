"""Names of parameters, fields and headers whose values may grant access or identify a person; the lists are deliberately broad."""

from __future__ import annotations

import re

SECRET_MASK = "***"  # noqa: S105 (what takes the place of a password)
_SURE = re.compile(r"(?i)token|passw|passphrase|pwd|secret|credential|jwt|signature|api[_-]?key|auth(?!or(?!i[sz]))")
_OTHER = re.compile(r"(?i)sess(?:ion|id)|mail|x-amz-|(?<![^\W_])(?:key|sig|code|sid)(?![^\W_])|^(?:26|3F)(?:key|sig|code|sid)$")
"""The names of what may also be a code without a secret. `26` and `3F` are what escapes leave of `&` and `?`."""


def is_secret(name: str) -> bool:
    """Return whether a parameter of this name may hold a secret, so that its value is never shown."""
    return is_surely_secret(name) or bool(_OTHER.search(name))


def is_surely_secret(name: str) -> bool:
    """Return whether what has this name is a secret, however short it is."""
    return bool(_SURE.search(name))
