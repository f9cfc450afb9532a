"""What a report may use: the analysis, its view, segments, breakdowns, tallies, periods."""
