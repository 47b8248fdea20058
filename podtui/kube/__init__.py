"""Kubernetes' own words: names, selectors, quantities, ports, kinds. No I/O, no screen, no session."""
