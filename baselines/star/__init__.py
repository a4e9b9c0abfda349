"""STAR, by the outputs of its own tool."""
