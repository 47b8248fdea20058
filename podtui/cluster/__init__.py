"""Kubernetes without a screen: nothing in this package imports Textual."""
