"""The controller manager and the scheduler."""
