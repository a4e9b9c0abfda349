"""CLIP with a ResNet-50 (Radford et al., ICML 2021), and what CLIP-IQA makes of it."""
