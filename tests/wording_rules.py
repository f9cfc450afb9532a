"""The wording rules: words that claim too much, and rates without a count before them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from convkit.core.blocks import Grid, Line, Paragraph, SideBySide

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from convkit.core.blocks import Block, Cell


FORBIDDEN = re.compile(
    r"\b(?:because|leads? to|led to|drives?|drove|driven|thanks to|due to|caus(?:e|es|ed|ing)|results? in|effects?|impact|boosts?"
    r"|uplift|lifts?|significan\w*|confiden\w*|p-values?|p|is (?:up|down) (?:by )?\d+|wins?|best|worst)\b|±",
    re.IGNORECASE,
)
THANKS = re.compile(r"thanks(?! to)", re.IGNORECASE)
"""The thank-you page of many shops, which does not name a cause."""

RATE = re.compile(r"[<>]?\d[\d.]*%")
COUNT = re.compile(r"(?<![\d.,–])\d[\d,]*(?![\d.,]*[%\d]| ?–)")

RATES_ALONE = (
    "a change of 20%",  # Not a rate in the log, but the size of the change in question.
    "a change of 10%",  # As above, with the margin set for the site.
)


def block_texts(blocks: Iterable[Block]) -> Iterator[str]:
    for block in blocks:
        if isinstance(block, Paragraph):
            yield block.text
        elif isinstance(block, Line):
            yield _joined(block.cells)
        elif isinstance(block, Grid):
            for row in block.rows:
                yield _joined(row.cells)
                yield from block_texts(row.details)
        elif isinstance(block, SideBySide):
            yield from block_texts([*block.left, *block.right])


def _joined(cells: Iterable[Cell]) -> str:
    return "  ".join(cell.text for cell in cells)


def forbidden(text: str) -> list[str]:
    """Return the words in a text that claim too much."""
    return FORBIDDEN.findall(THANKS.sub("", text))


def rates_alone(sentence: str) -> list[str]:
    """Return the rates that are not preceded by a count in the same sentence."""
    sentence = sentence.replace(RATES_ALONE[0], "").replace(RATES_ALONE[1], "")
    return [rate[0] for rate in RATE.finditer(sentence) if not COUNT.search(sentence[: rate.start()])]
