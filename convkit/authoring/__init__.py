"""`convkit check` and `convkit init`: checking and proposing goals files with the help of logs."""
