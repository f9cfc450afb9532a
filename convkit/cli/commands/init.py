"""Write a goals.yaml to start from, guessed from a log."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from convkit.authoring import goals_file
from convkit.cli import messages, options, progress, terminal
from convkit.cli.deliver import refuse_inputs
from convkit.core import filesystem
from convkit.core.options import Options
from convkit.core.text import safe
from convkit.errors import UsageError

if TYPE_CHECKING:
    from convkit.authoring.goals_file import YamlValue

_NEXT = "then run `convkit report access.log`"


def write_goals(logs: tuple[str, ...], path: str, *, force: bool, schema: bool, example: str | None, **given: object) -> None:
    """Write a goals file, or print its schema. Raises InputError, OutputError, UsageError."""
    from convkit.goals import json_schema  # noqa: PLC0415 (Polars loads when the command runs, not when help is shown)

    if schema:
        terminal.write_stream(json_schema.schema().encode())
        return
    if Path(path).exists() and not force:
        raise UsageError(f"{safe(path)} is there already; name another file with -o, or write over it with --force")
    if example and logs:
        raise UsageError("an example fits no log; leave out --example, or the log")
    refuse_inputs(path, logs)
    filesystem.check_writable(path)
    asked, delivery = options.parse_options(given, Options)
    text, sentence = _text(logs, example, asked, quiet=delivery.quiet)
    first = f"# yaml-language-server: $schema={json_schema.SCHEMA_URL}\n"
    filesystem.write_file(path, (first + text.removeprefix(first)).encode())
    if not delivery.quiet:
        messages.write(f"{safe(path)} is written. {sentence}", by_name=False)


def _text(logs: tuple[str, ...], example: str | None, asked: Options, *, quiet: bool) -> tuple[str, str]:
    """Return the text of an example, of goals that fit logs, or of the built-in ones, and what is said of it."""
    if example:
        return goals_file.example_text(example), f"Put the paths of your site in the place of its own, {_NEXT}."
    return _proposed(logs, asked, quiet=quiet) if logs else (_built_in(), f"Put what your site is for under `macro:`, {_NEXT}.")


def _built_in() -> str:
    from importlib.resources import files  # noqa: PLC0415

    return (files("convkit") / "data" / "builtin_goals.yaml").read_text(encoding="utf-8")


def _proposed(logs: tuple[str, ...], asked: Options, *, quiet: bool) -> tuple[str, str]:
    """Return the text of a goals file that fits logs, and what is said of it."""
    from convkit.authoring import propose, survey  # noqa: PLC0415 (Polars loads when the command runs, not when help is shown)
    from convkit.core.formatting import plural  # noqa: PLC0415
    from convkit.engine.plan import read_goals  # noqa: PLC0415

    known: dict[str, YamlValue] = {} if asked.timezone is None else {"timezone": asked.timezone}
    known |= {} if asked.log_format == "auto" else {"log_format": asked.log_format}
    with progress.display(is_wanted=not quiet) as watching, survey.read_logs(logs, asked, read_goals(asked), progress=watching) as read:
        draft = propose.propose_draft(read, known)
        text = "" if draft is None else propose.goals_file_text(draft, read)
    messages.warn(() if quiet else read.parts.data.warnings, ())
    if draft is None or draft.survey is None:
        return _built_in(), f"The logs show nothing to go by: these are the built-in goals. Put what your site is for under `macro:`, {_NEXT}."
    number = f"{plural(len(draft.goals), 'goal')}{' and a funnel' * bool(draft.steps)}, from {plural(draft.survey.sessions.height, 'session')}"
    return text, f"It proposes {number}, with {draft.macro} as what the site is for. Correct it, {_NEXT}."


COMMAND = options.add_options(
    options.command_of("init", __doc__, write_goals, "convkit init access.log", "convkit init -o shop.yaml"), only=options.READING
)
COMMAND.params += [
    click.Option(["-o", "--output", "path"], metavar="FILE", default=options.GOALS_FILE, show_default=True, help="The file to write."),
    click.Option(["--force"], is_flag=True, help="Write over a file that is there."),
    click.Option(
        ["--example"], type=click.Choice(goals_file.example_names()), metavar="NAME", help=f"Write one of: {', '.join(goals_file.example_names())}."
    ),
    click.Option(["--schema"], is_flag=True, help="Print the JSON Schema of goals files instead."),
]
