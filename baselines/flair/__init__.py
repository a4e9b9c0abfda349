"""FLAIR: a conditional diffusion method for faces in video (Zou et al., WACV 2025)."""
