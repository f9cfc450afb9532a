"""What every room uses: schemas, options, the goals model, patterns, statistics, number formats, reports and screen blocks."""
