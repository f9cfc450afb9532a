"""Funnels, computed from matched hits: chains of steps, drop-off, detours, and what stopped a visitor."""
