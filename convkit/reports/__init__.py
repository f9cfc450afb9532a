"""The reports, one a file. A report's module has

- a docstring whose first line is its help,
- `IN_REPORT`: its place on the screen of `convkit report`, or None where it is no part of it,
- `COLUMNS`: its columns, in the order of files,
- `tally(analysis)`: additive rows by name (Int64 columns are summed, all others are keys; a column `visitor` becomes ids, which are keys),
- `present(tally, view)`: the finished Report.
"""
