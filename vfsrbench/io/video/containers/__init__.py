"""What video containers say of their completeness."""
