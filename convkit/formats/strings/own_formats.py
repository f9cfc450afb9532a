"""The user's own format, a string in the notation of a server, of GoAccess, or a regular expression -> the template of its lines.

It stands alone because a string is told by how it is written: nobody has to say whose it is.
"""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING

from convkit.core import plugins
from convkit.errors import UsageError, did_you_mean
from convkit.formats.strings import apache_strings, goaccess_strings, group_strings, nginx_strings
from convkit.formats.strings.log_strings import StringError

if TYPE_CHECKING:
    from collections.abc import Callable

    from convkit.formats.strings.log_strings import OwnTemplate


AUTO = "auto"
NAME = "your own format"
_GROUPS = re.compile(r"\(\?P?<\w+>")
_NGINX = re.compile(r"\$\w|\$\{\w|^\s*log_format\s")
_GOACCESS = re.compile(r"%[~dx]|%\^(?!ti|to|FB)|~h\{")
_APACHE = re.compile(r"%|^\s*LogFormat\s", re.IGNORECASE)
_READERS = ((_GROUPS, group_strings.read), (_NGINX, nginx_strings.read), (_GOACCESS, goaccess_strings.read), (_APACHE, apache_strings.read))
_IN_BRACES = re.compile(r"\{[^}]*\}")
_OF_GOACCESS = {
    "VCOMBINED": "vhost-combined",
    "VCOMMON": "vhost-combined",
    "AWSALB": "aws-alb",
    "AWSELB": "aws-elb",
    "AWSS3": "aws-s3",
    "TRAEFIKCLF": "traefik",
}
"""GoAccess's names of formats that have others here."""


def named(wanted: str) -> str:
    """Return the name of a format as it is known here; of GoAccess's names, too."""
    known = plugins.names("formats")
    other = _OF_GOACCESS.get(wanted, wanted.lower())
    return other if wanted not in known and other in known else wanted


def is_string(wanted: str) -> bool:
    """Tell the string of a format from the name of one."""
    return _reader(wanted) is not None


@cache
def template(wanted: str) -> OwnTemplate:
    """Return the template that a string describes. Raises StringError."""
    reader = _reader(wanted)
    if reader is None:
        raise StringError(no_format(wanted))
    return reader(wanted)


def of_option(wanted: str) -> OwnTemplate | None:
    """Return the template that --log-format describes, None where it names a format. Raises UsageError."""
    if wanted == AUTO or wanted in plugins.names("formats"):
        return None
    try:
        return template(wanted)
    except StringError as error:
        raise UsageError(str(error) if not is_string(wanted) else f"--log-format: {error}") from None


def no_format(wanted: str) -> str:
    """Return what to say of what is neither a name nor a string."""
    known = plugins.names("formats")
    return f"{wanted!r} is no log format{did_you_mean(wanted, [AUTO, *known])}; `convkit formats` lists them, or write your server's log_format"


def _reader(wanted: str) -> Callable[[str], OwnTemplate] | None:
    """Return who reads a string: whoever's signs it has, outside of braces; None where it has nobody's."""
    bare = _IN_BRACES.sub("{}", wanted)
    return next((reader for signs, reader in _READERS if signs.search(bare if reader is goaccess_strings.read else wanted)), None)
