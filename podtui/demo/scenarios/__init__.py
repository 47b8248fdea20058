"""What a built-in cluster starts with, and what happens in it."""
