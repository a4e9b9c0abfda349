"""Vivid-VR, by the outputs of its own tool."""
