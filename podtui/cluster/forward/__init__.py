"""Port-forwards: local ports, tunnels to a pod, and the pod's successor."""
