"""A cluster of its own, simulated: an API server over HTTP that kubectl and podtui use as any other. Never imports Textual."""
