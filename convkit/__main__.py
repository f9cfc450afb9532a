"""`python -m convkit` is `convkit`."""

from convkit.cli.main import main

main()
