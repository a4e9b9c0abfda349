"""Faces: detection, landmarks, alignment, paste-back."""
