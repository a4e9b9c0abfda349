"""Our own source files, as far as keys need them."""
