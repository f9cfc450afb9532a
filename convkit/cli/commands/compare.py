"""Two periods or groups of sessions: better, or chance."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from convkit.cli import options
from convkit.cli.deliver import produce
from convkit.core.options import CompareOptions
from convkit.errors import ExitCode, UsageError

if TYPE_CHECKING:
    from convkit.core.document import Document
    from convkit.core.progress import Progress


def compare_sides(logs: tuple[str, ...], **given: object) -> ExitCode:
    """Compare a period with the one before it. Raises GoalsFileError, InputError, OutputError, UsageError."""
    asked, delivery = options.parse_options(given, CompareOptions)
    if asked.by is not None:
        raise UsageError(
            f"--by {asked.by}: compare has two sides and no more; name them with --where and --with, as --where device=mobile --with device=desktop"
        )

    def make(progress: Progress) -> Document:
        from convkit.comparison import report  # noqa: PLC0415 (Polars loads when the command runs, not when help is shown)

        return report.compare(logs, asked, progress)

    return produce(make, logs, asked.goals, delivery, verbose=asked.verbose)


_EXAMPLES = ("convkit compare access.log* --last 28d", "convkit compare access.log --where device=mobile --with device=desktop")
COMMAND = options.add_options(options.command_of("compare", __doc__, compare_sides, *_EXAMPLES), CompareOptions)
for option in COMMAND.params:
    if isinstance(option, click.Option) and option.name == "by":
        option.hidden = True  # It is known to be refused, with what to write instead.
