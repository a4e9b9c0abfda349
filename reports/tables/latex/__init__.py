"""Tables as LaTeX, fitted to one or two columns of a page."""
