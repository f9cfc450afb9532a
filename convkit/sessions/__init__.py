"""Sessions: how hits are grouped into sessions, and which channel each session belongs to."""
