"""Traffic: how parsed lines become hits, with visitors, bots, kinds and paths; and the coverage of the log."""
