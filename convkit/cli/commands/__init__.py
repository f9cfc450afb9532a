"""Commands other than reports: one module each, named as users type it. Its docstring begins with its help, at most 66 characters. It has

- `COMMAND`: its Click command, as `options.command_of` makes it, with two examples;
- `PLACE`: its position in the list of commands, which includes the reports (`reports.ReportModule`).

`--help` imports the module, so whatever is slow to import is imported when the command runs.
"""
