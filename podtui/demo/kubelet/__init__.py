"""The kubelet: pods, containers, probes, logs, images and nodes."""
