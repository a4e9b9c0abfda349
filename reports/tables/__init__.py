"""Tables: leaderboards and their text forms."""
