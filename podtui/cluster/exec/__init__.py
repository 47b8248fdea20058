"""Commands in containers, and shells on the terminal."""
