"""A leaderboard's rows in forms that other places take in."""
