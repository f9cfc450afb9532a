"""Read about a topic: goals, funnels, formats, ..."""

from __future__ import annotations

import signal
from shutil import get_terminal_size

import click

from convkit.cli import options, terminal, topics
from convkit.errors import UsageError, did_you_mean

PLACE = 150


def show_help(topic: str | None) -> None:
    """Print the list of topics, a page, or the help of a command that has no page. Raises OutputError, UsageError."""
    commands = click.get_current_context().find_root()
    if topic is None:
        _write(_list_of_topics())
    elif topic in topics.names():
        _show_page(topics.page(topic))
    elif topic in topics.BY_COMMAND:
        _show_page(topics.page(topics.BY_COMMAND[topic]))
    elif isinstance(commands.command, click.Group) and (command := commands.command.get_command(commands, topic)):
        _write(command.get_help(click.Context(command, commands, topic)) + "\n")
    else:
        raise UsageError(f"unknown topic {topic!r}{did_you_mean(topic, topics.names()) or '.'} `convkit help` lists the topics")


def _list_of_topics() -> str:
    """Return the topics with their headlines, laid out like the help of commands."""
    context = click.get_current_context()
    formatter = context.make_formatter()
    formatter.write_usage("convkit help", "TOPIC")
    with formatter.section("Topics"):
        formatter.write_dl([(topic, topics.headline(topic)) for topic in topics.names()])
    formatter.write_paragraph()
    formatter.write_text("Commands and their options: convkit --help, convkit COMMAND --help.")
    return formatter.getvalue()


def _show_page(page: str) -> None:
    """Print a page: formatted and in the pager on a terminal, or as plain Markdown to a pipe."""
    if not terminal.is_screen() or not terminal.knows_unicode():
        _write(page)
        return
    from convkit.cli.pages import formatted  # noqa: PLC0415 (Rich is slow to import, and pipes do not need it)

    colour = terminal.has_colour(to_screen=True)
    text = formatted(page, terminal.width(to_screen=True), colour=colour)
    if text.count("\n") < get_terminal_size().lines:
        _write(text)
        return
    handler = signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is meant for the pager.
    try:
        click.echo_via_pager(text, color=colour)
    finally:
        signal.signal(signal.SIGINT, handler)


def _write(text: str) -> None:
    terminal.write_stream(terminal.encoded(text, to_screen=True))


COMMAND = options.command_of("help", __doc__, show_help, "convkit help", "convkit help funnels")
COMMAND.params += [click.Argument(["topic"], required=False, metavar="[TOPIC]")]
