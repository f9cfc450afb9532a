"""The commands other than reports: one module each, named after the command.

The first line of a module's docstring is the help text of its command, with at most 66 characters. The module has

- `COMMAND`: its Click command, created by `options.command_of`, with two examples;
- `PLACE`: its position in the list of commands, which includes the reports (`reports.ReportModule`).

`--help` imports the module, so anything that is slow to import is imported only when the command runs.
"""
