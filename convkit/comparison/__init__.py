"""`convkit compare`: two periods, or two groups of sessions, and whether they differ by more than chance."""
