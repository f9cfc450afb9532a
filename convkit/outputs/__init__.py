"""The outputs, one a file. An output's module has `HOLDS_MANY` (several reports in one file) and `render(document, room)`.

What `render` returns is the text, or bytes where the output is no text.
"""
