"""Manifests: documents of YAML and JSON, read and written as kubectl reads and writes them."""
