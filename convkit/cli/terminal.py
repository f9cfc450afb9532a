"""The terminal and standard output: width, colours, encoding and writing. Outputs are given a width and never ask the terminal for it."""

from __future__ import annotations

import codecs
import io
import os
import re
import sys
import textwrap
from typing import TYPE_CHECKING

from convkit.core import filesystem
from convkit.errors import OutputError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import TextIO

WIDE = 120
"""The width, in columns, of files and pipes, which have none of their own."""
_DEFAULT_WIDTH = 80
_SIZE = re.compile(r"0*[1-9][0-9]{0,3}")
_PLAIN = str.maketrans("█▉▊▋▌▍▎▏▁▂▃▄▅▆▇─│├└↳→▲▼–\N{MINUS SIGN}·…", "########_.-=+*%-|`+>>^v---~")
"""ASCII replacements for the drawing characters of the reports, each as wide as the original."""
_ERRORS = "convkit.plain"


def is_screen() -> bool:
    """Return whether standard output is a terminal."""
    return sys.stdout is not None and sys.stdout.isatty()


def width(*, to_screen: bool) -> int:
    """Return the width to fill, in columns: COLUMNS, or else the width of the terminal, or else that of the wide form."""
    return _columns_variable() or (_terminal_width(sys.stdout) if to_screen and is_screen() else WIDE)


def message_width() -> int | None:
    """Return the width of standard error in columns, or None if it is not a terminal."""
    if sys.stderr is None or not sys.stderr.isatty():
        return None
    return _columns_variable() or _terminal_width(sys.stderr)


def wrapped(text: str, width: int, *, first: str = "", indent: int = 0) -> str:
    """Return `first` and the text, wrapped between words and indented; words that are longer than a line, such as paths, are not broken."""
    return textwrap.fill(
        text,
        width,
        initial_indent=first,
        subsequent_indent=" " * indent,
        break_long_words=False,
        break_on_hyphens=False,
        expand_tabs=False,
        replace_whitespace=False,
    )


def _columns_variable() -> int | None:
    """Return the value of COLUMNS, or None if it is not a valid size."""
    columns = os.environ.get("COLUMNS", "")
    return int(columns) if _SIZE.fullmatch(columns) else None


def _terminal_width(stream: TextIO) -> int:
    """Return the width of a terminal in columns."""
    # A terminal whose size was never set reports 0.
    return os.get_terminal_size(stream.fileno()).columns or _DEFAULT_WIDTH


def has_colour(*, to_screen: bool) -> bool:
    """Return whether to use colour: as NO_COLOR (https://no-color.org) or FORCE_COLOR says, or else on any terminal that is not `dumb`."""
    if not to_screen or os.environ.get("NO_COLOR"):
        return False
    if os.environ.get("FORCE_COLOR"):
        return os.environ["FORCE_COLOR"] != "0"
    return is_screen() and os.environ.get("TERM") != "dumb"


def knows_unicode() -> bool:
    """Return whether standard output is encoded in UTF-8."""
    return codecs.lookup(sys.stdout.encoding).name == "utf-8"


def encoded(text: str, *, to_screen: bool) -> bytes:
    """Return text as bytes: in UTF-8, or in the encoding of the terminal, with replacements for drawing characters that it lacks."""
    encoding = sys.stdout.encoding if to_screen and is_screen() else "utf-8"
    if codecs.lookup(encoding).name == "utf-8":
        return text.encode("utf-8", "backslashreplace")
    codecs.register_error(_ERRORS, _replacement)
    return text.encode(encoding, _ERRORS)


def _replacement(error: UnicodeError) -> tuple[str | bytes, int]:
    """Return the replacement for characters that an encoding lacks, in the form that `codecs.register_error` expects."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    text = error.object[error.start : error.end].translate(_PLAIN)
    return text.encode("ascii", "backslashreplace").decode("ascii"), error.end


def escape_unencodable() -> None:
    """Make standard output and standard error escape characters that their encoding lacks, so that no message fails."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def write_stream(content: bytes | Iterable[bytes]) -> None:
    """Write to standard output; a reader that stops early, such as `head`, is not an error. Raises OutputError."""
    if sys.stdout is None:
        raise OutputError("standard output is closed; choose another place with -o")
    try:
        sys.stdout.flush()
        filesystem.write_all(sys.stdout.fileno(), content)
    except OSError as error:
        raise filesystem.output_error(error, "standard output") from None


def abandon_stream() -> None:
    """Discard the data that Python still buffers for standard output and would try to write again at exit."""
    if sys.stdout is not None:
        null_device = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null_device, sys.stdout.fileno())
        os.close(null_device)
