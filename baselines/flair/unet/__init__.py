"""FLAIR's networks."""
