"""The parsers that log formats and exports share."""
