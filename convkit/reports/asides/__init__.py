"""What is appended to reports."""
