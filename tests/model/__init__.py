"""A model of SEMANTICS in plain Python: slow, exhaustive, and sharing no function with the product."""
