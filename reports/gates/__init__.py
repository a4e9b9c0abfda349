"""Is a checkpoint better? Rules on paired results, and what they say."""
