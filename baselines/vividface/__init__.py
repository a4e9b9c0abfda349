"""VividFace, by the outputs of its own tool."""
