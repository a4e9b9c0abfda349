"""Optical flow networks and warping."""
