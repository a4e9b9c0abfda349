"""Motion-compensated averaging over time, then bicubic enlargement."""
