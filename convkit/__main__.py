"""`python -m convkit` is `convkit`."""

from convkit.cli.cli import main

main()
