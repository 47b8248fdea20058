"""Creating objects from files, and editing them as YAML."""
