"""The API server's writes: create, update, patch, delete, evict."""
