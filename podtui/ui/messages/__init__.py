"""What podtui tells the user: one line at the bottom until the next key, and the history of all messages."""
