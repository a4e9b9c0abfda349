"""Unsharp masking after bicubic enlargement."""
