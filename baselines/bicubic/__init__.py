"""Bicubic enlargement as OpenCV and PyTorch do it (Keys' kernel, a = -0.75)."""
