"""Fragments of JSON Schema for what several keys of a goals file take: texts, patterns, requests, lengths of time.

It stands alone because each key says for itself what it takes, in these words, and an editor knows it without running convkit.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from convkit.core.patterns import LONGEST

Shape = Mapping[str, Any]


def one_or_more(item: Shape) -> Shape:
    """Return the shape of one, or of a list of them."""
    return {"anyOf": [item, {"type": "array", "items": item, "minItems": 1}]}


def ref(name: str) -> Shape:
    """Return a reference to a shape that is defined once."""
    return {"$ref": f"#/$defs/{name}"}


def matching(regex: str) -> Shape:
    """Return the shape of a text; expressions are those that ECMAScript and Python read alike."""
    return {"type": "string", "pattern": regex}


def keys(shapes: Mapping[str, Shape], **more: object) -> Shape:
    """Return the shape of a mapping with these keys and no others."""
    return {"type": "object", "properties": dict(shapes), "additionalProperties": False, **more}


_PATH = r"(?:/|\*|re:.)"
REQUEST_OR_PATH = matching(rf"^(?:[A-Z]+ +)?{_PATH}")
PATH = {**matching(f"^{_PATH}"), "maxLength": LONGEST}
REQUEST = matching(rf"^[A-Z]+ +{_PATH}")
TEXT = {"type": "string", "minLength": 1}
PATTERN = {**TEXT, "maxLength": LONGEST, "not": {"const": "re:"}}
NAME = matching("^[A-Za-z0-9_-]{1,80}$")
DURATION = matching(r"^\s*(?!0+[smhdw])[0-9]{1,6}[smhdw]\s*$")
PERCENT = matching(r"^(?!0+(?:\.0+)? ?%)0*(?:100(?:\.0+)?|[0-9]{1,2}(?:\.[0-9]+)?) ?%$")
COUNT = {"type": "integer", "minimum": 1}
SCALAR = {"type": ["string", "number", "boolean"], "minLength": 1}
TAKEN = matching(r"^(?:query|cookie|prop)\..")
"""A value taken from a hit."""
GOAL, GOAL_OR_NAME = ref("goal"), ref("goalOrName")
