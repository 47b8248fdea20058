"""Changes to objects: requests, conflicts, creation, undo, and the journal."""
