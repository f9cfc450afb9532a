"""Hits to sessions, and the channel that each came by."""
