"""Files that can be trusted: whole, sealed, owned; nobody else's is touched."""
