"""GPEN (Yang et al., CVPR 2021): an encoder in front of a StyleGAN2 face generator."""
