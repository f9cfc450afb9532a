"""IP addresses in any text, masked in every notation in which logs and URLs hold them.

A text is searched twice: first for four numbers, then for IPv6, which may end in them. All patterns take time in proportion to the text.
"""

from __future__ import annotations

import re

ADDRESS_MASK = "x.x.x.x"

_ESCAPED = r"(?<=%[0-9A-Fa-f]{2})"
"""Matches after a character written as `%20`, whose digits are not part of a number."""
_DOT = r"(?:[._-]|%(?:25)?2[DdEe]|%(?:25)?5[Ff])"
"""Between the numbers of an IPv4 address: a dot or, in the names of hosts, a dash or underscore."""
_FOUR = re.compile(rf"(?:(?<!\d)|{_ESCAPED})\d{{1,3}}(?P<dot>{_DOT})\d{{1,3}}(?:(?P=dot)\d{{1,3}}){{2,}}(?!\d)")
_LARGEST, _NUMBERS = 255, 4
_VERSION = re.compile(
    r"(?i)(?:(?:Chrom(?:e|ium)|CriOS|FxiOS|Edg(?:e|A|iOS)?|OPR|OPT|Opera|Safari|Firefox|Version|Vivaldi|Browser|Whale|Brave|GSA|FBAV|Electron|Instagram|"
    r'MicroMessenger|WebView2?|DuckDuckGo|Ddg|Silk|AppleWebKit|Gecko)(?:/|%2F)|\brv:|;\s?v=\\?")$'
)
"""Matches what precedes the version of a browser, which may look like an address."""
_LONGEST_PRODUCT = 20

_COLON = r"(?::|%(?:25)?3[Aa]|\\x3[Aa])"
_GROUP = r"[0-9A-Fa-f]{0,5}"
"""A group of an IPv6 address, or a port after it."""
_SIX = re.compile(rf"(?<!%)(?<!%[0-9A-Fa-f]){_GROUP}(?:{_COLON}{_GROUP}){{2,}}+(?:(?<=[:aA])x\.x\.x\.x)?(?:%(?:25)?[A-Za-z][\w.-]{{0,15}})?")
"""Matches what may be an IPv6 address, perhaps with an IPv4 address at its end, and a zone; it does not begin within an escape like `%2C`."""
_CLOCK = re.compile(r":?(?:\d{4}:)?(?:\d\d?:){1,2}\d\d?(?::\d\d?){0,3}:?")
_COLONS = re.compile(r"(:{3,})")
_MIN_GROUPS = 4
"""The number of groups that identify a network, without `::`."""
_LONGEST_OF_TIME = 2
_SURE_GROUPS = 6
"""The number of groups of a hardware address; no time has as many."""


def mask_addresses(text: str) -> str:
    """Replace every IPv4, IPv6 and hardware address in a string with `x.x.x.x`; the versions of browsers and times stay."""
    return _SIX.sub(_masked_six, _FOUR.sub(_masked_four, text))


def _masked_four(match: re.Match[str]) -> str:
    """Return the mask for numbers of which four in a row may be an address, or else the numbers."""
    numbers = match[0].split(match["dot"])
    is_number = [int(number) <= _LARGEST for number in numbers]
    if not any(all(is_number[first : first + _NUMBERS]) for first in range(len(numbers) - _NUMBERS + 1)):
        return match[0]
    before = match.string[max(match.start() - _LONGEST_PRODUCT, 0) : match.start()]
    return match[0] if len(numbers) == _NUMBERS and _VERSION.search(before) else ADDRESS_MASK


def _masked_six(match: re.Match[str]) -> str:
    """Return the mask for groups of hexadecimal digits that may be an address, or else the groups."""
    plain = re.sub(_COLON, ":", match[0])
    neighbours = match.string[max(match.start() - 1, 0) : match.start()] + match.string[match.end() : match.end() + 1]
    is_alone = not any(character.isalpha() for character in neighbours)
    pieces = _COLONS.split(plain)
    masked = [ADDRESS_MASK if _is_six(piece, is_alone=is_alone) else piece for piece in pieces]
    return match[0] if masked == pieces else "".join(masked)


def _is_six(text: str, *, is_alone: bool) -> bool:
    """Return whether groups may be an IPv6 or a hardware address, or a part of one; `is_alone` if no letter stands beside them."""
    text = text.partition("%")[0]
    groups = [group for group in text.split(":") if group]
    if text.endswith(ADDRESS_MASK):
        return "::" in text or len(groups) >= _SURE_GROUPS or "ffff" in text.lower()
    if not groups or _CLOCK.fullmatch(text):
        return False
    if "::" in text:
        return is_alone or any(character.isdigit() for character in text)
    return len(groups) >= _SURE_GROUPS or (
        len(groups) >= _MIN_GROUPS and any(len(group) > _LONGEST_OF_TIME or not group.isdigit() for group in groups)
    )
