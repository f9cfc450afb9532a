"""The reports, one a file. A report's module has

- a docstring whose first line is its help,
- `IN_REPORT`: its place on the screen of `convkit report`, or None where it is no part of it,
- `COLUMNS`: its columns, in the order of files,
- `tally(analysis)`: additive rows by name (Int64 columns are summed, all others are keys; a column `visitor` becomes ids, which are keys),
- `present(tally, view)`: the finished Report.

It may have

- `BREAKDOWN`: how it is drawn if it is broken down by a key (`analysis.breakdown_screen.BreakdownTable`); then its tallies begin with the columns
  `analysis.by`, and what it presents is within `view.by`;
- `SESSION_FIELDS`: the fields of sessions (`device`, `channel`, ...) that it needs;
- `OPTIONS`, a plain dictionary: options that only this report has, by name what stands for a value and the help; and `parse_options(options,
  goals)`, which reads them or raises UsageError. `analysis.options` and `view.options` hold what was given, as text.
"""
