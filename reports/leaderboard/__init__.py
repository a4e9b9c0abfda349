"""A leaderboard of many laboratories: a folder of bundles, the rules they are taken by, and its pages."""
