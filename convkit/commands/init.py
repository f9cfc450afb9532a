"""Write a goals.yaml to start from, explained line by line."""

from __future__ import annotations

from pathlib import Path

import click

from convkit import options, talk, writing
from convkit.errors import UsageError
from convkit.text import safe


def init(path: str, *, force: bool) -> None:
    """Write the built-in goals. Raises OutputError, UsageError."""
    from importlib.resources import files  # noqa: PLC0415

    if Path(path).exists() and not force:
        raise UsageError(f"{safe(path)} is there already; name another file with -o, or write over it with --force")
    text = (files("convkit") / "data" / "builtin_goals.yaml").read_text(encoding="utf-8")
    writing.write_file(path, text.encode())
    talk.say(f"{safe(path)} is written. Put what your site is for under `macro:`, then run `convkit report access.log`.", by_name=False)


COMMAND = options.command_of("init", __doc__, init, "convkit init", "convkit init -o shop.yaml")
COMMAND.params += [
    click.Option(["-o", "--output", "path"], metavar="FILE", default=options.GOALS_FILE, show_default=True, help="The file to write."),
    click.Option(["--force"], is_flag=True, help="Write over a file that is there."),
]
