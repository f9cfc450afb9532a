"""Visitor IDs for outputs: a keyed hash of what identifies a visitor, stable for the same input and key, and never an address.

On request only, the site's own ID of a visitor, or its SHA-256, takes the place of the keyed hash.
"""

from __future__ import annotations

import hashlib
import os
import stat
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING

from convkit.core import filesystem
from convkit.core.model import ADDRESS_RULES
from convkit.core.secret_names import is_secret, is_surely_secret
from convkit.goals.site import JAVA_SESSION

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

KEY_VARIABLE = "CONVKIT_KEY"
_KEY_PLACE = ("convkit", "key")
VISITOR, OWN_ID, SHA256_ID = ID_COLUMNS = ("visitor", "own_id", "sha256_id")
"""The columns of tallies in which the number of a visitor becomes an ID: the keyed hash, the site's own ID, or its SHA-256."""
_ID_BYTES, _KEY_BYTES, _LEAST_BYTES = 8, 32, 16
_SHOWN_DIGITS = 6
"""The number of digits of an ID that are shown on a screen."""


@dataclass(frozen=True)
class Key:
    """A key, and whether the next run will use the same one."""

    secret: bytes
    is_lasting: bool = True


def key() -> Key:
    """Return the key from the environment, else from the user's key file (created if missing), else a key for this run only."""
    if value := os.environ.get(KEY_VARIABLE):
        return Key(os.fsencode(value))
    with suppress(OSError):
        if (file := key_file()) and (secret := _read_or_create_key(file)):
            return Key(secret)
    return Key(_key_of_this_run(), is_lasting=False)


def key_weakness() -> str:
    """Return what is wrong with the user's key file and what to do, or an empty string if nothing is, or if it is not used."""
    file = None if os.environ.get(KEY_VARIABLE) else key_file()
    try:
        state = None if file is None else file.stat()
    except OSError:
        return ""
    if state is None:
        return ""
    if state.st_size < _LEAST_BYTES:
        return f"has only {state.st_size} bytes, so that it can be guessed; delete it, and the next run will create another one"
    if state.st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        return "is open to other users; close it with chmod 600"
    return ""


def hash_identities(identities: Iterable[str]) -> list[str]:
    """Return 16 hex digits for each string that identifies a visitor (keyed BLAKE2b)."""
    # A key may have any length; BLAKE2b takes at most 64 bytes.
    secret = hashlib.blake2b(key().secret, digest_size=_KEY_BYTES).digest()
    return [hashlib.blake2b(text.encode(), digest_size=_ID_BYTES, key=secret).hexdigest() for text in identities]


def own_ids(identities: Iterable[str], rules: Iterable[str]) -> list[str | None]:
    """Return the site's own ID of each visitor: the value by which one of the `rules` identified it, or None if it may not be given away.

    That is an IP address, whichever rule found it, and what may be the secret of a running session.
    """
    prefixes = sorted((f"{rule} " for rule in rules if not _may_be_session(rule)), key=len, reverse=True)
    texts = (next((text.removeprefix(prefix) for prefix in prefixes if text.startswith(prefix)), None) for text in identities)
    return [None if text is None or not text.strip() or _is_address(text) else text for text in texts]


def sha256_ids(identities: Iterable[str], rules: Iterable[str]) -> list[str | None]:
    """Return the SHA-256 of each own ID in lower case without spaces around it, in hex, as ad platforms take email addresses; None without one."""
    return [None if text is None else hashlib.sha256(text.strip().lower().encode()).hexdigest() for text in own_ids(identities, rules)]


def _may_be_session(rule: str) -> bool:
    """Return whether the values of a visitor rule may let somebody else continue a session, or are addresses."""
    is_code = is_secret(rule) and "mail" not in rule.lower()
    return rule in {JAVA_SESSION, *ADDRESS_RULES} or is_surely_secret(rule) or is_code


def _is_address(text: str) -> bool:
    """Return whether an ID is an IP address."""
    try:
        ip_address(text.strip().strip("[]"))
    except ValueError:
        return False
    return True


def ids_of(column: str, identities: Sequence[str], rules: Iterable[str]) -> list[str] | list[str | None]:
    """Return the IDs for a column of ID_COLUMNS."""
    if column == VISITOR:
        return hash_identities(identities)
    return own_ids(identities, rules) if column == OWN_ID else sha256_ids(identities, rules)


def shorten(name: str) -> str:
    """Return the ID of a visitor or a session as a screen shows it: `3f9a1c…-2`."""
    return f"{name[:_SHOWN_DIGITS]}…{name[2 * _ID_BYTES :]}"


def key_file() -> Path | None:
    """Return the path of the key file (XDG), or None if the user has no home."""
    folder = Path(os.environ.get("XDG_CONFIG_HOME", ""))
    # The base directory specification says to ignore a relative path.
    if not folder.is_absolute():
        try:
            folder = Path.home().resolve(strict=True) / ".config"
        except (OSError, RuntimeError):
            return None
    return folder.joinpath(*_KEY_PLACE)


def _read_or_create_key(file: Path) -> bytes:
    """Return the content of the key file; if it is missing, it is created, readable only by its owner. Raises OSError.

    If two runs create it at once, one wins.
    """
    if not file.exists():
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with filesystem.temporary_file(file.parent) as new:
            new.write(os.urandom(_KEY_BYTES).hex().encode() + b"\n")
            new.flush()
            with suppress(FileExistsError):
                file.hardlink_to(new.name)
    return file.read_bytes().strip()


@cache
def _key_of_this_run() -> bytes:
    return os.urandom(_KEY_BYTES)
