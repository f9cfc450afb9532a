"""Formats that users write themselves: the log_format string of nginx, Apache or GoAccess, or a regular expression.

Its notation is detected by its signs. Every notation becomes the template of a line.
"""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING

from convkit.core import plugins
from convkit.errors import UsageError, did_you_mean
from convkit.formats.strings.apache import parse_apache
from convkit.formats.strings.goaccess import parse_goaccess
from convkit.formats.strings.groups import parse_groups
from convkit.formats.strings.nginx import parse_nginx
from convkit.formats.strings.template import FormatStringError

if TYPE_CHECKING:
    from collections.abc import Callable

    from convkit.formats.strings.template import StringTemplate


AUTO = "auto"
OWN_FORMAT = "your own format"
_GROUPS = re.compile(r"\(\?P?<\w+>")
_NGINX = re.compile(r"\$\w|\$\{\w|^\s*log_format\s")
_GOACCESS = re.compile(r"%[~dx]|%\^(?!ti|to|FB)|~h\{")
_APACHE = re.compile(r"%|^\s*LogFormat\s", re.IGNORECASE)
_READERS = ((_GROUPS, parse_groups), (_NGINX, parse_nginx), (_GOACCESS, parse_goaccess), (_APACHE, parse_apache))
_IN_BRACES = re.compile(r"\{[^}]*\}")
_GOACCESS_NAMES = {
    "VCOMBINED": "vhost-combined",
    "VCOMMON": "vhost-combined",
    "AWSALB": "aws-alb",
    "AWSELB": "aws-elb",
    "AWSS3": "aws-s3",
    "TRAEFIKCLF": "traefik",
}
"""GoAccess's names of formats that have others here."""


def canonical_name(wanted: str) -> str:
    """Return the name of a format as it is known here; of GoAccess's names, too."""
    known = plugins.names("formats")
    other = _GOACCESS_NAMES.get(wanted, wanted.lower())
    return other if wanted not in known and other in known else wanted


def is_format_string(wanted: str) -> bool:
    """Tell the string of a format from the name of one."""
    return _reader(wanted) is not None


@cache
def parse_string(wanted: str) -> StringTemplate:
    """Return the template that a string describes. Raises FormatStringError."""
    reader = _reader(wanted)
    if reader is None:
        raise FormatStringError(unknown_format(wanted))
    return reader(wanted)


def parse_option(wanted: str) -> StringTemplate | None:
    """Return the template that --log-format describes, None where it names a format. Raises UsageError."""
    if wanted == AUTO or wanted in plugins.names("formats"):
        return None
    try:
        return parse_string(wanted)
    except FormatStringError as error:
        raise UsageError(str(error) if not is_format_string(wanted) else f"--log-format: {error}") from None


def unknown_format(wanted: str) -> str:
    """Return what to say of what is neither a name nor a string."""
    known = plugins.names("formats")
    return f"{wanted!r} is no log format{did_you_mean(wanted, [AUTO, *known])}; `convkit formats` lists them, or write your server's log_format"


def _reader(wanted: str) -> Callable[[str], StringTemplate] | None:
    """Return who reads a string: whoever's signs it has, outside of braces; None where it has nobody's."""
    bare = _IN_BRACES.sub("{}", wanted)
    return next((reader for signs, reader in _READERS if signs.search(bare if reader is parse_goaccess else wanted)), None)
