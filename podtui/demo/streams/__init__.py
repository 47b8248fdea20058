"""Logs, exec and port-forward over HTTP, WebSocket and SPDY."""
