"""How many clips a comparison takes."""
