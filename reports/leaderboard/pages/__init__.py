"""The pages of a leaderboard."""
