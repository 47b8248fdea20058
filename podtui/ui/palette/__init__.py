"""The command palette, its prompt, and help."""
