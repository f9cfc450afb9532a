"""`python -m convkit` is `convkit`."""

from convkit.cli import main

main()
