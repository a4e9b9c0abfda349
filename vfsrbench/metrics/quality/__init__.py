"""Metrics of picture quality without a reference that a network has learnt."""
