"""Richardson-Lucy deconvolution after bicubic enlargement."""
