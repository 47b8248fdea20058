"""A full-screen terminal dashboard for the Pods of a Kubernetes cluster."""

__version__ = "0.1.0"
