"""The controllers of kube-controller-manager that the built-in cluster plays, one module for each."""
