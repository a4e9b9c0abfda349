"""Runs: what is due, what results are keyed by, how they are written down."""
