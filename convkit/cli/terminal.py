"""The terminal and standard output: width, colours, encoding, and writing. Outputs are given a width and never ask for one."""

from __future__ import annotations

import codecs
import io
import os
import re
import sys

from convkit.core import filesystem
from convkit.errors import OutputError

WIDE = 120
"""Columns where nobody says how many there are: files and pipes."""
_USUAL_SCREEN = 80
_SIZE = re.compile(r"0*[1-9][0-9]{0,3}")
_PLAIN = str.maketrans("█▉▊▋▌▍▎▏─│├└↳→–·…", "########-|`+>>--~")
"""What stands for the drawing characters of the reports, each as wide as what it stands for."""
_ERRORS = "convkit.plain"


def is_screen() -> bool:
    """Tell whether a person looks at standard output."""
    return sys.stdout is not None and sys.stdout.isatty()


def width(*, of_screen: bool) -> int:
    """Return the columns to fill: COLUMNS, else the terminal's, else the wide form."""
    asked = os.environ.get("COLUMNS", "")
    if _SIZE.fullmatch(asked):
        return int(asked)
    if not of_screen or not is_screen():
        return WIDE
    # A terminal that was never told its size has none.
    return os.get_terminal_size(sys.stdout.fileno()).columns or _USUAL_SCREEN


def has_colour(*, of_screen: bool) -> bool:
    """Tell whether to write colours: NO_COLOR (https://no-color.org), FORCE_COLOR, else a terminal that is not `dumb`."""
    if not of_screen or os.environ.get("NO_COLOR"):
        return False
    if os.environ.get("FORCE_COLOR"):
        return os.environ["FORCE_COLOR"] != "0"
    return is_screen() and os.environ.get("TERM") != "dumb"


def knows_unicode() -> bool:
    """Return whether standard output can show every character."""
    return codecs.lookup(sys.stdout.encoding).name == "utf-8"


def encoded(text: str, *, of_screen: bool) -> bytes:
    """Return text as bytes: UTF-8, but on a terminal of another encoding that one, drawing characters replaced where it lacks them."""
    encoding = sys.stdout.encoding if of_screen and is_screen() else "utf-8"
    if codecs.lookup(encoding).name == "utf-8":
        return text.encode("utf-8", "backslashreplace")
    codecs.register_error(_ERRORS, _plain)
    return text.encode(encoding, _ERRORS)


def _plain(error: UnicodeError) -> tuple[str | bytes, int]:
    """Return what stands for characters that an encoding lacks, as `codecs.register_error` wants it."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    drawn = error.object[error.start : error.end].translate(_PLAIN)
    return drawn.encode("ascii", "backslashreplace").decode("ascii"), error.end


def escape_unencodable() -> None:
    """Let no character that an encoding lacks stop a message: it is written as its number."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def write_stream(content: bytes) -> None:
    """Write to standard output; whoever reads may go away, as `head` does. Raises OutputError."""
    if sys.stdout is None:
        raise OutputError(f"standard output is closed; {filesystem.ANOTHER_PLACE}")
    try:
        sys.stdout.flush()
        filesystem.write_all(sys.stdout.fileno(), content)
    except OSError as error:
        raise filesystem.output_error(error, "standard output") from None


def abandon_stream() -> None:
    """Take what Python still holds for standard output away, which it would try to write once more at exit."""
    if sys.stdout is not None:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)
