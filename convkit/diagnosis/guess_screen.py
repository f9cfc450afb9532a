"""What formats look like on a screen: all that are read, and what was guessed of a log, with the place where a format stopped.

It stands alone because this is about single lines of a log as they stand, and no figure is in it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from convkit.core.figures import plural
from convkit.core.tables import Cell, Gap, Heading, Line, Paragraph
from convkit.core.text import safe
from convkit.formats.strings.own_formats import NAME

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from convkit.core.tables import Block, Room

_FIELD, _INDENT = 13, 4
EXAMPLE = """'$remote_addr [$time_local] "$request"'"""


@dataclass(frozen=True)
class Stop:
    """Where a format stops in a line: positions from 0, and the line, harmless and without addresses."""

    position: int
    line: str
    place: int
    """The position in the line as it is shown."""
    string: str = ""
    """How the format is written, where that can be shown."""
    place_in_string: int = 0


@dataclass(frozen=True)
class Guess:
    """What one log is."""

    log: str
    name: str
    """Of the format, or of the nearest one where none fits."""
    fits: int
    of: int
    """Lines that fit, of those that were looked at."""
    records: tuple[Mapping[str, Any], ...] = ()
    """Some of RECORDS: what a line says by the name of the field, harmless and without addresses."""
    is_wrapped: bool = False
    reasons: tuple[tuple[str, int], ...] = ()
    stop: Stop | None = None

    @property
    def is_read(self) -> bool:
        """Whether most of the lines fit."""
        return self.of == 0 or 2 * self.fits >= self.of

    @property
    def is_own(self) -> bool:
        """Whether the format is a string of its owner's."""
        return self.name == NAME


def every(formats: Mapping[str, tuple[str, str]], room: Room) -> list[Block]:
    """Return all formats by name: what each is, and a line of it."""
    blocks: list[Block] = []
    width = max(map(len, formats)) + 2
    for name, (headline, sample) in formats.items():
        blocks.append(Paragraph(headline, first=f"{name:<{width}}"))
        blocks += [Line.of(safe(sample, room.width - width - 2), "dim", width + 2)] if sample else []
    ways = "Any other log of requests: --log-format takes the string of your nginx or Apache; `convkit formats LOG` shows what is found in a log."
    return [*blocks, Gap(), Paragraph(ways)]


def draw(guesses: Sequence[Guess], room: Room) -> list[Block]:
    """Return what was guessed, log by log."""
    blocks: list[Block] = []
    for guess in guesses:
        blocks += [Gap()] if blocks else []
        blocks += _read(guess, room) if guess.is_read else _unread(guess, room)
    return blocks


def _read(guess: Guess, room: Room) -> list[Block]:
    """Return the format, how many lines fit, and what the first ones say."""
    all_of = f"All of the {guess.of:,} lines looked at fit" if guess.of > 1 else "The line looked at fits"
    fit = all_of if guess.fits == guess.of else f"{guess.fits:,} of the {guess.of:,} lines looked at fit"
    wrapped = "; what a container, a collector or syslog puts around them is peeled off" if guess.is_wrapped else ""
    blocks: list[Block] = [Heading(guess.log, guess.name), Paragraph(f"{fit}{wrapped}." if guess.of else "There is nothing in it.")]
    blocks += [Paragraph(f"{plural(number, 'line')}: {reason}.") for reason, number in guess.reasons]
    for record in guess.records:
        blocks.append(Gap())
        blocks += [_field(name, value, room) for name, value in record.items()]
    return [*blocks, *([Gap(), *_stop(guess.stop, room)] if guess.stop else [])]


def _unread(guess: Guess, room: Room) -> list[Block]:
    """Return the nearest format, where it stops, and what to do."""
    fits = f"{guess.fits:,} of {plural(guess.of, 'line')} looked at"
    stop = _stop(guess.stop, room) if guess.stop else []
    if guess.is_own:
        return [Heading(guess.log, "is not written so"), Paragraph(f"The format fits {fits}."), *stop]
    ways = "Say how its lines are written: by the string in your server's configuration, or a regular expression with groups like (?P<address>...):"
    example = f"convkit formats {safe(guess.log)} --log-format {EXAMPLE}"
    near = Paragraph(f"The nearest is {guess.name}, which reads {fits}.")
    return [Heading(guess.log, "no format that is read here"), near, *stop, Paragraph(ways), Line.of(example, indent=_INDENT)]


def _field(name: str, value: object, room: Room) -> Line:
    """Return what a line says in one field."""
    return Line((Cell(f"{name:<{_FIELD}}", "dim"), Cell(safe(str(value), room.width - _FIELD - _INDENT))), _INDENT)


def _stop(stop: Stop, room: Room) -> list[Block]:
    """Return the line and the place where the format stopped, and the place in the format where it is known."""
    whole = [Paragraph(f"It stops at position {stop.position + 1} of this line:"), *_pointed(stop.line, stop.place, room)]
    return [*whole, *([Paragraph("which is here in the format:"), *_pointed(stop.string, stop.place_in_string, room)] if stop.string else [])]


def _pointed(text: str, place: int, room: Room) -> list[Block]:
    """Return a text, cut to the screen, with a mark under a place in it."""
    width = room.width - _INDENT
    begins = max(0, place - width * 2 // 3)
    return [Line.of(safe(text[begins:], width), indent=_INDENT), Line.of(" " * (place - begins) + "^", "bold", _INDENT)]
