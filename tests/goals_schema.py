"""The JSON Schema of goals files, and a function that validates a file against it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import jsonschema
from places import PACKAGE

from convkit.goals import json_schema, strict_yaml

if TYPE_CHECKING:
    from convkit.goals.strict_yaml import Node


FILE = PACKAGE / "data" / "goals.schema.json"


SCHEMA = json.loads(json_schema.schema())


VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)


def plain(node: Node) -> Any:  # noqa: ANN401 (any YAML value)
    """Return the values of a file without their positions."""
    if isinstance(node.value, dict):
        return {name: plain(value) for name, value in node.value.items()}
    return [plain(item) for item in node.value] if isinstance(node.value, list) else node.value


def is_valid(text: str) -> bool:
    """Return whether the schema accepts a file."""
    return bool(VALIDATOR.is_valid(plain(strict_yaml.load(text, "goals.yaml"))))
