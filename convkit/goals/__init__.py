"""Turning goals.yaml into goals, funnels and filters in the form of expressions."""
