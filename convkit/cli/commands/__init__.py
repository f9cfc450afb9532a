"""Commands other than reports: one module each, named as users type the command.

The first line of a module's docstring is the help of its command, at most 66 characters. The module has

- `COMMAND`: its Click command, as `options.command_of` makes it, with two examples;
- `PLACE`: its position in the list of commands, which includes the reports (`reports.ReportModule`).

`--help` imports the module, so whatever is slow to import is imported when the command runs.
"""
