"""Whether a video file is whole, from what its container says of itself."""
