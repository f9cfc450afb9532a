"""What a goals file may hold, as JSON Schema: editors complete keys by it and mark mistakes while they are typed.

It stands alone because nothing here reads a goals file: every key says for itself what it takes, and a test holds that against the readers.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from convkit.core import plugins
from convkit.core.definitions import ORDERS
from convkit.goals import goal_attributes, questions, shapes, site
from convkit.goals.shapes import DURATION, GOAL, GOAL_OR_NAME, NAME, REQUEST_OR_PATH, ref

if TYPE_CHECKING:
    from types import ModuleType

    from convkit.goals.shapes import Shape

ADDRESS = "https://raw.githubusercontent.com/convkit/convkit/main/convkit/data/goals.schema.json"
"""Where the schema stands; the first line of a goals file may name it."""
_DIALECT = "https://json-schema.org/draft/2020-12/schema"
_FLAG: Shape = {"type": "boolean"}
_PLACE: Shape = {"type": ["string", "integer"]}
_VARIANT = r"variant\.[A-Za-z0-9_-]{1,80}"
_QUESTION = shapes.matching(f"^(?:{'|'.join((*questions.FIELDS, _VARIANT))})!?=.")
_QUESTIONS = shapes.keys(dict.fromkeys(questions.FIELDS, shapes.SCALAR), patternProperties={f"^{_VARIANT}$": shapes.SCALAR})
_WITHOUT = shapes.keys({"goal": GOAL_OR_NAME, "after": _PLACE, "before": _PLACE}, required=["goal"])
_WITHOUT_ANY: Shape = {"anyOf": [NAME, REQUEST_OR_PATH, _WITHOUT]}

STEP: dict[str, Shape] = {"within": DURATION, "optional": _FLAG}
"""What a step of a funnel may say beside its goal."""
FUNNEL: dict[str, Shape] = {
    "steps": ref("steps"),
    "per": {"enum": ["session", "visitor"]},
    "order": {"enum": list(ORDERS)},
    "window": DURATION,
    "without": {"anyOf": [_WITHOUT_ANY, {"type": "array", "items": {"anyOf": [_WITHOUT_ANY, ref("goalsOrNames")]}}]},
    "same": {"anyOf": [{"const": "path"}, shapes.TAKEN]},
    "open": _FLAG,
    "where": {"anyOf": [_QUESTIONS, shapes.one_or_more(_QUESTION)]},
}


def schema() -> str:
    """Return the schema as text, each time the same."""
    name_or_goal: Shape = {"anyOf": [NAME, GOAL]}
    own = {"type": ["object", "null"], "propertyNames": NAME}
    goals, funnels = {**own, "additionalProperties": GOAL}, {**own, "additionalProperties": ref("funnel")}
    of_lists = {"properties": dict.fromkeys((*goal_attributes.READERS, "once_per"), False)}
    whole = {
        "$schema": _DIALECT,
        "$id": ADDRESS,
        "title": "goals.yaml of convkit",
        **shapes.keys({"site": {"anyOf": [site.schema(), {"type": "null"}]}, "macro": goals, "micro": goals, "funnels": funnels}),
        "$defs": {
            "goal": {"anyOf": [REQUEST_OR_PATH, ref("goalKeys"), _list(ref("part"))]},
            "goalKeys": _goal({}),
            "part": {"allOf": [GOAL, of_lists]},
            "goalOrName": {"anyOf": [*name_or_goal["anyOf"], _list(name_or_goal)]},
            "goalsOrNames": {"anyOf": [*name_or_goal["anyOf"], {"type": "array", "items": ref("goalsOrNames")}]},
            "step": {"anyOf": [GOAL_OR_NAME, _goal(STEP), shapes.keys({"goal": GOAL_OR_NAME, **STEP}, required=["goal"])]},
            "steps": {**_list(ref("step")), "minItems": 2},
            "funnel": {"anyOf": [ref("steps"), shapes.keys(FUNNEL, required=["steps"])]},
            **_keys(),
        },
    }
    return json.dumps(whole, indent=2, ensure_ascii=False) + "\n"


def _list(item: Shape) -> Shape:
    return {"type": "array", "items": item, "minItems": 1}


def _kinds() -> dict[str, ModuleType]:
    return {key: plugins.load("goals.kinds", key) for key in plugins.keys("goals.kinds")}


def _keys() -> dict[str, Shape]:
    """Return what each key of a goal takes, with what it means."""
    said = {key: {"description": f"{plugins.headline('goals.kinds', key)} {kind.EXAMPLE}", **kind.SCHEMA} for key, kind in _kinds().items()}
    return {f"key-{key}": shape for key, shape in (said | goal_attributes.SCHEMAS).items()}


def _goal(more: dict[str, Shape]) -> Shape:
    """Return the shape of a goal that is written in keys, and of `more` beside them."""
    kinds = _kinds()
    whats, whichs, hows = ([key for key, kind in kinds.items() if role == kind.ROLE] for role in ("what", "which", "how"))
    return shapes.keys(
        {key: ref(f"key-{key}") for key in (*kinds, *goal_attributes.SCHEMAS)} | more,
        anyOf=[{"required": [key]} for key in (*whats, *whichs, *hows)],
        dependentSchemas={key: {"properties": {other: False for other in group if other != key}} for group in (whats, hows) for key in group},
        dependentRequired={key: [kind.OF] for key, kind in kinds.items() if kind.ROLE == "beside" and key not in more},
    )
