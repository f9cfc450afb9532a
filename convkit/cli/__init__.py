"""The command line: commands, streams, signals and exit codes."""
