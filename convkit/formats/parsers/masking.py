"""Masking of what identifies people or grants access, wherever lines are shown: addresses, e-mail addresses, names, passwords and tokens.

It masks too much rather than too little. All patterns take time in proportion to the text.
"""

from __future__ import annotations

import re
from functools import cache
from itertools import pairwise

from convkit.core import datafiles
from convkit.core.secret_names import SECRET_MASK, is_secret, is_surely_secret
from convkit.formats.parsers.masked_addresses import ADDRESS_MASK, mask_addresses

NAME_MASK, _MAIL_MASK = "xxx", "x@x.x"
_MAIL = re.compile(
    r"(?<![\w.+'%-])[\w.+'%-]+(?:@|%(?:25)?40|\\x40|\\u0040)(?:\[?x\.x\.x\.x\]?|(?!\d+(?:\.\d+)*x?\.)(?:[\w-]+\.)+[^\W\d_]{2,})",
)
"""Matches an e-mail address, perhaps with escaped text before it, but not names of files like `logo@2x.png` or `vue@3.min.js`."""
_USER_OF_LINE = re.compile(r'(?<= )(?!- ?\[|x\.x\.x\.x)[^\s"\[\]{}]+(?= \[\d\d/[A-Z][a-z]{2}/\d{4}[: ])')
"""Matches the user of a common log line."""
_NAME = re.compile(r"(?:[^\W\d_]|[ .'\u2019-])+")
"""Matches what may be a person's name; IDs contain digits."""
_END = r"(?:(?!%26)[^\s&\"',;{}\[\]\\])"
"""Matches a character of a value without quotes."""

_LAST_WORD, _LONGEST_CUT = re.compile(r"(?<![\w.:%@+-])[\w.:%@+-]+$"), 100
_USER_INFO = re.compile(r"(?i)(://|%3A%2F%2F)(?:[\w.~!$&'()*+,;=:-]|%(?!2F|3F|40|23)[0-9A-F]{2}){1,200}(@|%40)")
"""Matches the user and the password in a URL."""
_SCHEME = re.compile(r"(?i)\b(basic|bearer|digest|negotiate|ntlm|apikey)((?:[ +]|%20){1,3})([\w+/=.~:%-]{8,})")
"""Matches the value of a header that authorises a request."""
_WEB_TOKEN = re.compile(r"(?<![\w-])eyJ[\w-]{8,}(?:\.[\w-]*){1,2}")
_RUN = re.compile(r"(?<![A-Za-z0-9_+-])(?:[A-Za-z0-9_+-]|%2[BbFf]|%3[Dd]){24,}={0,2}")
_WORDS = re.compile(r"[-_+]|%..")
_LONG_WORD, _MIN_DIGITS = 32, 4
"""The least number of characters, and of both digits and letters, in a word that is a hexadecimal token."""
_MIXED_WORD, _MIN_CHANGES = 10, 5
"""The same for a word of another token, and how often digits and letters of both cases alternate in it."""
_LABEL = re.compile(r"(?<![\w.\[\]-])([\w.\[\]-]+)(?:\\?[\"'])?\s{0,3}(?:[:=]|%3[AaDd])\s{0,3}(?:\\?[\"'])?")
"""Matches the name of a value in JSON, a header, a query or logfmt, with what separates both."""
_QUOTED, _BARE = re.compile(r"[^\"'\\]*"), re.compile(f"{_END}*")
_SHORTEST = 5
"""The least number of characters of a secret whose name may also be that of a code, like a country's."""
_NOT_SECRET = frozenset({"", "-", "null", "none", "undefined", "true", "false", ADDRESS_MASK, NAME_MASK, _MAIL_MASK, SECRET_MASK})


def mask_people(text: str) -> str:
    """Return text in which everything is masked that looks like an address, an e-mail address, a person's name, a password or a token."""
    masked = _USER_INFO.sub(rf"\1{SECRET_MASK}\2", text)
    masked = _RUN.sub(_without_token, _WEB_TOKEN.sub(SECRET_MASK, _SCHEME.sub(_without_authorization, masked)))
    masked = _MAIL.sub(_MAIL_MASK, mask_addresses(masked))
    masked = _without_secrets(_named_values().sub(_without_name, masked))
    return _USER_OF_LINE.sub(lambda match: NAME_MASK if any(map(str.isalpha, match[0])) else match[0], masked)


def without_cut_word(text: str) -> str:
    """Return text that was cut off without the end of its last word if that may be a part of an address or a token, which would not be recognised."""
    rest, tail = text[:-_LONGEST_CUT], text[-_LONGEST_CUT:]
    return rest + _LAST_WORD.sub(lambda match: match[0] if match[0].isalpha() else "", tail)


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
    label = rf'(?i:(?<![^\W_])(?:{either})"?\s*(?:[:=]|%3[AD])\s*)'
    return re.compile(rf"(?P<label>{label})(?:(?P<start>\")(?P<quoted>[^\"]*)(?P<end>\"?)|(?P<bare>{_END}+))")


def _without_secrets(text: str) -> str:
    """Return text with the values masked that have the name of a secret."""
    parts, end = [], 0
    for label in _LABEL.finditer(text):
        if label.start() < end or not is_secret(label[1]):
            continue
        value = (_QUOTED if label[0].endswith(("'", '"')) else _BARE).match(text, label.end())
        if value and value[0].lower() not in _NOT_SECRET and (len(value[0]) >= _SHORTEST or is_surely_secret(label[1])):
            parts += [text[end : value.start()], SECRET_MASK]
            end = value.end()
    return "".join([*parts, text[end:]])


def _without_authorization(match: re.Match[str]) -> str:
    """Return a scheme of authorization with what follows it masked, unless that is a word."""
    return match[0] if match[3].isalpha() and match[3] == match[3].lower() else f"{match[1]}{match[2]}{SECRET_MASK}"


def _without_token(match: re.Match[str]) -> str:
    """Return the mask for a token, or else the letters and digits."""
    return SECRET_MASK if any(map(_is_random, _WORDS.split(match[0]))) else match[0]


def _is_random(word: str) -> bool:
    """Return whether digits and letters alternate in a word as in a token, rather than as in a name."""
    kinds = ["0" if character.isdigit() else "A" if character.isupper() else "a" for character in word]
    changes, digits = sum(one != other for one, other in pairwise(kinds)), kinds.count("0")
    if len(word) >= _LONG_WORD:
        return digits >= _MIN_DIGITS and len(word) - digits >= _MIN_DIGITS
    return len(word) >= _MIXED_WORD and len(set(kinds)) == len("0Aa") and changes >= _MIN_CHANGES
