"""Creating objects from manifests, and editing them as YAML."""
