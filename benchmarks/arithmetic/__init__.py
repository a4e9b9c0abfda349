"""What methods and metrics compute a frame, counted by operation, and what a card could make of it."""
