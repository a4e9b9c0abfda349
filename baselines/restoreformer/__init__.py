"""RestoreFormer (Wang et al., CVPR 2022) and RestoreFormer++ (TPAMI 2023): attention to a face codebook."""
