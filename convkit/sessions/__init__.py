"""From hits to sessions, and the channel of each session."""
