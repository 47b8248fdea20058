"""Live lists: list and watch, the store of rows, views of it, filters and counts."""
