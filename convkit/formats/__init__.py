"""The formats, one a file. A format's module says

- `SAMPLES`: lines that it reads,
- `COMMENT`: how its header and directive lines begin, None where they begin in no way of their own,
- `sniff(lines)`: which share of some lines it reads best, from 0 to 1,

and, of lines that all logs write in one way,

- `is_asset(extensions)`: which raw lines are plainly requests of files with these extensions,
- `scan(lines)`: CELLS of LINES;

or, of exports, whose columns are others in every file,

- `fit(source, head, asked)`: an object with `COMMENT`, `is_asset` and `scan` for this one file, and `mend(frames)` where lines that `scan` cannot
  read can be made such that it can,
- `as_lines(source)`, where the file holds no lines: gives it as one that does.
"""
