"""The largest values that are taken from recipes, boards, cards, manifests and the command line.

They are far above any practical value; what exceeds them is a slip or an attack, and would fill memory
or run for days before it failed.
"""

MOST_FRAMES = 1_000_000
MOST_SCALE = 64
MOST_FACTOR = 256.0
"""How many times smaller one resizing makes a frame."""
LEAST_FACTOR = 1 / 16
"""Below 1 it enlarges."""
MOST_PIXELS = 1 << 26
"""The largest frame, 8192 x 8192: a small file may declare a picture that fills the memory."""
MOST_SIDE = 1 << 20
MOST_KERNEL = 99
MOST_SIGMA = 1000.0
LEAST_SIGMA = 0.01
MOST_BITRATE = 1_000_000_000
MOST_RATE = 1000.0
"""Frames a second."""
LEAST_RATE = 0.01
MOST_SEED = 2**63 - 1
MOST_OPERATORS = 128
"""In one recipe, those inside others counted."""
MOST_NAME = 100
MOST_WORKERS = 256
