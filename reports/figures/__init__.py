"""Figures: curves, slices, grids."""
