"""The API over HTTP: requests, lists, watches, discovery, OpenAPI, RBAC, metrics."""
