"""`convkit explain` and `convkit formats`."""
