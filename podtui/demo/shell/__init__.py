"""The shell of simulated containers."""
