"""Bicubic enlargement as MATLAB's imresize does it (Keys' kernel, a = -0.5)."""
