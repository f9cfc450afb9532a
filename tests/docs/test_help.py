"""`convkit help`: the list of topics, a page on a terminal and in a pipe, and the pages that the help of each command refers to."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import click
import pytest
from as_program import on_screen
from documentation import PAGES

from convkit.cli import topics
from convkit.cli.main import cli
from convkit.cli.pages import formatted

if TYPE_CHECKING:
    from conftest import Run

COMMANDS = cli.list_commands(click.Context(cli))
ESCAPE = re.compile(r"\x1b\[[0-9;]*m")


def test_topics_are_listed_with_their_headlines(convkit_command: Run) -> None:
    code, out, err = convkit_command("help")
    assert (code, err) == (0, "")
    list_of_topics = " ".join(out.split())
    assert [name for name in PAGES if f" {name} {topics.headline(name)}" not in list_of_topics] == []
    assert max(map(len, out.splitlines())) <= 80


@pytest.mark.parametrize("topic", PAGES)
def test_a_pipe_gets_the_page_as_it_is(topic: str, convkit_command: Run) -> None:
    assert convkit_command("help", topic) == (0, PAGES[topic].text, "")


def test_a_command_that_no_page_is_named_after_shows_the_page_about_it(convkit_command: Run) -> None:
    assert convkit_command("help", "drop-off")[1] == PAGES["funnels"].text
    assert convkit_command("help", "init")[1] == PAGES["goals"].text


def test_a_command_without_a_page_shows_its_help(convkit_command: Run) -> None:
    assert convkit_command("help", "pages") == convkit_command("pages", "--help")
    assert convkit_command("help", "help") == convkit_command("help", "--help")


def test_an_unknown_topic_is_a_usage_error_with_the_closest_one(convkit_command: Run) -> None:
    code, out, err = convkit_command("help", "funel")
    assert (code, out) == (2, "")
    assert "'funel'; did you mean 'funnels'?" in err
    assert err.count("\n") == 1
    assert convkit_command("help", "zzz")[0] == 2


@pytest.mark.parametrize("command", COMMANDS)
def test_help_ends_with_a_topic_that_exists(command: str, convkit_command: Run) -> None:
    last = convkit_command(command, "--help")[1].splitlines()[-1].strip()
    assert last == f"More: convkit help {topics.topic_of_command(command)}"
    assert topics.topic_of_command(command) in PAGES


def test_commands_that_no_page_is_named_after_refer_to_an_existing_one() -> None:
    assert set(topics.BY_COMMAND) <= set(COMMANDS) - set(PAGES)
    assert {*topics.BY_COMMAND.values(), topics.GENERAL} <= set(PAGES)


def test_a_terminal_shows_a_page_with_styles_and_the_pager() -> None:
    """The pager in this test marks every line that it gets; a page that fits the screen is shown without it."""
    code, shown = on_screen("help", "funnels", keyboard=True, PAGER="sed s/^/>/")
    text = ESCAPE.sub("", shown.decode()).replace("\r", "")
    assert code == 0
    assert b"\x1b[1m" in shown
    assert all(line.startswith(">") for line in text.splitlines())
    assert "```" not in text
    assert "see channels (convkit help channels)" in " ".join(
        ESCAPE.sub("", on_screen("help", "report", keyboard=True, PAGER="cat")[1].decode()).split()
    )
    assert not on_screen("help", "exit-codes", keyboard=True, PAGER="sed s/^/>/", columns=120)[1].startswith(b">")


@pytest.mark.parametrize("topic", PAGES)
def test_every_page_is_formatted_for_narrow_and_wide_terminals(topic: str) -> None:
    for width in (40, 80, 200):
        plain = formatted(PAGES[topic].text, width, colour=False)
        assert not re.search(r"\]\([\w.#/-]+\)|```|\x1b| $", plain, re.MULTILINE)
        assert ESCAPE.sub("", formatted(PAGES[topic].text, width, colour=True)).split() == plain.split()


def test_a_terminal_without_colour_gets_no_escape_sequences() -> None:
    assert b"\x1b" not in on_screen("help", "funnels", NO_COLOR="1", keyboard=True, PAGER="cat")[1]


def test_screens_in_a_page_are_not_wrapped() -> None:
    """They are 80 columns wide, as is this terminal."""
    shown = on_screen("help", "report", NO_COLOR="1", keyboard=True, PAGER="cat")[1].decode().replace("\r", "").splitlines()
    screen = PAGES["report"].blocks("console")[0].text.splitlines()
    assert {line.rstrip() for line in screen} <= set(shown)


def test_a_terminal_without_unicode_gets_the_plain_page() -> None:
    code, shown = on_screen("help", "exit-codes", LC_ALL="C", PYTHONIOENCODING="latin-1")
    assert code == 0
    assert shown.decode("latin-1").replace("\r", "") == PAGES["exit-codes"].text
