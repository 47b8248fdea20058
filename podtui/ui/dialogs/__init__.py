"""Dialogs that show a change before it is made."""
