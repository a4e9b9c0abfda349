"""CLIP (Radford et al., ICML 2021) with a ResNet-50 or a ViT-B/32, and what CLIP-IQA makes of it."""
