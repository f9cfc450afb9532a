"""Reference pages on a terminal: Markdown with styles, and links replaced by the commands that show their pages."""

from __future__ import annotations

import io
import re

from rich.console import Console
from rich.markdown import Markdown
from rich.text import Text
from rich.theme import Theme

_WIDEST = 120
_THEME = Theme({"markdown.code": "cyan", "markdown.h1": "bold", "markdown.h2": "bold", "markdown.item.bullet": "", "markdown.table.border": ""})
_FENCE = re.compile(r"^```\w*\n(.*?)^```\n", re.MULTILINE | re.DOTALL)
_TO_PAGE = re.compile(r"\[([^\]]+)\]\(([\w-]+)\.md(?:#[\w-]+)?\)")
_TO_SECTION = re.compile(r"\[([^\]]+)\]\(#[\w-]+\)")
_TO_FILE = re.compile(r"\[([^\]]+)\]\(\.\./([^)]+)\)")
_PADDING = re.compile(r" +$", re.MULTILINE)
_BLANK_LINES = re.compile(r"\n{3,}")


def formatted(page: str, width: int, *, colour: bool) -> str:
    """Return a page of Markdown as text for a terminal, with escape sequences only if `colour` is true."""
    out = io.StringIO()
    console = Console(
        file=out,
        width=min(width, _WIDEST),
        force_terminal=colour,
        color_system="standard" if colour else None,
        highlight=False,
        theme=_THEME,
    )
    for number, part in enumerate(_FENCE.split(_linked(page))):
        if number % 2:  # Code blocks may show wide screens, so they are neither indented nor wrapped.
            console.print("", Text(part, style="cyan"), sep="\n", soft_wrap=True)
        else:
            console.print(Markdown(part, hyperlinks=False))
    return _BLANK_LINES.sub("\n\n", _PADDING.sub("", out.getvalue())).lstrip("\n")


def _linked(page: str) -> str:
    """Return a page with commands and file names in place of links."""
    page = _TO_PAGE.sub(r"\1 (`convkit help \2`)", page)
    return _TO_FILE.sub(r"\1 (`convkit/\2`)", _TO_SECTION.sub(r"\1", page))
