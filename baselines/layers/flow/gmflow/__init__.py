"""GMFlow."""
