"""The log formats, one a file. A format's module says

- `SAMPLES`: lines that it reads,
- `sniff(lines)`: which share of some lines it reads best, from 0 to 1,
- `COMMENT`: how its header and directive lines begin,
- `is_asset(extensions)`: which raw lines are plainly requests of files with these extensions,
- `scan(lines)`: CELLS of LINES.
"""
