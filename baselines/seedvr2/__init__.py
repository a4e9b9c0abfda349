"""SeedVR2, by the outputs of its own tool."""
