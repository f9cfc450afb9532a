"""Words that every room uses: schemas, the model of goals, patterns, statistics, number formats, report and screen blocks."""
