"""Lanczos enlargement over eight taps, as OpenCV's INTER_LANCZOS4."""
