"""Widgets on the Line API that know nothing of Kubernetes."""
