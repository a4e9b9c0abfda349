"""What has been shown, and how: facts of runs, kept in a file, and the tables made from them."""
