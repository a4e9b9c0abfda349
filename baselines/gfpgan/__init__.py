"""GFPGAN (Wang et al., CVPR 2021): a U-Net that steers a StyleGAN2 face generator."""
