"""From matched hits to chains of funnel steps, drop-off, detours, and what stopped a visitor."""
