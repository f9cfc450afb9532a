"""Compare two periods or groups: a real change, or chance?

`comparison.sides` chooses the sides, and `comparison.report` creates the report.
"""  # noqa: D400 (the headline is a question)

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

PLACE = 70


def compare_sides(logs: tuple[str, ...], **values: object) -> ExitCode:
    """Write the comparison of two periods or groups of sessions. Raises GoalsFileError, InputError, OutputError, UsageError."""
    parsed, delivery = options.parse_options(values, CompareOptions)
    if parsed.by is not None:
        raise UsageError(
            f"--by {parsed.by}: compare has exactly two sides; name them with --where and --with, like --where device=mobile --with device=desktop"
        )

    def make(progress: Progress) -> Document:
        from convkit.authoring import suggest  # noqa: PLC0415 (Polars is imported when the command runs, not for its help)
        from convkit.comparison import report  # noqa: PLC0415 (as above)

        with suggest.with_goals(logs, parsed, progress) as (paths, with_goals):
            return report.compare(paths, with_goals, progress)

    return produce(make, logs, parsed, delivery, ["compare"])


_EXAMPLES = ("convkit compare access.log* --last 28d", "convkit compare access.log --where device=mobile --with device=desktop")
COMMAND = options.add_options(options.command_of("compare", __doc__, compare_sides, *_EXAMPLES), CompareOptions)
for option in COMMAND.params:
    if isinstance(option, click.Option) and option.name == "by":
        option.hidden = True  # Click must accept it, so that the error can say what to write instead.
