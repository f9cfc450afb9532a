"""The JSON Schema accepts and rejects the same goals files as the reader, as far as a schema can.

After an intended change, `PYTHONPATH=.:tests python tests/goals/test_json_schema.py --write` writes the file that editors load.
"""

from __future__ import annotations

import json
import re
import sys
from typing import TYPE_CHECKING

import jsonschema
import pytest
from documentation import DOCUMENTS, PAGES
from goals_schema import FILE, SCHEMA, VALIDATOR, is_valid, plain
from goals_texts import COMBINED, SINGLE
from hypothesis import given
from model.streams import goals_files, to_yaml
from places import EXAMPLE_GOALS as EXAMPLE
from places import GOLDEN
from profiles import share_of_examples

from convkit.authoring.goals_file import example_names, example_text
from convkit.core import datafiles, plugins
from convkit.errors import GoalsFileError
from convkit.goals import json_schema, strict_yaml
from convkit.goals.loader import FUNNEL_OPTIONS, STEP_OPTIONS, parse_goals

if TYPE_CHECKING:
    from model.goals import GoalsFile


BEYOND = (
    "has the same name as", "unknown goal", "unknown step", "steps are named", "refers to itself", "comes after itself",
    "unknown time zone", "is not an IP address or network", "this regular expression is not valid", "the first and last step",
    "from the first step", "does not come after", "is optional, so", "steps of a funnel can be optional", "needs `order",
    "log format", "unknown count", "is always", "also the name of a goal", "already the name of a figure", "is a goal and a count",
)  # fmt: skip
"""Messages for mistakes that a schema cannot find: wrong references within the file, and anything that depends on the system."""


def mistakes(text: str) -> list[str]:
    """Return the reader's messages for a file."""
    try:
        parse_goals(text, "goals.yaml")
    except GoalsFileError as error:
        return [problem.message for problem in error.problems]
    return []


def test_the_schema_is_valid_and_where_editors_find_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """The schema describes keys as their readers do; a new goal key is included once the file has been written again."""
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    text = FILE.read_text(encoding="utf-8")
    written = [key for key in plugins.keys("goals.kinds") if f"key-{key}" in json.loads(text)["$defs"]]
    monkeypatch.setattr(plugins, "keys", lambda _: written)
    assert written
    assert text == json_schema.schema(), "run `PYTHONPATH=.:tests python tests/goals/test_json_schema.py --write`"
    assert SCHEMA["$id"].endswith(f"/convkit/data/{FILE.name}")


def test_no_funnel_key_is_forgotten() -> None:
    assert (tuple(json_schema.FUNNEL_SCHEMAS), tuple(json_schema.STEP_SCHEMAS)) == (FUNNEL_OPTIONS, STEP_OPTIONS)


def test_site_keys_are_described_as_in_the_documentation() -> None:
    meanings = {key: re.sub(r"\[(.*?)\]\(.*?\)", r"\1", meaning).replace("`", "") for key, meaning in PAGES["site"].table("key").items()}
    assert dict(line.split(": ", 1) for line in datafiles.lines("site_keys")) == meanings


FILES = [
    EXAMPLE.read_text(encoding="utf-8"),
    *map(example_text, example_names()),
    *(block.text for page in DOCUMENTS for block in page.blocks("yaml")),
    *(f"macro: {{g: {module.EXAMPLE}}}" for module in plugins.load_all("goals.kinds").values()),
    *(f"micro: {{g: {goal}}}\nfunnels: {{f: [{goal}, g]}}" for goal in COMBINED),
    "macro:\nsite:\n",
]


@pytest.mark.parametrize("text", FILES)
def test_the_schema_accepts_what_the_reader_accepts(text: str) -> None:
    assert mistakes(text) == []
    assert list(VALIDATOR.iter_errors(plain(strict_yaml.load(text, "goals.yaml")))) == []


@share_of_examples(0.25)
@given(goals_files())
def test_the_schema_accepts_every_goals_file_of_the_model(goals: GoalsFile) -> None:
    assert is_valid(to_yaml(goals))


def entries() -> list[str]:
    """Return those entries of the file with all mistakes that do not refer to other entries, each as a goals file of its own."""
    lines = (GOLDEN / "bad_goals.yaml").read_text(encoding="utf-8").splitlines()
    texts, block = [], ""
    for text in lines:
        if re.fullmatch(r"\w+:", text):
            block = text
        elif text.startswith("  ") and not text.startswith("   ") and text != "  ignore:" and "except:" not in text:
            texts.append(f"{block}\n{text}")
    return texts


@pytest.mark.parametrize("text", [*SINGLE, *entries()])
def test_the_schema_rejects_what_the_reader_rejects(text: str) -> None:
    messages = [message for message in mistakes(text) if not any(words in message for words in BEYOND)]
    assert is_valid(text) == (not messages), messages


if __name__ == "__main__":
    if sys.argv[1:] != ["--write"]:
        sys.exit(f"{__doc__}")
    FILE.write_text(json_schema.schema(), encoding="utf-8")
