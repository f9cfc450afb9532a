"""Formats that users write as their server's `log_format` string."""
