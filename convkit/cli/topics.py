"""The reference pages in `docs`, and the page to which the help of each command refers.

A page begins with a title, followed by a paragraph of one sentence, which the list of topics shows.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

FOLDER = Path(__file__).parents[1] / "docs"
GENERAL = "report"
"""The page about all reports and the options they share."""
BY_COMMAND = {"funnel": "funnels", "drop-off": "funnels", "friction": "insight", "init": "goals", "check": "goals"}
"""The pages for commands that have no page named after them."""


@cache
def names() -> tuple[str, ...]:
    """Return the topics, sorted."""
    return tuple(sorted(path.stem for path in FOLDER.glob("*.md")))


def page(topic: str) -> str:
    """Return the Markdown of a topic's page."""
    return (FOLDER / f"{topic}.md").read_text(encoding="utf-8")


def headline(topic: str) -> str:
    """Return the sentence that describes a topic in the list of topics."""
    return page(topic).split("\n\n")[1].replace("\n", " ")


def topic_of_command(command: str) -> str:
    """Return the topic that the help of a command refers to."""
    return command if command in names() else BY_COMMAND.get(command, GENERAL)
