"""Checkpoints: which there are, where they are, fetching and checking them."""
