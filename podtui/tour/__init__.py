"""Walkthroughs: a file of steps with captions, played on the dashboard, recorded, or run as a test."""
