"""Sections that are appended to reports."""
