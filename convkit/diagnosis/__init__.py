"""`convkit explain` and `convkit formats`: how single sessions, lines and logs were read."""
