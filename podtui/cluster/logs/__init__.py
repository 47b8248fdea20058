"""Logs: one stream per container, followed without a line lost or repeated, merged by time."""
