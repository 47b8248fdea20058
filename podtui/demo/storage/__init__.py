"""The built-in cluster's objects, clock, kinds, errors and events."""
