"""Hostile strings that attack spreadsheets, terminals, markup or JSON."""

from __future__ import annotations

FORMULAS = (
    "=1+1",
    "+1",
    "-2+3",
    "@SUM(A1)",
    "\t=1",
    "\r=1",
    "\n=1",
    "\0=1",
    " =1",
    "\u00a0=1",
    "\ufeff=1",
    "  \u00a0+1",
    "\uff1d1",
    "\uff0b1",
    "\uff0d1",
    "\uff201",
    '=HYPERLINK("http://evil.example","x")',
    "=cmd|'/c calc'!A1",
    "-",
    "=",
)
"""Strings that a spreadsheet runs as formulas, or might run in the future."""

HARMLESS = ("/a", "a=1", "1", "", "'=1", "/=1", "é", "(left)", "<b>", "*", "&", "\u00d71")

NASTY = (
    "\x1b[31mred",
    "\x1b]52;c;ZXZpbA==\x07",
    "\x9b31m",
    "a\r\nSet-Cookie: x",
    "\u202eevil",
    "\u2066a\u2069",
    "\u200b\ufeff\u00ad",
    "\U000e0041\U000e007f",
    "\u0600\U00013430",
    "\u2028\u2029",
    "\x7f\x00\x08",
    "[bold]x[/bold]",
    "[/x]",
    "[link=http://evil.example]a[/link]",
    ":smile:",
    "</script><script>alert(1)</script>",
    '"quoted" \\ and \\u0022',
    "a,b;c\t|d",
)
"""Strings that break out of a cell, colour a terminal or hide themselves."""
