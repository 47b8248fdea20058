"""Searching and filtering lines."""
