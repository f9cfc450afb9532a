"""The run: its plan, the partition of logs by memory, the stages of analysis, and the document."""
