"""Goals files: trees drawn from the schema's own keys, with values that it allows and others, deep, wide and long."""

from __future__ import annotations

import json
from functools import cache
from typing import TYPE_CHECKING, Any

import yaml

from convkit.goals import json_schema

if TYPE_CHECKING:
    import random

SCHEMA = json.loads(json_schema.schema())
PIECES = (
    ".",
    "*",
    "+",
    "?",
    "(",
    ")",
    "[",
    "]",
    "{3}",
    "{1000}",
    "|",
    "^",
    "$",
    "\\d",
    "\\",
    "(?i)",
    "(?x)",
    "#",
    "a",
    "/",
    "[^/]",
    "\\b",
    "é",
    "\\p{L}",
    "(?=",
    "\\1",
)
SCALARS = (
    *("/", "/cart", "/p/*", "/**", "GET /a", "POST /**", "buy", "signup", "30m", "5s", "-1d", "", " ", "3xx", "200", "50%", "query.total", "prop.n"),
    *(
        "session",
        "landing=/",
        "channel!=email",
        "variant.x=a",
        "198.51.100.0/24",
        "Europe/Berlin",
        "no",
        "~",
        "\0",
        "=1+1",
        "\N{RIGHT-TO-LEFT OVERRIDE}",
    ),
    *("x" * 300, None, True, False, 0, 1, -1, 2, 10**30, 0.5, float("nan"), float("inf")),
)
NAMES = ("bought", "signed_up", "saw", "a", "b", "goal 1", "", "x" * 90, "é", "1", "macro", "[bold]")
DEEPEST = 7


@cache
def keys() -> tuple[str, ...]:
    """Return all keys that the schema knows, at any depth."""
    found, waiting = dict[str, None](), [SCHEMA]
    while waiting:
        node = waiting.pop()
        found |= dict.fromkeys(node.get("properties", ())) if isinstance(node, dict) else {}
        waiting += [child for child in (node.values() if isinstance(node, dict) else node) if isinstance(child, (dict, list))]
    return tuple(found)


def regex(rng: random.Random) -> str:
    """Return a regular expression, of which many are none."""
    return "re:" + "".join(rng.choice(PIECES) for _ in range(rng.choice([1, 3, 8, 8, 200, 2_000])))


def scalar(rng: random.Random) -> Any:  # noqa: ANN401 (YAML holds anything)
    """Return a value without parts."""
    return regex(rng) if rng.random() < 0.15 else rng.choice(SCALARS)


def tree(rng: random.Random, depth: int = 0) -> Any:  # noqa: ANN401 (as above)
    """Return a tree of any of the keys, which follows no schema."""
    shape = rng.random() if depth < DEEPEST else 1
    if shape < 0.35:
        return {rng.choice(keys()): tree(rng, depth + 1) for _ in range(rng.choice([0, 1, 2, 3]))}
    return [tree(rng, depth + 1) for _ in range(rng.choice([0, 1, 2]))] if shape < 0.55 else scalar(rng)


def valued(rng: random.Random, schema: Any, depth: int = 0) -> Any:  # noqa: ANN401, PLR0911 (as above; each kind of schema has its values)
    """Return a value that a schema mostly allows; few are anything."""
    if rng.random() < 0.005 or not isinstance(schema, dict) or depth > 3 * DEEPEST:
        return tree(rng, DEEPEST - 2)
    if "$ref" in schema:
        return valued(rng, SCHEMA["$defs"][schema["$ref"].rsplit("/", 1)[-1]], depth + 1)
    if options := schema.get("anyOf") or schema.get("oneOf"):
        return valued(rng, rng.choice(options), depth + 1)
    if options := schema.get("enum") or ("const" in schema and [schema["const"]]):
        return rng.choice(options)
    kinds = schema.get("type", "object" if "properties" in schema else "string")
    kind = rng.choice(kinds) if isinstance(kinds, list) else kinds
    if kind == "object":
        return _mapping(rng, schema, depth)
    if kind == "array":
        return [valued(rng, schema.get("items", {"type": "string"}), depth + 1) for _ in range(rng.choice([1, 1, 2, 3]))]
    return {"boolean": rng.random() < 0.5, "integer": rng.randrange(4), "number": rng.choice([1, 0.5]), "null": None}.get(kind, scalar(rng))


def _mapping(rng: random.Random, schema: dict[str, Any], depth: int) -> dict[str, Any]:
    """Return a mapping with some of the keys that a schema has, and some names where it allows any."""
    own = [key for key, value in schema.get("properties", {}).items() if value is not False]
    chosen = rng.sample(own, min(len(own), rng.choice([1, 2, 3, len(own)]) if depth else len(own)))
    made = {key: valued(rng, schema["properties"][key], depth + 1) for key in {*chosen, *schema.get("required", ())} if key in own}
    others = [schema[key] for key in ("additionalProperties",) if isinstance(schema.get(key), dict)] + [*schema.get("patternProperties", {}).values()]
    for other in others:
        made |= {rng.choice(NAMES): valued(rng, other, depth + 1) for _ in range(rng.choice([1, 2, 3]))}
    return made


def goals_file(rng: random.Random) -> bytes:
    """Return a goals file: one that follows the schema, any tree, a deep, wide or long one, or the text of one with some bytes replaced."""
    shapes = {
        "of the schema": lambda: valued(rng, SCHEMA),
        "any": lambda: tree(rng),
        "wide": lambda: {"macro": {f"goal{number}": scalar(rng) for number in range(rng.choice([60, 600, 3_000]))}},
        "long": lambda: {"macro": {"bought": [f"/p/{number}/*" for number in range(rng.choice([50, 5_000]))] + [regex(rng)]}},
        "deep": lambda: _nested(rng.choice([5, 40, 80])),
    }
    value = shapes[rng.choice([*(["of the schema"] * 4), *shapes])]()
    content = bytearray(
        yaml.dump(value, allow_unicode=rng.random() < 0.5, sort_keys=False, default_flow_style=rng.choice([None, False, True])).encode()
    )
    for _ in range(rng.choice([0, 0, 0, 1, 5])):
        place = rng.randrange(len(content) + 1)
        content[place : place + rng.choice([0, 1, 3])] = rng.choice(
            [b"&a ", b"*a", b"!x ", b"\t", b": ", b"- ", b"\n---\n", b"{", b"'", rng.randbytes(2)]
        )
    return bytes(content)


def _nested(depth: int) -> dict[str, Any]:
    """Return a goal within a goal."""
    goal: Any = "/a"
    for _ in range(depth):
        goal = {"page": "/*", "after": goal}
    return {"macro": {"bought": goal}}
