"""The connection to one API server: requests, streams, TLS, rights, discovery, read-only."""
