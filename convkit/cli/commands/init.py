"""Write a goals.yaml to start from, guessed from a log."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import TYPE_CHECKING

import click

from convkit.authoring import goals_file
from convkit.cli import messages, next_command, options, progress, terminal
from convkit.core import filesystem
from convkit.core.options import Options
from convkit.core.text import safe
from convkit.errors import UsageError

if TYPE_CHECKING:
    from convkit.authoring.propose import Draft

_ADD_MACRO = "Put what counts as success on your site under `macro:`"
PLACE = 110


def write_goals(logs: tuple[str, ...], path: str, *, force: bool, schema: bool, example: str | None, **values: object) -> None:
    """Write a goals file, or print the schema of goals files. Raises InputError, OutputError, UsageError."""
    from convkit.cli import overwriting  # noqa: PLC0415 (Polars is imported when the command runs, not for its help)
    from convkit.goals import json_schema  # noqa: PLC0415 (as above)

    if schema:
        terminal.write_stream(json_schema.schema().encode())
        return
    if not path:
        raise UsageError("-o is empty; name a file")
    # Unlike the method of paths, this function returns False for a path in a directory that the user may not enter.
    if os.path.exists(path) and not force:  # noqa: PTH110
        raise UsageError(f"{safe(path)} already exists; name another file with -o, or overwrite it with --force")
    if example and logs:
        raise UsageError("--example writes a fixed file; leave out --example, or the log")
    filesystem.check_writable(path)
    parsed, delivery = options.parse_options(values, Options)
    if values.get("goals") is None and parsed.goals is not None and filesystem.identity(path) == filesystem.identity(str(parsed.goals)):
        # A file that is replaced is read only on request.
        parsed = replace(parsed, goals=None)
    overwriting.refuse_files([path], overwriting.files_to_read(logs, None))
    overwriting.refuse_logs([path], parsed)
    text, summary, following = _text(logs, example, parsed, path, quiet=delivery.quiet)
    first = f"# yaml-language-server: $schema={json_schema.SCHEMA_URL}\n"
    filesystem.write_file(path, (first + text.removeprefix(first)).encode())
    if not delivery.quiet:
        messages.warn(overwriting.next_input([path], logs), ())
        messages.write(f"Wrote {safe(path)}{summary}", f"Next: {following}", with_name=False)


def _text(logs: tuple[str, ...], example: str | None, parsed: Options, path: str, *, quiet: bool) -> tuple[str, str, str]:
    """Return the text of an example, of goals proposed for logs, or of the built-in goals, a summary of it for the message, and the next command."""
    if logs and not example:
        return _proposed(logs, parsed, path, quiet=quiet)
    following = next_command.command("check", logs, path, parsed)
    if example:
        return goals_file.example_text(example), f" from the example {example}. Replace its paths with those of your site.", following
    return _built_in(), f" with the built-in goals. {_ADD_MACRO}.", following


def _built_in() -> str:
    from importlib.resources import files  # noqa: PLC0415

    return (files("convkit") / "data" / "builtin_goals.yaml").read_text(encoding="utf-8")


def _proposed(logs: tuple[str, ...], parsed: Options, path: str, *, quiet: bool) -> tuple[str, str, str]:
    """Return the text of a goals file proposed for logs, a summary of it for the message, and the next command."""
    from convkit.authoring import propose, suggest  # noqa: PLC0415 (Polars is imported when the command runs, not for its help)
    from convkit.cli import overwriting  # noqa: PLC0415 (as above)
    from convkit.core.formatting import plural  # noqa: PLC0415

    with progress.display(is_wanted=not quiet) as display, suggest.surveyed(logs, parsed, display) as (draft, surveyed):
        overwriting.refuse_files([path], surveyed.parts.data.files)
        text = "" if draft is None else propose.goals_file_text(draft, surveyed)
    messages.warn(() if quiet else surveyed.parts.data.warnings, ())
    if draft is None or draft.survey is None:
        return (
            _built_in(),
            f": nothing in these logs suggested goals, so the built-in ones were written. {_ADD_MACRO}.",
            next_command.command("report", logs, path, parsed),
        )
    proposed = f"{plural(len(draft.goals), 'goal')}{' and 1 funnel' * bool(draft.steps)}"
    sessions = plural(draft.survey.sessions.height, "session")
    return text, f": {proposed} suggested by {sessions}; {_macro_of(draft)}", next_command.command("report" if draft.macro else "check", logs, path)


def _macro_of(draft: Draft) -> str:
    """Return what is said about the macro goal of a proposed file."""
    from convkit.authoring import propose  # noqa: PLC0415 (as above)

    if draft.macro:
        return f"macro goal: {draft.macro}. Correct what is wrong."
    nearest = ", ".join(proposal.name for proposal in propose.nearest(draft))
    return f"no macro goal, as none of them looks like one{f' (the nearest: {nearest})' * bool(nearest)}. {_ADD_MACRO}."


COMMAND = options.add_options(
    options.command_of("init", __doc__, write_goals, "convkit init access.log", "convkit init -o shop.yaml"),
    only=(*options.READING, "goals", "settings"),
)
COMMAND.params += [
    click.Option(["-o", "--output", "path"], metavar="FILE", default=options.GOALS_FILE, show_default=True, help="The file to write."),
    click.Option(["--force"], is_flag=True, help="Overwrite an existing file."),
    click.Option(
        ["--example"], type=click.Choice(goals_file.example_names()), metavar="NAME", help=f"Write one of: {', '.join(goals_file.example_names())}."
    ),
    click.Option(["--schema"], is_flag=True, help="Print the JSON Schema of goals files instead."),
]
