"""RealBasicVSR (Chan et al., CVPR 2022)."""
