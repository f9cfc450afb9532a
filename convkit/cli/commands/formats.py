"""List formats, or detect a log's format and show why lines fail."""

from __future__ import annotations

from convkit.cli import messages, next_command, options
from convkit.cli.deliver import write_blocks
from convkit.core.options import Options
from convkit.errors import ExitCode

PLACE = 140
_UNUSABLE = {
    "no time": "no line has a time that can be read; write times like 2026-10-13 13:55:36, or describe them with --log-format, like %{%d.%m.%Y %T}t",
    "no visitor": "no line identifies the visitor; name the column of an export with --set columns.user=NAME",
}
"""What to do if no line can be used, by reason."""


def show_formats(logs: tuple[str, ...], **values: object) -> ExitCode:
    """Print the list of formats, or the formats detected in logs. Raises GoalsFileError, InputError, UsageError."""
    from convkit.diagnosis import formats  # noqa: PLC0415 (Polars is imported when the command runs, not for its help)

    if not logs:
        write_blocks(lambda screen: formats.draw_known(formats.known_formats(), screen))
        return ExitCode.OK
    from convkit.cli import overwriting  # noqa: PLC0415 (as above)
    from convkit.engine.plan import max_unpacked_of, read_goals  # noqa: PLC0415 (as above)

    parsed, _ = options.parse_options(values, Options)
    overwriting.refuse_standard_output(logs, parsed.goals)
    guesses = formats.guess(logs, parsed.log_format, read_goals(parsed), max_unpacked_of(parsed))
    unread = [guess for guess in guesses if not guess.is_read]
    unusable = [guess for guess in guesses if guess.is_read and not guess.is_usable]
    write_blocks(lambda screen: formats.draw(guesses, screen))
    for guess in unread:
        own = "--log-format does not fit its lines; correct the string at the position shown"
        fix = own if guess.is_own else "unrecognised format; describe its lines with --log-format"
        messages.write_error(f"{guess.log}: {fix}")
    for guess in unusable:
        time = f"{guess.unread_time!r} is not a time: " if guess.unread_time else ""
        messages.write_error(f"{guess.log}: {time}{_UNUSABLE.get(guess.unusable[0][0], guess.unusable[0][0])}")
    if unread or unusable:
        return ExitCode.INPUT
    file = None if parsed.goals is None else str(parsed.goals)
    next_command.write(next_command.command("init" if file is None else "report", logs, file, parsed))
    return ExitCode.OK


_EXAMPLES = ("convkit formats", "convkit formats access.log --log-format '$remote_addr \"$request\"'")
COMMAND = options.add_options(
    options.command_of("formats", __doc__, show_formats, *_EXAMPLES), only=("goals", "log_format", "settings", "max_unpacked", "debug")
)
