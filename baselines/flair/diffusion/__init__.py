"""Sampling with data consistency."""
