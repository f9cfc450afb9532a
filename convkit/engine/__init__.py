"""A run: its plan, the partition of logs to fit into memory, the stages of analysis, and the resulting document."""
