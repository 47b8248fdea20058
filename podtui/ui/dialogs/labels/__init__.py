"""The dialog for labels and annotations."""
