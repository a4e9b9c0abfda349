"""Nearest-neighbour enlargement."""
