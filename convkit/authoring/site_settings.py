"""The settings of a site that a user gave, in a goals file or with `--set`, as values that can be written to another goals file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from convkit.goals import strict_yaml
from convkit.goals.loader import read_text

if TYPE_CHECKING:
    from collections.abc import Iterable

    from convkit.authoring.goals_file import YamlValue
    from convkit.goals.strict_yaml import Node


def site_settings(file: str | None, settings: Iterable[str]) -> dict[str, YamlValue]:
    """Return the `site:` block of a goals file that loads without problems, with `key=value` settings added, so that it can be written again."""
    root = strict_yaml.load(read_text(file), file).value if file is not None else {}
    site = _value(root["site"]) if isinstance(root, dict) and "site" in root else {}
    values = site if isinstance(site, dict) else {}
    for setting in settings:
        key, _, value = setting.partition("=")
        *groups, name = key.split(".")
        inner = values
        for group in groups:
            within = inner.get(group)
            inner[group] = inner = within if isinstance(within, dict) else {}
        inner[name] = _value(strict_yaml.load(f"[{value}]", "--set"))[0]
    return values


def _value(node: Node) -> Any:  # noqa: ANN401 (a YamlValue; lists and mappings are told apart by the caller)
    """Return a value that was read from YAML without its positions."""
    if isinstance(node.value, dict):
        return {name: _value(inner) for name, inner in node.value.items() if inner.value is not None}
    if isinstance(node.value, list):
        return [_value(inner) for inner in node.value]
    return node.value if isinstance(node.value, bool | int) else node.text
