"""Seeded logs: the simulator with its truth, the sample it writes, and the benchmark."""
