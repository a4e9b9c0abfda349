"""Layers of generative networks."""
