"""List formats, or detect a log's format and show why lines fail."""

from __future__ import annotations

from convkit.cli import messages, options
from convkit.cli.deliver import write_blocks
from convkit.errors import ExitCode

PLACE = 140


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
    return ExitCode.INPUT if unread else ExitCode.OK


_EXAMPLES = ("convkit formats", "convkit formats access.log --log-format '$remote_addr \"$request\"'")
COMMAND = options.add_options(options.command_of("formats", __doc__, show_formats, *_EXAMPLES), only=("log_format", "debug"))
