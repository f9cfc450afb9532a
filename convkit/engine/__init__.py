"""The run: plan, stages, partition by memory, document."""
