"""Pages: the board page and the static site."""
