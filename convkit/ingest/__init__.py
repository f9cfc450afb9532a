"""From logs to parsed lines, in memory or on disk: detection, loading, losses, merging."""
