"""What a worker does with a clip."""
