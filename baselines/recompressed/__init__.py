"""The ground truth through a video codec."""
