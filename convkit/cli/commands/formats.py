"""The formats of logs; with a log, what it is and why lines fail."""

from __future__ import annotations

from convkit.cli import messages, options
from convkit.cli.deliver import write_blocks
from convkit.errors import ExitCode


def show_formats(logs: tuple[str, ...], log_format: str, *, debug: bool) -> ExitCode:  # noqa: ARG001 (a traceback is the command line's)
    """List the formats, or say what logs are. Raises InputError, UsageError."""
    from convkit.diagnosis import formats  # noqa: PLC0415 (Polars loads when the command runs, not when help is shown)

    if not logs:
        write_blocks(lambda room: formats.draw_known(formats.known_formats(), room))
        return ExitCode.OK
    found = formats.guess(logs, log_format)
    write_blocks(lambda room: formats.draw(found, room))
    unread = [guess for guess in found if not guess.is_read]
    for guess in unread:
        of_none = "is of no format that is read here; say how its lines are written with --log-format"
        messages.write_error(f"{guess.log} {'is not written as --log-format says; correct the string where it stops' if guess.is_own else of_none}")
    return ExitCode.INPUT if unread else ExitCode.OK


_EXAMPLES = ("convkit formats", "convkit formats access.log --log-format '$remote_addr \"$request\"'")
COMMAND = options.add_options(options.command_of("formats", __doc__, show_formats, *_EXAMPLES), only=("log_format", "debug"))
