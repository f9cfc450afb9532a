"""Custom formats: the format string of nginx, Apache or GoAccess, or a regular expression.

The notation is detected from the string. Every notation is turned into a template.
"""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING

from convkit.core import patterns, plugins
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
_LONGEST = 10_000
_TOO_LONG = "the format is too long; leave out what follows the last variable that you need"
_GROUPS = re.compile(r"\(\?P?<\w+>")
_NGINX = re.compile(r"\$\w|\$\{\w|^\s*log_format\s")
_GOACCESS = re.compile(r"%[~dx]|%\^(?!ti|to|FB)|~h\{")
_APACHE = re.compile(r"%|^\s*LogFormat\s", re.IGNORECASE)
_READERS = ((_GROUPS, parse_groups), (_NGINX, parse_nginx), (_GOACCESS, parse_goaccess), (_APACHE, parse_apache))
_IN_BRACES = re.compile(r"\{[^}]*\}")
_OTHER_NAMES = {
    "nginx": "combined",
    "apache": "combined",
    "VCOMBINED": "vhost-combined",
    "VCOMMON": "vhost-combined",
    "AWSALB": "aws-alb",
    "AWSELB": "aws-elb",
    "AWSS3": "aws-s3",
    "TRAEFIKCLF": "traefik",
}
"""Other names for formats: of servers, and GoAccess's."""


def canonical_name(value: str) -> str:
    """Return the name of a format, given that name or another name for it."""
    names = plugins.names("formats")
    other = _OTHER_NAMES.get(value, _OTHER_NAMES.get(value.lower(), value.lower()))
    return other if value not in names and other in names else value


def is_format_string(value: str) -> bool:
    """Return whether a value is a format string instead of a name."""
    return _reader(value) is not None


@cache
def parse_string(value: str) -> StringTemplate:
    """Return the template of a format string. Raises FormatStringError."""
    reader = _reader(value)
    if reader is None:
        raise FormatStringError(unknown_format(value))
    if len(value) > _LONGEST:
        raise FormatStringError(_TOO_LONG)
    template = reader(value)
    if any(patterns.regex_problem(pattern) for pattern in (template.pattern, template.otherwise) if pattern):
        # Polars limits the memory of a regular expression.
        raise FormatStringError(_TOO_LONG)
    return template


def parse_option(value: str) -> StringTemplate | None:
    """Return the template that --log-format describes, or None if it names a format. Raises UsageError."""
    if value == AUTO or value in plugins.names("formats"):
        return None
    try:
        return parse_string(value)
    except FormatStringError as error:
        raise UsageError(str(error) if not is_format_string(value) else f"--log-format: {error}") from None


def unknown_format(value: str) -> str:
    """Return the message for a value that is neither a name nor a format string."""
    names = plugins.names("formats")
    return (
        f"unknown log format {value!r}{did_you_mean(value, [AUTO, *names]) or '.'} List them with `convkit formats`, or use your server's log_format"
    )


def _reader(value: str) -> Callable[[str], StringTemplate] | None:
    """Return the parser for a string's notation, or None if it is in none of them."""
    bare = _IN_BRACES.sub("{}", value)
    return next((reader for signs, reader in _READERS if signs.search(bare if reader is parse_goaccess else value)), None)
