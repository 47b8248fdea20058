"""The dialog and the list of port-forwards."""
