"""List formats, or detect a log's format and show why lines fail."""

from __future__ import annotations

from convkit.cli import messages, options
from convkit.cli.deliver import write_blocks
from convkit.errors import ExitCode

PLACE = 140
_UNUSABLE = {
    "no time": "no line has a time that can be read; write times like 2026-10-13 13:55:36, or describe them with --log-format, like %{%d.%m.%Y %T}t",
    "no visitor": "no line identifies the visitor; name the column of an export with --set columns.user=NAME",
}
"""What to do if no line can be used, by reason."""


def show_formats(logs: tuple[str, ...], log_format: str, *, debug: bool) -> ExitCode:  # noqa: ARG001 (read by the command line itself)
    """Print the list of formats, or the formats detected in logs. Raises InputError, UsageError."""
    from convkit.diagnosis import formats  # noqa: PLC0415 (Polars is imported when the command runs, not for its help)

    if not logs:
        write_blocks(lambda screen: formats.draw_known(formats.known_formats(), screen))
        return ExitCode.OK
    guesses = formats.guess(logs, log_format)
    write_blocks(lambda screen: formats.draw(guesses, screen))
    unread = [guess for guess in guesses if not guess.is_read]
    for guess in unread:
        own = "--log-format does not fit its lines; correct the string at the position shown"
        fix = own if guess.is_own else "unrecognised format; describe its lines with --log-format"
        messages.write_error(f"{guess.log}: {fix}")
    unusable = [guess for guess in guesses if guess.is_read and not guess.is_usable]
    for guess in unusable:
        messages.write_error(f"{guess.log}: {_UNUSABLE.get(guess.unusable[0][0], guess.unusable[0][0])}")
    return ExitCode.INPUT if unread or unusable else ExitCode.OK


_EXAMPLES = ("convkit formats", "convkit formats access.log --log-format '$remote_addr \"$request\"'")
COMMAND = options.add_options(options.command_of("formats", __doc__, show_formats, *_EXAMPLES), only=("log_format", "debug"))
