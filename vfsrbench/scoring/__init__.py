"""Scoring restored clips with all metrics in one pass."""
