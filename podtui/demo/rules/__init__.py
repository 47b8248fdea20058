"""The API server's rules for objects: schema, defaults, validation, selectors."""
