"""EDVR (Wang et al., CVPRW 2019)."""
