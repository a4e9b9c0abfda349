"""VQFR (Gu et al., ECCV 2022): codebook textures, warped to the degraded face."""
