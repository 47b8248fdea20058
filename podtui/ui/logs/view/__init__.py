"""The widget that shows the lines."""
