"""Face networks, one file each, with the names and shapes of their official checkpoints."""
