"""YUV frames to RGB and back, in whole numbers."""
