"""Port-forwards: the dialog and the list."""
