"""The formats of logs; with a log, what it is and why lines fail."""

from __future__ import annotations

from convkit.cli import options, talk
from convkit.errors import ExitCode


def formats(logs: tuple[str, ...], log_format: str, *, debug: bool) -> ExitCode:  # noqa: ARG001 (a traceback is the command line's)
    """List the formats, or say what logs are. Raises InputError, UsageError."""
    from convkit.cli.delivery import show  # noqa: PLC0415 (Polars loads when the command runs, not when help is shown)
    from convkit.diagnosis import guess_screen, guessing  # noqa: PLC0415

    if not logs:
        show(lambda room: guess_screen.every(guessing.formats(), room))
        return ExitCode.OK
    found = guessing.guess(logs, log_format)
    show(lambda room: guess_screen.draw(found, room))
    unread = [guess for guess in found if not guess.is_read]
    for guess in unread:
        of_none = "is of no format that is read here; say how its lines are written with --log-format"
        talk.say(f"{guess.log} {'is not written as --log-format says; correct the string where it stops' if guess.is_own else of_none}")
    return ExitCode.INPUT if unread else ExitCode.OK


_EXAMPLES = ("convkit formats", "convkit formats access.log --log-format '$remote_addr \"$request\"'")
COMMAND = options.of_logs(options.command_of("formats", __doc__, formats, *_EXAMPLES))
COMMAND.params = [parameter for parameter in COMMAND.params if parameter.name in {"logs", "log_format", "debug"}]
