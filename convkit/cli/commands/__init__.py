"""The commands that are no report, one a file, named as users type it. A command's module says in the first line of its docstring what it does, and

- `COMMAND`: its Click command, as `options.command_of` makes it.

Help imports every one of them: whatever costs an import waits until the command runs.
"""
