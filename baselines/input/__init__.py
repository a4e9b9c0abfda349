"""The degraded clip itself, enlarged: a reference row."""
