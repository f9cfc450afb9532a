"""The formats, one a file. A format's module says

- `SAMPLES`: lines that it reads,
- `COMMENT`: how its header and directive lines begin, None where they begin in no way of their own,
- `sniff(lines)`: which share of some lines it reads best, from 0 to 1,
- `fit(source, head, asked)`: how one file is laid out: an object with `scan(lines, assets)`, which returns PARSED of LINES, and `mend(frames)` where
  lines that `scan` cannot read can be made such that it can;

and, where its lines are known one by one,

- `claims()`: which lines are written so, an expression of `line`: a log may go on in another format;

or, where the file holds no lines,

- `as_lines(source)`: gives it as one that does.
"""
