"""The JSON Schema of goals files, which editors use to complete keys and mark mistakes.

It is built from the schemas of all keys; a test compares it with the readers.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from convkit.core import plugins
from convkit.core.model import ORDERS
from convkit.goals import filters, loader, metrics, site, values
from convkit.goals.values import DURATION_SCHEMA, GOAL_OR_NAME_SCHEMA, GOAL_SCHEMA, NAME_SCHEMA, REQUEST_OR_PATH_SCHEMA, schema_ref

if TYPE_CHECKING:
    from convkit.goals.values import Schema

SCHEMA_URL = "https://raw.githubusercontent.com/convkit/convkit/main/convkit/data/goals.schema.json"
"""The URL of the schema, for the first line of a goals file."""
_DIALECT = "https://json-schema.org/draft/2020-12/schema"
_FLAG: Schema = {"type": "boolean"}
_STEP_NAME: Schema = {"type": ["string", "integer"]}
_PROPERTY = r"prop\.[^=!]+"
_VARIANT = r"variant\.[A-Za-z0-9_-]{1,80}"
_FILTER = values.text_schema(f"^(?:{'|'.join((*filters.FUNNEL_FIELDS, _VARIANT, _PROPERTY))})!?=.")
_FILTERS = values.mapping_schema(
    dict.fromkeys(filters.FUNNEL_FIELDS, values.SCALAR_SCHEMA),
    patternProperties={f"^{_VARIANT}$": values.SCALAR_SCHEMA, f"^{_PROPERTY}$": values.SCALAR_SCHEMA},
)
_WITHOUT = values.mapping_schema({"goal": GOAL_OR_NAME_SCHEMA, "after": _STEP_NAME, "before": _STEP_NAME}, required=["goal"])
_WITHOUT_ANY: Schema = {"anyOf": [NAME_SCHEMA, REQUEST_OR_PATH_SCHEMA, _WITHOUT]}

STEP_SCHEMAS: dict[str, Schema] = {"within": DURATION_SCHEMA, "optional": _FLAG}
"""The schemas of a funnel step's options."""
FUNNEL_SCHEMAS: dict[str, Schema] = {
    "steps": schema_ref("steps"),
    "per": {"enum": ["session", "visitor"]},
    "order": {"enum": list(ORDERS)},
    "window": DURATION_SCHEMA,
    "without": {"anyOf": [_WITHOUT_ANY, {"type": "array", "items": {"anyOf": [_WITHOUT_ANY, schema_ref("goalsOrNames")]}}]},
    "same": {"anyOf": [{"const": "path"}, values.HIT_VALUE_SCHEMA]},
    "open": _FLAG,
    "where": {"anyOf": [_FILTERS, values.one_or_more(_FILTER)]},
}


def schema() -> str:
    """Return the schema as text, which is always exactly the same."""
    name_or_goal: Schema = {"anyOf": [NAME_SCHEMA, GOAL_SCHEMA]}
    own = {"type": ["object", "null"], "propertyNames": NAME_SCHEMA}
    macro, micro = ({**own, "additionalProperties": GOAL_SCHEMA, "maxProperties": most} for most in (loader.MOST_MACROS, loader.MOST_GOALS))
    funnels = {**own, "additionalProperties": schema_ref("funnel"), "maxProperties": loader.MOST_FUNNELS}
    effects = [key for key, kind in plugins.load_all("goals.kinds").items() if kind.ROLE == "effect"]
    of_lists = {"properties": dict.fromkeys((*values.ATTRIBUTE_READERS, "once_per", *effects), False)}
    root = {
        "$schema": _DIALECT,
        "$id": SCHEMA_URL,
        "title": "goals.yaml of convkit",
        **values.mapping_schema(
            {
                "site": {"anyOf": [site.schema(), {"type": "null"}]},
                "macro": macro,
                "micro": micro,
                "funnels": funnels,
                "metrics": {**own, "additionalProperties": metrics.SCHEMA, "maxProperties": metrics.MOST_METRICS},
                "alerts": loader.ALERTS_SCHEMA,
            }
        ),
        "$defs": {
            "goal": {"anyOf": [REQUEST_OR_PATH_SCHEMA, schema_ref("goalKeys"), _list(schema_ref("part"))]},
            "goalKeys": _goal({}),
            "part": {"allOf": [GOAL_SCHEMA, of_lists]},
            "goalOrName": {"anyOf": [*name_or_goal["anyOf"], _list(name_or_goal)]},
            "goalsOrNames": {"anyOf": [*name_or_goal["anyOf"], {"type": "array", "items": schema_ref("goalsOrNames")}]},
            "step": {
                "anyOf": [
                    GOAL_OR_NAME_SCHEMA,
                    _goal(STEP_SCHEMAS),
                    values.mapping_schema({"goal": GOAL_OR_NAME_SCHEMA, **STEP_SCHEMAS}, required=["goal"]),
                ]
            },
            "steps": {**_list(schema_ref("step")), "minItems": 2, "maxItems": loader.MOST_STEPS},
            "funnel": {"anyOf": [schema_ref("steps"), values.mapping_schema(FUNNEL_SCHEMAS, required=["steps"])]},
            **_keys(),
        },
    }
    return json.dumps(root, indent=2, ensure_ascii=False) + "\n"


def _list(item: Schema) -> Schema:
    return {"type": "array", "items": item, "minItems": 1}


def _keys() -> dict[str, Schema]:
    """Return the schema of each key of a goal, with its description."""
    keys = {
        key: {"description": f"{plugins.headline('goals.kinds', key)} {kind.EXAMPLE}", **kind.SCHEMA}
        for key, kind in plugins.load_all("goals.kinds").items()
    }
    return {f"key-{key}": shape for key, shape in (keys | values.ATTRIBUTE_SCHEMAS).items()}


def _goal(more: dict[str, Schema]) -> Schema:
    """Return the schema of a goal written as a mapping, with the additional keys in `more`."""
    kinds = plugins.load_all("goals.kinds")
    whats, whichs, hows = ([key for key, kind in kinds.items() if role == kind.ROLE] for role in ("what", "which", "how"))
    return values.mapping_schema(
        {key: schema_ref(f"key-{key}") for key in (*kinds, *values.ATTRIBUTE_SCHEMAS)} | more,
        anyOf=[{"required": [key]} for key in (*whats, *whichs, *hows)],
        dependentSchemas={key: {"properties": {other: False for other in group if other != key}} for group in (whats, hows) for key in group},
        dependentRequired={key: [kind.OF] for key, kind in kinds.items() if kind.ROLE == "modifier" and key not in more},
    )
