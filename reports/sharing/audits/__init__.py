"""Degrading, scoring and restoring again, to hold a bundle against it."""
