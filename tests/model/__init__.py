"""A model of the definitions (`convkit help definitions`) in plain Python: slow, exhaustive, and independent of the product's code."""
