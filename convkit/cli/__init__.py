"""The command line: commands, streams, signals, exit codes."""
