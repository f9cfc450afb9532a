"""From parsed lines to hits: visitors, bots, kinds, paths, coverage of the log."""
