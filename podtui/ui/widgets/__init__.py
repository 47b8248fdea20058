"""Widgets on the Line API that know nothing about Kubernetes."""
