"""BasicVSR++ (Chan et al., CVPR 2022)."""
