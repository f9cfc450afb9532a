"""Commands other than reports: one module each, named as users type it. A module has its headline as the first line of its docstring, and

- `COMMAND`: its Click command, as `options.command_of` makes it, with two examples;
- `PLACE`: its position in the list of commands, which includes the reports (`reports.ReportModule`).

`--help` imports the module, so whatever is slow to import is imported when the command runs.
"""
