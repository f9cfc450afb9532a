"""`convkit compare`."""
