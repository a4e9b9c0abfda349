"""Data sets: layouts on disk, clips with their ground truth, landmarks and references."""
