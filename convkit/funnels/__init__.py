"""Matched hits to chains of steps, drop-off, detours."""
