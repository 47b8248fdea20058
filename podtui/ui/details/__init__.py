"""The details pane: one tab for each way to look at an object."""
