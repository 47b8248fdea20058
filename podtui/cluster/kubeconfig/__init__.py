"""Kubeconfig files by kubectl's rules: contexts, proxies, credentials, exec plugins."""
