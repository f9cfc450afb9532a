"""Generators of files for `program/test_fuzz.py`, by subject: contents, packings, exports and goals files."""
