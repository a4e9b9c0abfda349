"""Checkpoints that methods and metrics of the user's own name on their cards."""
