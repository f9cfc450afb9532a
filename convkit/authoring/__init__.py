"""`convkit check` and `convkit init`."""
