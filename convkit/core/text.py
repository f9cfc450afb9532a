"""Making text from logs safe to show, so that it cannot run code, change colours or break the layout.

Every output calls `safe` on every text cell, and the command line on every message; data inside the engine stays as it was read.
"""

from __future__ import annotations

import re

MAX_LENGTH = 200
"""The maximum number of characters in a cell; longer text is cut off and ends in an ellipsis."""

# Bidirectional marks, zero-width and interlinear characters, script format signs, tags, and code points that break lines.
_INVISIBLE = [0xAD, 0x61C, 0x180E, *range(0x200B, 0x2010), *range(0x2028, 0x202F), *range(0x2060, 0x2070), 0xFEFF, *range(0xFFF9, 0xFFFC)]
_SURROGATES = range(0xD800, 0xE000)
_SIGNS = [*range(0x600, 0x606), 0x6DD, 0x70F, 0x890, 0x891, 0x8E2]
_WIDE_SIGNS = [0x110BD, 0x110CD, *range(0x13430, 0x13440), *range(0x1BCA0, 0x1BCA4), *range(0x1D173, 0x1D17B), *range(0xE0000, 0xE0080)]

_VISIBLE: dict[int, int | str] = {
    **{code: 0x2400 + code for code in range(0x20)},
    0x7F: 0x2421,
    **{code: f"\\x{code:02x}" for code in range(0x80, 0xA0)},
    **{code: f"\\u{code:04x}" for code in [*_INVISIBLE, *_SIGNS, *_SURROGATES]},
    **{code: f"\\U{code:08x}" for code in _WIDE_SIGNS},
}
# Spreadsheets skip leading blanks, and some also skip zero-width marks.
_FORMULA = re.compile(r"[\s\ufeff\u200b]*[=+\-@\t\r\n\0＝＋－＠]")


def safe(text: str, longest: int | None = MAX_LENGTH) -> str:
    """Return `text` with control, direction and invisible characters made visible, truncated to `longest` characters."""
    # Nearly all text is plain, and checking for that takes a tenth of the time that a translation does.
    visible = text if text.isascii() and text.isprintable() else text.translate(_VISIBLE)
    return visible if longest is None or len(visible) <= longest else visible[: longest - 1] + "…"


def escape_formula(text: str) -> str:
    """Return `text` with a leading `'` if a spreadsheet would run it as a formula (OWASP: CSV injection)."""
    return "'" + text if _FORMULA.match(text) else text
