"""The logs pane."""
