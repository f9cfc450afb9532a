"""The parts that reports are built from: the analysis, its view, segments, breakdowns, tallies and periods."""
