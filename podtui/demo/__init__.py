"""A simulated cluster of podtui's own: an API server over HTTP that kubectl and podtui use like any other. Never imports Textual."""
