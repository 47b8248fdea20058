"""The app on a terminal: driver, frames, key order, lending the terminal to another program."""
