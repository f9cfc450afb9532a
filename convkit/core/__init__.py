"""Code shared by all packages: schemas, options, the goals model, patterns, statistics, number formats, reports and screen blocks."""
