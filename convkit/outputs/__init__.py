"""The outputs, one a file. An output's module has `HOLDS_MANY` (several reports in one text) and `render(document, room)`, which returns the text."""
