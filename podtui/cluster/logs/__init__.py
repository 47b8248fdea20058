"""Logs: one stream per container, followed without losing or repeating a line, merged by time."""
