"""Picture files as frames."""
