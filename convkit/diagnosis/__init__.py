"""`convkit explain` and `convkit formats`: how individual sessions, lines and logs were read."""
