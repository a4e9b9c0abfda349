"""What of a board a table shows, and what its columns are called."""
