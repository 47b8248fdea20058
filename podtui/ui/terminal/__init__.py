"""The app on a terminal: driver, frames, order of keys, lending the terminal to another program."""
