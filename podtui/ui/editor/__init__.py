"""Editing a text, in the user's editor or in podtui's own."""
