"""Two periods or groups of sessions: better, or chance."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from convkit.cli import options
from convkit.cli import options as cli_options
from convkit.cli.deliver import produce
from convkit.errors import ExitCode, UsageError

if TYPE_CHECKING:
    from convkit.core.document import Document


def compare_sides(logs: tuple[str, ...], goals: str | None, *, by: str | None, **asked: Any) -> ExitCode:  # noqa: ANN401 (as Click hands them over)
    """Set a period beside the one before it. Raises GoalsFileError, InputError, OutputError, UsageError."""
    if by is not None:
        raise UsageError(
            f"--by {by}: compare has two sides and no more; name them with --where and --with, as --where device=mobile --with device=desktop"
        )
    return produce(_make, logs, goals, **asked)


def _make(*asked: Any, **options: Any) -> Document:  # noqa: ANN401 (as Click hands them over)
    from convkit.comparison import report  # noqa: PLC0415 (Polars loads when the command runs, not when help is shown)

    return report.compare(*asked, **options)


_EXAMPLES = ("convkit compare access.log* --last 28d", "convkit compare access.log --where device=mobile --with device=desktop")
COMMAND = cli_options.add_shared_options(options.command_of("compare", __doc__, compare_sides, *_EXAMPLES))
COMMAND.params[1:1] = [
    click.Option(["--with", "against"], metavar="SIDE", help="last-year, FIRST..LAST, or sessions with FIELD=PATTERN."),
    click.Option(["--variant"], metavar="NAME", help="The two variants that visitors saw, of site.variants."),
    click.Option(["--at"], metavar="DATE", help="The day of a change: from it on, with the time before."),
]
COMMAND.params = [option for option in COMMAND.params if option.name != "memory"]  # It reads its logs into memory.
for option in COMMAND.params:
    if isinstance(option, click.Option) and option.name == "by":
        option.hidden = True  # It is known to be refused, with what to write instead.
